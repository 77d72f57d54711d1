"""Results for people: a table for the terminal, which is valid Markdown too."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mlops_engine.bench.result import Cell, Document, Spread

CLIENT_BOUND_SHARE = 0.7
OTHER_CORES_MAX = 0.1
HEAD = (
    "model",
    "variant",
    "load",
    "req/s",
    "mean",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "server CPU",
    "notes",
)


def number(value: float) -> str:
    """Write a number with three significant digits, never in exponent form."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _spread(
    spread: Spread | None, scale: float = 1.0, missing: str = "insufficient samples"
) -> str:
    if spread is None:
        return missing
    text = number(spread.median * scale)
    if spread.low == spread.high:
        return text
    return f"{text} ({number(spread.low * scale)}..{number(spread.high * scale)})"


def notes(cell: Cell) -> list[str]:
    """Return what a reader must know before believing the cell."""
    said = []
    if cell.errors:
        said.append(f"{cell.errors} errors")
    unfinished = sum(repeat.unfinished for repeat in cell.repeats)
    if unfinished:
        said.append(f"{unfinished} unfinished")
    if any(repeat.client_share > CLIENT_BOUND_SHARE for repeat in cell.repeats):
        said.append("client-bound")
    others = [repeat.other_cores for repeat in cell.repeats if repeat.other_cores is not None]
    if others and median(others) > OTHER_CORES_MAX:
        said.append(f"others used {median(others):.1f} cores")
    return said


def row(cell: Cell) -> tuple[str, ...]:
    """Return the cell's columns: latencies in microseconds, medians with their range."""
    us = 1e-3
    cpu = cell.spread(lambda repeat: repeat.server_cpu_us_per_request)
    return (
        cell.model,
        cell.variant,
        cell.load,
        _spread(cell.spread(lambda repeat: repeat.throughput_per_s)),
        _spread(cell.spread(lambda repeat: repeat.latency.mean_ns), us),
        *(_spread(cell.quantile_ns(q), us) for q in (0.5, 0.9, 0.99, 0.999)),
        _spread(cpu, missing="-"),
        ", ".join(notes(cell)),
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows under a head as an aligned Markdown table."""
    widths = [max(len(line[i]) for line in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def render(document: Document) -> str:
    """Return the whole report: machine, software, command, table."""
    machine = ", ".join(f"{key} {value}" for key, value in document.machine.items())
    software = ", ".join(f"{key} {value}" for key, value in document.software.items() if value)
    table = markdown(HEAD, [row(cell) for cell in document.cells])
    unit = (
        "Latencies and server CPU per request in \u00b5s, from the intended send time; "
        "median (lowest..highest repeat)."
    )
    head = f"machine: {machine}\nsoftware: {software}\ncommand: {document.command}"
    return f"{head}\n\n{table}\n\n{unit}"
