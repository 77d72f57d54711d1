"""A contract's rules as the engine's checks at the door (ADR 45): parameters of `config.pbtxt`.

The engine looks at the model's inputs, so a rule is carried over for a feature that is a column as
it is. A code's range is that of its vocabulary. What the contract says nothing of is not refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mlops_engine.errors import InvalidArgument

from .document import Column, Document

__all__ = ["config_text", "guard_parameters"]

_NUMERIC = re.compile(r"u?int\d+|float\d*|integer|number")
# Of FP32: what is beyond is infinite.
_MOST = 3.4028234663852886e38
_INF = float("inf")
_NAME = re.compile(r'[^,="\\\n]+')


def guard_parameters(
    document: Document,
    features: Mapping[str, str],
    codes: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """Return the guard's parameters for a model.

    Parameters
    ----------
    features
        By the name of each numeric input of the model's reference profile: the contract's column
        that it is, unchanged; or an empty text if it is none.
    codes
        By the name of an input that is a position in a vocabulary: the vocabulary.

    Raises
    ------
    InvalidArgument
        If a name cannot be written, or a column is no column of the contract.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for feature, column in features.items():
        if not _NAME.fullmatch(feature):
            raise InvalidArgument(
                f"input {feature!r} cannot be guarded: its name has , = or quotes"
            )
        if column and column not in document.columns:
            raise InvalidArgument(f"input {feature!r} is {column!r}, which is no declared column")
        ranges[feature] = _range(document.columns[column]) if column else (-_INF, _INF)
    for feature, vocabulary in (codes or {}).items():
        ranges[feature] = (0, len(vocabulary) - 1)
    guards = document.guards
    parameters = {
        "guard_missing": guards.missing,
        "guard_range": guards.range,
        "guard_new_category": guards.new_category,
        "guard_ranges": _listed(ranges),
        "guard_values": ",".join(f"{n}={v!r}" for n, v in guards.values.items() if n in ranges),
    }
    return {key: value for key, value in parameters.items() if value and value != "pass"}


def _range(column: Column) -> tuple[float, float]:
    """Return what a column may be; the door refuses only what is fail or quarantine here."""
    if not _NUMERIC.fullmatch(column.type):
        return (-_INF, _INF)
    least, most = (-_MOST, _MOST) if _refused(column, "finite") and column.finite else (-_INF, _INF)
    if isinstance(column.min, int | float) and _refused(column, "min"):
        least = float(column.min)
    if isinstance(column.max, int | float) and _refused(column, "max"):
        most = float(column.max)
    return least, most


def _refused(column: Column, rule: str) -> bool:
    return column.severities.get(rule, column.severity) != "warn"


def _listed(ranges: Mapping[str, tuple[float, float]]) -> str:
    return ",".join(f"{name}={least:.9g}:{most:.9g}" for name, (least, most) in ranges.items())


def config_text(parameters: Mapping[str, str]) -> str:
    """Write parameters as `config.pbtxt` has them, to be added to a model's own.

    >>> print(config_text({"guard_range": "reject"}), end="")
    parameters { key: "guard_range" value: { string_value: "reject" } }
    """
    lines = []
    for key, value in parameters.items():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'parameters {{ key: "{key}" value: {{ string_value: "{quoted}" }} }}\n')
    return "".join(lines)
