"""The engine as Python sees it: a typed, documented face over the compiled core."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from mlops_engine._native import core, onnxruntime_libraries
from mlops_engine.errors import NotFound
from mlops_engine.routing import Route, of_engine
from mlops_engine.tensor import ModelInfo

if TYPE_CHECKING:
    from mlops_engine.drift import Watch

__all__ = ["Engine"]


class Engine(core.Engine):
    """Loads models and runs them, batched and in parallel, in this process.

    Thread-safe. Use it as a context manager, or `close` it; what is left at the end of the program
    is closed then. Its threads do not follow ``os.fork()``: in the child the engine refuses every
    call (`Unavailable`); make another there. Sub-interpreters are not supported.

    Parameters
    ----------
    model_repository : path, optional
        A directory laid out as Triton's (``<model>/<version>/model.onnx``); the newest version of
        every model is loaded. A model that cannot be loaded raises; to go on without it, make the
        engine first and catch what `load_repository` raises.
    lanes : int, optional
        Concurrent executions per model version; by default as many as this process has cores.
    ort_library : path, optional
        The ONNX Runtime library to use. By default the one of the installed ``onnxruntime``
        package, without importing it.
    cache_directory : path, optional
        Where optimised graphs of models are kept, so that loading them the next time is faster and
        processes share their weights' memory. By default nowhere. Refused when other users could
        write there.
    cache : int, optional
        Bytes for answers that are kept, of the models that are loaded with ``cache=True`` or whose
        ``config.pbtxt`` says ``response_cache { enable: true }``; at least 65536. By default none
        are kept.
    execution : str, optional
        ``"auto"`` (the default) tries what there is and takes the fastest; ``"onnxruntime"``,
        ``"openvino"``, ``"trees"`` and ``"standard"`` say what runs the models.
    precision : str, optional
        ``"exact"`` (the default): answers differ by the rounding of sums only. ``"auto"``: by
        `accuracy_gate` at most, and BF16 is tried.
    accuracy_gate : float, optional
        Largest difference, as a share of the largest value of an output; 0.02 by default.
    execution_trial : str, optional
        ``"serving"`` (the default): a model serves at once, and what is faster takes over when it
        is found (`wait_trials`); ``"loading"``: it is found first.
    queue_requests_max : int
        Requests waiting per model version; more are refused (`Unavailable`).
    slab_bytes_max : int
        Bytes of memory for batches, for the whole engine.
    inline_run_us_max : int
        `infer_async` runs models faster than this many microseconds on the event loop's own thread
        when they are idle; 0 never does.
    tensor_bytes_max : int
        Bytes of one input at most; larger ones are refused (`InvalidArgument`).

    Raises
    ------
    MlopsError
        What `load_repository` raises, or `InvalidArgument` for an option out of range.

    Examples
    --------
    >>> import numpy as np
    >>> with Engine(lanes=1) as engine:
    ...     engine._load_echo("echo", "FP32", [-1, 2])  # or engine.load("flights", "model.onnx")
    ...     outputs = engine.infer("echo", {"input": np.ones((1, 2), np.float32)})
    >>> outputs["output"]
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        model_repository: str | os.PathLike[str] | None = None,
        *,
        lanes: int | None = None,
        ort_library: str | os.PathLike[str] | None = None,
        cache_directory: str | os.PathLike[str] | None = None,
        cache: int | None = None,
        execution: str | None = None,
        precision: str | None = None,
        accuracy_gate: float | None = None,
        execution_trial: str | None = None,
        queue_requests_max: int = 8192,
        slab_bytes_max: int = 2 << 30,
        inline_run_us_max: int = 250,
        tensor_bytes_max: int = 1 << 30,
    ) -> None:
        super().__init__(
            lanes=lanes or 0,
            queue_requests_max=queue_requests_max,
            slab_bytes_max=slab_bytes_max,
            inline_run_us_max=inline_run_us_max,
            tensor_bytes_max=tensor_bytes_max,
            ort_libraries=onnxruntime_libraries()
            if ort_library is None
            else [os.fspath(ort_library)],
            cache_directory="" if cache_directory is None else os.fspath(cache_directory),
            response_cache_bytes=cache or 0,
            execution=_wish(execution, precision, accuracy_gate, execution_trial),
        )
        _engines.add(self)
        if model_repository is not None:
            self.load_repository(model_repository)

    def load(
        self,
        name: str,
        path: str | os.PathLike[str],
        version: int = 1,
        *,
        lanes: int | None = None,
        batch_rows_max: int | None = None,
        batch_delay_us_max: int = 0,
        intra_op_threads: int = 1,
        cache: bool = False,
        execution: str | None = None,
        precision: str | None = None,
        accuracy_gate: float | None = None,
        execution_trial: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> ModelInfo:
        """Load, probe and warm an ONNX model, then serve it; blocks meanwhile.

        A version that fails is never visible. Loading a version that is served replaces it for new
        requests; the old one finishes what it has accepted.

        Parameters
        ----------
        name : str
            The name that requests use.
        path : path
            The ONNX file.
        version : int
            The version's number.
        lanes : int, optional
            Concurrent executions of this version; by default the engine's.
        batch_rows_max : int, optional
            Rows of one execution at most; by default 64 where the model can be batched. Requests
            are merged up to it, larger ones run in pieces.
        batch_delay_us_max : int
            Microseconds an idle lane may wait for more rows.
        intra_op_threads : int
            Threads inside one execution.
        cache : bool
            Keep its answers (the engine must have been made with ``cache``). Refused for a graph
            that draws random numbers.
        execution, precision, accuracy_gate, execution_trial : optional
            What executes this version; by default the engine's.
        parameters : mapping of str to str, optional
            What ``parameters`` of a ``config.pbtxt`` would say: ``drift`` and ``guard_*``
            (docs/drift.md), ``feedback`` (docs/feedback.md) and so on.

        Returns
        -------
        ModelInfo
            What was loaded.

        Raises
        ------
        NotFound
            No such file, or external data that it names is missing; or no ONNX Runtime.
        InvalidArgument
            The file is not a usable model.
        Unimplemented
            The model has inputs or outputs that are not tensors.
        """
        self._load(
            name,
            os.fspath(path),
            version=version,
            lanes=lanes or 0,
            batch_rows_max=batch_rows_max or 0,
            batch_delay_us_max=batch_delay_us_max,
            intra_op_threads=intra_op_threads,
            response_cache=cache,
            execution=_wish(execution, precision, accuracy_gate, execution_trial),
            parameters=dict(parameters or {}),
        )
        return self.model(name, version)

    def flush_cache(self, name: str, version: int | None = None) -> None:
        """Forget the answers that were kept of a version; by default of the one that answers.

        Raises
        ------
        NotFound
            It is not loaded.
        """
        self._flush_cache(name, -1 if version is None else version)

    def load_repository(self, directory: str | os.PathLike[str]) -> list[ModelInfo]:
        """Load the newest version of every model of a Triton-style directory.

        Returns
        -------
        list of ModelInfo
            All models that are now served.

        Raises
        ------
        MlopsError
            The first failure; the models that could be loaded are served all the same, and every
            failure is logged to the logger ``mlops_engine``.
        """
        self._load_repository(os.fspath(Path(directory)))
        return self.models()

    def unload(self, name: str, version: int | None = None) -> None:
        """Stop serving a version (or all of a model); blocks until accepted requests are answered.

        Raises
        ------
        NotFound
            It is not loaded.
        """
        versions = self.model(name).versions if version is None else (version,)
        for each in versions:
            self._unload(name, each)

    def model(self, name: str, version: int | None = None) -> ModelInfo:
        """Describe a version: its signature, and how it is batched. `NotFound` if there is none."""
        return ModelInfo._from_core(self._info(name, -1 if version is None else version))

    signature = model

    def models(self) -> list[ModelInfo]:
        """Describe every version that is served."""
        return [ModelInfo._from_core(fields) for fields in self._models()]

    @property
    def ready(self) -> bool:
        """Whether every version that was asked for is loaded, and the engine takes requests."""
        return self._ready()

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._closed()

    def stats(self, name: str | None = None, version: int | None = None) -> dict[str, Any]:
        """Return what the engine counted since it was made.

        Parameters
        ----------
        name : str, optional
            One model; by default the whole engine.
        version : int, optional
            One of its versions; by default the newest.

        Returns
        -------
        dict
            For a model: requests by outcome (``success``, ``failure`` by code), ``inferences``
            (rows), ``executions``, ``inline_executions``, ``mean_batch_rows``, ``queued`` now,
            ``cache_hits`` (of which ``cache_shared`` waited for an equal request),
            ``cache_misses`` (of which ``cache_partial`` found some rows), ``cache_row_hits``,
            ``cache_row_misses``, and latency summaries ``request``, ``queue``, ``input``,
            ``infer``, ``output`` with ``count`` and microseconds ``mean_us``, ``p50_us``,
            ``p90_us``, ``p99_us``, ``p999_us`` (quantiles are upper edges of buckets, within
            12.5 %). For the engine: ``models``, a list of those; ``copy_bytes`` by the place that
            copied; ``slab_bytes_in_use``;
            ``cache``, what is kept, None without one.

        Raises
        ------
        NotFound
            No such model or version.
        """
        everything = self._stats()
        if name is None:
            return everything
        candidates = [
            model
            for model in everything["models"]
            if model["name"] == name and version in (None, model["version"])
        ]
        if not candidates:
            raise NotFound(f"model '{name}' version {version} is not loaded")
        return max(candidates, key=lambda model: model["version"])

    def drift(self, name: str, version: int | None = None) -> Watch:
        """Return what is known of a version's rows: reports, windows, `reset`, `freeze`.

        A version is watched when a ``reference.profile`` lies beside its model file, or its
        ``config.pbtxt`` says so (docs/drift.md).

        Parameters
        ----------
        name : str
            The model.
        version : int, optional
            By default the version that requests without one get.

        Raises
        ------
        NotFound
            The version is not loaded, or not watched; raised by the first call that looks.
        """
        from mlops_engine.drift import Watch

        return Watch(_OwnVersion(self, name, version))

    def feedback(
        self,
        name: str,
        feedback: Mapping[str, float],
        *,
        kind: Literal["label", "correction", "reward"] = "label",
    ) -> dict[str, str]:
        """Say how predictions turned out, by the ids of the requests that they answered.

        The model's configuration must ask for it (parameter ``feedback``, docs/feedback.md).

        Parameters
        ----------
        name : str
            The model; whichever version answered.
        feedback : mapping
            From a ``request_id`` to the label: a class's number, or the number that was to be
            predicted. Row ``i`` of a request of several rows is called ``"id#i"``.
        kind : str
            ``"correction"`` takes the place of an earlier label, ``"reward"`` says what the
            prediction was worth.

        Returns
        -------
        dict
            What became of each: ``joined``, ``corrected`` or ``rewarded``; ``duplicated`` (there
            was one, which stays), ``late``, ``unknown``, ``inadmissible`` (none of the task's).

        Raises
        ------
        NotFound
            The model is not loaded, or its predictions are not remembered.
        """
        results = self._feedback(name, [(id, float(v)) for id, v in feedback.items()], kind)
        return dict(zip(feedback, results, strict=True))

    def wait_trials(self, timeout: float | None = None) -> bool:
        """Wait until no version that serves is being tried in another back end.

        From then on `ModelInfo.execution` says what was chosen, and answers do not change by the
        rounding of sums any more.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; no limit by default.

        Returns
        -------
        bool
            Whether all trials have ended.
        """
        return self._wait_trials(timeout)

    def route(self, name: str) -> Route:
        """Return a model's route: which version answers who asks for none.

        >>> with Engine(lanes=1) as engine:
        ...     engine._load_echo("flights", "FP32", [-1, 2])
        ...     _ = engine.route("flights").set(stable=1)
        ...     engine.route("flights").get()["stable"]
        1
        """
        return of_engine(self, name)

    def drain(self, timeout: float | None = None) -> bool:
        """Refuse new requests for good and wait for accepted ones.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; no limit by default.

        Returns
        -------
        bool
            Whether nothing was left.
        """
        return self._drain(timeout)

    def close(self, timeout: float | None = 10.0) -> None:
        """Drain for at most `timeout` seconds, fail what is still queued, and stop the lanes.

        Closing twice does nothing. Arrays that came from the engine stay valid.
        """
        self._close(timeout)
        aio = sys.modules.get("mlops_engine._aio")
        if aio is not None:
            aio.forget_closed_loops()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _OwnVersion:
    """A version of an engine of this process, as `Watch` reads it."""

    def __init__(self, engine: Engine, name: str, version: int | None) -> None:
        self._engine = engine
        self._which = (name, -1 if version is None else version)

    def profile(self, seconds: float | None) -> bytes:
        return self._engine._drift_profile(*self._which, seconds)

    def alerts(self, after: int) -> dict[str, Any]:
        return self._engine._drift_alerts(*self._which, after)

    def use_statistics(self, specs: list[tuple[str, int, list[str], int]]) -> None:
        self._engine._use_statistics(*self._which, specs)

    def statistics(self) -> list[tuple[str, int, list[float], bool]]:
        return self._engine._user_statistics(*self._which)

    def quality(self, seconds: float | None) -> dict[str, Any]:
        return self._engine._quality(*self._which, seconds)

    def change(self, how: Literal["reset", "freeze"]) -> None:
        engine = self._engine
        (engine._drift_reset if how == "reset" else engine._drift_freeze)(*self._which)


def _wish(
    execution: str | None, precision: str | None, gate: float | None, trial: str | None
) -> dict[str, str]:
    words = {
        "execution": execution,
        "precision": precision,
        "accuracy_gate": None if gate is None else repr(float(gate)),
        "execution_trial": trial,
    }
    return {name: word for name, word in words.items() if word is not None}


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _close_all() -> None:
    """Join every lane before the interpreter goes, then the thread that settles futures."""
    for engine in list(_engines):
        engine.close(timeout=0)
    futures = sys.modules.get("mlops_engine._futures")
    if futures is not None:
        futures.stop()


def _forget_all() -> None:
    for engine in list(_engines):
        engine._forget()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
