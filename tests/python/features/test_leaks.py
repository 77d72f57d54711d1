"""The linter: what it proves, and what is planted and must be refused."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import mlops_engine as me
from mlops_engine.features import FeaturePlan, LeakError, Snapshot
from mlops_engine.features.known_at import KnownAt


def planted(table: dict[str, Any], **feature: str) -> FeaturePlan:
    table["features"].append({"name": "planted", **feature})
    return FeaturePlan.from_toml(table)


@pytest.mark.parametrize(
    ("feature", "column", "said"),
    [
        ({"expression": "dep_delay"}, "flights.dep_delay", "departed_at"),
        ({"expression": "1 if dep_delay > 15 else 0"}, "flights.dep_delay", "departed_at"),
        ({"expression": "dep_delay", "available_at": "always"}, "flights.dep_delay", "departed_at"),
        ({"expression": "arr_delay"}, "flights.arr_delay", "nobody"),
        ({"expression": "distance", "available_at": "scheduled_at"}, "planted", "scheduled_at"),
        ({"expression": "temp", "available_at": "always"}, "flights.temp", "1:00:00"),
    ],
)
def test_a_planted_leak_is_refused(
    feature: dict[str, str],
    column: str,
    said: str,
    table: dict[str, Any],
    frames: dict[str, pl.DataFrame],
) -> None:
    plan = planted(table, **feature)
    [leak] = plan.lint()
    assert (leak.feature, leak.column) == ("planted", column)
    assert said in str(leak)
    with pytest.raises(LeakError, match="planted"):
        plan.build(frames)
    with pytest.raises(LeakError):
        Snapshot(plan)


def test_a_leak_in_a_join_is_refused(table: dict[str, Any]) -> None:
    # The row is said to be known before its columns are.
    table["windows"][0]["at"] = "departed_at - hours(4)"
    [leak] = FeaturePlan.from_toml(table).lint()
    assert leak.column == "flights.dep_delay"
    table["windows"][0]["at"] = "departed_at"
    table["joins"][1]["at"] = "observed_at - minutes(1)"
    assert len(FeaturePlan.from_toml(table).lint()) == 8
    # A row of the future, found by a key alone.
    del table["joins"][1]["at"], table["joins"][1]["max_age"]
    assert len(FeaturePlan.from_toml(table).lint()) == 8


def test_a_key_that_is_known_too_late_is_a_leak(table: dict[str, Any]) -> None:
    table["available"]["flights"]["dest"] = "departed_at"
    assert {leak.column for leak in FeaturePlan.from_toml(table).lint()} == {"flights.dest"}


@pytest.mark.parametrize(
    ("early", "late", "proved"),
    [
        ("always", "t", True),
        ("t", "t", True),
        ("t - hours(1)", "t", True),
        ("t + minutes(5) - hours(1)", "t - minutes(55)", True),
        ("t", "t - seconds(1)", False),
        ("s", "t", False),
        ("t", "always", False),
    ],
)
def test_what_is_proved(early: str, late: str, proved: bool) -> None:
    assert KnownAt.parse(early, "a").never_after(KnownAt.parse(late, "b")) == proved


@pytest.mark.parametrize("text", ["", "t -", "t - 1", "t * days(1)", "f(t)", "t - days('1')", "("])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(me.InvalidArgument, match="it is always"):
        KnownAt.parse(text, "here")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feature": []}, "did you mean 'features'"),
        ({"features": []}, "length"),
        ({"features": [{"name": "x", "expresion": "x"}]}, "did you mean 'expression'"),
        ({"features": [{"name": "x", "expression": "x("}]}, "not an expression"),
        ({"features": [{"name": "x", "expression": "1"}] * 2}, "two features"),
        (
            {"joins": [{"frame": "w", "by": ["k"], "columns": ["c"], "at": "always"}]},
            "leave it out",
        ),
        ({"joins": [{"frame": "w", "by": ["k"], "columns": ["c"], "max_age": "1h"}]}, "without at"),
        ({"decision": "soon()"}, "decision is"),
    ],
)
def test_a_plan_that_means_nothing_is_refused(
    change: dict[str, Any], said: str, table: dict[str, Any]
) -> None:
    with pytest.raises(me.InvalidArgument, match=said):
        FeaturePlan.from_toml({**table, **change})


def test_frames_that_are_not_there_are_named(
    plan: FeaturePlan, frames: dict[str, pl.DataFrame]
) -> None:
    with pytest.raises(me.InvalidArgument, match="did you mean 'flight'"):
        plan.build({"flight": frames["flights"]})
    with pytest.raises(me.InvalidArgument, match="distance"):
        plan.build({**frames, "flights": frames["flights"].drop("distance")})
    twice = pl.concat([frames["airports"], frames["airports"].head(1)])
    with pytest.raises(me.InvalidArgument, match="key twice"):
        plan.build({**frames, "airports": twice})


def test_words_of_a_code_are_declared_once(table: dict[str, Any]) -> None:
    [origin] = [f for f in FeaturePlan.from_toml(table).features if f.name == "origin"]
    assert origin.vocabulary == ["EWR", "JFK", "LGA"]
    [written] = [f for f in table["features"] if f["name"] == "origin"]
    written["vocabulary"] = ["JFK", "EWR", "LGA"]  # a card that says EWR where the model saw JFK
    with pytest.raises(me.InvalidArgument, match="its vocabulary is not that of its code"):
        FeaturePlan.from_toml(table)
