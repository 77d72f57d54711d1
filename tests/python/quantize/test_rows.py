"""Rows that do not belong to the model are refused in words that name the mistake."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_engine.quantize import QuantizeError
from mlops_engine.quantize.rows import InputSpec, Rows, check, read

SPECS = [
    InputSpec("input_ids", np.dtype(np.int64), (None, None)),
    InputSpec("scores", np.dtype(np.float32), (None, 3)),
]


def good() -> dict[str, np.ndarray]:
    return {"input_ids": np.ones((4, 7), np.int64), "scores": np.ones((4, 3), np.float32)}


def test_good_rows_pass_and_doubles_are_narrowed() -> None:
    rows = check({**good(), "scores": np.ones((4, 3))}, SPECS, "rows")
    assert rows.arrays["scores"].dtype == np.float32
    assert len(rows) == 4


def with_nan() -> np.ndarray:
    scores = np.ones((4, 3), np.float32)
    scores[2, 1] = np.nan
    return scores


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_id": np.ones(4)}, "no input 'input_id'; did you mean 'input_ids'?"),
        ({"scores": None}, "input 'scores' of the model is missing"),
        ({"scores": np.ones((4, 2), np.float32)}, r"shape \[4, 2\], the model takes \[N, 3\]"),
        ({"scores": np.ones(4, np.float32)}, r"shape \[4\], the model takes"),
        ({"scores": np.ones((3, 3), np.float32)}, "different numbers of rows"),
        ({"scores": with_nan()}, "NaN or infinity in 1 of 4 rows, first in row 2"),
        ({"scores": np.full((4, 3), 1e39)}, "NaN or infinity"),
        ({"scores": np.full((4, 3), "a")}, "the model takes float32"),
        ({"input_ids": np.ones((4, 7))}, "is float64, the model takes int64"),
        ({"input_ids": np.full((4, 7), 2**63, np.uint64)}, "is uint64, the model takes int64"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_rows_are_refused(change: dict[str, np.ndarray | None], words: str) -> None:
    arrays = {k: v for k, v in {**good(), **change}.items() if v is not None}
    with pytest.raises(QuantizeError, match=words):
        check(arrays, SPECS, "rows")


def test_no_rows() -> None:
    empty = {name: array[:0] for name, array in good().items()}
    with pytest.raises(QuantizeError, match="there are no rows"):
        check(empty, SPECS, "rows")


def test_files(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", **good())
    assert set(read(tmp_path / "a.npz")) == {"input_ids", "scores"}
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    (tmp_path / "c.npy").write_bytes(b"")
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], object), allow_pickle=True)
    for name in ("b.npz", "c.npy", "d.npy"):
        with pytest.raises(QuantizeError, match="not a readable"):
            read(tmp_path / name)
    with pytest.raises(QuantizeError, match="there is no file"):
        read(tmp_path / "none.npz")


def test_split_takes_every_row_once() -> None:
    whole = Rows({"x": np.arange(10)})
    left, right = whole.split(0.25)
    assert sorted([*left.arrays["x"], *right.arrays["x"]]) == list(range(10))
    assert len(right) == 2
    with pytest.raises(QuantizeError, match="one row"):
        Rows({"x": np.arange(1)}).split(0.25)


def test_the_digest_tells_names_types_shapes_and_bytes_apart() -> None:
    x = np.arange(6, dtype=np.int32)
    digests = {
        Rows({"x": x}).digest(),
        Rows({"y": x}).digest(),
        Rows({"x": x.view(np.uint32)}).digest(),
        Rows({"x": x.reshape(2, 3)}).digest(),
        Rows({"x": x[::-1]}).digest(),
    }
    assert len(digests) == 5
