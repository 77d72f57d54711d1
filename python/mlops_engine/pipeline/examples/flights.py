"""The hook of `flights.toml`: features as they were known an hour before departure."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from mlops_engine.pipeline.stage import Context, Facts
from mlops_engine.pipeline.stages.features import write_rows
from mlops_engine.pipeline.stages.ingest import tables_of
from mlops_engine.train import dataset
from mlops_engine.train import features as known

LABEL_AFTER = timedelta(hours=10)  # of the longest flight, and two hours


def features(context: Context) -> Facts:
    """Join as of the decision instant; a feature known later is refused."""
    raw = tables_of(context)
    tables = dataset.Tables(
        dataset.typed_flights(raw["flights"]),
        dataset.typed_weather(raw["weather"]),
        raw["airports"]
        .select("faa", "lat", "lon")
        .rename({"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"}),
        tuple(sorted(raw["airlines"]["carrier"])),
    )
    dataset.check_tables(tables)
    declared = known.declare(tables.carriers)
    joined = known.join(tables)
    # A training as of an instant in the past sees what had its label by then.
    until = context.section("features").options.get("known_until")
    if until is not None:
        instant = datetime.fromisoformat(until)
        joined = joined.filter(pl.col("departed_at") + LABEL_AFTER < instant)
    columns = joined.select(f.column.cast(pl.Float32).alias(f.name) for f in declared)
    names = pl.col("carrier").alias("carrier_name"), pl.col("origin").alias("origin_name")
    beside = joined.select("late", "scheduled_at", *names, "dest", "month", "arr_delay")
    return write_rows(
        context,
        columns.hstack(beside),
        [
            {
                "name": f.name,
                "unit": f.unit,
                "known_before_minutes": int(f.known_before.total_seconds() // 60),
                **({"vocabulary": list(f.vocabulary)} if f.vocabulary else {}),
            }
            for f in declared
        ],
    )
