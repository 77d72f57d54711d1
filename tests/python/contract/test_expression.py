"""Expressions: what Python would say of numbers, and nothing but InvalidArgument of any text."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mlops_engine as me
from mlops_engine.contract.expression import FUNCTIONS, parse

NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(-9, 9).map(str)


def arithmetic() -> st.SearchStrategy[str]:
    return st.recursive(
        NAMES | NUMBERS,
        lambda e: (
            st.tuples(e, st.sampled_from("+-*"), e).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
            | e.map(lambda t: f"-({t})")
            | e.map(lambda t: f"abs({t})")
        ),
        max_leaves=6,
    )


def conditions() -> st.SearchStrategy[str]:
    compared = st.tuples(
        arithmetic(), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arithmetic()
    )
    one = compared.map(" ".join) | NAMES.map(lambda n: f"{n} in (1, 2, 3)")
    one |= st.tuples(arithmetic(), NAMES, arithmetic()).map(lambda t: f"{t[0]} <= {t[1]} < {t[2]}")
    return st.recursive(
        one,
        lambda e: (
            st.tuples(e, st.sampled_from(["and", "or"]), e).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
            | e.map(lambda t: f"not ({t})")
        ),
        max_leaves=4,
    )


@given(conditions(), st.tuples(*[st.integers(-5, 5)] * 3))
def test_it_says_what_python_says(text: str, values: tuple[int, int, int]) -> None:
    row = dict(zip("abc", values, strict=True))
    expected = eval(text, {"abs": abs}, dict(row))
    assert pl.DataFrame([row]).select(parse(text).polars).item() == expected


WORDS = "a ( ) [ not in < == 'x' 1 ** . lambda: , abs col hours instant - code if else".split()  # noqa: SIM905
WORDS += [" ", "9" * 30]


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=12).map("".join)
    | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
)
@example("(" * 500)
@example("-" * 3000 + "1")
@example("1" * 5000)
@example("9" * 4095)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except me.InvalidArgument:
        return
    assert found.columns >= set(found.polars.meta.root_names())


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.b", "a[0]", "(lambda: 1)()", "open('x')", "a ** 2", "f'{a}'",
        "[x for x in a]", "a := 1", "a in b", "hours('b')", "abs(a, b)", "col(a)", "abs(x=a)",
        "instant('2013-01-01')", "-'a'", "", "None", "b'x'", "1j", "a is b",
    ],
)  # fmt: skip
def test_what_is_not_of_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(me.InvalidArgument):
        parse(text)


def test_functions_do_what_they_are_named_for() -> None:
    frame = pl.DataFrame({"s": ["Ab", None], "x": [2.5, -4.0], "t": ["2013-07-01T12:30:00Z"] * 2})
    frame = frame.with_columns(pl.col("t").str.to_datetime(time_zone="UTC"))
    cases = {
        "lower(s) == 'ab'": [True, None],
        "length(coalesce(s, 'xyz'))": [2, 3],
        "code(s, 'x', 'Ab')": [1, None],
        "hour(local(t, 'America/New_York')) * 60 + minute(t)": [510, 510],
        "weekday(t)": [1, 1],
        "t - hours(1) < instant('2013-07-01T14:00:00+02:00')": [True, True],
        "1 if x > 0 else 0": [1, 0],
        "max(x, 0)": [2.5, 0.0],
        "floor(x)": [2.0, -4.0],
        "matches(s, '^A') and not is_null(s)": [True, False],
        "total_minutes(t - instant('2013-07-01T12:00:00Z'))": [30, 30],
    }
    for text, expected in cases.items():
        assert frame.select(parse(text).polars.alias("y"))["y"].to_list() == expected, text
    assert set(FUNCTIONS) >= {"abs", "year", "month", "upper"}
