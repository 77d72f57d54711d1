"""One number out of a Prometheus server, for a gate on what it says."""

from __future__ import annotations

import json
import logging
import math
import urllib.request
from typing import Any
from urllib.parse import quote

__all__ = ["value_of"]

_log = logging.getLogger("mlops_engine.rollout")
_BYTES_MAX = 1 << 20


def value_of(url: str, query: str, *, timeout: float = 5.0) -> float | None:
    """Return what an instant query answers; None when it answers no single finite number.

    Parameters
    ----------
    url : str
        Of the server, without ``/api``.
    query : str
        An expression whose value is a scalar, or a vector of one sample.
    """
    try:
        address = f"{url.rstrip('/')}/api/v1/query?query={quote(query, safe='')}"
        with urllib.request.urlopen(address, timeout=timeout) as reply:
            return number_in(reply.read(_BYTES_MAX))
    except (OSError, ValueError) as error:
        _log.warning("Prometheus query %s: %s", query, error)
        return None


def number_in(answer: bytes) -> float | None:
    """Read the one number in an answer.

    >>> number_in(b'{"status":"success","data":{"resultType":"scalar","result":[1,"2.5"]}}')
    2.5
    >>> number_in(b'{"status":"success","data":{"resultType":"vector","result":[]}}')
    """
    try:
        data: Any = json.loads(answer)["data"]
        result = data["result"]
        if data["resultType"] == "vector":
            if len(result) != 1:
                return None
            result = result[0]["value"]
        elif data["resultType"] != "scalar":
            return None
        number = float(result[1])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return number if math.isfinite(number) else None
