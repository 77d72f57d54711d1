"""What can stop a run, and the exit status by which whoever started it can tell."""

from __future__ import annotations

import sqlite3

from mlops_engine.errors import (
    DeadlineExceeded,
    InvalidArgument,
    MlopsError,
    ResourceExhausted,
    Unavailable,
)

__all__ = [
    "DATA_INVALID",
    "GATE_FAILED",
    "INFRASTRUCTURE",
    "DataInvalidError",
    "GateFailedError",
    "status_of",
]

GATE_FAILED, DATA_INVALID, INFRASTRUCTURE, WRONG = 10, 20, 30, 1
# The disk, the network or another machine, not what was asked for: worth another try.
_PASSING = (Unavailable, DeadlineExceeded, ResourceExhausted, ConnectionError, TimeoutError)
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class DataInvalidError(MlopsError, ValueError):
    """The data is not what the contract says, and will not be when it is read again."""

    code = "data_invalid"


class GateFailedError(MlopsError):
    """The model was judged, and is not good enough to go on with."""

    code = "gate_failed"


def status_of(error: BaseException) -> int:
    """Return the exit status that a failure of a stage means: 10, 20, 30, or 1 for all others.

    >>> status_of(ConnectionResetError()), status_of(DataInvalidError()), status_of(KeyError())
    (30, 20, 1)
    """
    from mlops_engine.train.dataset import DataError
    from mlops_engine.train.export import ParityError

    if isinstance(error, GateFailedError | ParityError):
        return GATE_FAILED
    if isinstance(error, DataInvalidError | DataError):
        return DATA_INVALID
    if isinstance(error, InvalidArgument):
        return WRONG
    if isinstance(error, (*_PASSING, MemoryError, sqlite3.OperationalError)):
        return INFRASTRUCTURE
    if isinstance(error, OSError) and not isinstance(error, _LASTING):
        return INFRASTRUCTURE
    return WRONG
