"""What `mlops quantize` says no with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class QuantizeError(Exception):
    """Expected failure: the model, the rows or the options do not allow it."""


class MissingExtraError(QuantizeError):
    """A package of the extra `quantize` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"quantizing needs {package}, which is not installed: "
            "pip install mlops-engine[quantize]"
        )


def near(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for a name close to `name`, else what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = ", ".join(repr(one) for one in names[:8])
    return f"; there is {listed}{', ...' if len(names) > 8 else ''}" if names else ""
