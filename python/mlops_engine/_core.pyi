"""Types of the compiled core. Private: import mlops_engine instead."""

from asyncio import Future as AsyncioFuture
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Buffer

class _SupportsArray(Protocol):
    def __array__(self) -> NDArray[Any]: ...

class _SupportsDLPack(Protocol):
    def __dlpack__(self) -> object: ...

_Input: TypeAlias = NDArray[Any] | np.generic | _SupportsArray | _SupportsDLPack | Buffer
_Parameter: TypeAlias = bool | int | float | str
_Outputs: TypeAlias = dict[str, NDArray[Any]]

__version__: str

class Engine:
    def __init__(
        self,
        *,
        lanes: int,
        queue_requests_max: int,
        slab_bytes_max: int,
        inline_run_us_max: int,
        tensor_bytes_max: int,
        ort_libraries: Sequence[str],
        cache_directory: str,
        response_cache_bytes: int,
        execution: dict[str, str],
    ) -> None: ...
    def infer(
        self,
        name: str,
        inputs: Mapping[str, _Input],
        *,
        version: int | None = None,
        outputs: Sequence[str] | None = None,
        parameters: Mapping[str, _Parameter] | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> _Outputs: ...
    def submit(
        self,
        name: str,
        inputs: Mapping[str, _Input],
        *,
        version: int | None = None,
        outputs: Sequence[str] | None = None,
        parameters: Mapping[str, _Parameter] | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> Future[_Outputs]: ...
    def infer_async(
        self,
        name: str,
        inputs: Mapping[str, _Input],
        *,
        version: int | None = None,
        outputs: Sequence[str] | None = None,
        parameters: Mapping[str, _Parameter] | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> AsyncioFuture[_Outputs]: ...
    def metrics(self) -> str: ...
    def _load(
        self,
        name: str,
        path: str,
        *,
        version: int,
        lanes: int,
        batch_rows_max: int,
        batch_delay_us_max: int,
        intra_op_threads: int,
        response_cache: bool,
        execution: dict[str, str],
        parameters: dict[str, str],
    ) -> None: ...
    def _flush_cache(self, name: str, version: int) -> None: ...
    def _load_echo(
        self,
        name: str,
        dtype: str,
        dims: Sequence[int],
        version: int = 1,
        lanes: int = 0,
        gate: Gate | None = None,
    ) -> None: ...
    def _load_repository(self, directory: str) -> None: ...
    def _unload(self, name: str, version: int) -> None: ...
    def _info(self, name: str, version: int) -> dict[str, Any]: ...
    def _models(self) -> list[dict[str, Any]]: ...
    def _stats(self) -> dict[str, Any]: ...
    def _ready(self) -> bool: ...
    def _route(self, model: str) -> dict[str, Any]: ...
    def _set_route(self, model: str, plan: tuple[Any, ...]) -> dict[str, Any]: ...
    def _clear_route(self, model: str) -> None: ...
    def _explain_route(self, model: str, unit: str) -> dict[str, Any]: ...
    def _closed(self) -> bool: ...
    def _drain(self, timeout: float | None) -> bool: ...
    def _wait_trials(self, timeout: float | None) -> bool: ...
    def _close(self, timeout: float | None) -> None: ...
    def _forget(self) -> None: ...
    def _drift_profile(self, name: str, version: int, seconds: float | None) -> bytes: ...
    def _feedback(self, name: str, items: Sequence[tuple[str, float]], kind: str) -> list[str]: ...
    def _quality(self, name: str, version: int, seconds: float | None) -> dict[str, Any]: ...
    def _drift_alerts(self, name: str, version: int, after: int) -> dict[str, Any]: ...
    def _drift_reset(self, name: str, version: int) -> None: ...
    def _drift_freeze(self, name: str, version: int) -> None: ...
    def _time_calls(self, name: str, inputs: dict[str, NDArray[Any]], repeats: int) -> int: ...

class CompletionQueue:
    def __init__(self, *, of_loop: bool) -> None: ...
    def fileno(self) -> int: ...
    def settle(self) -> None: ...
    def wait(self) -> bool: ...
    def close(self) -> None: ...
    def stop(self) -> None: ...

class Gate:
    def __init__(self) -> None: ...
    def close(self) -> None: ...
    def open(self) -> None: ...
    def wait_for_arrivals(self, count: int = 1) -> None: ...

class DriftProfile:
    """What normal is: bins, counts and quantiles of each stream. Immutable."""

    @staticmethod
    def build(
        columns: Sequence[tuple[str, str, int, str, bool, _Input, NDArray[np.bool_] | None]],
        *,
        bins: int,
        categories: int,
        segments: Sequence[tuple[int, Sequence[float], int]] = ...,
    ) -> DriftProfile:
        """Columns are (role, tensor, column, label, categorical, values, missing or None).

        Segments are (column, edges, how many categories).
        """

    def segments(self) -> list[str]: ...
    @staticmethod
    def from_bytes(data: bytes) -> DriftProfile: ...
    def to_bytes(self) -> bytes: ...
    @property
    def id(self) -> str: ...
    def streams(self) -> list[dict[str, Any]]: ...

class DriftWindow:
    """Rows counted against a profile; masses are its bins, then the seven masses of counts.h."""

    def __init__(self, profile: DriftProfile) -> None: ...
    @staticmethod
    def from_bytes(data: bytes) -> DriftWindow: ...
    def to_bytes(self) -> bytes: ...
    @property
    def profile(self) -> DriftProfile: ...
    def update_rows(self, rows: _Input) -> None:
        """Count rows of numbers, two-dimensional, one column for each stream."""

    def update_columns(self, columns: Sequence[tuple[_Input, NDArray[np.bool_] | None]]) -> None:
        """Count (values, missing or None) of each stream."""

    def counts(self) -> list[dict[str, Any]]: ...
    def merge(self, other: DriftWindow) -> None: ...
    def subtract(self, other: DriftWindow) -> None: ...
    def copy(self) -> DriftWindow: ...

class DriftJudge:
    """Alerts from tiles of counts; streams are (categorical, output, counts, edges, ..)."""

    def __init__(
        self,
        streams: Sequence[tuple[Any, ...]],
        *,
        average_run_rows: float = ...,
        margin: float = ...,
        effect_warning: float = ...,
        effect_critical: float = ...,
        fdr: float = ...,
        recovery_rows: int = ...,
        retrain_share: float = ...,
        retrain_rows: int = ...,
    ) -> None: ...
    def see(self, tile: Sequence[tuple[Any, ...]], seconds: float) -> list[dict[str, Any]]: ...
    def changed(self) -> list[int]: ...
    def active(self) -> list[dict[str, Any]]: ...
    def merge(self, other: DriftJudge) -> None: ...
    def e_value(self, stream: int) -> float: ...
    @property
    def rows(self) -> int: ...

def drift_compare_counts(
    categorical: bool,
    reference: NDArray[np.uint64],
    window: NDArray[np.uint64],
    reference_moments: tuple[int, float, float] = ...,
    window_moments: tuple[int, float, float] = ...,
    edges: NDArray[np.float32] = ...,
    quantiles: NDArray[np.float32] = ...,
    min: float = ...,
    max: float = ...,
) -> dict[str, Any]: ...
def drift_rate_interval(k: int, n: int, alpha: float = ...) -> tuple[float, float, float]: ...
def drift_likely_cause(
    before: tuple[Any, ...], now: tuple[Any, ...]
) -> tuple[str, float, float, float]: ...

class _Detector:
    def update(self, value: float) -> bool: ...
    def update_many(self, values: ArrayLike) -> NDArray[np.int64]: ...
    def verdicts(self, values: ArrayLike) -> NDArray[np.uint8]: ...
    def reset(self) -> None: ...
    @property
    def detected(self) -> bool: ...
    @property
    def warning(self) -> bool: ...

class Adwin(_Detector):
    def __init__(
        self,
        delta: float,
        clock: int,
        max_buckets: int,
        min_window_length: int,
        grace_period: int,
        /,
    ) -> None: ...
    @property
    def width(self) -> int: ...
    @property
    def mean(self) -> float: ...
    @property
    def variance(self) -> float: ...

class Kswin(_Detector):
    def __init__(
        self,
        alpha: float,
        window_size: int,
        stat_size: int,
        min_distance: float,
        seed: int,
        /,
    ) -> None: ...

class Stepd(_Detector):
    def __init__(
        self, alpha_drift: float, alpha_warning: float, window: int, two_sided: bool, /
    ) -> None: ...

class Ddm(_Detector):
    def __init__(
        self, warm_start: int, warning_threshold: float, drift_threshold: float, /
    ) -> None: ...

class Eddm(_Detector):
    def __init__(self, warm_start: int, alpha: float, beta: float, /) -> None: ...

class HddmA(_Detector):
    def __init__(
        self, drift_confidence: float, warning_confidence: float, two_sided: bool, /
    ) -> None: ...

class HddmW(_Detector):
    def __init__(
        self,
        drift_confidence: float,
        warning_confidence: float,
        lambda_: float,
        two_sided: bool,
        /,
    ) -> None: ...

class Ecdd(_Detector):
    def __init__(
        self,
        lambda_: float,
        average_run_length: int,
        warning_level: float,
        min_instances: int,
        /,
    ) -> None: ...

class PageHinkley(_Detector):
    def __init__(
        self, min_instances: int, delta: float, threshold: float, alpha: float, mode: str, /
    ) -> None: ...

class LabelJoin:
    def __init__(
        self,
        task: str,
        classes: int,
        bytes: int,
        keep: float,
        slot: float,
        slots: int,
        versions: int,
        seed: int,
        /,
    ) -> None: ...
    def predicted(
        self, id: str, score: float, predicted: int = 0, *, time: float, version: int = 1
    ) -> None: ...
    def label(self, id: str, label: float, *, time: float) -> str: ...
    def realised(self, version: int = 1, *, span: float) -> dict[str, Any]: ...
    def calibration_wealth(self, version: int = 1) -> float: ...
    def counts(self) -> dict[str, int]: ...

def use_for_submit(queue: CompletionQueue | None, future_class: type | None) -> None: ...
def cancel_pending(pending: object) -> None: ...
def ort_library_candidates(executable_dir: str) -> list[str]: ...
def raise_code(code: str, message: str | bytes) -> None: ...
