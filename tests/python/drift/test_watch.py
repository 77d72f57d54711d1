"""A served version's rows, asked of an engine of this process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine.drift.watch import span_seconds

pytestmark = pytest.mark.native

CONFIG = """
backend: "identity"
max_batch_size: 64
input [ { name: "input" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "output" data_type: TYPE_FP32 dims: [ 2 ] } ]
"""
COLLECTS = CONFIG + 'parameters { key: "drift" value: { string_value: "on" } }\n'
ROWS = np.random.default_rng(0).normal(size=(5_000, 2)).astype(np.float32)


def add_model(repository: Path, name: str, config: str) -> None:
    (repository / name / "1").mkdir(parents=True)
    (repository / name / "config.pbtxt").write_text(config)


def feed(engine: me.Engine, model: str, rows: np.ndarray) -> None:
    for start in range(0, len(rows), 50):
        engine.infer(model, {"input": rows[start : start + 50]})


def test_an_alert_says_which_segment_its_change_is_in(tmp_path: Path) -> None:
    add_model(tmp_path, "flights", CONFIG.replace("dims: [ 2 ]", "dims: [ 3 ]"))
    rng = np.random.default_rng(1)
    carrier = rng.integers(0, 4, size=20_000)
    rows = np.column_stack([rng.normal(size=(20_000, 2)), carrier]).astype(np.float32)
    reference = me.drift.Profile.from_array(
        rows,
        ["delay", "distance", "carrier"],
        categorical=["carrier"],
        segments={"carrier": None, "distance": [0.0]},
    )
    assert len(reference.segments) == 3 + 6
    assert "carrier = 2" in reference.segments
    data = reference.to_bytes()
    assert me.drift.Profile.from_bytes(data).segments == reference.segments
    (tmp_path / "flights" / "1" / "reference.profile").write_bytes(data)
    with me.Engine(tmp_path) as engine:
        watch = engine.drift("flights")
        feed(engine, "flights", rows[:1_000])
        assert watch.alerts == []
        changed = rows.copy()
        changed[carrier == 2, 0] += 3
        for start in range(0, 20_000, 1_000):
            feed(engine, "flights", changed[start : start + 1_000])
            if watch.alerts:
                break
        (alert,) = watch.alerts
        assert alert.stream == "delay"
        most = alert.segments[0]
        assert most.segment == "carrier = 2"
        assert most.share > 0.8
        assert most.effect > 2 * alert.effect
        assert most.before == pytest.approx(0.25, abs=0.02)


def test_segments_that_cannot_be_are_refused() -> None:
    for segments in ({"delay": None}, {"delay": [2.0, 1.0]}, {"carrier": 4}):
        with pytest.raises(me.InvalidArgument):
            me.drift.Profile.from_array(ROWS, ["delay", "distance"], segments=segments)


def test_a_report_of_this_process(tmp_path: Path) -> None:
    add_model(tmp_path, "flights", CONFIG)
    reference = me.drift.Profile.from_array(ROWS, ["delay", "distance"])
    (tmp_path / "flights" / "1" / "reference.profile").write_bytes(reference.to_bytes())
    with me.Engine(tmp_path) as engine:
        watch = engine.drift("flights", version=1)
        feed(engine, "flights", ROWS[:2_000] + np.array([0, 1], np.float32))
        for window in (None, "1h", 3600, timedelta(hours=1)):
            report = watch.report(window=window)
            # An echo costs less than counting does: most rows are left out.
            assert 0 < report.window_rows <= 2_000
            assert [alert.stream for alert in report.alerts] == ["distance"]
            assert report.table().height == 2
        assert report.html(tmp_path / "drift.html").read_text().count("distance") > 1
        assert watch.reference == reference
        before = watch.window()
        assert watch.report(against=before).alerts == ()
        watch.reset()
        assert watch.window().rows == 0
        with pytest.raises(me.NotFound):
            engine.drift("flights", version=2).report()
        with pytest.raises(me.NotFound):
            engine.drift("nothing").report()
    with pytest.raises(me.Unavailable):
        watch.report()


def test_rows_are_collected_until_they_are_the_reference(tmp_path: Path) -> None:
    add_model(tmp_path, "collects", COLLECTS)
    with me.Engine(tmp_path) as engine:
        watch = engine.drift("collects")
        feed(engine, "collects", ROWS[:500])
        with pytest.raises(me.Unavailable, match="collected"):
            watch.report()
        with pytest.raises(me.Unavailable):
            watch.freeze()
        feed(engine, "collects", ROWS[500:])
        assert watch.freeze().names == ["input[0]", "input[1]", "output[0]", "output[1]"]
        with pytest.raises(me.AlreadyExists):
            watch.freeze()
        feed(engine, "collects", ROWS[:1_000])
        assert watch.report().alerts == ()


@pytest.mark.parametrize("span", ["", "1", "h", "-1h", "1.5h", "1w", "0m", 0, -1, 1e9, "9" * 20])
def test_what_is_no_span(span: object) -> None:
    with pytest.raises(me.InvalidArgument):
        span_seconds(span)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["", "host:8000", "ftp://host", "http://", "file:///etc/passwd"])
def test_what_is_no_url_of_a_server(url: str) -> None:
    with pytest.raises(me.InvalidArgument):
        me.drift.connect(url, "flights")


def test_alerts_of_this_process_name_what_changed_and_show_rows(tmp_path: Path) -> None:
    add_model(tmp_path, "flights", CONFIG)
    reference = me.drift.Profile.from_array(ROWS, ["delay", "distance"])
    (tmp_path / "flights" / "1" / "reference.profile").write_bytes(reference.to_bytes())
    with me.Engine(tmp_path) as engine:
        watch = engine.drift("flights")
        feed(engine, "flights", ROWS[:1_000])
        assert watch.alerts == []
        assert watch.changed() == []
        changed = ROWS.copy()
        changed[:, 1] = np.nan
        for _ in range(20):
            feed(engine, "flights", changed)
            if watch.alerts:
                break
        (alert,) = watch.alerts
        assert (alert.stream, alert.cause, alert.severity) == ("distance", "missing", "critical")
        assert alert.log_e_value > 5
        assert alert.js_distance > 0.5
        assert alert.ks == 0  # of the numbers that are there
        assert alert.cells[0][0] == "missing"
        cell, row = alert.samples[0]
        assert cell == "missing"
        assert row["distance"] is None
        assert isinstance(row["delay"], float)
        assert watch.changed() == ["distance"]
        (event,) = watch.events()
        assert (event.kind, event.number) == ("raised", 1)
        assert event.alert is not None
        assert watch.events(after=1) == []
        page = engine.metrics()
        assert 'mlops_drift_alerts{model="flights",version="1",severity="critical"} 1' in page
        assert 'stream="distance",severity="critical",cause="missing"} ' in page
        watch.reset()
        assert watch.alerts == []
