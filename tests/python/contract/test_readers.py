"""One table, read from wherever it is kept."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from moto.server import ThreadedMotoServer

import mlops_engine as me
from mlops_engine.contract.readers import _shown, read_table

FRAME = pl.DataFrame({"carrier": ["AA", None, "UA"], "miles": [1, 2, 3], "share": [0.5, 1.5, None]})


@pytest.mark.parametrize(
    "name", ["x.parquet", "x.csv", "x.arrow", "x.feather", "x.ndjson", "x.CSV"]
)
def test_files_are_read_by_their_ending(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write = {
        "parquet": FRAME.write_parquet,
        "csv": FRAME.write_csv,
        "arrow": FRAME.write_ipc,
        "feather": FRAME.write_ipc,
        "ndjson": FRAME.write_ndjson,
    }
    write[path.suffix[1:].lower()](path)
    assert read_table(path).equals(FRAME)
    with pytest.raises(me.NotFound):
        read_table(tmp_path / f"no{name}")


def test_many_files_are_one_table(tmp_path: Path) -> None:
    FRAME.head(1).write_parquet(tmp_path / "a.parquet")
    FRAME.tail(2).write_parquet(tmp_path / "b.parquet")
    assert read_table(tmp_path / "*.parquet").equals(FRAME)


def test_what_is_not_of_its_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(me.InvalidArgument, match="parquet"):
        read_table(path)
    for address, said in (("x.xls", "no format"), ("sqlit://x/y.csv", "did you mean 'sqlite'")):
        with pytest.raises(me.InvalidArgument, match=said):
            read_table(address)


def test_a_database_is_asked_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (carrier TEXT, miles INTEGER, share REAL)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", FRAME.rows())
    connection.close()
    url = f"sqlite:///{path}"
    assert read_table(url, query="SELECT * FROM t").equals(FRAME)
    for query in ("DELETE FROM t RETURNING miles", "SELECT nothing FROM t", "gibberish"):
        with pytest.raises(me.InvalidArgument, match="query"):
            read_table(url, query=query)
    with pytest.raises(me.InvalidArgument, match="there is none"):
        read_table(url)
    with pytest.raises(me.NotFound):
        read_table("sqlite:///none.db", query="SELECT 1")
    with pytest.raises(me.InvalidArgument, match="for databases"):
        read_table("x.csv", query="SELECT 1")


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, Any]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    client: Any = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="data")
    body = io.BytesIO()
    FRAME.write_parquet(body)
    client.put_object(Bucket="data", Key="a folder/x.parquet", Body=body.getvalue())
    yield {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "key",
        "secret_access_key": "secret",
    }
    server.stop()


def test_an_object_is_read_from_its_store(store: dict[str, Any]) -> None:
    assert read_table("s3://data/a folder/x.parquet", store=store).equals(FRAME)
    assert read_table("s3://data/a%20folder/x.parquet", store=store).equals(FRAME)
    with pytest.raises(me.NotFound):
        read_table("s3://data/none.parquet", store=store)


def test_a_password_is_not_said() -> None:
    assert _shown("postgresql://user:hunter2@host/db?password=hunter2") == "postgresql://host/db"
    assert _shown("https://host/x.csv?token=hunter2") == "https://host/x.csv"
