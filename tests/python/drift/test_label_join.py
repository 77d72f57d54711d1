"""Late labels from Python: scikit-learn's metrics on what was joined, and refusals."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from sklearn import metrics

import mlops_engine as me
from mlops_engine.drift import LabelJoin, labels

pytestmark = pytest.mark.native


def _joined(seed: int, n: int = 3000) -> tuple[LabelJoin, np.ndarray, np.ndarray, np.ndarray]:
    """Return a join that saw n predictions, and labels of two thirds, shuffled and some twice."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    truth = (rng.random(n) < scores**2).astype(int)
    predicted = (scores > 0.6).astype(int)
    join = LabelJoin(keep=1e6, slot=1000, slots=1000)
    for i in range(n):
        join.predicted(f"r{i}", scores[i], predicted[i], time=i)
    known = rng.permutation(n)[: 2 * n // 3]
    for i in known:
        assert join.label(f"r{i}", truth[i], time=10_000) == "joined"
    for i in known[:100]:
        assert join.label(f"r{i}", 1 - truth[i], time=20_000) == "duplicated"
    return join, scores[known], predicted[known], truth[known]


def test_realised_quality_is_scikit_learns() -> None:
    join, scores, predicted, truth = _joined(0)
    found = join.realised(span=1e5)
    assert found["predictions"] == 3000
    assert found["labels"] == 2000
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["accuracy"] == metrics.accuracy_score(truth, predicted)
    assert found["confusion"] == metrics.confusion_matrix(truth, predicted).tolist()
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, scores), rel=1e-12)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth, scores), rel=1e-12)
    low, high = found["auroc"]
    assert low <= metrics.roc_auc_score(truth, scores) <= high
    assert high - low < 0.01
    # Predictions were made from 0 to 2999 s, labels came at 10,000.
    assert found["delay_p50"] == pytest.approx(8_500, rel=0.13)
    assert math.isnan(join.realised(7, span=1e5)["accuracy"])


def test_regression_errors_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(5, 2, 500)
    guess = truth + rng.normal(0.3, 1, 500)
    join = LabelJoin(task="regression")
    for i in range(500):
        join.predicted(str(i), guess[i], time=0)
    for i in rng.permutation(500):
        join.label(str(i), truth[i], time=1)
    found = join.realised(span=60)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, guess), rel=1e-12)
    assert found["mse"] == pytest.approx(metrics.mean_squared_error(truth, guess), rel=1e-12)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, guess), rel=1e-9)
    assert found["bias"] == pytest.approx((guess - truth).mean(), rel=1e-9)


def test_scores_that_are_no_chances_lose_the_bet() -> None:
    rng = np.random.default_rng(3)
    for truth_of_score, least, most in ((1.0, 0.0, 100.0), (0.5, 1e6, math.inf)):
        join = LabelJoin()
        for i, score in enumerate(rng.random(3000)):
            join.predicted(str(i), score, 1, time=0)
            join.label(str(i), int(rng.random() < truth_of_score * score), time=0)
        assert least <= join.calibration_wealth() <= most


def test_versions_are_told_apart_up_to_a_limit() -> None:
    join = LabelJoin(versions=2)
    for version in (1, 2, 3):
        join.predicted(f"v{version}", 0.9, 1, time=0, version=version)
    join.label("v2", 0, time=1)
    assert join.realised(1, span=60)["labels"] == 0
    assert join.realised(2, span=60)["accuracy"] == 0
    assert join.counts()["refused"] == 1
    assert join.label("v3", 1, time=1) == "unknown"
    assert join.label("v1", math.nan, time=1) == "inadmissible"


@pytest.mark.parametrize(
    "options",
    [
        {"task": "ranking"},
        {"task": "classes", "classes": 65},
        {"classes": 3},
        {"bytes": 10},
        {"keep": 0},
        {"slot": math.nan},
        {"slots": 0},
        {"versions": 65},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(me.InvalidArgument):
        LabelJoin(**options)  # type: ignore[arg-type]


def test_times_are_checked() -> None:
    join = LabelJoin()
    for bad in (-1, math.nan, math.inf):
        with pytest.raises(me.InvalidArgument, match="time"):
            join.predicted("a", 0.5, 1, time=bad)
    with pytest.raises(me.InvalidArgument, match="span"):
        join.realised(span=0)


def test_the_examples_run() -> None:
    failed, tried = doctest.testmod(labels)
    assert tried > 4
    assert failed == 0
