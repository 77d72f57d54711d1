"""What a served version's rows looked like: in this process or on a server, by the same calls.

engine.drift("flights", version=1).report(window="1h")
me.drift.connect("http://replica-1:8000", "flights").report(window="1h")
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol

from mlops_engine.errors import InvalidArgument, Unimplemented
from mlops_engine.server_api import ServerApi, model_path

from .judge import DriftAlert, DriftEvent, alert_of
from .profile import Profile, Window
from .report import Report, compare
from .statistics import Spec, Statistic, StatisticValue, values_of

__all__ = ["Watch", "connect"]

Span = str | float | timedelta | None

# A lane may be running a statistic that was replaced, and even one of an engine that is gone.
_in_use: list[Statistic] = []
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Source(Protocol):
    """Where a version is watched."""

    def profile(self, seconds: float | None) -> bytes:
        """Return the reference with the counts of the last ``seconds``, or of all rows."""

    def change(self, how: Literal["reset", "freeze"]) -> None:
        """Forget counts, or make a reference of what was collected."""

    def quality(self, seconds: float | None) -> Mapping[str, Any]:
        """Return what labels say of the predictions of the last ``seconds``, or of all kept."""

    def alerts(self, after: int) -> Mapping[str, Any]:
        """Return what the judge has found, with the events after that number."""

    def use_statistics(self, specs: list[Spec]) -> None:
        """Run these statistics from now on, and no others."""

    def statistics(self) -> Sequence[tuple[str, int, list[float], bool]]:
        """Return each one's name, rows, state and whether it was stopped."""


class Watch:
    """A version that is watched for drift. Made by `Engine.drift` or `connect`.

    Where a method takes a ``window``, it is how far back rows count: ``"90s"``, ``"15m"``,
    ``"6h"``, ``"30d"``, seconds, or a `timedelta`; None for all since the version was loaded or
    reset. Windows are whole minutes of the last hour, hours of two days, days of a month.

    Raises
    ------
    NotFound
        The version is not loaded, or not watched.
    Unavailable
        Rows are still being collected: `freeze` makes a reference of them.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def window(self, window: Span = None) -> Window:
        """Return the counts, which merge with those of other replicas."""
        return Window.from_bytes(self._source.profile(span_seconds(window)))

    @property
    def reference(self) -> Profile:
        """What rows are counted against."""
        return self.window().reference

    def report(self, window: Span = None, *, against: Profile | Window | None = None) -> Report:
        """Compare the rows with the reference.

        Parameters
        ----------
        window
            How far back.
        against
            Another window of the same reference to compare with: another version's on the same
            traffic, or yesterday's. By default the reference's own rows.

        Raises
        ------
        InvalidArgument
            ``against`` is of another reference.
        """
        seen = self.window(window)
        return compare(seen.reference if against is None else against, seen)

    @property
    def alerts(self) -> list[DriftAlert]:
        """The alerts that have not recovered, the most severe first, up to now.

        The version's judge has looked at every row since it was loaded; what an alert promises
        does not depend on how often one asks. Times are seconds since 1970.
        """
        return [_alert(found) for found in self._source.alerts(0)["alerts"]]

    def events(self, after: int = 0) -> list[DriftEvent]:
        """Return what has happened, oldest first.

        Parameters
        ----------
        after
            The number of the last event that is known already. The newest 256 are kept.
        """
        return [_event(event) for event in self._source.alerts(after)["events"]]

    def changed(self) -> list[str]:
        """List the streams that have changed; of those listed, 5 % have not (e-BH)."""
        return list(self._source.alerts(0)["changed"])

    def quality(self, window: Span = None) -> dict[str, Any]:
        """Return how good the predictions were, by the labels that have come (docs/feedback.md).

        Parameters
        ----------
        window
            How far back predictions were made; whole slots of time. By default all that are kept.

        Returns
        -------
        dict
            ``predictions``, ``labels``, ``coverage``, ``delay_p50`` ..; ``accuracy`` and the rest
            of its task; of a binary one what its scores promised (``expected``) and whether they
            still hold (``calibration``). None where there is nothing to say.

        Raises
        ------
        NotFound
            The version is not loaded, or its predictions are not remembered.
        """
        return dict(self._source.quality(span_seconds(window)))

    def use_statistics(self, statistics: Iterable[Statistic]) -> None:
        """Run statistics of your own over the rows that are counted, in the place of earlier ones.

        They begin with the rows that follow, to a tile of 512, and see what is counted: rows that
        are left out to save time are left out of them, and their own time counts as counting's.
        Their functions stay in memory until the process ends.

        Raises
        ------
        InvalidArgument
            One reads a stream that the reference does not have, or two have one name.
        Unimplemented
            The version is a server's: compiled functions do not travel.
        """
        used = list(statistics)
        _in_use.extend(used)
        self._source.use_statistics([each.spec() for each in used])

    def statistics(self) -> dict[str, StatisticValue]:
        """Return what your own statistics made of the rows since they came, or the last reset."""
        return values_of(self._source.statistics())

    def reset(self) -> None:
        """Forget what was counted, judged or collected, not the reference."""
        self._source.change("reset")

    def freeze(self) -> Profile:
        """Make the rows collected so far the reference, and return it.

        Raises
        ------
        Unavailable
            Fewer than 1,000 rows were collected.
        AlreadyExists, InvalidArgument
            There is a reference already (here; of a server).
        """
        self._source.change("freeze")
        return self.reference


class ServedVersion:
    """A version on a server."""

    def __init__(self, api: ServerApi, model: str, version: int | None) -> None:
        self._api = api
        self._path = f"{model_path(model, version)}/drift"

    def profile(self, seconds: float | None) -> bytes:
        """Return what the server hands out; it counts whole seconds."""
        span = "" if seconds is None else f"/last/{max(1, round(seconds))}s"
        return self._api.get(f"{self._path}/profile{span}")

    def quality(self, seconds: float | None) -> Mapping[str, Any]:
        """Return what the server says of it."""
        span = "" if seconds is None else f"/last/{max(1, round(seconds))}s"
        path = f"{self._path.removesuffix('/drift')}/quality{span}"
        found: Mapping[str, Any] = self._api.get_json(path)
        return found

    def alerts(self, after: int) -> Mapping[str, Any]:
        """Return what the server says."""
        found: Mapping[str, Any] = self._api.get_json(f"{self._path}/alerts/since/{after}")
        return found

    def use_statistics(self, specs: list[Spec]) -> None:
        """Refuse: a server takes no functions from elsewhere."""
        raise Unimplemented("statistics of your own run in this process alone, not on a server")

    def statistics(self) -> Sequence[tuple[str, int, list[float], bool]]:
        """Return nothing: there are none."""
        return ()

    def change(self, how: Literal["reset", "freeze"]) -> None:
        """Post the change."""
        self._api.post(f"{self._path}/{how}")


def connect(url: str, model: str, version: int | None = None, *, token: str | None = None) -> Watch:
    """Return a version that a server watches.

    Parameters
    ----------
    url
        Of the server's HTTP port: ``http://host:8000``.
    model, version
        Which; by default the version that requests without one get.
    token
        Of the role ``observe``, where the server wants one; ``admin`` to change something.

    Raises
    ------
    InvalidArgument
        If the URL or the token cannot be one. Calls of what is returned raise `PermissionError`
        without the right token, and `Unavailable` when the server cannot be reached.
    """
    return Watch(ServedVersion(ServerApi(url, token), model, version))


def span_seconds(span: Span) -> float | None:
    """Return how many seconds a span is.

    >>> span_seconds("15m"), span_seconds(timedelta(hours=1)), span_seconds(None)
    (900.0, 3600.0, None)

    Raises
    ------
    InvalidArgument
        If it is none, or not longer than nothing.
    """
    if span is None:
        return None
    if isinstance(span, timedelta):
        seconds = span.total_seconds()
    elif isinstance(span, str):
        match = re.fullmatch(r"([0-9]{1,9})([smhd])", span)
        seconds = float(int(match[1]) * _UNITS[match[2]]) if match else 0.0
    else:
        seconds = float(span)
    if not 0 < seconds <= 366 * 86_400:
        raise InvalidArgument(f"{span!r} is no window: say '15m', '6h', seconds, or a timedelta")
    return seconds


def _alert(found: Mapping[str, Any]) -> DriftAlert:
    return alert_of(
        found,
        found["stream"],
        ((cell["cell"], cell["before"], cell["now"]) for cell in found["cells"]),
        ((sample["cell"], dict(sample["row"])) for sample in found["samples"]),
    )


def _event(event: Mapping[str, Any]) -> DriftEvent:
    return DriftEvent(
        kind=event["kind"],
        row=event["row"],
        time=event["time"],
        alert=_alert(event["alert"]) if "alert" in event else None,
        streams=tuple(event["streams"]),
        number=event["number"],
    )
