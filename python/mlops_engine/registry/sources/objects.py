"""S3-compatible storage (and what else obstore knows) laid out as `catalog.py` says or as Triton's.

obstore is imported when a source is made: the extra `registry` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable

from .. import catalog
from ..address import Selector
from ..manifest import FILES_MAX
from ..names import check_model_name
from ..source import Body, RemoteFile, Version, select

CHUNK_BYTES = 1 << 20
RETRIES = {"max_retries": 2}


class ObjectBody:
    """An object's bytes, chunk by chunk."""

    def __init__(self, chunks: Iterator[Any], start: int, where: str) -> None:
        self.start = start
        self._chunks, self._where = chunks, where
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end."""
        if not self._rest:
            try:
                self._rest = memoryview(next(self._chunks, b""))
            except Exception as error:
                raise _translated(error, self._where) from error
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Drop the stream."""
        self._chunks = iter(())


class ObjectSource:
    """A registry in a bucket. Thread-safe.

    Parameters
    ----------
    url
        `s3://bucket/prefix`.
    options
        As obstore's `S3Store` takes them: `endpoint`, `region`, `access_key_id`,
        `secret_access_key`, `session_token` … What is missing is looked for as its SDK does.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        try:
            from obstore.store import from_url
        except ImportError as error:
            raise InvalidArgument(
                "object stores need obstore; install it with: pip install 'mlops-engine[registry]'"
            ) from error
        config = dict(options or {})
        if str(config.get("endpoint", "")).startswith("http://"):
            config.setdefault("client_options", {"allow_http": True})
        try:
            make: Any = from_url
            self._store: Any = make(url, retry_config=RETRIES, **config)
        except Exception as error:
            raise InvalidArgument(f"{url}: {error}") from error
        self._url = url.rstrip("/")

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        return self._url

    def find(self, model: str, selector: Selector) -> Version:
        """Find a version by the model's index, or among its folders if it has none."""
        return select(model, selector, self.versions(model))

    def versions(self, model: str) -> Sequence[Version]:
        """List all versions of a model."""
        path = f"{check_model_name(model)}/{catalog.NAME}"
        try:
            data = self.read(path, catalog.BYTES_MAX)
        except NotFound:
            return self._folders(model)
        return catalog.decode(data, f"{self._url}/{model}").listed(model, model)

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List the objects of a version."""
        prefix = f"{version.locator}/"
        found = []
        for meta in self._list(prefix):
            path, size = str(meta["path"]), int(meta["size"])
            found.append(RemoteFile(path.removeprefix(prefix), size, locator=path))
        return found

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read an object from `offset` on."""
        return self._open(file.locator, offset)

    def read(self, path: str, bytes_max: int) -> bytes:
        """Read a small object.

        Raises
        ------
        InvalidArgument
            If it is larger than `bytes_max`.
        """
        return self.read_tagged(path, bytes_max)[0]

    def read_tagged(self, path: str, bytes_max: int) -> tuple[bytes, str]:
        """Read a small object, and the tag that changes with it; errors as of `read`."""
        import obstore

        where = f"{self._url}/{path}"
        try:
            found = obstore.get(self._store, path)
            if int(found.meta["size"]) <= bytes_max:
                return bytes(found.bytes()), str(found.meta["e_tag"])
        except Exception as error:
            raise _translated(error, where) from error
        raise InvalidArgument(f"{where} is larger than {bytes_max} bytes")

    def write(self, path: str, data: bytes | Path, mode: Any = None) -> None:
        """Write an object; with a mode only if it is not there, or has still this tag.

        Raises
        ------
        AlreadyExists
            If that is not so.
        """
        import obstore

        try:
            obstore.put(self._store, path, data, **({} if mode is None else {"mode": mode}))
        except Exception as error:
            raise _translated(error, f"{self._url}/{path}") from error

    def folders(self, model: str) -> set[str]:
        """List the numbers that have objects, whole or not."""
        numbers = set()
        for meta in self._list(f"{model}/"):
            number, below, _ = str(meta["path"]).removeprefix(f"{model}/").partition("/")
            if below and number.isdecimal() and number.isascii() and int(number) > 0:
                numbers.add(number)
        return numbers

    def has_model(self, model: str, number: str) -> bool:
        """Whether a folder has a graph, so that it is a version without any index."""
        prefix = f"{model}/{number}/"
        return any(str(meta["path"]) == f"{prefix}model.onnx" for meta in self._list(prefix))

    def _open(self, path: str, offset: int) -> ObjectBody:
        import obstore

        options: Any = {"range": {"offset": offset}} if offset else {}
        where = f"{self._url}/{path}"
        try:
            found = obstore.get(self._store, path, options=options)
            stream = iter(found.stream(min_chunk_size=CHUNK_BYTES))
            return ObjectBody(stream, int(found.range[0]), where)
        except Exception as error:
            raise _translated(error, where) from error

    def _list(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        import obstore

        count = 0
        try:
            for page in obstore.list(self._store, prefix):
                count += len(page)
                if count > FILES_MAX:
                    raise InvalidArgument(f"{self._url}/{prefix} has more than {FILES_MAX} objects")
                yield from page
        except InvalidArgument:
            raise
        except Exception as error:
            raise _translated(error, f"{self._url}/{prefix}") from error

    def _folders(self, model: str) -> Sequence[Version]:
        numbers = self.folders(model)
        if not numbers:
            raise NotFound(f"{self._url} has no model {model!r}")
        return [Version(model, number, locator=f"{model}/{number}") for number in numbers]


def _translated(error: Exception, where: str) -> Exception:
    if isinstance(error, FileNotFoundError) or type(error).__name__ == "NotFoundError":
        return NotFound(f"{where} is not there")
    if type(error).__name__ in {"AlreadyExistsError", "PreconditionError"}:
        return AlreadyExists(f"{where} was written by another meanwhile")
    text = " ".join(str(error).split())[:500]
    # Credentials may be renewed and networks come back: all else can pass by itself.
    return Unavailable(f"{where}: {text}")
