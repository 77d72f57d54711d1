"""Gaps between groups, and what decisions are worth: by hand, and by anything a file may say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged_rows import days

from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import EvaluationSettings, ValueSettings, evaluate
from mlops_engine.evaluation.value import Expression, row_values

FRAME = days(20, 200)


def grouped(shift: float) -> tuple[np.ndarray, np.ndarray, pl.DataFrame]:
    random = np.random.default_rng(1)
    group = random.integers(0, 4, FRAME.height)
    y = (random.random(FRAME.height) < 0.4).astype(float)
    logit = 2 * (y - 0.5) + random.normal(size=FRAME.height) - shift * (group == 2)
    return y, 1 / (1 + np.exp(-logit)), FRAME.with_columns(who=pl.Series("who", group))


SETTINGS = EvaluationSettings(time="at", resamples=150, protected=["who"])


def test_rates_and_gaps_are_those_of_the_definition() -> None:
    y, score, frame = grouped(1.0)
    report = evaluate(y, score, frame, SETTINGS).fairness["who"]
    yes, who = score >= 0.5, frame["who"].to_numpy()
    selected = [yes[who == g].mean() for g in range(4)]
    true = [yes[(who == g) & (y == 1)].mean() for g in range(4)]
    false = [yes[(who == g) & (y == 0)].mean() for g in range(4)]
    assert report.gaps["selection_rate"].value == pytest.approx(max(selected) - min(selected))
    assert report.groups["2"].true_positive_rate == pytest.approx(true[2])
    odds = max(max(true) - min(true), max(false) - min(false))
    assert report.gaps["equalized_odds"].value == pytest.approx(odds)
    assert "2" in report.gaps["selection_rate"].detail


def test_chance_makes_gaps_and_no_evidence_of_them() -> None:
    fair = evaluate(*grouped(0.0), SETTINGS).measures()["fairness.selection_rate"]
    assert fair.value > 0
    assert fair.low == 0
    biased = evaluate(*grouped(1.0), SETTINGS).measures()["fairness.selection_rate"]
    assert biased.low > 0.1


def test_a_single_group_cannot_be_compared() -> None:
    y, score, frame = grouped(0.0)
    with pytest.raises(InvalidArgument, match="fewer than two groups"):
        evaluate(y, score, frame.with_columns(who=pl.lit("all")), SETTINGS)


def test_an_expression_sees_columns_and_missing_values_are_refused() -> None:
    frame = pl.DataFrame({"amount": [10.0, None, 30.0], "name": ["a", "b", "c"]})
    y, score = np.array([1.0, 0, 1]), np.array([0.9, 0.9, 0.1])

    def worth(text: str) -> list[float]:
        settings_ = ValueSettings(expression=text)
        return row_values(y, score, 0.5, frame, settings_).tolist()

    assert worth("where((y == 1) & (decision == 1), 2, -decision)") == [2.0, -1.0, 0.0]
    assert worth("where(amount > 0, amount, 0) * decision") == [10.0, 0.0, 0.0]
    for text, said in (
        ("amount * y", "1 rows is not a finite number"),
        ("name * 2", "not a number"),
        ("other", "no column 'other'"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            worth(text)
    with pytest.raises(InvalidArgument, match="either amounts"):
        row_values(y, score, 0.5, frame, ValueSettings(tp=1, expression="y"))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "y.__class__", "y[0]", "[y for y in y]", "lambda: 1", "f'{y}'", "10**9",
        "'a' * 9", "1 < y < 2", "where(y)", "max(y, 1, 2)", "True", "1" + "0" * 400, "y;y", "",
        "-" * 500 + "1", "(" * 90 + "y" + ")" * 90, "y+" * 900 + "y", "1e999", "1j", "abs(x=1)",
    ],
)  # fmt: skip
def test_what_is_not_arithmetic_is_refused(text: str) -> None:
    if text == "(" * 90 + "y" + ")" * 90:
        assert Expression(text).names == {"y"}  # brackets alone are not depth
        return
    with pytest.raises(InvalidArgument):
        Expression(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="yscore decision where(),+-*/&|~<>=!.0123456789e[]{}'\"_\\\n", max_size=80))
@example("where(y,1/0,y)")
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = Expression(text)
    except InvalidArgument:
        return
    rows = np.linspace(-1, 1, 5)
    value = expression(dict.fromkeys(expression.names, rows))
    assert np.broadcast_to(value, rows.shape).dtype == np.float64
