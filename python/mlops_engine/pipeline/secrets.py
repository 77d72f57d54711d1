"""Secrets by reference, `secret://env/NAME` or `secret://file/PATH`; only that is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_engine.errors import InvalidArgument

__all__ = ["read_secret"]

PREFIX = "secret://"
BYTES_MAX = 1 << 20


def read_secret(reference: str, environ: Mapping[str, str], folder: Path) -> bytes:
    """Read what a reference means now: a secret that was replaced is read anew.

    Parameters
    ----------
    folder
        What a path without a leading slash is relative to.

    Raises
    ------
    InvalidArgument
        It is no reference, or leads to nothing. The message never has a secret in it.
    """
    if not reference.startswith(PREFIX):
        raise InvalidArgument("a secret is written as secret://env/NAME or secret://file/PATH")
    kind, _, name = reference[len(PREFIX) :].partition("/")
    if kind == "env":
        if name not in environ:
            raise InvalidArgument(f"{reference}: the environment has no such variable")
        return environ[name].encode()
    if kind == "file":
        path = folder / Path(name).expanduser()
        try:
            with path.open("rb") as file:
                data = file.read(BYTES_MAX + 1)
        except OSError as error:
            raise InvalidArgument(f"{reference}: {error.strerror}") from None
        if len(data) > BYTES_MAX:
            raise InvalidArgument(f"{reference}: larger than {BYTES_MAX} bytes")
        return data
    raise InvalidArgument(f"{PREFIX}{kind}: there is env and file")
