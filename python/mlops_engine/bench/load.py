"""What is asked of a server in one cell: how much in flight, or how many per second."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """One closed or open loop.

    Parameters
    ----------
    connections : int
        Connections, or calling threads in process.
    streams : int
        Requests in flight on each connection (gRPC); HTTP opens that many more connections instead.
    rate_per_s : float or None
        Arrivals per second of an open loop; None is a closed loop.
    """

    connections: int
    streams: int = 1
    rate_per_s: float | None = None

    @property
    def in_flight(self) -> int:
        """Most requests that can be outstanding."""
        return self.connections * self.streams

    @property
    def label(self) -> str:
        """Return how this load is written on the command line and in tables."""
        slots = f"{self.connections}x{self.streams}" if self.streams > 1 else str(self.connections)
        return slots if self.rate_per_s is None else f"{self.rate_per_s:g}/s on {slots}"


def parse_loads(concurrency: str, rates: str | None) -> list[Load]:
    """Read ``--concurrency`` and ``--rate``.

    Parameters
    ----------
    concurrency : str
        Comma-separated ``N`` or ``CxS`` (connections times streams).
    rates : str or None
        Comma-separated requests per second: open loops, all over the last concurrency.

    Returns
    -------
    list of Load

    Raises
    ------
    ValueError
        If a number is missing, malformed or not positive.
    """
    closed = []
    for text in concurrency.split(","):
        match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip())
        if match is None or int(match.group(1)) == 0 or int(match.group(2) or 1) == 0:
            raise ValueError(f"concurrency is N or CxS, got {text!r}")
        closed.append(Load(int(match.group(1)), int(match.group(2) or 1)))
    if rates is None:
        return closed
    values = [float(text) for text in rates.split(",")]
    if not all(0 < value < 1e7 for value in values):
        raise ValueError(f"rates are positive requests per second, got {rates!r}")
    return [Load(closed[-1].connections, closed[-1].streams, value) for value in values]
