"""Suites of Pandera and Great Expectations, read as tables that a contract is made of.

Their files are read, not their libraries. What has no rule here is listed, never dropped silently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlops_engine.errors import InvalidArgument

__all__ = ["Imported", "from_great_expectations", "from_pandera"]

_BYTES_MAX = 16 << 20


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite says.

    Attributes
    ----------
    table
        For `Contract.from_toml`.
    left_out
        What has no rule of a contract, or not the same one, in the suite's words.
    """

    table: dict[str, Any]
    left_out: list[str]


def _load(source: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    path = Path(source)
    if path.stat().st_size > _BYTES_MAX:
        raise InvalidArgument(f"{path} has more than {_BYTES_MAX} bytes")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidArgument(f"{path} is no suite")
    return found


# By dtype of pandas and type names of Great Expectations.
_TYPES = {
    "object": "string", "str": "string", "string": "string", "String": "string",
    "int": "integer", "Int64": "integer", "float": "float", "bool": "boolean", "Boolean": "boolean",
    "date": "date", "Date": "date", "datetime64[ns]": "datetime", "datetime64[us]": "datetime",
    "datetime64[ns, UTC]": "instant", "datetime64[us, UTC]": "instant", "Datetime": "datetime",
    "Float64": "float64", "Float32": "float32", "category": "string", "string[python]": "string",
    "string[pyarrow]": "string",
}  # fmt: skip
_SAME = {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)} | {"float32", "float64"}


def _type(name: Any) -> str | None:
    text = str(name)
    if text in _SAME or text.lower() in _SAME:
        return text.lower()
    return _TYPES.get(text)


Put = Callable[[Mapping[str, Any]], dict[str, Any] | None]


def _strict(arguments: Mapping[str, Any], which: str) -> bool:
    return bool(arguments.get(f"strict_{which}"))


def _between(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    if _strict(arguments, "min") or _strict(arguments, "max"):
        return None
    found = {"min": arguments.get("min_value"), "max": arguments.get("max_value")}
    return {key: value for key, value in found.items() if value is not None}


def _lengths(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    exact = arguments.get("exact_value")
    if exact is not None:
        return {"length_min": exact, "length_max": exact}
    found = {"length_min": arguments.get("min_value"), "length_max": arguments.get("max_value")}
    return {key: value for key, value in found.items() if value is not None}


def _not_null(arguments: Mapping[str, Any]) -> dict[str, Any]:
    share = 1 - float(arguments.get("mostly", 1))
    return {"nullable": False} if share <= 0 else {"nullable": True, "null_share_max": share}


def _typed(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    found = _type(arguments.get("type_"))
    return None if found is None else {"type": found}


def _matching(arguments: Mapping[str, Any]) -> dict[str, Any]:
    # Theirs may match anywhere in the text, a contract's matches all of it.
    pattern = str(arguments["regex"])
    start = "" if pattern.startswith("^") else ".*"
    end = "" if pattern.endswith("$") else ".*"
    return {"regex": start + pattern.removeprefix("^").removesuffix("$") + end}


_EXPECTATIONS: dict[str, Put] = {
    "expect_column_to_exist": lambda _: {},
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": lambda a: {"enum": list(a["value_set"])},
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_unique": lambda _: {"unique": True},
    "expect_column_values_to_match_regex": _matching,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": lambda a: {
        "length_min": a["value"], "length_max": a["value"]
    },
    "expect_column_values_to_be_of_type": _typed,
}  # fmt: skip
_PARTLY = {"expect_column_values_to_not_be_null"}


def from_great_expectations(
    source: Mapping[str, Any] | str | Path, types: Mapping[str, str] | None = None
) -> Imported:
    """Read an expectation suite (1.x, or 0.x) as its store keeps it: JSON.

    Parameters
    ----------
    types
        Of columns of which the suite does not say it.

    Raises
    ------
    InvalidArgument
        If it is no suite, or says of a column nothing that a type could be read off.
    """
    suite = _load(source)
    columns: dict[str, dict[str, Any]] = {}
    table: dict[str, Any] = {"name": str(suite.get("name") or suite.get("expectation_suite_name"))}
    left_out: list[str] = []
    for each in suite.get("expectations") or ():
        kind, arguments = _expectation(each)
        if _whole(kind, arguments, table):
            continue
        column = arguments.get("column")
        put = _EXPECTATIONS.get(kind)
        partly = float(arguments.get("mostly") or 1) < 1 and kind not in _PARTLY
        try:
            rules = None if put is None or column is None or partly else put(arguments)
        except (KeyError, TypeError, ValueError):
            raise InvalidArgument(f"{kind} of {column!r} lacks something") from None
        if rules is None:
            left_out.append(f"{kind} of {column!r}" if column else kind)
            continue
        # Great Expectations looks at values that are there; null is allowed unless it is said.
        columns.setdefault(str(column), {"nullable": True, "severity": "fail"}).update(rules)
    for name, rules in columns.items():
        rules.setdefault("type", (types or {}).get(name) or _guessed(name, rules))
    return Imported(table={**table, "columns": columns}, left_out=left_out)


def _expectation(each: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(each, Mapping):
        kind = each.get("type") or each.get("expectation_type")
        arguments = each.get("kwargs")
        if isinstance(kind, str) and isinstance(arguments, Mapping):
            return kind, dict(arguments)
    raise InvalidArgument("an expectation has no type and kwargs")


def _whole(kind: str, arguments: Mapping[str, Any], table: dict[str, Any]) -> bool:
    """Take in an expectation of the table; whether it was one."""
    if kind == "expect_table_row_count_to_be_between":
        limits = {"rows_min": arguments.get("min_value"), "rows_max": arguments.get("max_value")}
        table["completeness"] = {k: v for k, v in limits.items() if v is not None}
    elif kind == "expect_compound_columns_to_be_unique":
        key = {"columns": list(arguments.get("column_list") or ()), "severity": "fail"}
        table.setdefault("unique", []).append(key)
    else:
        return False
    return True


def _guessed(name: str, rules: Mapping[str, Any]) -> str:
    values = [rules.get("min"), rules.get("max"), *(rules.get("enum") or ())[:1]]
    known = [value for value in values if value is not None]
    if "regex" in rules or "length_min" in rules or "length_max" in rules:
        return "string"
    if known and all(isinstance(value, str) for value in known):
        return "string" if rules.get("enum") else "instant"
    if known:
        return "number" if rules.get("enum") is None else "integer"
    raise InvalidArgument(f"the suite does not say of what type {name!r} is; pass types=")


def _pandera_range(which: str) -> Put:
    return lambda arguments: {which: arguments["value"]}


_CHECKS: dict[str, Put] = {
    "greater_than_or_equal_to": _pandera_range("min"),
    "less_than_or_equal_to": _pandera_range("max"),
    "in_range": lambda a: (
        {"min": a["min_value"], "max": a["max_value"]}
        if a.get("include_min", True) and a.get("include_max", True)
        else None
    ),
    "isin": lambda a: {"enum": list(a.get("allowed_values") or a["value"])},
    # Python's re.match: from the beginning, to wherever.
    "str_matches": lambda a: _matching({"regex": "^" + str(_one(a, "pattern")).removeprefix("^")}),
    "str_length": _lengths,
}


def _one(arguments: Mapping[str, Any], name: str) -> Any:
    return arguments[name] if name in arguments else arguments["value"]


def from_pandera(source: Mapping[str, Any] | str | Path, name: str = "pandera") -> Imported:
    """Read a schema as Pandera's `to_json` writes it.

    Raises
    ------
    InvalidArgument
        If it is no schema, or a column is of a type that a contract does not have.
    """
    schema = _load(source)
    given = schema.get("columns")
    if not isinstance(given, Mapping):
        raise InvalidArgument("the schema has no columns")
    left_out: list[str] = []
    columns: dict[str, dict[str, Any]] = {}
    for column, facts in given.items():
        if not isinstance(facts, Mapping) or facts.get("regex"):
            left_out.append(f"column {column!r}, which is a pattern of names")
            continue
        type_ = _type(facts.get("dtype"))
        if type_ is None:
            raise InvalidArgument(f"column {column!r} is of type {facts.get('dtype')!r}")
        rules: dict[str, Any] = {"type": type_, "severity": "fail"}
        rules["nullable"] = bool(facts.get("nullable"))
        rules["unique"] = bool(facts.get("unique"))
        rules["optional"] = not facts.get("required", True)
        for kind, arguments in _checks(facts, _FACTS):
            put = _CHECKS.get(kind)
            found = None if put is None else put(arguments)
            if found is None:
                left_out.append(f"{kind} of {column!r}")
            else:
                rules.update(found)
        columns[str(column)] = rules
    left_out += [f"{kind} of the table" for kind, _ in _checks(schema, _TABLE_FACTS)]
    table: dict[str, Any] = {"name": name, "columns": columns}
    table["other_columns"] = "fail" if schema.get("strict") is True else "allow"
    if schema.get("unique"):
        key = schema["unique"]
        table["unique"] = [
            {"columns": [key] if isinstance(key, str) else list(key), "severity": "fail"}
        ]
    return Imported(table=table, left_out=left_out)


# What Pandera says beside checks: of a column, of a table. Of those a contract has no use.
_FACTS = {"checks", "coerce", "default", "description", "dtype", "metadata", "nullable", "regex"}
_FACTS |= {"report_duplicates", "required", "title", "unique", "drop_invalid_rows"}
_TABLE_FACTS = {"add_missing_columns", "api", "columns", "name", "schema_type", "strict", "version"}
_TABLE_FACTS |= {"unique_column_names"} | (_FACTS - {"dtype"})


def _checks(facts: Mapping[str, Any], others: set[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return names and arguments, where 0.35 writes them and in the list of earlier versions."""
    pairs = [(key, value) for key, value in facts.items() if key not in others]
    listed = facts.get("checks") or {}
    if isinstance(listed, Mapping):
        pairs += listed.items()
    else:
        pairs += [(each.get("options", {}).get("check_name"), each) for each in listed]
    return [
        (str(kind), dict(value) if isinstance(value, Mapping) else {"value": value})
        for kind, value in pairs
        if value is not None and value is not False
    ]
