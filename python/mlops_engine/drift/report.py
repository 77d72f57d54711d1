"""Every statistic of a window against its reference, and what of it deserves attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlops_engine._native import core
from mlops_engine.errors import InvalidArgument

from .columns import polars
from .profile import Profile, Window

if TYPE_CHECKING:
    import polars as pl

__all__ = ["OWN_MASSES", "Alert", "Report", "StreamReport", "compare"]

OWN_MASSES = (
    "missing",
    "-inf",
    "+inf",
    "below range",
    "above range",
    "other category",
    "new category",
)

# One look at one window: chance gives an alert in 1 of 100 reports of unchanged streams.
_WRONG_REPORTS = 0.01
_EFFECT_WARNING = 0.02
_EFFECT_CRITICAL = 0.25

Severity = Literal["warning", "critical"]


@dataclass(frozen=True)
class Alert:
    """A stream that has changed, certainly and by enough to matter.

    Attributes
    ----------
    stream
        Its name.
    severity
        ``warning`` from a debiased PSI of 0.02, ``critical`` from 0.25.
    cause
        What has probably happened: ``missing``, ``infinite``, ``new_category``, ``unit``,
        ``spike``, ``shift``, ``spread`` or ``shape``.
    factor
        Of a ``unit``: what every value seems to be multiplied by.
    shift_sigma, spread_ratio
        Of numbers: how far the normal scores moved, and how much wider they lie.
    effect
        Debiased PSI.
    p
        How often chance alone gives as much in one of this report's streams (Holm).
    cells
        The three bins or masses that moved most: name, share before, share now.
    """

    stream: str
    severity: Severity
    cause: str
    factor: float
    shift_sigma: float
    spread_ratio: float
    effect: float
    p: float
    cells: tuple[tuple[str, float, float], ...]

    def __str__(self) -> str:
        what = self.cause.replace("_", " ")
        if self.cause == "unit":
            what = f"every value times {self.factor:.6g}"
        elif self.cause == "shift":
            what = f"shift by {self.shift_sigma:+.2f} sigma"
        elif self.cause == "spread":
            what = f"spread times {self.spread_ratio:.2f}"
        moved = "; ".join(f"{name}: {b:.1%} -> {now:.1%}" for name, b, now in self.cells[:1])
        return f"{self.severity}: {self.stream}: {what} (PSI {self.effect:.3f}; {moved})"


@dataclass(frozen=True)
class StreamReport:
    """One stream's statistics; `docs/drift.md` defines them.

    Attributes
    ----------
    name, role, kind
        ``input`` or ``output``; ``numeric`` or ``categorical``.
    statistics
        By name. Those that need an order are not there for a categorical stream.
    intervals
        Of ``missing`` and ``new_category``: share now with its confidence sequence (95 %).
    cells
        Name, share of the reference, share of the window, of every bin and mass that is not empty.
    """

    name: str
    role: str
    kind: str
    statistics: dict[str, float]
    intervals: dict[str, tuple[float, float, float]]
    cells: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Report:
    """What `compare` found.

    Attributes
    ----------
    reference_id
        Of the profile that both were counted against.
    reference_rows, window_rows
        How many rows there were.
    streams
        One for each stream, in the reference's order.
    alerts
        The most severe first. For one look; a window that is looked at again and again is watched
        by `Judge`, which counts every look.
    """

    reference_id: str
    reference_rows: int
    window_rows: int
    streams: tuple[StreamReport, ...]
    alerts: tuple[Alert, ...]

    def __getitem__(self, name: str) -> StreamReport:
        """Return the stream of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)

    def table(self) -> pl.DataFrame:
        """Return a polars frame: a row for each stream, a column for each statistic.

        Raises
        ------
        ImportError
            If polars is not installed.
        """
        return polars().DataFrame(self.rows(), infer_schema_length=None)  # type: ignore[no-any-return]

    def rows(self) -> list[dict[str, Any]]:
        """Return what `table` shows as plain dicts, absent statistics as None."""
        severity = {alert.stream: alert.severity for alert in self.alerts}
        names = dict.fromkeys(name for s in self.streams for name in s.statistics)
        return [
            {
                "stream": stream.name,
                "role": stream.role,
                "kind": stream.kind,
                "alert": severity.get(stream.name),
                **{name: stream.statistics.get(name) for name in names},
            }
            for stream in self.streams
        ]

    def html(self, path: str | Path) -> Path:
        """Write one page with everything in it, plots too, that loads nothing from elsewhere."""
        from .page import render

        file = Path(path)
        file.write_text(render(self), encoding="utf-8")
        return file


def compare(reference: Profile | Window, window: Window) -> Report:
    """Compare a window with the reference's own rows, or with another window of it.

    Two windows are compared as two versions on the same traffic, or two days.

    Raises
    ------
    InvalidArgument
        If the window was counted against another reference.
    """
    profile = reference.reference if isinstance(reference, Window) else reference
    if window.reference.id != profile.id:
        raise InvalidArgument("the window was counted against another reference")
    streams = profile.streams()
    before = reference.counts() if isinstance(reference, Window) else [s["counts"] for s in streams]
    now = window.counts()
    reports = [_report(s, b, n) for s, b, n in zip(streams, before, now, strict=True)]
    return Report(
        reference_id=profile.id,
        reference_rows=max(int(counts["masses"].sum()) for counts in before),
        window_rows=window.rows,
        streams=tuple(reports),
        alerts=_alerts(reports, streams, before, now),
    )


def moments(counts: dict[str, Any]) -> tuple[int, float, float]:
    """Return what the core takes as moments: n, sum and sum of squares about the median."""
    return counts["n"], counts["sum"], counts["sum2"]


def core_stream(stream: dict[str, Any], counts: dict[str, Any]) -> tuple[Any, ...]:
    """Return what the core takes as a stream before a change."""
    numeric = stream["kind"] == "numeric"
    return (
        not numeric,
        stream["role"] == "output",
        core_counts(counts),
        stream["edges"] if numeric else [],
        stream["quantiles"] if numeric else [],
        stream["min"] if numeric else 0.0,
        stream["max"] if numeric else 0.0,
    )


def core_counts(counts: dict[str, Any]) -> tuple[Any, ...]:
    """Return what the core takes as counts."""
    return (counts["masses"], *moments(counts))


def cell_names(stream: dict[str, Any]) -> list[str]:
    """Name the bins or categories of a stream, then the seven masses of their own."""
    if stream["kind"] == "categorical":
        return [*(str(value) for value in stream["categories"]), *OWN_MASSES]
    edges = [f"{edge:.6g}" for edge in (stream["min"], *stream["edges"].tolist(), stream["max"])]
    names = [f"[{a}, {b})" for a, b in pairwise(edges)]
    if names:
        names[-1] = names[-1][:-1] + "]"
    return [*names, *OWN_MASSES]


def _report(stream: dict[str, Any], before: dict[str, Any], now: dict[str, Any]) -> StreamReport:
    numeric = stream["kind"] == "numeric"
    place = {name: stream[name] for name in ("edges", "quantiles", "min", "max") if numeric}
    found = core.drift_compare_counts(
        not numeric,
        before["masses"],
        now["masses"],
        reference_moments=moments(before),
        window_moments=moments(now),
        **place,
    )
    rates = found.pop("window_rates"), found.pop("reference_rates")
    statistics = {**found, **{f"{name}_rate": share for name, share in rates[0].items()}}
    was, seen = before["masses"].tolist(), now["masses"].tolist()
    m, total = max(1, sum(was)), sum(seen)
    own = dict(zip(OWN_MASSES, seen[stream["bins"] :], strict=True))
    pairs = zip(cell_names(stream), was, seen, strict=True)
    return StreamReport(
        name=stream["label"],
        role=stream["role"],
        kind=stream["kind"],
        statistics=statistics,
        intervals={
            "missing": core.drift_rate_interval(own["missing"], total),
            "new_category": core.drift_rate_interval(own["new category"], total),
        },
        cells=tuple((name, a / m, b / max(1, total)) for name, a, b in pairs if a or b),
    )


def _alerts(
    reports: Sequence[StreamReport],
    streams: Sequence[dict[str, Any]],
    before: Sequence[dict[str, Any]],
    now: Sequence[dict[str, Any]],
) -> tuple[Alert, ...]:
    order = sorted(range(len(reports)), key=lambda i: reports[i].statistics["chi2_p"])
    alerts = []
    adjusted = 0.0
    for rank, i in enumerate(order):
        p = reports[i].statistics["chi2_p"]
        adjusted = max(adjusted, min(1.0, p * (len(order) - rank)))
        effect = reports[i].statistics["psi_debiased"]
        if adjusted > _WRONG_REPORTS or effect < _EFFECT_WARNING:
            continue
        cause = core.drift_likely_cause(core_stream(streams[i], before[i]), core_counts(now[i]))
        moved = sorted(reports[i].cells, key=lambda cell: -abs(cell[2] - cell[1]))
        severity: Severity = "critical" if effect >= _EFFECT_CRITICAL else "warning"
        name = reports[i].name
        alerts.append(
            Alert(name, severity, *cause, effect=effect, p=adjusted, cells=tuple(moved[:3]))
        )
    return tuple(sorted(alerts, key=lambda alert: -alert.effect))
