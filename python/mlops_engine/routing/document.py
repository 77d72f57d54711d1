"""Routes as dictionaries, the same as the server's JSON, and how shares are written in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from mlops_engine.errors import InvalidArgument

__all__ = ["Document", "arm_list", "plan_of", "shadow_list", "slots_of"]

Document: TypeAlias = dict[str, Any]
_SLOTS = 10_000
_FIELDS = ("header", "parameter", "request_id", "inputs")
_MEMBERS = {"model", "stable", "salt", "unit", "override", "arms", "rules", "shadows", "slots"}
_MEMBERS |= {"guard", "rolled_back"}


def slots_of(share: float, what: str) -> int:
    """Return a share as a number of slots; it must be from 0 to 1 in steps of 0.0001.

    >>> slots_of(0.05, "canary")
    500
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise InvalidArgument(f"route: {what!r} must be from 0 to 1 in steps of 0.0001")
    slots = round(share * _SLOTS)
    if abs(share * _SLOTS - slots) > 1e-6:
        raise InvalidArgument(f"route: {what!r} must be from 0 to 1 in steps of 0.0001")
    return slots


def arm_list(arms: Mapping[str, tuple[int, float]]) -> list[Document]:
    """Return the document's arms of ``name=(version, share)``."""
    made = []
    for name, arm in arms.items():
        if not isinstance(arm, Sequence) or len(arm) != 2:
            raise InvalidArgument(f"route: arm {name!r} must be (version, share)")
        made.append({"name": name, "version": arm[0], "share": arm[1]})
    return made


def shadow_list(shadows: Iterable[int | tuple[int, float]]) -> list[Document]:
    """Return the document's shadows of versions, or of ``(version, sample)``."""
    made = []
    for shadow in shadows:
        version, sample = (shadow, 1.0) if isinstance(shadow, int) else shadow
        made.append({"version": version, "sample": sample})
    return made


def _field(spec: Mapping[str, Any] | None, what: str) -> tuple[str, list[str]]:
    given = [name for name in _FIELDS if name in (spec or {})]
    if not spec:
        return "", []
    if len(given) != 1:
        raise InvalidArgument(f"route: {what} must say one of {', '.join(_FIELDS)}")
    value = spec[given[0]]
    if given[0] == "request_id":
        return "request_id", []
    names = [value] if isinstance(value, str) else list(value)
    return given[0], [name.lower() for name in names] if given[0] == "header" else names


def _runs(slots: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
    return [(owner, count) for owner, count in slots]


def _guard(guard: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    if guard is None:
        return None
    defaults = {"alpha": 0.01, "margin": 1.5, "warm_up": 50}
    defaults |= {"failures_in_a_row": 20, "automatic": True}
    defaults |= {"latency_tolerance": 0.0, "latency_slack_us": 50}
    unknown = guard.keys() - defaults - {"arm"}
    if unknown or "arm" not in guard:
        raise InvalidArgument("route: 'guard' needs 'arm', and may have " + ", ".join(defaults))
    return (guard["arm"], *({**defaults, **guard}[name] for name in defaults))


def plan_of(document: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the document as the compiled core takes it."""
    unknown = document.keys() - _MEMBERS - {"state"}
    if unknown or "stable" not in document:
        what = f"has no member {sorted(unknown)[0]!r}" if unknown else "needs 'stable'"
        raise InvalidArgument(f"route: it {what}")
    arms = [
        (arm["name"], arm["version"], slots_of(arm.get("share", 0), arm["name"]))
        for arm in document.get("arms", ())
    ]
    names = [name for name, _, _ in arms]
    rules = []
    for rule in document.get("rules", ()):
        shares = rule.get("shares", {})
        strangers = [name for name in shares if name not in names]
        if strangers:
            raise InvalidArgument(f"route: a rule names {strangers[0]!r}, which is no arm")
        given = [slots_of(shares.get(name, 0), name) for name in names]
        rules.append(
            (_field(rule, "a rule"), list(rule["in"]), given, _runs(rule.get("slots", ())))
        )
    shadows = [
        (shadow["version"], slots_of(shadow.get("sample", 1.0), "sample"))
        for shadow in document.get("shadows", ())
    ]
    return (
        document["stable"],
        document.get("salt", ""),
        _field(document.get("unit"), "the unit"),
        _field(document.get("override"), "the override"),
        arms,
        rules,
        shadows,
        _runs(document.get("slots", ())),
        _guard(document.get("guard")),
    )
