"""Extractors beside what others compute of the same rows, and rows that come in parts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from mlops_engine.drift import (
    Category,
    Embedding,
    Extract,
    Image,
    Profile,
    Text,
    Timestamp,
    compare,
)
from mlops_engine.errors import InvalidArgument

START = datetime.datetime(1969, 12, 28, 23, 30)
TIMES = [START + datetime.timedelta(hours=31 * i) for i in range(400)]


@pytest.mark.parametrize(
    "values",
    [
        TIMES,
        np.array(TIMES, dtype="datetime64[us]"),
        np.array([(t - datetime.datetime(1970, 1, 1)).total_seconds() for t in TIMES]),
        pl.Series(TIMES),
    ],
    ids=["datetimes", "datetime64", "seconds", "polars"],
)
def test_times_are_the_calendars(values) -> None:
    found = Timestamp()(values)
    assert found["hour"].tolist() == [t.hour for t in TIMES]
    assert found["weekday"].tolist() == [t.weekday() for t in TIMES]
    assert found["month"].tolist() == [t.month for t in TIMES]


def test_what_is_null_is_missing_everywhere() -> None:
    assert np.isnan(Timestamp()(np.array(["NaT"], dtype="datetime64[s]"))["hour"]).all()
    assert np.isnan(Timestamp()(np.array([np.nan]))["month"]).all()
    assert all(np.isnan(column[0]) for column in Text()([None, "a"]).values())
    assert all(np.isnan(column[0]) for column in Image()([None]).values())
    vectors = np.random.default_rng(0).normal(size=(50, 3))
    broken = vectors.copy()
    broken[7, 1] = np.nan
    found = Embedding(vectors)(broken)
    assert all(np.flatnonzero(np.isnan(column)).tolist() == [7] for column in found.values())
    assert Category()([" a ", None])[""].tolist() == ["a", None]


def test_texts() -> None:
    found = Text()(["two words", "", "a1!"])
    assert found["characters"].tolist() == [9, 0, 3]
    assert found["words"].tolist() == [2, 0, 1]
    assert found["digits"].tolist()[2] == pytest.approx(1 / 3)
    assert np.isnan(found["letters"][1])
    assert Category(fold_case=True)(["JFK", "jfk "])[""].tolist() == ["jfk", "jfk"]


def test_images() -> None:
    pixels = np.zeros((2, 4, 8, 3), dtype=np.uint8)
    pixels[0, :, ::2, 0] = 255  # red stripes
    found = Image()(pixels)
    assert found["brightness"].tolist() == pytest.approx([1 / 6, 0])
    assert found["red"].tolist() == pytest.approx([0.5, 0])
    assert found["sharpness"][0] == pytest.approx(1 / 3)
    assert (found["height"][0], found["aspect"][0]) == (4, 2)
    assert np.isnan(Image()(np.ones((1, 3, 3)))["red"][0])


def test_a_channel_order_that_changed_is_seen_and_noise_is_not() -> None:
    random = np.random.default_rng(3)
    tint = np.array([0.9, 0.5, 0.3])

    def pictures(count: int) -> np.ndarray:
        light = random.random((count, 1, 1, 1))
        return (light * tint * random.random((count, 6, 6, 3)) * 255).astype(np.uint8)

    extract = Extract({"photo": Image()})
    reference = Profile.from_columns(extract({"photo": pictures(3_000)}))
    window = Profile.like(reference).update(extract({"photo": pictures(1_000)}))
    assert compare(reference, window).alerts == ()
    swapped = Profile.like(reference).update(extract({"photo": pictures(1_000)[..., ::-1]}))
    named = {alert.stream for alert in compare(reference, swapped).alerts}
    assert named == {"photo.red", "photo.blue"}


def test_embeddings_that_turned_are_seen() -> None:
    random = np.random.default_rng(4)
    mix = random.normal(size=(6, 12))
    rows = random.normal(size=(4_000, 6)) @ mix
    extract = Extract({"vector": Embedding(rows, components=4)})
    assert extract({"vector": rows})["vector.norm"] == pytest.approx(np.linalg.norm(rows, axis=1))
    reference = Profile.from_columns(extract({"vector": rows}))
    turned = random.normal(size=(1_000, 6)) @ random.normal(size=(6, 12))
    window = Profile.like(reference).update(extract({"vector": turned}))
    assert "vector.residual" in {alert.stream for alert in compare(reference, window).alerts}


def frame(rows: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 9, rows)
    return pl.DataFrame(
        {
            "at": [TIMES[i % 400] for i in range(rows)],
            "note": [None if length == 0 else "x" * int(length) for length in lengths],
            "amount": random.gamma(2, 3, rows),
            "place": [f"p{i}" for i in random.integers(0, 5, rows)],
        }
    )


class Exported:
    """What any library that speaks Arrow's C stream looks like."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


def parts(rows: pl.DataFrame) -> Iterator[Exported]:
    for part in rows.iter_slices(171):
        yield Exported(part)


def test_rows_in_parts_are_the_rows() -> None:
    extract = Extract({"at": Timestamp(), "note": Text(), "place": Category()})
    rows, more = frame(2_000, 1), frame(1_500, 2)
    reference = Profile.from_columns(extract(rows), categorical=extract.categorical)
    assert "at.hour" in reference.names
    for batches in (Exported(rows), rows, [rows], parts(rows)):
        assert Profile.from_batches(batches, extract=extract) == reference
    whole = Profile.like(reference).update(extract(more))
    for batches in (Exported(more), parts(more)):
        window = Profile.like(reference).update_batches(batches, extract=extract)
        assert window.to_bytes() == whole.to_bytes()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="lack at"):
        Extract({"at": Timestamp()})({"other": [1]})
    with pytest.raises(InvalidArgument, match=r"'note': row 0 is of int"):
        Extract({"note": Text()})({"note": [1]})
    with pytest.raises(InvalidArgument, match="is no image"):
        Extract({"photo": Image()})({"photo": [np.zeros(3)]})
    with pytest.raises(InvalidArgument, match="4 dimensions, not 3"):
        Extract({"v": Embedding(np.eye(3))})({"v": np.zeros((2, 4))})
    with pytest.raises(InvalidArgument, match="neither a frame nor of Arrow"):
        Profile.from_batches([{"a": 1}])
    with pytest.raises(InvalidArgument, match="no rows"):
        Profile.from_batches([])
    with pytest.raises(InvalidArgument, match="other columns"):
        Profile.from_batches([pl.DataFrame({"a": [1.0]}), pl.DataFrame({"b": [1.0]})])
