"""Every KServe element type, strings with their traps, and ranks 0 to 5."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np
from onnx import TensorProto
from zoo_graph import FLOAT, INT64, STRING, Arrays, Spec, model, node, tensor, value

KSERVE_TYPES: dict[str, tuple[int, np.dtype]] = {
    "BOOL": (TensorProto.BOOL, np.dtype(np.bool_)),
    "UINT8": (TensorProto.UINT8, np.dtype(np.uint8)),
    "UINT16": (TensorProto.UINT16, np.dtype(np.uint16)),
    "UINT32": (TensorProto.UINT32, np.dtype(np.uint32)),
    "UINT64": (TensorProto.UINT64, np.dtype(np.uint64)),
    "INT8": (TensorProto.INT8, np.dtype(np.int8)),
    "INT16": (TensorProto.INT16, np.dtype(np.int16)),
    "INT32": (TensorProto.INT32, np.dtype(np.int32)),
    "INT64": (TensorProto.INT64, np.dtype(np.int64)),
    "FP16": (TensorProto.FLOAT16, np.dtype(np.float16)),
    "FP32": (TensorProto.FLOAT, np.dtype(np.float32)),
    "FP64": (TensorProto.DOUBLE, np.dtype(np.float64)),
    "BF16": (TensorProto.BFLOAT16, np.dtype(ml_dtypes.bfloat16)),
    "BYTES": (TensorProto.STRING, np.dtype(object)),
}

WORDS = (
    "",
    "a",
    "JFK",
    "naïve",
    "日本語",
    "🛫 late",
    " spaced ",
    "x" * 300,
    'quo"te\\n',
    "tab\tline\n",
)


def words(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.array(WORDS, dtype=object)[rng.integers(0, len(WORDS), shape)]


def any_values(dtype: np.dtype, rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values over the whole range of a type, its extremes (and NaN, infinities) included."""
    if dtype.kind == "O":
        return words(rng, *shape)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        array = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        extremes = [info.min, info.max]
    else:
        array = rng.standard_normal(shape).astype(dtype)
        extremes = [np.nan, np.inf, -np.inf, -0.0]
    flat = array.reshape(-1)
    count = min(len(extremes), flat.size // 2)
    with np.errstate(invalid="ignore"):  # ml_dtypes casts NaN with a warning
        flat[:count] = np.array(extremes[:count]).astype(dtype)
    return array


def _typed(name: str) -> Spec:
    elem_type, dtype = KSERVE_TYPES[name]
    nodes = [
        node("Identity", ["x"], ["same"]),
        node("Concat", ["x", "x"], ["twice"], axis=1),
    ]
    graph = model(
        f"type_{name.lower()}",
        nodes,
        [value("x", elem_type, ["batch", 3])],
        [value("same", elem_type, ["batch", 3]), value("twice", elem_type, ["batch", 6])],
    )
    return Spec(
        f"type_{name.lower()}",
        graph,
        lambda rng, rows: {"x": any_values(dtype, rng, rows, 3)},
        rows=(0, 1, 2, 5),
        facts={"kserve_type": name},
    )


def _rank(rank: int) -> Spec:
    dims: list[int | str] = ["batch", 2, 3, 2, 4][:rank]  # type: ignore[list-item]
    graph = model(
        f"rank_{rank}",
        [node("Mul", ["x", "two"], ["m"]), node("Add", ["m", "one"], ["y"])],
        [value("x", FLOAT, dims)],
        [value("y", FLOAT, dims)],
        [tensor("two", 2, np.float32), tensor("one", 1, np.float32)],
    )

    def inputs(rng: np.random.Generator, rows: int) -> Arrays:
        shape = [rows if d == "batch" else int(d) for d in dims]
        return {"x": np.asarray(rng.standard_normal(shape), dtype=np.float32)}

    if rank == 0:
        return Spec("rank_0", graph, inputs, row_independent=False, batch_axis=None, rows=(1,))
    return Spec(f"rank_{rank}", graph, inputs, rows=(0, 1, 2, 5))


def _from_words(*shape: int | None) -> Callable[[np.random.Generator, int], Arrays]:
    return lambda rng, rows: {"x": words(rng, *(rows if d is None else d for d in shape))}


def _string_upper() -> Spec:
    # The default locale, en_US.UTF-8, does not exist on a bare Debian.
    graph = model(
        "string_upper",
        [node("StringNormalizer", ["x"], ["y"], case_change_action="UPPER", locale="C")],
        [value("x", STRING, ["batch"])],
        [value("y", STRING, ["batch"])],
    )
    return Spec("string_upper", graph, _from_words(None))


def _string_stopwords() -> Spec:
    """The number of output rows depends on the values: looks batchable, must not be batched."""
    stop = ["a", "JFK", "日本語"]
    graph = model(
        "string_stopwords",
        [node("StringNormalizer", ["x"], ["y"], stopwords=stop, is_case_sensitive=1, locale="C")],
        [value("x", STRING, ["batch"])],
        [value("y", STRING, ["kept"])],
    )
    return Spec(
        "string_stopwords", graph, _from_words(None), row_independent=False, batch_axis=None
    )


def _label_encoder() -> Spec:
    nodes = [
        node(
            "LabelEncoder",
            ["x"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["a", "JFK", "日本語"],
            values_int64s=[1, 2, 3],
            default_int64=-1,
        ),
        node(
            "LabelEncoder",
            ["code"],
            ["name"],
            domain="ai.onnx.ml",
            keys_int64s=[1, 2, 3],
            values_strings=["one", "zwei", "三"],
            default_string="?",
        ),
    ]
    graph = model(
        "label_encoder",
        nodes,
        [value("x", STRING, ["batch", 2])],
        [value("code", INT64, ["batch", 2]), value("name", STRING, ["batch", 2])],
    )
    return Spec("label_encoder", graph, _from_words(None, 2), rows=(0, 1, 2, 5))


def _string_concat() -> Spec:
    graph = model(
        "string_concat",
        [node("StringConcat", ["x", "x"], ["y"])],
        [value("x", STRING, ["batch", 2])],
        [value("y", STRING, ["batch", 2])],
        opset=20,
    )
    return Spec("string_concat", graph, _from_words(None, 2))


def _string_scalar() -> Spec:
    graph = model(
        "string_scalar",
        [node("Identity", ["x"], ["y"])],
        [value("x", STRING, [])],
        [value("y", STRING, [])],
    )

    def inputs(rng: np.random.Generator, rows: int) -> Arrays:
        return {"x": np.array(words(rng, 1)[0], dtype=object)}

    return Spec("string_scalar", graph, inputs, row_independent=False, batch_axis=None, rows=(1,))


def specs() -> list[Spec]:
    return [
        *(_typed(name) for name in KSERVE_TYPES),
        *(_rank(rank) for rank in range(6)),
        _string_upper(),
        _string_stopwords(),
        _label_encoder(),
        _string_concat(),
        _string_scalar(),
    ]
