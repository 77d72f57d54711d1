"""The order, the cache, retries and exit statuses, with stages that cost nothing."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from mlops_engine import InvalidArgument, Unavailable
from mlops_engine.pipeline import (
    DataInvalidError,
    GateFailedError,
    Plan,
    Stage,
    explain,
    read_record,
    run,
)
from mlops_engine.train.export import ParityError
from mlops_engine.train.progress import Progress


@dataclass
class FakeClock:
    """Time that passes when somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


DOCUMENT = {
    "pipeline": {"model": "m", "retry": {"attempts": 3, "first_s": 2.0, "most_s": 60.0}},
    "a": {"x": 1},
    "b": {"y": 1},
}
READERS = {"a": lambda table: table, "b": lambda table: table}
NAMES = ["first", "second", "third"]


def plan_of(folder: Path, **changes: Any) -> Plan:
    return Plan.from_document({**DOCUMENT, **changes}, folder, READERS, NAMES)


def writes(name: str, value: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def stage(context: Any) -> dict[str, Any]:
        made = value(context)
        (context.out / name).write_text(str(made))
        return {"value": made}

    return stage


def add_up(context: Any) -> int:
    before = [each["value"] for each in context.facts.values()]
    return sum(before) + sum(context.section(s)["x" if s == "a" else "y"] for s in _reads(context))


def _reads(context: Any) -> tuple[str, ...]:
    return context.stage.reads


STAGES = (
    Stage("first", writes("1", add_up), reads=("a",)),
    Stage("second", writes("2", add_up), inputs=("first",), reads=("b",)),
    Stage("third", writes("3", add_up), inputs=("second",)),
)


def go(plan: Plan, stages: Any = STAGES, **options: Any) -> Any:
    clock = options.pop("clock", FakeClock())
    return run(
        plan, stages, progress=Progress(io.StringIO()), clock=clock, random=lambda: 0.5, **options
    )


def failing(error: BaseException, times: int = 100) -> Any:
    """Return stages of which the second fails."""
    left = [times]

    def stage(context: Any) -> dict[str, Any]:
        (context.out / "evidence").write_text("what was wrong")
        if left[0]:
            left[0] -= 1
            raise error
        return {"value": 1}

    return (STAGES[0], replace(STAGES[1], run=stage), STAGES[2])


def test_a_second_run_makes_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    first = go(plan)
    assert (first.status, list(first.made)) == (0, NAMES)
    assert first.entries["third"].facts == {"value": 2}
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs/stages").rglob("*")}
    second = go(plan)
    assert (second.status, list(second.made)) == (0, [])
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs/stages").rglob("*")} == kept
    assert all(s["reused"] for s in read_record(plan.runs, "latest")["stages"].values())


def test_a_change_makes_what_depends_on_it_and_no_more(tmp_path: Path) -> None:
    go(plan_of(tmp_path))
    assert list(go(plan_of(tmp_path, b={"y": 2})).made) == ["second", "third"]
    # Another setting, and the same result: nothing after it is made again.
    assert list(go(plan_of(tmp_path, a={"x": 1, "unused": 0})).made) == ["first"]
    assert list(go(plan_of(tmp_path)).made) == []


def test_the_same_output_ends_a_change(tmp_path: Path) -> None:
    go(plan_of(tmp_path))
    same = replace(STAGES[0], libraries=("numpy",))
    assert list(go(plan_of(tmp_path), (same, *STAGES[1:])).made) == ["first"]


def test_from_a_stage_makes_it_and_the_rest_anew(tmp_path: Path) -> None:
    go(plan_of(tmp_path))
    assert list(go(plan_of(tmp_path), from_stage="second").made) == ["second", "third"]
    assert list(go(plan_of(tmp_path, a={"x": 3}), until="first").made) == ["first"]
    with pytest.raises(InvalidArgument, match="did you mean 'second'"):
        go(plan_of(tmp_path), from_stage="secnd")


def test_a_damaged_result_is_made_again(tmp_path: Path) -> None:
    outcome = go(plan_of(tmp_path))
    (outcome.entries["second"].folder / "2").write_text("other")
    assert list(go(plan_of(tmp_path)).made) == ["second"]
    (outcome.entries["second"].folder / "more").write_text("added")
    assert list(go(plan_of(tmp_path)).made) == ["second"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("away"), 30),
        (ConnectionResetError(), 30),
        (OSError(28, "no space left"), 30),
        (DataInvalidError("bad"), 20),
        (GateFailedError("poor"), 10),
        (ParityError("differs"), 10),
    ],
)
def test_the_exit_status_says_what_stopped_it(
    tmp_path: Path, error: Exception, status: int
) -> None:
    clock = FakeClock()
    outcome = go(plan_of(tmp_path), failing(error), clock=clock)
    assert outcome.status == status
    assert outcome.reason.startswith("second: ")
    assert list(outcome.made) == ["first"]
    # Only infrastructure is tried again: half of a bound that doubles, as this dice has it.
    assert clock.slept == ([1.0, 2.0] if status == 30 else [])
    assert (outcome.folder / "failed/second/evidence").read_text() == "what was wrong"
    record = read_record(tmp_path / "runs", outcome.folder.name)
    assert (record["status"], record["reason"]) == (status, outcome.reason)
    assert list(go(plan_of(tmp_path)).made) == ["second", "third"]


def test_a_failure_that_passes_is_survived(tmp_path: Path) -> None:
    outcome = go(plan_of(tmp_path), failing(TimeoutError(), times=2))
    assert outcome.status == 0
    assert read_record(tmp_path / "runs", "latest")["stages"]["second"]["attempts"] == 3


def test_a_mistake_is_raised_and_recorded(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        go(plan_of(tmp_path), failing(KeyError("x")))
    assert read_record(tmp_path / "runs", "latest")["status"] == 1


def test_a_failed_gate_ends_the_run_and_is_remembered(tmp_path: Path) -> None:
    def judge(context: Any) -> dict[str, Any]:
        (context.out / "gates.json").write_text("{}")
        return {"failed": ["auc is 0.5"]}

    gates = Stage("gates", judge, inputs=("first",))
    stages = (STAGES[0], gates, replace(STAGES[2], inputs=("gates",)))
    outcome = go(plan_of(tmp_path), stages)
    assert (outcome.status, outcome.reason) == (10, "gates: auc is 0.5")
    assert (outcome.folder / "gates.json").read_text() == "{}"
    again = go(plan_of(tmp_path), stages)
    assert (again.status, list(again.made)) == (10, [])


def test_the_plan_is_explained(tmp_path: Path) -> None:
    def said(plan: Plan) -> dict[str, tuple[str, str]]:
        return {s.stage: (s.action, s.reason) for s in explain(plan, STAGES)}

    assert said(plan_of(tmp_path))["first"] == ("runs", "it has never run")
    go(plan_of(tmp_path))
    assert {action for action, _ in said(plan_of(tmp_path)).values()} == {"is there"}
    changed = said(plan_of(tmp_path, b={"y": 5}))
    assert changed["second"] == ("runs", "changed: settings (b)")
    assert changed["third"] == ("depends", "on what comes of second")
    assert not (tmp_path / "runs/work").glob("*") or changed["first"][0] == "is there"


def test_a_hook_stands_in_for_a_stage(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def twice(context):\n    return {'value': 2 * context.default()['value']}\n"
    )
    plan = plan_of(tmp_path, hooks={"second": "mine:twice"})
    assert go(plan).entries["second"].facts == {"value": 4}
    assert list(go(plan).made) == []
    source = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(source.replace("2 *", "3 *"))
    assert go(plan).entries["second"].facts == {"value": 6}
    with pytest.raises(InvalidArgument, match="no_such"):
        go(plan_of(tmp_path, hooks={"second": "mine:no_such"}))


# Everything that changes a disk. A kill between two of these is a kill at one of them.
CHANGES = ["open", "mkdir", "rename", "unlink", "rmdir", "fsync", "chmod", "replace"]


def _killed_at(step: int, act: Callable[[], object]) -> bool:
    """Run in a child that dies at its `step`th change; returns whether it lived."""
    child = os.fork()
    if child == 0:
        left = step

        def before(call: Callable[..., Any]) -> Callable[..., Any]:
            def change(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **options)

            return change

        for name in CHANGES:
            setattr(os, name, before(getattr(os, name)))
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return not os.WIFSIGNALED(status)


def test_killed_at_every_change_and_resumed(tmp_path: Path) -> None:
    expected = {n: e.output for n, e in go(plan_of(tmp_path / "whole")).entries.items()}
    step, lived = 0, False
    while not lived:
        step += 7
        folder = tmp_path / str(step)
        lived = _killed_at(step, lambda folder=folder: go(plan_of(folder)))
        outcome = go(plan_of(folder))
        assert {n: e.output for n, e in outcome.entries.items()} == expected
        assert not list((folder / "runs/stages").glob(".making-*"))
        assert list(go(plan_of(folder)).made) == []
    assert step > 30


def test_what_a_stage_had_done_survives_a_kill(tmp_path: Path) -> None:
    done = tmp_path / "done"

    def slow(context: Any) -> dict[str, Any]:
        log = context.scratch / "log"
        for each in range(len(log.read_text()) if log.exists() else 0, 4):
            with log.open("a") as file:
                file.write("x")
            with done.open("a") as file:
                file.write(str(each))
            if each == 2 and not (tmp_path / "killed").exists():
                (tmp_path / "killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return {"log": log.read_text()}

    stages = (Stage("first", slow, reads=("a",)),)
    assert not _killed_at(10_000, lambda: go(plan_of(tmp_path), stages))
    assert go(plan_of(tmp_path), stages).entries["first"].facts == {"log": "xxxx"}
    assert done.read_text() == "0123"
    assert not list((tmp_path / "runs/work").iterdir())


def test_the_record_says_where_and_with_what(tmp_path: Path) -> None:
    outcome = go(plan_of(tmp_path))
    record = json.loads((outcome.folder / "record.json").read_text())
    assert record["environment"]["packages"]["numpy"]
    assert record["environment"]["hardware"]["cores"] >= 1
    assert record["seed"] == 0
    assert record["plan"]["document"]["a"] == {"x": 1}
    assert record["stages"]["second"]["depends"]["inputs"] == {
        "first": record["stages"]["first"]["output"]
    }
