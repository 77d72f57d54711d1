"""What of a column can be counted: times, texts, images and embeddings as columns of numbers.

    extract = Extract({"departed": Timestamp(), "note": Text(), "vector": Embedding(vectors)})
    reference = Profile.from_columns(extract(rows), categorical=extract.categorical)
    window = Profile.like(reference).update(extract(more))

Columns without an extractor stay as they are. An extractor looks at one row at a time, so rows may
come in any order and in parts of any size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mlops_engine.errors import InvalidArgument

from .multivariate import PcaReconstruction

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Values = np.ndarray[Any, Any]
    Rows = Mapping[str, Any] | pl.DataFrame

__all__ = ["Category", "Embedding", "Extract", "Extractor", "Image", "Text", "Timestamp"]


class Extractor(Protocol):
    """Makes columns of one column.

    Attributes
    ----------
    categorical
        Which of what it makes are categories.
    """

    categorical: frozenset[str]

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return columns by what their names end in; an empty end is the column itself."""
        ...


class Extract:
    """Extractors by column.

    Parameters
    ----------
    extractors
        What `name` is replaced by: ``name.end`` for each end that its extractor gives.
    """

    def __init__(self, extractors: Mapping[str, Extractor]) -> None:
        self._extractors = dict(extractors)

    @property
    def categorical(self) -> list[str]:
        """Names of the columns that are categories, for `Profile.from_columns`."""
        return [
            _joined(name, end)
            for name, extractor in self._extractors.items()
            for end in sorted(extractor.categorical)
        ]

    def __call__(self, rows: Rows) -> dict[str, Any]:
        """Return all columns by name, those with an extractor replaced.

        Raises
        ------
        InvalidArgument
            If a column is not there, or not what its extractor takes.
        """
        columns = dict(rows) if isinstance(rows, Mapping) else {s.name: s for s in rows}
        absent = self._extractors.keys() - columns.keys()
        if absent:
            raise InvalidArgument(f"the rows lack {', '.join(sorted(absent))}")
        found: dict[str, Any] = {}
        for name, values in columns.items():
            extractor = self._extractors.get(name)
            if extractor is None:
                found[name] = values
                continue
            try:
                made = extractor(values)
            except (TypeError, ValueError) as error:
                raise InvalidArgument(f"'{name}': {error}") from None
            found.update({_joined(name, end): made[end] for end in made})
        return found


class Category:
    """Names as they are, or numbers that are codes, without surrounding blanks.

    Parameters
    ----------
    fold_case
        Whether ``JFK`` and ``jfk`` are the same.
    """

    categorical = frozenset({""})

    def __init__(self, *, fold_case: bool = False) -> None:
        self._fold_case = fold_case

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return one column of strings; what is null stays so."""
        import numpy as np

        texts = [None if _null(v) else str(v).strip() for v in _list(values)]
        if self._fold_case:
            texts = [None if text is None else text.casefold() for text in texts]
        return {"": np.array(texts, dtype=object)}


class Timestamp:
    """Hour of the day, day of the week (Monday is 0) and month (January is 1), as categories.

    Takes what NumPy takes as ``datetime64``, dates, and seconds since 1970. Time zones are the
    caller's: give times of the zone whose rhythm matters.
    """

    categorical = frozenset({"hour", "weekday", "month"})

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return three columns; of what is null NaN."""
        import numpy as np

        times = np.asarray(values)
        if times.dtype.kind in "fiu":
            seconds = times.astype(float)
            here = np.isfinite(seconds)
            whole = np.where(here, np.floor(np.where(here, seconds, 0)), 0).astype("datetime64[s]")
        else:
            whole = times.astype("datetime64[s]")
            here = ~np.isnat(whole)
            whole = np.where(here, whole, np.datetime64(0, "s"))
        days = whole.astype("datetime64[D]")
        parts = {
            "hour": (whole - days).astype(int) // 3600,
            "weekday": (days.astype(int) + 3) % 7,  # 1970 began on a Thursday
            "month": days.astype("datetime64[M]").astype(int) % 12 + 1,
        }
        return {name: np.where(here, part, np.nan) for name, part in parts.items()}


class Text:
    """How long texts are, and of what: characters, words, and shares of letters and of digits.

    A text that is null is missing everywhere; an empty one has no shares.
    """

    categorical = frozenset[str]()

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return four columns of numbers."""
        import numpy as np

        rows = np.full((4, len(values)), np.nan)
        for i, text in enumerate(_list(values)):
            if _null(text):
                continue
            if not isinstance(text, str):
                raise TypeError(f"row {i} is of {type(text).__name__}, not text")
            rows[:2, i] = len(text), len(text.split())
            if text:
                letters = sum(map(str.isalpha, text))
                rows[2:, i] = letters / len(text), sum(map(str.isdigit, text)) / len(text)
        return dict(zip(("characters", "words", "letters", "digits"), rows, strict=True))


class Image:
    """What a camera, a codec or a channel order that changed shows in.

    Takes decoded pixels: rows of ``[height, width]`` or ``[height, width, channels]``, all of one
    shape or not. Integers are divided by the greatest value of their type.
    """

    categorical = frozenset[str]()

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return brightness, contrast, sharpness, height, aspect, and each of three channels."""
        import numpy as np

        ends = ("brightness", "contrast", "sharpness", "height", "aspect", "red", "green", "blue")
        rows = np.full((len(ends), len(values)), np.nan)
        for i, value in enumerate(values):
            if value is not None:
                rows[:, i] = _image_row(np.asarray(value))
        return dict(zip(ends, rows, strict=True))


class Embedding:
    """How long vectors are, where they lie along the reference's main directions, and what is left.

    Parameters
    ----------
    reference
        Vectors ``[rows, dimensions]`` that are normal.
    components
        Directions, the most varied first.
    """

    categorical = frozenset[str]()

    def __init__(self, reference: Any, *, components: int = 8) -> None:
        vectors = _vectors(reference)
        self._pca = PcaReconstruction(vectors, variance=0.9)
        self._dimensions = vectors.shape[1]
        self._components = min(components, self._pca.components.shape[1])

    def __call__(self, values: Any) -> dict[str, Values]:
        """Return ``norm``, ``residual``, and ``pc0`` and on; of a vector with a NaN all NaN."""
        import numpy as np

        vectors = _vectors(values)
        if vectors.shape[1] != self._dimensions:
            raise ValueError(f"vectors of {vectors.shape[1]} dimensions, not {self._dimensions}")
        here = np.asarray(np.isfinite(vectors).all(axis=1))
        kept = np.where(here[:, None], vectors, 0)
        along = self._pca.scores(kept)[:, : self._components]
        found = {"norm": np.linalg.norm(kept, axis=1), "residual": self._pca.residuals(kept)}
        found.update({f"pc{i}": along[:, i] for i in range(self._components)})
        return {name: np.where(here, column, np.nan) for name, column in found.items()}


def _image_row(pixels: Values) -> Sequence[float]:
    import numpy as np

    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise ValueError(f"an array of shape {pixels.shape} is no image")
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    shades = pixels.astype(np.float32) / scale
    grey = shades if shades.ndim == 2 else shades.mean(axis=2)
    height, width = grey.shape
    steps = [np.abs(np.diff(grey, axis=axis)) for axis in (0, 1)]
    sharpness = [float(step.mean()) for step in steps if step.size]
    colour = shades.ndim == 3 and shades.shape[2] >= 3
    channels = shades.mean(axis=(0, 1))[:3] if colour else np.full(3, np.nan)
    basic = float(grey.mean()), float(grey.std()), sum(sharpness), height, width / height
    return (*basic, *map(float, channels))


def _vectors(values: Any) -> Values:
    import numpy as np

    rows = values.to_list() if hasattr(values, "to_list") else values
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError("embeddings are rows of equally many numbers")
    return matrix


def _list(values: Any) -> list[Any]:
    return values.to_list() if hasattr(values, "to_list") else list(values)


def _null(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124  NaN and NaT


def _joined(name: str, end: str) -> str:
    return f"{name}.{end}" if end else name
