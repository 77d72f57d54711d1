"""Profiles, windows and reports through the public names, as a user writes them."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mlops_engine as me
from mlops_engine.cli.main import main

NAMES = ["distance", "carrier", "delay"]


def rows(seed: int, count: int = 5_000) -> np.ndarray:
    random = np.random.default_rng(seed)
    columns = [
        random.lognormal(6, 0.5, count),
        random.integers(0, 5, count),
        random.normal(size=count),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> me.drift.Profile:
    return me.drift.Profile.from_array(
        rows(0, 20_000), NAMES, categorical=["carrier"], outputs=["delay"]
    )


def test_streams_are_columns_of_the_tensors_that_are_named() -> None:
    names = ["a", "b", "c", "label", "p0", "p1"]
    tensors = {"b": "other", "label": "label", "p0": "probabilities", "p1": "probabilities"}
    x = np.random.default_rng(1).normal(size=(50, 6))
    made = me.drift.Profile.from_array(x, names, outputs=names[3:], tensors=tensors)
    found = [(s["role"], s["tensor"], s["column"]) for s in made.streams()]
    assert found == [
        ("input", "input", 0),
        ("input", "other", 0),
        ("input", "input", 1),
        ("output", "label", 0),
        ("output", "probabilities", 0),
        ("output", "probabilities", 1),
    ]
    with pytest.raises(me.InvalidArgument, match="nobody"):
        me.drift.Profile.from_array(x, names, tensors={"nobody": "input"})


def frame(x: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({name: x[:, i] for i, name in enumerate(NAMES)})


def window_of(reference: me.drift.Profile, x: np.ndarray) -> me.drift.Window:
    return me.drift.Profile.like(reference).update(x)


def test_nothing_changed_is_no_alert(reference: me.drift.Profile) -> None:
    report = me.drift.compare(reference, window_of(reference, rows(1)))
    assert report.alerts == ()
    assert report.window_rows == 5_000
    assert [s.name for s in report.streams] == NAMES
    assert report["delay"].role == "output"
    assert "ks" not in report["carrier"].statistics
    with pytest.raises(KeyError):
        report["nothing"]


@pytest.mark.parametrize(
    ("stream", "change", "cause"),
    [
        (0, lambda v: v * 1.609344, "unit"),
        (0, lambda v: np.where(np.arange(len(v)) % 3 == 0, np.nan, v), "missing"),
        (1, lambda v: np.where(np.arange(len(v)) % 25 == 0, 77, v), "new_category"),
        (2, lambda v: v + 0.5, "shift"),
        (2, lambda v: v * 1.4, "spread"),
        (2, lambda v: np.where(np.arange(len(v)) % 9 == 0, np.inf, v), "infinite"),
    ],
)
def test_what_changed_is_named(
    reference: me.drift.Profile, stream: int, change: object, cause: str
) -> None:
    x = rows(2)
    x[:, stream] = change(x[:, stream])  # type: ignore[operator]
    (alert,) = me.drift.compare(reference, window_of(reference, x)).alerts
    assert (alert.stream, alert.cause) == (NAMES[stream], cause)
    assert alert.p < 1e-6
    if cause == "unit":
        assert alert.factor == pytest.approx(1.609344)
    assert NAMES[stream] in str(alert)


def test_every_way_to_bring_rows_counts_the_same(
    reference: me.drift.Profile, tmp_path: Path
) -> None:
    x = rows(3)
    frame(x).write_parquet(tmp_path / "rows.parquet")
    windows = [
        window_of(reference, x),
        me.drift.Profile.like(reference).update(frame(x)),
        me.drift.Profile.like(reference).update({n: x[:, i] for i, n in enumerate(NAMES)}),
        me.drift.Profile.like(reference).update_parquet(tmp_path / "rows.parquet"),
        me.drift.Window.from_bytes(window_of(reference, x).to_bytes()),
    ]
    half = window_of(reference, x[:2_000])
    windows.append(half.copy().merge(window_of(reference, x[2_000:])))
    whole = windows[0].counts()
    for window in windows[1:]:
        for ours, theirs in zip(whole, window.counts(), strict=True):
            np.testing.assert_array_equal(ours["masses"], theirs["masses"])
    assert windows[-1].subtract(half).rows == 3_000
    assert half.rows == 2_000


def test_references_are_the_same_however_they_are_made(tmp_path: Path) -> None:
    x = rows(4)
    frame(x).write_parquet(tmp_path / "x.parquet")
    arguments = {"categorical": ["carrier"], "outputs": ["delay"]}
    made = me.drift.Profile.from_array(x, NAMES, **arguments)
    assert made == me.drift.Profile.from_polars(frame(x), **arguments)
    assert made == me.drift.Profile.from_parquet(tmp_path / "x.parquet", **arguments)
    assert made == me.drift.Profile.from_bytes(made.to_bytes())
    assert made != me.drift.Profile.from_array(x + 1, NAMES, **arguments)
    assert made.names == NAMES


def test_strings_nulls_and_booleans_of_a_frame() -> None:
    before = pl.DataFrame(
        {"who": ["UA", "DL", None, "UA"] * 500, "late": [True, False, None, False] * 500}
    )
    reference = me.drift.Profile.from_polars(before)
    after = before.with_columns(who=pl.lit("ZZ"))
    report = me.drift.compare(reference, me.drift.Profile.like(reference).update(after))
    assert [(a.stream, a.cause) for a in report.alerts] == [("who", "new_category")]
    assert report["late"].statistics["missing_rate"] == 0.25
    objects = np.array([["UA"], ["DL"], [None], ["UA"]] * 500, dtype=object)
    again = me.drift.Profile.from_array(objects, ["who"], categorical=["who"])
    assert again.streams()[0]["categories"] == ["UA", "DL"]


def test_two_windows_compare_as_two_versions(reference: me.drift.Profile) -> None:
    x = rows(5)
    x[:, 2] += 1
    moved = window_of(reference, x)
    assert me.drift.compare(moved, moved.copy()).alerts == ()
    (alert,) = me.drift.compare(window_of(reference, rows(6)), moved).alerts
    assert alert.stream == "delay"


def test_what_does_not_belong_together_is_refused(reference: me.drift.Profile) -> None:
    other = me.drift.Profile.from_array(rows(7), NAMES, categorical=["carrier"])
    with pytest.raises(me.InvalidArgument, match="another reference"):
        me.drift.compare(reference, me.drift.Profile.like(other))
    with pytest.raises(me.InvalidArgument):
        me.drift.Profile.like(reference).merge(me.drift.Profile.like(other))
    with pytest.raises(me.InvalidArgument, match="lack delay"):
        me.drift.Profile.like(reference).update(frame(rows(8)).drop("delay"))
    with pytest.raises(me.InvalidArgument, match="no column is called x"):
        me.drift.Profile.from_array(rows(8), NAMES, categorical=["x"])
    with pytest.raises(me.InvalidArgument, match="2 names for 3 columns"):
        me.drift.Profile.from_array(rows(8), NAMES[:2])
    with pytest.raises(me.InvalidArgument, match="neither numbers nor names"):
        me.drift.Profile.from_polars(pl.DataFrame({"at": [None]}, schema={"at": pl.Date}))
    with pytest.raises(me.InvalidArgument):
        me.drift.Window.from_bytes(b"no profile at all, though long enough")


def test_an_empty_window_is_a_report_too(reference: me.drift.Profile, tmp_path: Path) -> None:
    report = me.drift.compare(reference, me.drift.Profile.like(reference))
    assert report.alerts == ()
    assert report.table()["psi"].to_list() == [0, 0, 0]
    assert report.html(tmp_path / "empty.html").stat().st_size > 1_000


def test_the_table_has_a_row_for_each_stream(reference: me.drift.Profile) -> None:
    x = rows(9)
    x[:, 0] *= 1.609344
    table = me.drift.compare(reference, window_of(reference, x)).table()
    assert table["stream"].to_list() == NAMES
    assert table["alert"].to_list() == ["critical", None, None]
    assert table["ks"].is_null().to_list() == [False, True, False]


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    x = rows(10)
    names = ["<script>alert(1)</script>", "b&b", "c"]
    reference = me.drift.Profile.from_array(x, names)
    x[:, 0] *= 3
    page = (
        me.drift.compare(reference, window_of(reference, x)).html(tmp_path / "r.html").read_text()
    )
    assert page.count("<svg") == page.count("</svg>") == 3
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for outside in ("http://", "https://", "src=", "@import", "url("):
        assert outside not in page


def test_the_command_line(reference: me.drift.Profile, tmp_path: Path, capsys) -> None:
    x = rows(11)
    same, moved = x.copy(), x.copy()
    moved[:, 2] += 2
    files = []
    for name, part in (("a", same[:2_500]), ("b", same[2_500:]), ("c", moved)):
        files.append(str(tmp_path / f"{name}.profile"))
        Path(files[-1]).write_bytes(window_of(reference, part).to_bytes())
    assert main(["drift", "report", *files[:2]]) == 0
    assert "5,000 rows against 20,000" in capsys.readouterr().out
    page = tmp_path / "drift.html"
    table = tmp_path / "drift.csv"
    assert (
        main(["drift", "report", files[2], "--json", "--html", str(page), "--csv", str(table)]) == 3
    )
    printed = json.loads(capsys.readouterr().out)
    assert [alert["stream"] for alert in printed["alerts"]] == ["delay"]
    assert page.exists()
    assert pl.read_csv(table).height == 3
    both = tmp_path / "both.profile"
    assert main(["drift", "merge", *files[:2], "--output", str(both)]) == 0
    assert me.drift.Window.from_bytes(both.read_bytes()).rows == 5_000
    frame(moved).write_parquet(tmp_path / "moved.parquet")
    frame(same).write_parquet(tmp_path / "same.parquet")
    parquet = [str(tmp_path / "moved.parquet"), "--reference", str(tmp_path / "same.parquet")]
    assert main(["drift", "report", *parquet, "--categorical", "carrier"]) == 3
    capsys.readouterr()
    other = tmp_path / "other.profile"
    other.write_bytes(me.drift.Profile.like(me.drift.Profile.from_array(x)).to_bytes())
    for refused in ([files[0], str(other)], [str(tmp_path / "none")], [parquet[0]], [str(page)]):
        assert main(["drift", "report", *refused]) == 1
        assert "mlops: error:" in capsys.readouterr().err


def test_a_profile_comes_from_a_server(reference: me.drift.Profile, tmp_path: Path, capsys) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    (tmp_path / "w").write_bytes(window_of(reference, rows(12)).to_bytes())
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    )
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        assert main(["drift", "report", url + "w", url + "w"]) == 0
        assert "10,000 rows" in capsys.readouterr().out
        assert main(["drift", "report", url + "absent"]) == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_example_in_the_documentation_runs() -> None:
    assert doctest.testmod(me.drift).failed == 0


def test_importing_stays_light() -> None:
    code = "import sys, mlops_engine as me; me.drift.Profile; "
    code += "print([m for m in ('numpy', 'polars', 'scipy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
