"""Runs a plan: what is there already is taken, the rest is made, stage by stage."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument, NotFound
from mlops_engine.registry.pace import Backoff, Clock, SystemClock
from mlops_engine.train.progress import Progress

from .cache import Cache, Entry
from .catalog import STAGES
from .digests import digest_of, library_versions, source_digest
from .failures import GATE_FAILED, INFRASTRUCTURE, status_of
from .plan import Plan
from .record import Record, read_record
from .sections import near
from .stage import Context, Stage, hook_source, load_hook, present

__all__ = ["Outcome", "Step", "explain", "run"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    status
        0, or 10 a gate failed, 20 data invalid, 30 infrastructure, 1 for what is wrong otherwise.
    made
        Stages whose result was not there already.
    """

    status: int
    reason: str | None
    folder: Path
    entries: Mapping[str, Entry]
    made: Sequence[str]


@dataclass(frozen=True)
class Step:
    """What a run would do with a stage, and why."""

    stage: str
    action: str
    reason: str


@dataclass
class Runner:
    """One run of one plan; see `run`."""

    plan: Plan
    stages: Sequence[Stage]
    progress: Progress
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], float] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = Cache(self.plan.runs)
        self.stages = present(self.stages, self.plan)

    def depends(self, stage: Stage) -> dict[str, Any]:
        """Return all that decides a stage's result; its inputs are there."""
        hook = self.plan.hooks.get(stage.name)
        context = self._context(stage, Path(), Path())
        return {
            "stage": stage.name,
            "model": self.plan.pipeline.model,
            "seed": self.plan.pipeline.seed,
            "settings": {name: self.plan.document.get(name) for name in stage.reads},
            "inputs": {i: self.entries[i].output for i in stage.inputs if i in self.entries},
            "code": source_digest(stage.code),
            "libraries": dict(library_versions(stage.libraries)),
            "hook": [hook, digest_of(hook_source(self.plan, hook).read_text())] if hook else None,
            "observed": stage.observe(context) if stage.observe else None,
        }

    def step(self, stage: Stage, record: Record, anew: bool) -> Entry:
        """Take a stage's result, or make it."""
        entry, attempts, reused = self._retried(lambda: self._take_or_make(stage, record, anew))
        self.entries[stage.name] = entry
        if not reused:
            self.made.append(stage.name)
        record.add(entry, reused, attempts)
        said = "is there already" if reused else f"took {entry.seconds:.1f} s"
        self.progress.step(f"{stage.name} {said}")
        return entry

    def _take_or_make(self, stage: Stage, record: Record, anew: bool) -> tuple[Entry, bool]:
        depends = _plain(self.depends(stage))
        key = digest_of(depends)
        found = None if anew else self.cache.find(stage.name, key)
        if found is not None:
            return found, True
        with self.cache.making(stage.name, key) as out:
            # Another run may have made it while this one waited for the lock.
            found = None if anew else self.cache.find(stage.name, key)
            if found is not None:
                return found, True
            self.progress.step(f"{stage.name} ...")
            began = self.clock.now()
            try:
                hook = self.plan.hooks.get(stage.name)
                function = load_hook(self.plan, hook) if hook else stage.run
                facts = function(self._context(stage, out, self.cache.scratch(stage.name, key)))
            except BaseException:
                _keep_evidence(out, record.folder / "failed" / stage.name)
                raise
            seconds = round(self.clock.now() - began, 3)
            return self.cache.keep(
                out, stage.name, facts=facts, depends=depends, seconds=seconds
            ), False

    def _context(self, stage: Stage, out: Path, scratch: Path) -> Context:
        known = {name: self.entries[name] for name in stage.inputs if name in self.entries}
        return Context(
            self.plan,
            stage,
            out,
            scratch,
            {name: entry.folder for name, entry in known.items()},
            {name: dict(entry.facts) for name, entry in known.items()},
            self.progress,
            self.environ,
        )

    def _retried(self, act: Callable[[], tuple[Entry, bool]]) -> tuple[Entry, int, bool]:
        retry = self.plan.pipeline.retry
        backoff = Backoff(retry.first_s, retry.most_s)
        if self.random is not None:
            backoff.random = self.random
        attempt = 1
        while True:
            try:
                entry, reused = act()
                return entry, attempt, reused
            except Exception as error:
                if status_of(error) != INFRASTRUCTURE or attempt == retry.attempts:
                    raise
                pause = backoff.next_s()
                self.progress.step(f"{error!r}; again in {pause:.1f} s")
                self.clock.sleep(pause)
                attempt += 1


def run(
    plan: Plan,
    stages: Sequence[Stage] = STAGES,
    *,
    from_stage: str | None = None,
    until: str | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    random: Callable[[], float] | None = None,
) -> Outcome:
    """Run a plan.

    Parameters
    ----------
    from_stage
        Make this stage's result anew, and those of the stages after it.
    until
        End after this stage.

    Raises
    ------
    InvalidArgument
        The plan has no such stage.
    """
    runner = Runner(
        plan, stages, progress or Progress(), environ or {}, clock or SystemClock(), random
    )
    names = [stage.name for stage in runner.stages]
    for name in filter(None, (from_stage, until)):
        if name not in names:
            raise InvalidArgument(f"the plan has no stage {name!r}{near(name, names)}")
    record = Record.begin(plan)
    record.write()
    status, reason = 0, None
    try:
        for stage in runner.stages:
            anew = from_stage is not None and names.index(stage.name) >= names.index(from_stage)
            entry = runner.step(stage, record, anew)
            failed = entry.facts.get("failed")
            if failed:
                status, reason = GATE_FAILED, f"{stage.name}: {'; '.join(failed)}"
                break
            if stage.name == until:
                break
    except KeyboardInterrupt:
        record.end(130, "interrupted")
        raise
    except Exception as error:
        status, reason = status_of(error), f"{stage.name}: {error}"
        record.end(status, reason)
        if status == 1:
            raise
    _collect_gates(runner.entries, record.folder)
    record.end(status, reason)
    return Outcome(status, reason, record.folder, runner.entries, tuple(runner.made))


def explain(
    plan: Plan, stages: Sequence[Stage] = STAGES, environ: Mapping[str, str] | None = None
) -> Iterator[Step]:
    """Say for each stage whether its result is there, and what changed if it is not."""
    runner = Runner(plan, stages, Progress(), environ or {})
    before: Mapping[str, Any] = {}
    with contextlib.suppress(NotFound, InvalidArgument):
        before = read_record(plan.runs, "latest")["stages"]
    waiting: set[str] = set()
    for stage in runner.stages:
        late = [name for name in stage.inputs if name in waiting]
        if late:
            yield Step(stage.name, "depends", f"on what comes of {', '.join(late)}")
            waiting.add(stage.name)
            continue
        depends = _plain(runner.depends(stage))
        found = runner.cache.find(stage.name, digest_of(depends))
        if found is not None:
            runner.entries[stage.name] = found
            yield Step(stage.name, "is there", found.folder.name)
            continue
        waiting.add(stage.name)
        yield Step(stage.name, "runs", _changed(before.get(stage.name, {}).get("depends"), depends))


def _changed(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    if before is None:
        return "it has never run"
    changed = []
    for kind, value in now.items():
        old = before.get(kind)
        if old == value:
            continue
        if isinstance(value, dict) and isinstance(old, dict):
            parts = [k for k in {**old, **value} if old.get(k) != value.get(k)]
            changed.append(f"{kind} ({', '.join(parts)})")
        else:
            changed.append(kind)
    return f"changed: {', '.join(changed)}" if changed else "its result is gone or damaged"


def _collect_gates(entries: Mapping[str, Entry], folder: Path) -> None:
    """Put what was judged where an orchestrator looks for it: beside the record."""
    if "gates" in entries:
        shutil.copyfile(entries["gates"].folder / "gates.json", folder / "gates.json")


def _keep_evidence(out: Path, where: Path) -> None:
    """Keep what a stage that failed had written, such as the report on invalid data."""
    if any(out.iterdir()):
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(out, where)


def _plain(value: Any) -> Any:
    """Make JSON of what TOML gives: dates are written out."""
    return json.loads(json.dumps(value, default=str))
