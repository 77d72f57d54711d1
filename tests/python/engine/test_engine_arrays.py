"""What goes in and what comes out: layouts, types, lifetimes, and exactly what is copied."""

from __future__ import annotations

import array
import gc
import sys
import weakref
from collections import OrderedDict, UserDict
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mlops_engine as me

pytestmark = pytest.mark.native

TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BF16": ml_dtypes.bfloat16,
}


@pytest.fixture(scope="module")
def anything() -> me.Engine:
    """Echo models of every type, named after it, for any shape up to rank 5."""
    engine = me.Engine(lanes=1)
    for name in [*TYPES, "BYTES"]:
        for rank in range(6):
            engine._load_echo(f"{name}{rank}", name, [-1] * rank)
    return engine


def ask(engine: me.Engine, name: str, value: Any) -> np.ndarray:
    return engine.infer(f"{name}{np.ndim(value)}", {"input": value})["output"]


def compacted(engine: me.Engine) -> int:
    return engine.stats()["copy_bytes"]["python_compact"]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_comes_back_bit_for_bit(anything: me.Engine, name: str) -> None:
    rng = np.random.default_rng(1)
    dtype = np.dtype(TYPES[name])
    bits = rng.integers(0, 256, (3, 5 * dtype.itemsize), dtype=np.uint8)
    value = (bits & 1).astype(np.bool_) if name == "BOOL" else bits.view(dtype)
    result = ask(anything, name, value)
    assert result.dtype == dtype
    assert result.tobytes() == value.tobytes()
    assert anything.model(f"{name}2").inputs[0].dtype == dtype


@pytest.mark.parametrize("name", ["long", "longlong", "ulong", "ulonglong", "intp"])
def test_c_types_of_one_size_are_one_type(anything: me.Engine, name: str) -> None:
    value = np.array([1, 2, 3], name)
    expected = "INT64" if value.dtype.kind == "i" else "UINT64"
    assert ask(anything, expected, value).tolist() == [1, 2, 3]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_layout_gives_the_same_numbers(anything: me.Engine, data: st.DataObject) -> None:
    """Shapes, orders, strides (negative and zero too) and byte orders: only values count."""
    name = data.draw(st.sampled_from([n for n in TYPES if n != "BF16"]))
    dtype = np.dtype(TYPES[name])
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
    value = data.draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype)))
    if data.draw(st.booleans()):
        value = value.astype(dtype.newbyteorder(">"))
    if data.draw(st.booleans()):
        value = np.asfortranarray(value)
    if value.ndim:
        axis = data.draw(st.integers(0, value.ndim - 1))
        step = data.draw(st.sampled_from([1, -1, 2, -2]))
        value = value[(slice(None),) * axis + (slice(None, None, step),)]
        value = value.transpose(data.draw(st.permutations(range(value.ndim))))
    if data.draw(st.booleans()):
        value = np.broadcast_to(value[..., None], (*value.shape, 2)) if value.ndim < 5 else value
    value = value.view()
    value.flags.writeable = False
    before = compacted(anything)
    result = ask(anything, name, value)
    dense = value.flags.c_contiguous and value.flags.aligned and value.dtype.isnative
    assert compacted(anything) - before == (0 if dense else value.nbytes)
    assert result.shape == value.shape
    assert result.dtype == dtype
    assert result.tobytes() == value.astype(dtype).tobytes()


def test_unaligned_memory_is_made_dense_once(anything: me.Engine) -> None:
    raw = np.zeros(4 * 8 + 1, np.uint8)
    value = raw[1:].view(np.float64)
    value[:] = [1, 2, 3, 4]
    assert not value.flags.aligned
    before = compacted(anything)
    assert ask(anything, "FP64", value).tolist() == [1, 2, 3, 4]
    assert compacted(anything) - before == 32


def test_values_are_never_converted(anything: me.Engine) -> None:
    for name, dtype in TYPES.items():
        wrong = np.zeros(2, np.float32 if dtype is not np.float32 else np.float64)
        with pytest.raises(me.InvalidArgument, match=rf"input.*{name}"):
            anything.infer(f"{name}1", {"input": wrong})


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ([1.0], "list"),
        ((1.0,), "tuple"),
        (1.0, "float"),
        (1, "int"),
        ("text", "str"),
        (b"text", "bytes"),
        (None, "NoneType"),
        (object(), "object"),
        (np.zeros(2, np.complex64), "complex64"),
        (np.zeros(2, np.longdouble), "longdouble|float128"),
        (np.zeros(2, "M8[s]"), "datetime64"),
        (np.zeros(2, "m8[s]"), "timedelta64"),
        (np.zeros(2, [("a", np.float32)]), r"\('a', '<f4'\)"),
        (np.zeros(2, "V4"), "V4"),
        (np.ma.masked_array([1.0, 2.0], [0, 1], np.float32), "masked"),
        (np.zeros((1,) * 17, np.float32), "17 dimensions"),
    ],
)
def test_what_is_no_tensor_is_refused_by_name(anything: me.Engine, value: Any, what: str) -> None:
    with pytest.raises(me.InvalidArgument, match=rf"input 'input' .*({what})"):
        anything.infer("FP321", {"input": value})


def test_other_libraries_arrays_are_taken_through_their_protocols(anything: me.Engine) -> None:
    expected = np.array([1, 2, 3], np.float32)

    class Arrayish:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return expected

    class Packed:
        def __dlpack__(self, **options: Any) -> Any:
            return expected.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return expected.__dlpack_device__()

    class Broken:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise RuntimeError("no such luck")

    values = [Arrayish(), Packed(), array.array("f", [1, 2, 3]), memoryview(expected)]
    for value in [*values, expected.view(np.recarray)]:
        result = anything.infer("FP321", {"input": value})["output"]
        assert result.tolist() == [1, 2, 3]
    assert ask(anything, "FP32", np.float32(7)).tolist() == 7
    with pytest.raises(RuntimeError, match="no such luck"):
        anything.infer("FP321", {"input": Broken()})


TEXTS = ["", "a", "naïve", "日本語", "\N{AIRPLANE DEPARTURE}", "x" * 300, "nul\0inside"]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_text_of_python_objects(anything: me.Engine, as_bytes: bool) -> None:
    encoded = [t.encode() for t in TEXTS]
    value = np.array(encoded if as_bytes else TEXTS, dtype=object)
    before = anything.stats()["copy_bytes"]["python_strings"]
    result = ask(anything, "BYTES", value)
    copied = anything.stats()["copy_bytes"]["python_strings"] - before
    assert result.dtype == object
    assert result.tolist() == encoded
    assert copied == sum(4 + len(e) for e in encoded)


def test_text_of_numpys_own_types(anything: me.Engine) -> None:
    texts = [["a", "naïve"], ["", "日本語"]]
    encoded = [[t.encode() for t in row] for row in texts]
    for value in (
        np.array(texts),
        np.array(texts).astype(">U5"),
        np.array(texts).T.copy().T,
        np.array(texts, dtype=object)[::-1][::-1],
        np.array(texts, dtype=np.dtypes.StringDType()),
        np.char.encode(np.array(texts), "utf-8"),
    ):
        assert ask(anything, "BYTES", value).tolist() == encoded


def test_text_without_elements(anything: me.Engine) -> None:
    assert ask(anything, "BYTES", np.zeros((0, 3), object)).shape == (0, 3)
    assert ask(anything, "BYTES", np.array("one", dtype=object)).tolist() == b"one"


@pytest.mark.parametrize(
    ("element", "what"), [(1, "int"), (None, "NoneType"), ("\ud800", "UTF-8"), (["a"], "list")]
)
def test_an_element_that_is_no_text(anything: me.Engine, element: Any, what: str) -> None:
    value = np.empty(2, object)
    value[:] = ["fine", None]
    value[1] = element
    with pytest.raises(me.InvalidArgument, match=rf"element 1 of input 'input' .*{what}"):
        ask(anything, "BYTES", value)


def test_results_are_read_only_and_outlive_the_engine(row: np.ndarray) -> None:
    with me.Engine(lanes=1) as engine:
        engine._load_echo("echo", "FP32", [-1, 4])
        result = engine.infer("echo", {"input": row})["output"]
        large = engine.infer("echo", {"input": np.ones((5000, 4), np.float32)})["output"]
    assert not result.flags.writeable
    assert not result.flags.owndata
    assert result.base is not None
    with pytest.raises(ValueError, match="read-only"):
        result += 1
    assert result.tolist() == row.tolist()
    assert large.sum() == 20000
    assert large.copy().flags.writeable


def test_nothing_holds_an_input_after_its_answer(echo: me.Engine) -> None:
    class Watched(np.ndarray):
        pass

    value = np.ones((1, 4), np.float32)
    watched = value.view(Watched)
    alive = weakref.ref(watched)
    count = sys.getrefcount(value)
    for _ in range(100):
        echo.infer("echo", {"input": value})
    assert sys.getrefcount(value) == count
    result = echo.infer("echo", {"input": watched})["output"]
    del watched
    assert alive() is None
    assert result.tolist() == value.tolist()


def test_refused_inputs_are_given_back(echo: me.Engine) -> None:
    value = np.ones((1, 4), np.float64)
    name = "".join(["in", "put"])
    counts = sys.getrefcount(value), sys.getrefcount(name)
    for _ in range(50):
        with pytest.raises(me.InvalidArgument):
            echo.infer("echo", {name: value})
        with pytest.raises(me.InvalidArgument):
            echo.infer("echo", {name: value, "other": [1]})
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(name)) == counts


def test_no_object_is_left_behind(echo: me.Engine, row: np.ndarray) -> None:
    def work() -> None:
        for _ in range(200):
            echo.infer("echo", {"input": row}, outputs=["output"], parameters={"a": 1, "b": "x"})

    work()
    gc.collect()
    before = sys.getallocatedblocks()
    work()
    gc.collect()
    assert sys.getallocatedblocks() - before < 20


def test_names_of_inputs_and_outputs(echo: me.Engine, row: np.ndarray) -> None:
    result = echo.infer("echo", OrderedDict(input=row), outputs=("output",))
    assert list(result) == ["output"]
    assert list(echo.infer(name="echo", inputs=UserDict(input=row))) == ["output"]
    for inputs in ({}, {"x": row}, {"input": row, "x": row}):
        with pytest.raises(me.InvalidArgument, match="input"):
            echo.infer("echo", inputs)
    with pytest.raises(me.InvalidArgument, match="nope"):
        echo.infer("echo", {"input": row}, outputs=["nope"])
    with pytest.raises(me.InvalidArgument, match="outputs is empty"):
        echo.infer("echo", {"input": row}, outputs=[])
    with pytest.raises(me.InvalidArgument, match="UTF-8"):
        echo.infer("echo", {"\ud800": row})


@pytest.mark.parametrize(
    ("args", "kwargs", "what"),
    [
        ((), {}, "name"),
        (("echo",), {}, "inputs"),
        (("echo", {}, 1), {}, "positional"),
        (("echo", {}), {"name": "echo"}, "two values for 'name'"),
        (("echo", {}), {"nope": 1}, "'nope'"),
        ((1, {}), {}, "str"),
        (("echo", []), {}, "dict"),
        (("echo", 1), {}, "dict"),
        (("echo", {1: 2}), {}, "str"),
        (("echo", {}), {"version": "1"}, "version"),
        (("echo", {}), {"version": True}, "version"),
        (("echo", {}), {"outputs": "output"}, "outputs"),
        (("echo", {}), {"outputs": [1]}, "outputs"),
        (("echo", {}), {"outputs": 1}, "outputs"),
        (("echo", {}), {"parameters": []}, "parameters"),
        (("echo", {}), {"parameters": {"a": []}}, "parameter"),
        (("echo", {}), {"parameters": {1: 1}}, "parameters"),
        (("echo", {}), {"timeout": "soon"}, "number|float"),
        (("echo", {}), {"request_id": 5}, "request_id"),
    ],
)
def test_arguments_of_a_wrong_kind(
    echo: me.Engine, args: tuple[Any, ...], kwargs: dict[str, Any], what: str
) -> None:
    for method in (echo.infer, echo.submit):
        with pytest.raises(TypeError, match=what):
            method(*args, **kwargs)


@pytest.mark.parametrize("version", [-1, 2**63, -(2**70)])
def test_versions_out_of_range(echo: me.Engine, row: np.ndarray, version: int) -> None:
    with pytest.raises(me.InvalidArgument, match="version"):
        echo.infer("echo", {"input": row}, version=version)


def test_parameters_of_every_kind(echo: me.Engine, row: np.ndarray) -> None:
    kinds = {"a": True, "b": -(2**63), "c": 2**64 - 1, "d": 1.5, "e": "text"}
    assert echo.infer("echo", {"input": row}, parameters=kinds, request_id="r1")
    for value in (2**64, -(2**63) - 1):
        with pytest.raises(me.InvalidArgument, match="64 bits"):
            echo.infer("echo", {"input": row}, parameters={"a": value})
