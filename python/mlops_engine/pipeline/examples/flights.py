"""The hook of `flights.toml`: the tables as its plan reads them, with instants and the label.

What is known when is not said here but in `flights_features.toml`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from mlops_engine.pipeline.stage import Context, Facts
from mlops_engine.pipeline.stages.ingest import read_sources, write_tables
from mlops_engine.train import dataset

LABEL_AFTER = timedelta(hours=10)  # of the longest flight, and two hours


def ingest(context: Context) -> Facts:
    """Read the files, and add what is a matter of reading them right."""
    raw, options = read_sources(context), context.section("ingest").options
    tables = dataset.Tables(
        dataset.typed_flights(raw["flights"]),
        dataset.typed_weather(raw["weather"]),
        raw["airports"]
        .select("faa", "lat", "lon")
        .rename({"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"}),
        tuple(sorted(raw["airlines"]["carrier"])),
    )
    dataset.check_tables(tables, options.get("flights"))
    flights = tables.flights.with_columns(
        # Of the timetable, so that it is known long before; cancelled flights are in it.
        hour_departures=pl.len().over("origin", "time_hour").cast(pl.Int64),
        carrier_name=pl.col("carrier"),
        origin_name=pl.col("origin"),
    )
    # A training as of an instant in the past sees what had its label by then.
    until = options.get("known_until")
    if until is not None:
        instant = datetime.fromisoformat(until)
        flights = flights.filter(pl.col("departed_at") + LABEL_AFTER < instant)
    return write_tables(
        context,
        {"flights": flights, "weather": tables.weather, "airports": tables.airports},
    )
