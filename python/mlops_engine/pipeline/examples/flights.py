"""The hook of `flights.toml`: the tables as its plan reads them, with instants and the label.

What is known when is not said here but in `flights_features.toml`.
"""

from __future__ import annotations

import polars as pl

from mlops_engine.pipeline.stage import Context, Facts
from mlops_engine.pipeline.stages.ingest import read_sources, write_tables
from mlops_engine.train import dataset


def ingest(context: Context) -> Facts:
    """Read the files, and add what is a matter of reading them right."""
    raw = read_sources(context)
    tables = dataset.Tables(
        dataset.typed_flights(raw["flights"]),
        dataset.typed_weather(raw["weather"]),
        raw["airports"]
        .select("faa", "lat", "lon")
        .rename({"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"}),
        tuple(sorted(raw["airlines"]["carrier"])),
    )
    dataset.check_tables(tables, context.section("ingest").options.get("flights"))
    flights = tables.flights.with_columns(
        # The timetable's, so that it is known long before.
        hour_departures=pl.len().over("origin", "time_hour").cast(pl.Int64),
        carrier_name=pl.col("carrier"),
        origin_name=pl.col("origin"),
    )
    return write_tables(
        context,
        {"flights": flights, "weather": tables.weather, "airports": tables.airports},
    )
