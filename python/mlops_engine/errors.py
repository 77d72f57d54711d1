"""The nine ways in which the engine says no, as exceptions.

One status code of the core is one class here, one HTTP and one gRPC status of the server. Where
Python has a built-in exception of the same meaning, the class derives from it too, so that code
which does not know the engine handles its errors sensibly.

>>> import mlops_engine as me
>>> error = me.NotFound("no model 'x'")
>>> error.code, isinstance(error, LookupError)
('not_found', True)
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "DeadlineExceeded",
    "Internal",
    "InvalidArgument",
    "MlopsError",
    "NotFound",
    "ResourceExhausted",
    "Unavailable",
    "Unimplemented",
]


class MlopsError(Exception):
    """Base of everything that the engine raises on its own account.

    Attributes
    ----------
    code
        The status code's name, the same in C++, over HTTP and over gRPC.
    """

    code: ClassVar[str] = "unknown"


class InvalidArgument(MlopsError, ValueError):
    """The request or the file is wrong, and will stay wrong when tried again."""

    code = "invalid_argument"


class NotFound(MlopsError, LookupError):
    """There is no such model, version or file."""

    code = "not_found"


class AlreadyExists(MlopsError):
    """The name is taken; ask for another, or remove what has it."""

    code = "already_exists"


class Unavailable(MlopsError):
    """It exists but cannot serve now (loading, full, closed); try later or elsewhere."""

    code = "unavailable"


class ResourceExhausted(MlopsError):
    """A bound was reached (memory, size); try later, or with less."""

    code = "resource_exhausted"


class DeadlineExceeded(MlopsError, TimeoutError):
    """The request's `timeout` passed before its answer was there."""

    code = "deadline_exceeded"


class Cancelled(MlopsError):
    """The request was cancelled inside the engine.

    Cancelling a future raises the future's own ``CancelledError``, as for any other future.
    """

    code = "cancelled"


class Unimplemented(MlopsError, NotImplementedError):
    """Understood, but this build or this model cannot do it."""

    code = "unimplemented"


class Internal(MlopsError, RuntimeError):
    """A defect of the engine, or a failure inside the back end that runs the model."""

    code = "internal"
