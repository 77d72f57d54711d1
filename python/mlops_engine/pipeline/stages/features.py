"""Tables into rows: what the model sees, the answer, and what is kept beside for judging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.hashing import digest_file

from ..digests import frame_digest
from ..failures import DataInvalidError
from ..sections import Features
from ..stage import Context, Facts
from .ingest import file_of, tables_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["label_of", "matrix_of", "observe", "read_rows", "run", "write_rows"]

ROWS, COLUMNS = "rows.parquet", "columns.json"


def observe(context: Context) -> Any:
    """Digest the plan of the features."""
    settings: Features = context.section("features")
    return None if settings.plan is None else digest_file(_plan_file(context, settings)).sha256


def run(context: Context) -> Facts:
    """Build what the plan declares, or take the columns that the file names."""
    settings: Features = context.section("features")
    return _take(context, settings) if settings.plan is None else _build(context, settings)


def _build(context: Context, settings: Features) -> Facts:
    """Build the features as of each decision; what is not known by then is invalid data."""
    from mlops_engine.features import FeaturePlan, LeakError

    plan = FeaturePlan.from_toml(_plan_file(context, settings))
    tables = tables_of(context)
    beside = dict.fromkeys([settings.label, *filter(None, [settings.time]), *settings.keep])
    for column in beside:
        if column in plan.names:
            raise InvalidArgument(
                f"[features] {column!r} is the name of a feature, and of a column"
            )
    try:
        plan.refuse_leaks()
    except LeakError as error:
        raise DataInvalidError(f"feature plan {plan.document.name!r} leaks: {error}") from error
    frame = plan.build(tables, keys=list(beside))
    declared = [
        {
            "name": feature.name,
            "unit": feature.unit,
            "available_at": feature.available_at or plan.document.decision,
            **({"vocabulary": list(feature.vocabulary)} if feature.vocabulary else {}),
        }
        for feature in plan.features
    ]
    facts = write_rows(context, frame, declared)
    return {**facts, "plan": plan.digest}


def _plan_file(context: Context, settings: Features) -> Path:
    file = file_of(context, str(settings.plan))
    if not file.is_file():
        raise InvalidArgument(f"[features] there is no plan {file}")
    return file


def _take(context: Context, settings: Features) -> Facts:
    """Take the columns that the file names."""
    import polars as pl

    tables = tables_of(context)
    name = settings.table or (next(iter(tables)) if len(tables) == 1 else None)
    if name is None or name not in tables:
        raise InvalidArgument(f"[features] `table` must be one of {', '.join(tables)}")
    if not settings.columns:
        raise InvalidArgument("[features] names no `columns`")
    frame = tables[name]
    declared: list[dict[str, Any]] = []
    for column in settings.columns:
        words = settings.vocabularies.get(column)
        declared.append({"name": column, **({"vocabulary": words} if words else {})})
        if column not in frame.columns:
            raise DataInvalidError(f"table {name!r} has no column {column!r}")
        if words:
            code = pl.col(column).replace_strict(words, list(range(len(words))), default=None)
            frame = frame.with_columns(code.alias(column))
        elif not (frame[column].dtype.is_numeric() or frame[column].dtype == pl.Boolean):
            raise InvalidArgument(
                f"[features] {column!r} is no number: give its words in `vocabularies`"
            )
    return write_rows(context, frame, declared)


def write_rows(context: Context, frame: pl.DataFrame, declared: Sequence[dict[str, Any]]) -> Facts:
    """Write the rows that have an answer, in the order of time; for hooks too.

    Parameters
    ----------
    frame
        A column for each feature, numbers or null, and the label, time and what is to be kept.
    declared
        Of each feature `name`, and what else is known of it: `unit`, `vocabulary` ...
    """
    import polars as pl

    settings: Features = context.section("features")
    names = [each["name"] for each in declared]
    beside = [settings.label, *filter(None, [settings.time]), *settings.keep]
    missing = [name for name in (*names, *beside) if name not in frame.columns]
    if missing:
        raise DataInvalidError(f"there is no column {missing[0]!r}")
    labels = set(frame[settings.label].drop_nulls().cast(pl.Float64).unique())
    if labels != {0.0, 1.0}:
        raise DataInvalidError(f"the label {settings.label!r} has the values {sorted(labels)[:5]}")
    if settings.label in names:
        raise InvalidArgument(f"the label {settings.label!r} is among the features")
    kept = frame.filter(pl.col(settings.label).is_not_null())
    if settings.time is not None:
        kept = kept.sort(settings.time, maintain_order=True)
    features = [pl.col(n).cast(pl.Float32).fill_null(float("nan")) for n in names]
    others = [pl.col(n) for n in dict.fromkeys(beside) if n not in names]
    rows = kept.select(*features, *others)
    rows.write_parquet(context.out / ROWS)
    context.write_json(COLUMNS, list(declared))
    missing_share = np.isnan(rows.select(names).to_numpy()).mean(axis=0)
    context.progress.step(f"  {rows.height:,} rows with an answer, {len(names)} features")
    return {
        "rows": rows.height,
        "without_label": frame.height - kept.height,
        "features": names,
        "digest": f"sha256:{frame_digest(rows)}",
        "missing": {n: round(float(s), 6) for n, s in zip(names, missing_share, strict=True)},
    }


def read_rows(context: Context) -> pl.DataFrame:
    """Read what `write_rows` wrote."""
    import polars as pl

    return pl.read_parquet(context.inputs["features"] / ROWS)


def matrix_of(context: Context, rows: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Return the model's input: float32 `[rows, features]`, NaN where a value is missing."""
    names = context.facts["features"]["features"]
    return np.ascontiguousarray(rows.select(names).to_numpy(), dtype=np.float32)


def label_of(context: Context, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return the answers, 0 or 1."""
    import polars as pl

    settings: Features = context.section("features")
    return rows[settings.label].cast(pl.Float64).to_numpy()
