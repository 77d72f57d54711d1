"""Alerts over time: whatever is looked at, and however often, with one promise for the fleet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlops_engine._native import core
from mlops_engine.errors import InvalidArgument

from .profile import Profile, Window
from .report import Severity, cell_names, core_counts, core_stream

__all__ = ["DriftAlert", "DriftEvent", "Judge", "SegmentShare"]


@dataclass(frozen=True)
class SegmentShare:
    """What of a change is a segment's.

    Attributes
    ----------
    segment
        Its name: ``carrier = UA``, ``distance [500, 1500)``.
    share
        Of the divergence; those of all segments of one stream add up to 1.
    before, now
        The segment's share of the rows.
    effect
        Debiased PSI of the segment's own rows.
    """

    segment: str
    share: float
    before: float
    now: float
    effect: float


@dataclass(frozen=True)
class DriftAlert:
    """A stream that is no longer what it was.

    Attributes
    ----------
    stream
        Its name.
    severity
        ``warning`` or ``critical``, by ``effect``; never less severe than it has been.
    cause
        What has probably happened, as in `Alert`, with ``factor``, ``shift_sigma`` and
        ``spread_ratio``.
    change_row, change_time
        Since which row of those seen, and since what time, to a tile.
    raised_row
        At which row it was raised.
    rows_since_change
        On how many rows ``effect`` rests.
    effect
        Debiased PSI since the change.
    js_distance, ks
        Jensen-Shannon distance (base 2) and Kolmogorov-Smirnov distance of the same rows; the
        second is 0 of categories.
    evidence_rows
        How many rows chance takes, on average, to give as much evidence somewhere in the fleet.
    repeats
        How often further evidence was folded into this alert.
    cells
        The three bins or masses that moved most: name, share before, share since.
    log_e_value
        How sure it is that this stream has changed, at every look at once: the logarithm of an
        e-value.
    segments
        Of a served version whose reference declares segments: those with the largest shares.
    samples
        Of a served version: a few rows of late from the bins that gained, each with the bin and
        its values by stream.
    """

    stream: str
    severity: Severity
    cause: str
    factor: float
    shift_sigma: float
    spread_ratio: float
    change_row: int
    change_time: float
    raised_row: int
    rows_since_change: int
    effect: float
    evidence_rows: float
    repeats: int
    cells: tuple[tuple[str, float, float], ...]
    log_e_value: float = math.nan
    samples: tuple[tuple[str, dict[str, float | str | None]], ...] = ()
    js_distance: float = math.nan
    ks: float = math.nan
    segments: tuple[SegmentShare, ...] = ()


_SAME = (
    "severity",
    "cause",
    "change_row",
    "change_time",
    "raised_row",
    "rows_since_change",
    "repeats",
)
# A server's JSON has null where one is not finite.
_NUMBERS = (
    "factor",
    "shift_sigma",
    "spread_ratio",
    "js_distance",
    "ks",
    "evidence_rows",
    "log_e_value",
)


def alert_of(
    found: Mapping[str, Any],
    stream: str,
    cells: Iterable[tuple[str, float, float]],
    samples: Iterable[tuple[str, dict[str, float | str | None]]] = (),
) -> DriftAlert:
    """Return what the core or a server says of an alert; streams and cells have names by now."""
    numbers: dict[str, Any] = {
        name: math.nan if found[name] is None else found[name] for name in _NUMBERS
    }
    return DriftAlert(
        stream=stream,
        effect=math.nan if found["psi_debiased"] is None else found["psi_debiased"],
        cells=tuple(cells),
        samples=tuple(samples),
        segments=tuple(
            SegmentShare(of["segment"], of["share"], of["before"], of["now"], of["psi_debiased"])
            for of in found.get("segments", ())
        ),
        **numbers,
        **{name: found[name] for name in _SAME},
    )


@dataclass(frozen=True)
class DriftEvent:
    """What has happened at a row and a time.

    Attributes
    ----------
    kind
        An alert was ``raised``, has ``worsened`` or ``recovered``; or ``retrain_suggested``.
    row, time
        When.
    alert
        Which; None of a suggestion.
    streams
        Of a suggestion: the lasting changes behind it.
    number
        Of a served version: 1, 2, 3 .. in the order in which they came.
    """

    kind: Literal["raised", "worsened", "recovered", "retrain_suggested"]
    row: int
    time: float
    alert: DriftAlert | None
    streams: tuple[str, ...]
    number: int = 0


class Judge:
    """Watches all streams of a reference. Deterministic: rows and times in, events out.

    While nothing changes, the whole fleet of streams is alarmed about on average not before
    ``average_run_rows`` rows, however often it is looked at (docs/drift.md derives it).

    Parameters
    ----------
    reference
        Against which windows are counted.
    average_run_rows
        The promise.
    margin
        Changes within this chi-distance are no changes: 0.05 is a shift by 0.05 sigma.
    effect_warning, effect_critical
        Debiased PSI from which a change is worth an alert, and a critical one.
    recovery_rows
        How long there must be no further evidence before a stream has recovered.
    retrain_share, retrain_rows
        Retraining is suggested when this share of the inputs, or any output, has been alerted
        about for so many rows without being a fault of the data.
    """

    def __init__(
        self,
        reference: Profile,
        *,
        average_run_rows: float = 1e8,
        margin: float = 0.0,
        effect_warning: float = 0.02,
        effect_critical: float = 0.25,
        fdr: float = 0.05,
        recovery_rows: int = 8192,
        retrain_share: float = 0.25,
        retrain_rows: int = 10_000,
    ) -> None:
        self._reference_id = reference.id
        streams = reference.streams()
        self._names = [stream["label"] for stream in streams]
        self._cells = [cell_names(stream) for stream in streams]
        self._core = core.DriftJudge(
            [core_stream(stream, stream["counts"]) for stream in streams],
            average_run_rows=average_run_rows,
            margin=margin,
            effect_warning=effect_warning,
            effect_critical=effect_critical,
            fdr=fdr,
            recovery_rows=recovery_rows,
            retrain_share=retrain_share,
            retrain_rows=retrain_rows,
        )

    def see(self, tile: Window, time: float) -> list[DriftEvent]:
        """Judge the next rows, counted apart from all that were seen before.

        Parameters
        ----------
        tile
            Some dozens to thousands of rows. Where it ends must not depend on what is in it: by
            number of rows or by the clock.
        time
            Seconds, of any origin; said again in events.

        Raises
        ------
        InvalidArgument
            If the rows were counted against another reference.
        """
        if tile.reference.id != self._reference_id:
            raise InvalidArgument("the window was counted against another reference")
        return [
            self._event(event)
            for event in self._core.see([core_counts(counts) for counts in tile.counts()], time)
        ]

    def active(self) -> list[DriftAlert]:
        """Return the alerts that have not recovered."""
        return [self._alert(alert) for alert in self._core.active()]

    def changed(self) -> list[str]:
        """List the streams that have changed; of those listed, 5 % have not (``fdr``, e-BH)."""
        return [self._names[i] for i in self._core.changed()]

    def merge(self, other: Judge) -> None:
        """Add what the judge of another replica has seen.

        Raises
        ------
        InvalidArgument
            If it judges by another reference.
        """
        if other._reference_id != self._reference_id:
            raise InvalidArgument("the judges are of different references")
        self._core.merge(other._core)

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return self._core.rows

    def _event(self, event: dict[str, Any]) -> DriftEvent:
        return DriftEvent(
            kind=event["kind"],
            row=event["row"],
            time=event["time"],
            alert=self._alert(event["alert"]) if "alert" in event else None,
            streams=tuple(self._names[i] for i in event["streams"]),
        )

    def _alert(self, alert: dict[str, Any]) -> DriftAlert:
        cells = self._cells[alert["stream"]]
        moved = ((cells[i], before, now) for i, before, now in alert["cells"])
        return alert_of(alert, self._names[alert["stream"]], moved)
