"""The real data, read and joined once per session."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from mlops_engine.train import dataset, pipeline, source
from mlops_engine.train.progress import Progress


@pytest.fixture(scope="session")
def flights_source() -> source.Source:
    return source.locate()


@pytest.fixture(scope="session")
def tables(flights_source: source.Source) -> dataset.Tables:
    return dataset.read_tables(flights_source)


@pytest.fixture(scope="session")
def prepared(flights_source: source.Source) -> pipeline.Prepared:
    return pipeline.prepare(flights_source, Progress(io.StringIO()))
