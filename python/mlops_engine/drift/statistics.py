"""Statistics of your own, run where rows are counted: compiled, without the GIL, summed over lanes.

    @me.drift.statistic(size=2, streams=["distance", "delay"])
    def fast_and_late(x, state):        # x: float32 [rows, 2]; state: float64 [2], begins as 0
        for row in range(x.shape[0]):
            if x[row, 0] < 500 and x[row, 1] > 60:
                state[0] += 1
                state[1] += x[row, 1]

    engine.drift("flights").use_statistics([fast_and_late])

What a statistic makes of rows has to add up: states of lanes, windows and replicas are summed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Statistic", "StatisticValue", "statistic"]

Spec = tuple[str, int, list[str], int]


class Statistic:
    """A compiled function that sees rows as they are counted.

    Parameters
    ----------
    name
        What its value is called.
    function
        ``void(const float* values, int64 rows, int64 columns, double* state)``: a function pointer
        of ctypes, or what has an ``address`` (``numba.cfunc``). It runs on the threads that run
        models, on several at once: it must not throw, block or keep the pointers. By writing to
        ``state[size]`` it says that it failed; what it made of these rows is undone then, and that
        lane does not call it again.
    size
        Numbers of its state, 1 to 4,096.
    streams
        Which columns it is given, in this order; by default all of the reference. Missing values
        are NaN, categories are codes (256 and 257: rare ones, new ones).
    """

    __slots__ = ("_address", "function", "name", "size", "streams")

    def __init__(
        self, name: str, function: Any, *, size: int = 1, streams: Iterable[str] = ()
    ) -> None:
        self.name = name
        self.function = function
        self.size = size
        self.streams = list(streams)
        self._address = _address(function)

    def spec(self) -> Spec:
        """Return what the core takes."""
        return self.name, self._address, self.streams, self.size

    def __repr__(self) -> str:
        return f"Statistic({self.name!r}, size={self.size}, streams={self.streams})"


@dataclass(frozen=True, slots=True)
class StatisticValue:
    """What a statistic made of the rows since it was registered or reset.

    Attributes
    ----------
    rows
        Rows that it has seen.
    state
        Its numbers, summed.
    stopped
        It failed on some lane, and does not see that lane's rows any more.
    """

    rows: int
    state: np.ndarray[Any, Any]
    stopped: bool


def statistic(
    *, size: int = 1, streams: Iterable[str] = (), name: str | None = None
) -> Callable[[Callable[[Any, Any], None]], Statistic]:
    """Compile a function of ``(x, state)`` with Numba, and return it as a `Statistic`.

    ``x`` is a float32 array ``[rows, columns]``, ``state`` a float64 array ``[size]``. Indices are
    checked. An exception stops the statistic and nothing else.

    Raises
    ------
    ImportError
        If Numba is not installed (``pip install mlops-engine[numba]``).
    """

    def compiled(function: Callable[[Any, Any], None]) -> Statistic:
        called = name or function.__name__
        return Statistic(called, _compiled(function, size), size=size, streams=streams)

    return compiled


def _compiled(function: Callable[[Any, Any], None], size: int) -> Any:
    numba: Any = import_module("numba")  # has types of its own, for a part of it
    types = numba.types
    body = numba.njit(nogil=True, boundscheck=True)(function)
    pointer = types.CPointer
    signature = types.void(pointer(types.float32), types.int64, types.int64, pointer(types.float64))

    # Numba writes an exception that leaves a cfunc to stderr, and waits for the GIL to do so.
    def guarded(values: Any, rows: int, columns: int, state: Any) -> None:
        try:
            body(numba.carray(values, (rows, columns)), numba.carray(state, (size,)))
        except Exception:
            state[size] = 0.0

    return numba.cfunc(signature)(guarded)


def _address(function: Any) -> int:
    address = getattr(function, "address", None)
    if isinstance(address, int) and address > 0:
        return address
    if isinstance(function, ctypes._CFuncPtr):  # type: ignore[attr-defined]
        pointer = ctypes.cast(function, ctypes.c_void_p).value
        if pointer:
            return pointer
    raise InvalidArgument(
        "a statistic is a function pointer of ctypes, or has an address as numba.cfunc does"
    )


def values_of(made: Sequence[tuple[str, int, list[float], bool]]) -> dict[str, StatisticValue]:
    """Return what the core says, by name."""
    import numpy as np

    return {
        name: StatisticValue(rows, np.array(state), stopped) for name, rows, state, stopped in made
    }
