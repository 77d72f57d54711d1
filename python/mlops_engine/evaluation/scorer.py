"""What is asked for scores: a model served by the real engine, in batches that stay in flight."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument

from .columns import Floats

if TYPE_CHECKING:
    from mlops_engine import Engine

__all__ = ["EngineScorer", "Scorer"]

Rows = npt.NDArray[np.float32]


class Scorer(Protocol):
    """Rows of features to one score a row."""

    def __call__(self, rows: Rows) -> Floats:
        """Return a score for each row."""
        ...


class EngineScorer:
    """Asks a served version, `batch` rows at a time and `in_flight` requests at once.

    Parameters
    ----------
    output, column
        Which output is the score, and which column of it; by default the last column of the only
        output of floats.
    """

    def __init__(
        self,
        engine: Engine,
        model: str,
        version: int | None = None,
        *,
        output: str | None = None,
        column: int = -1,
        batch: int = 256,
        in_flight: int = 4,
    ) -> None:
        info = engine.model(model, version)
        if len(info.inputs) != 1:
            raise InvalidArgument(f"{model} has {len(info.inputs)} inputs; rows are one matrix")
        scores = [o.name for o in info.outputs if o.datatype.startswith("FP")]
        if output is None and len(scores) != 1:
            raise InvalidArgument(f"{model} has the outputs {scores}; say which is the score")
        self._engine, self._model, self._version = engine, model, info.version
        self._input, self._dtype = info.inputs[0].name, info.inputs[0].dtype
        self._output, self._column = output or scores[0], column
        self._batch, self._in_flight = batch, in_flight

    def __call__(self, rows: Rows) -> Floats:
        """Return a score for each row."""
        scores = np.empty(len(rows), np.float64)
        waiting: deque[tuple[int, int, object]] = deque()
        for begin in range(0, len(rows), self._batch):
            part = np.ascontiguousarray(rows[begin : begin + self._batch], self._dtype)
            future = self._engine.submit(
                self._model, {self._input: part}, version=self._version, outputs=[self._output]
            )
            waiting.append((begin, len(part), future))
            if len(waiting) >= self._in_flight:
                self._take(waiting.popleft(), scores)
        while waiting:
            self._take(waiting.popleft(), scores)
        return scores

    def _take(self, sent: tuple[int, int, object], scores: Floats) -> None:
        begin, count, future = sent
        answer = np.asarray(future.result()[self._output], np.float64)  # type: ignore[attr-defined]
        scores[begin : begin + count] = answer.reshape(count, -1)[:, self._column]
