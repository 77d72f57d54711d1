"""Rows of real data, checked against the inputs of a model before anything is spent on them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import QuantizeError, near

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class InputSpec:
    """An input of a model.

    Attributes
    ----------
    dtype
        NumPy's type.
    shape
        None for a dimension that is free; the first is the rows.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Rows:
    """Arrays by input name with equally many rows."""

    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def batches(self, size: int) -> Iterator[dict[str, Array]]:
        """Yield feeds of `size` rows; the last one may have fewer."""
        for start in range(0, len(self), size):
            yield self.take(range(start, min(start + size, len(self))))

    def take(self, index: range | npt.NDArray[np.intp]) -> dict[str, Array]:
        """Return the rows of `index` as a feed."""
        where = np.asarray(index, dtype=np.intp)
        return {name: np.ascontiguousarray(array[where]) for name, array in self.arrays.items()}

    def trim(self, multiple: int, what: str) -> Rows:
        """Drop the last rows that do not fill a batch, for models whose batch size is fixed."""
        whole = len(self) - len(self) % multiple
        if whole == 0:
            raise QuantizeError(
                f"{what}: {len(self)} rows do not fill one batch of the model, which has {multiple}"
            )
        return Rows(self.take(range(whole)))

    def split(self, held_out: float) -> tuple[Rows, Rows]:
        """Part every n-th row off, at least one, so that both parts cover the whole file."""
        if len(self) < 2:
            raise QuantizeError("one row cannot both calibrate and judge; give --held-out, or more")
        step = max(2, round(1 / held_out))
        judged = np.arange(len(self)) % step == step - 1
        if not judged.any():
            judged[-1] = True
        return Rows(self.take(np.flatnonzero(~judged))), Rows(self.take(np.flatnonzero(judged)))

    def digest(self) -> str:
        """SHA-256 over names, types, shapes and bytes."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def read(path: Path) -> dict[str, Array]:
    """Read an .npz (arrays by input name) or an .npy (one array, under the name "").

    Pickled objects are refused: reading them would run what the file says.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise QuantizeError(f"there is no file {path}") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise QuantizeError(f"{path} is not a readable .npz or .npy file: {error}") from error


def check(arrays: Mapping[str, Array], inputs: list[InputSpec], what: str) -> Rows:
    """Bring arrays into the form of the model's inputs, or say what is wrong with them."""
    if list(arrays) == [""] and len(inputs) == 1:
        arrays = {inputs[0].name: arrays[""]}
    names = [spec.name for spec in inputs]
    for name in arrays:
        if name not in names:
            shown = repr(name) if name else "a bare array"
            raise QuantizeError(f"{what}: the model has no input {shown}{near(name, names)}")
    checked = {}
    for spec in inputs:
        if spec.name not in arrays:
            raise QuantizeError(f"{what}: input {spec.name!r} of the model is missing")
        checked[spec.name] = _fit(arrays[spec.name], spec, what)
    counts = {name: len(array) for name, array in checked.items()}
    if len(set(counts.values())) > 1:
        raise QuantizeError(f"{what}: the inputs have different numbers of rows: {counts}")
    if 0 in counts.values():
        raise QuantizeError(f"{what}: there are no rows")
    return Rows(checked)


def _fit(array: Array, spec: InputSpec, what: str) -> Array:
    wanted = ["N", *("?" if size is None else str(size) for size in spec.shape[1:])]
    if array.ndim != len(spec.shape) or any(
        size is not None and size != have
        for size, have in zip(spec.shape[1:], array.shape[1:], strict=True)
    ):
        raise QuantizeError(
            f"{what}: input {spec.name!r} has shape {list(array.shape)}, "
            f"the model takes [{', '.join(wanted)}]"
        )
    cast = array
    if array.dtype != spec.dtype:
        same_kind = np.can_cast(array.dtype, spec.dtype, casting="same_kind")
        cast = array.astype(spec.dtype) if same_kind and array.dtype.kind in "fiu" else array
        exact = array.dtype.kind == "f" or bool(np.array_equal(cast, array))
        if cast.dtype != spec.dtype or not exact:
            raise QuantizeError(
                f"{what}: input {spec.name!r} is {array.dtype}, the model takes {spec.dtype}"
            )
    if cast.dtype.kind == "f":
        finite = np.isfinite(cast).all(axis=tuple(range(1, cast.ndim)))
        if not finite.all():
            first = int(np.flatnonzero(~finite)[0])
            raise QuantizeError(
                f"{what}: input {spec.name!r} has NaN or infinity in {int((~finite).sum())} "
                f"of {len(cast)} rows, first in row {first}; a range cannot be found from them"
            )
    return cast
