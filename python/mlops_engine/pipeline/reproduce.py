"""A recorded run done again from its data: the same digests, or what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument
from mlops_engine.train.progress import Progress

from .catalog import read_document
from .record import environment
from .runner import run
from .stages.export import MODEL

__all__ = ["Reproduction", "reproduce"]

LAST = "export"


@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Attributes
    ----------
    dataset, model
        Digests of the data set and of the graph, as recorded and as found now.
    differences
        What is not as it was: results by stage, then what can be the cause.
    """

    dataset: tuple[str, str]
    model: tuple[str, str]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether data set and graph are what they were, byte by byte."""
        return self.dataset[0] == self.dataset[1] and self.model[0] == self.model[1]


def reproduce(
    record: Mapping[str, Any],
    scratch: Path,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
) -> Reproduction:
    """Do a run again as far as the graph, and compare.

    Parameters
    ----------
    scratch
        An empty folder for the results: nothing of the recorded run is taken.
    folder
        Where the data and the hooks are, if not where they were.

    Raises
    ------
    InvalidArgument
        The recorded run has no graph; or this one ended before it.
    """
    stages = record["stages"]
    if LAST not in stages or MODEL not in stages[LAST]["files"]:
        raise InvalidArgument(f"run {record['run']} did not get as far as {LAST}")
    document = dict(record["plan"]["document"])
    document["pipeline"] = {**document["pipeline"], "runs": str(scratch.resolve())}
    plan = read_document(document, folder or Path(record["plan"]["folder"]))
    outcome = run(plan, until=LAST, progress=progress, environ=environ)
    if LAST not in outcome.entries:
        raise InvalidArgument(f"it ended with status {outcome.status}: {outcome.reason}")
    found: dict[str, dict[str, Any]] = {
        name: {
            "output": entry.output,
            "depends": entry.depends,
            "files": {file: facts["sha256"] for file, facts in entry.files.items()},
            "facts": entry.facts,
        }
        for name, entry in outcome.entries.items()
    }
    differences = [*_results(stages, found), *_causes(record["environment"], plan.folder)]
    return Reproduction(
        (stages["ingest"]["facts"]["dataset"], found["ingest"]["facts"]["dataset"]),
        (stages[LAST]["files"][MODEL], found[LAST]["files"][MODEL]),
        tuple(differences),
    )


def _results(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, found in now.items():
        was = before.get(name)
        if was is None:
            yield f"{name}: there was no such stage"
            continue
        for kind in ("settings", "code", "libraries", "hook", "observed"):
            old, new = was["depends"].get(kind), found["depends"].get(kind)
            if old != new:
                yield f"{name}: other {kind}{_which(old, new)}"
        files = [f for f, digest in found["files"].items() if was["files"].get(f) != digest]
        if files:
            yield f"{name}: other {', '.join(files)}"
        elif was["output"] != found["output"]:
            yield f"{name}: other facts{_which(was['facts'], found['facts'])}"


def _causes(before: Mapping[str, Any], folder: Path) -> Iterator[str]:
    now = environment(folder)
    for kind, new in now.items():
        old = before.get(kind)
        if old != new:
            yield f"environment: other {kind}{_which(old, new)}"


def _which(old: Any, new: Any) -> str:
    """Name the members that differ, with both values where they are short."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        said = f": {old} was, {new} is"
        return said if len(said) < 100 else ""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    parts = [f"{n} {old.get(n)} was, {new.get(n)} is" for n in names[:8]]
    said = f": {'; '.join(parts)}"
    return said if len(said) < 200 else f": {', '.join(names[:8])}"
