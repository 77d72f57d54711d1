"""The fit is reproducible, keeps to its months, and its scores are right."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_engine.train import pipeline, training
from mlops_engine.train.dataset import DataError
from mlops_engine.train.options import TrainOptions

OPTIONS = TrainOptions(trees=12, depth=5)


def _ignore(text: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def thinned(prepared: pipeline.Prepared) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return prepared.x[::10].copy(), prepared.late[::10].copy(), prepared.month[::10].copy()


def _text(fitted: training.Trained) -> str:
    text: str = fitted.booster.model_to_string()
    return "\n".join(line for line in text.splitlines() if "num_threads" not in line)


def test_the_model_is_the_same_for_any_number_of_threads(
    thinned: tuple[np.ndarray, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(training, "threads", lambda threads=threads: threads)
        texts.append(_text(training.fit(*thinned, OPTIONS, _ignore)))
    assert texts[0] == texts[1] == texts[2]


def test_nothing_after_june_is_learned_from(thinned: tuple[np.ndarray, ...]) -> None:
    x, late, month = thinned
    fitted = training.fit(x, late, month, OPTIONS, _ignore)
    future = month > training.VALIDATION_MONTH
    x, late = x.copy(), late.copy()
    x[future] = 0
    late[future] = ~late[future]
    assert _text(training.fit(x, late, month, OPTIONS, _ignore)) == _text(fitted)
    late[month == training.VALIDATION_MONTH] ^= True
    assert _text(training.fit(x, late, month, OPTIONS, _ignore)) != _text(fitted)


def test_every_round_is_reported(thinned: tuple[np.ndarray, ...]) -> None:
    seen: list[tuple[str, int, int]] = []
    fitted = training.fit(*thinned, OPTIONS, lambda *step: seen.append(step))
    final = [step[1:] for step in seen if step[0].startswith("fitting")]
    assert final == [(i + 1, fitted.rounds) for i in range(fitted.rounds)]


def test_a_year_without_june_is_refused(thinned: tuple[np.ndarray, ...]) -> None:
    x, late, month = thinned
    with pytest.raises(DataError, match="validation month"):
        training.fit(x[month != 6], late[month != 6], month[month != 6], OPTIONS, _ignore)


def test_threads_are_bounded() -> None:
    assert 1 <= training.threads() <= training.THREADS_MAX


def test_scores_against_their_definitions() -> None:
    rng = np.random.default_rng(3)
    late = rng.random(600) < 0.3
    probability = np.clip(0.3 + 0.2 * late + 0.2 * rng.standard_normal(600), 0.01, 0.99)
    probability = probability.round(2)  # ties
    month = np.arange(600) % 12 + 1
    scores = training.evaluate(probability, late, month)
    assert [s.period for s in scores] == [*training.MONTHS.values(), "July to December"]
    whole, used = scores[-1], month > 6
    positive, negative = probability[used & late], probability[used & ~late]
    above = (positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2
    truth = np.where(late, probability, 1 - probability)[used]
    assert whole.rows == 300
    assert whole.base_rate == late[used].mean()
    assert whole.roc_auc == pytest.approx(above)
    assert whole.brier == pytest.approx(np.mean((1 - truth) ** 2))
    assert whole.log_loss == pytest.approx(-np.log(truth).mean())


@pytest.mark.parametrize(
    "wrong", [{"trees": 0}, {"depth": 17}, {"learning_rate": 0.0}, {"seed": -1}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        TrainOptions(**wrong)
