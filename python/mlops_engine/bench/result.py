"""Results as plain data: repeats of cells, and the document that is written to disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from mlops_engine.bench.histogram import Histogram

SCHEMA = "mlops-bench/1"


@dataclass
class Repeat:
    """One uninterrupted measurement of one cell.

    Parameters
    ----------
    duration_s : float
        Length of the measured window, warm-up excluded.
    completed : int
        Good replies inside the window.
    latency : Histogram
        From the intended send time.
    errors : mapping of str to int
        Bad replies by kind; kinds that did not occur may be left out.
    unfinished : int
        Requests of an open loop without a reply at the end; `latency` has what they had waited.
    client_share : float
        Share of one core that the client used.
    server_cpu_s : float or None
        CPU time of the server process inside the window.
    other_cores : float or None
        Cores that unrelated processes of this machine used meanwhile.
    """

    duration_s: float
    completed: int
    latency: Histogram
    errors: Mapping[str, int] = field(default_factory=dict)
    unfinished: int = 0
    client_share: float = 0.0
    server_cpu_s: float | None = None
    other_cores: float | None = None

    @property
    def throughput_per_s(self) -> float:
        """Good replies per second."""
        return self.completed / self.duration_s if self.duration_s > 0 else 0.0

    @property
    def server_cpu_us_per_request(self) -> float | None:
        """CPU time of the server per good reply, in microseconds."""
        if self.server_cpu_s is None or self.completed == 0:
            return None
        return self.server_cpu_s * 1e6 / self.completed


@dataclass(frozen=True)
class Spread:
    """Median and range of one figure over the repeats."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass
class Cell:
    """All repeats of one variant under one load.

    Parameters
    ----------
    variant : str
        Which of the interleaved candidates.
    target : str
        ``http``, ``http-json``, ``grpc`` or ``in-process``.
    load : str
        `Load.label`.
    model : str
        Model name.
    repeats : list of Repeat
        In the order they ran.
    """

    variant: str
    target: str
    load: str
    model: str
    repeats: list[Repeat] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what makes two cells of different documents the same measurement."""
        return (self.model, self.variant, self.target, self.load)

    @property
    def errors(self) -> int:
        """Bad replies of all repeats."""
        return sum(sum(repeat.errors.values()) for repeat in self.repeats)

    def pooled(self) -> Histogram:
        """Return the latencies of all repeats together."""
        pooled = Histogram()
        for repeat in self.repeats:
            pooled.merge(repeat.latency)
        return pooled

    def spread(self, figure: Callable[[Repeat], float | None]) -> Spread | None:
        """Summarise a figure over the repeats; None when a repeat does not have it."""
        values = [figure(repeat) for repeat in self.repeats]
        known = [value for value in values if value is not None]
        return Spread.of(known) if known and len(known) == len(values) else None

    def quantile_ns(self, q: float) -> Spread | None:
        """Return a latency quantile.

        Returns
        -------
        Spread or None
            Over the repeats when each has enough samples; else the quantile of all samples
            together, which has no range (low = median = high); None when those are too few.
        """
        per_repeat = self.spread(lambda repeat: repeat.latency.quantile_ns(q))
        if per_repeat is not None:
            return per_repeat
        together = self.pooled().quantile_ns(q)
        return None if together is None else Spread(together, together, together)


@dataclass
class Document:
    """Everything one invocation measured, and where.

    Parameters
    ----------
    machine, software : mapping
        From `mlops_engine.bench.fingerprint`.
    command : str
        The command line that produced it.
    created : str
        UTC, ISO 8601.
    cells : list of Cell
        The measurements.
    overhead : mapping or None
        What ``mlops-overhead`` printed, when it ran.
    """

    machine: Mapping[str, object]
    software: Mapping[str, object]
    command: str
    created: str
    cells: list[Cell]
    overhead: Mapping[str, Any] | None = None

    def save(self, path: Path) -> None:
        """Write the document as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON-ready data, raw histograms included."""
        return {
            "schema": SCHEMA,
            "created": self.created,
            "command": self.command,
            "machine": dict(self.machine),
            "software": dict(self.software),
            "cells": [_cell_to_json(cell) for cell in self.cells],
            "overhead": None if self.overhead is None else dict(self.overhead),
        }

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read a document.

        Raises
        ------
        ValueError
            If the file is not a document of this schema.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: not JSON: {error}") from error
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError(f"{path}: not a {SCHEMA} document")
        try:
            cells = [_cell_from_json(cell) for cell in data["cells"]]
            head = (data["machine"], data["software"], data["command"], data["created"])
            return cls(*head, cells, data["overhead"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: a damaged {SCHEMA} document: {error!r}") from error


def _cell_to_json(cell: Cell) -> dict[str, Any]:
    repeats = [
        {
            "duration_s": repeat.duration_s,
            "completed": repeat.completed,
            "errors": dict(repeat.errors),
            "unfinished": repeat.unfinished,
            "client_share": repeat.client_share,
            "server_cpu_s": repeat.server_cpu_s,
            "other_cores": repeat.other_cores,
            "latency_total_ns": repeat.latency.total_ns,
            "histogram": sorted(repeat.latency.cells.items()),
        }
        for repeat in cell.repeats
    ]
    head = {"variant": cell.variant, "target": cell.target, "load": cell.load, "model": cell.model}
    return {**head, "repeats": repeats}


def _cell_from_json(data: Mapping[str, Any]) -> Cell:
    repeats = [
        Repeat(
            duration_s=repeat["duration_s"],
            completed=repeat["completed"],
            latency=Histogram(dict(repeat["histogram"]), repeat["latency_total_ns"]),
            errors=repeat["errors"],
            unfinished=repeat["unfinished"],
            client_share=repeat["client_share"],
            server_cpu_s=repeat["server_cpu_s"],
            other_cores=repeat["other_cores"],
        )
        for repeat in data["repeats"]
    ]
    return Cell(data["variant"], data["target"], data["load"], data["model"], repeats)
