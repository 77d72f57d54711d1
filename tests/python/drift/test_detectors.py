"""Online detectors: the same alarms as river and frouros, the documented differences, refusals."""

from __future__ import annotations

import doctest
import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine import drift
from mlops_engine.drift import detectors

pytestmark = pytest.mark.native
ROOT = Path(__file__).resolve().parents[3]
NAMES = ["Adwin", "Ddm", "Eddm", "HddmA", "HddmW", "PageHinkley", "Kswin", "Ecdd", "Stepd"]


def _cases() -> ModuleType:
    path = ROOT / "tests/peers/detectors/cases.py"
    spec = importlib.util.spec_from_file_location("detector_cases", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = _cases()
GOLDEN = [
    entry
    for peer in ("river", "frouros")
    for entry in json.loads((ROOT / f"tests/contract/detectors/{peer}.json").read_text())
]


@pytest.mark.parametrize("name", NAMES)
def test_alarms_and_warnings_are_the_peers(name: str) -> None:
    compared = 0
    for entry in GOLDEN:
        if entry["detector"] != name:
            continue
        if CASES.differs_on_purpose(name, entry["stream"]):
            continue
        detector = getattr(drift, name)(**entry["parameters"])
        stream = CASES.streams_for(name, entry["seed"])[entry["stream"]]
        verdicts = detector.verdicts(stream)
        where = f"{entry['parameters']} on {entry['stream']}"
        assert np.flatnonzero(verdicts == 2).tolist() == entry["alarms"], where
        assert np.flatnonzero(verdicts == 1).tolist() == entry["warnings"], where
        compared += len(entry["alarms"])
    assert compared > 5


@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time_equals_many(name: str) -> None:
    stream = CASES.streams_for(name, 3)["abrupt"]
    one, many = getattr(drift, name)(), getattr(drift, name)()
    alarms = []
    for i, value in enumerate(stream):
        alarmed = one.update(value)
        assert alarmed == one.detected
        assert not (one.detected and one.warning)
        if alarmed:
            alarms.append(i)
    assert alarms
    assert many.update_many(np.array(stream)).tolist() == alarms
    many.reset()
    assert not many.detected
    again = [many.update_many(stream[:1500]), 1500 + many.update_many(stream[1500:])]
    assert np.concatenate(again).tolist() == alarms


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_changes_nothing(name: str, bad: float) -> None:
    stream = CASES.streams_for(name, 3)["abrupt"]
    detector = getattr(drift, name)()
    for value in stream[:500]:
        detector.update(value)
        with pytest.raises(me.InvalidArgument):
            detector.update(bad)
    with pytest.raises(me.InvalidArgument, match="index 3"):
        detector.update_many([0, 1, 0, bad])
    untouched = getattr(drift, name)()
    untouched.update_many(stream[:500])
    assert detector.update_many(stream[500:]).tolist() == (
        untouched.update_many(stream[500:]).tolist()
    )


@pytest.mark.parametrize("name", ["Ddm", "Eddm", "HddmA", "HddmW", "Ecdd", "Stepd"])
def test_what_is_no_error_is_refused(name: str) -> None:
    for bad in (-0.1, 1.5, 2):
        with pytest.raises(me.InvalidArgument, match=r"0 (nor|and) 1"):
            getattr(drift, name)().update(bad)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Adwin", {"delta": 0}),
        ("Adwin", {"delta": math.nan}),
        ("Adwin", {"clock": 0}),
        ("Adwin", {"max_buckets": 1}),
        ("Adwin", {"max_buckets": 10**9}),
        ("Adwin", {"min_window_length": 0}),
        ("Adwin", {"grace_period": -1}),
        ("Ddm", {"warm_start": 0}),
        ("Ddm", {"drift_threshold": -1}),
        ("Ddm", {"warning_threshold": math.inf}),
        ("Eddm", {"alpha": 0.5, "beta": 0.6}),
        ("Eddm", {"alpha": 1.5}),
        ("HddmA", {"drift_confidence": 0}),
        ("HddmA", {"drift_confidence": 0.1, "warning_confidence": 0.01}),
        ("HddmW", {"lambda_": 1}),
        ("PageHinkley", {"mode": "sideways"}),
        ("PageHinkley", {"threshold": 0}),
        ("PageHinkley", {"alpha": 1.1}),
        ("PageHinkley", {"delta": math.nan}),
        ("Kswin", {"alpha": 1}),
        ("Kswin", {"window_size": 59}),
        ("Kswin", {"stat_size": 0}),
        ("Kswin", {"min_distance": 1}),
        ("Kswin", {"window_size": 2**40}),
        ("Ecdd", {"average_run_length": 1000}),
        ("Ecdd", {"lambda_": 0}),
        ("Stepd", {"alpha_drift": 0.1}),
        ("Stepd", {"window": 0}),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(me.InvalidArgument):
        getattr(drift, name)(**parameters)


def test_stepd_is_not_alarmed_by_a_difference_below_its_continuity_correction() -> None:
    # frouros takes the absolute value of the corrected statistic, and so alarms at streams whose
    # errors are rare or none.
    assert drift.Stepd().update_many(np.zeros(5000)).size == 0
    rare = np.zeros(1500)
    rare[400] = 1
    assert drift.Stepd().update_many(rare).size == 0


def test_stepd_one_sided_only_sees_what_gets_worse() -> None:
    better = np.array([1, 0] * 100 + [0] * 100)
    assert drift.Stepd().update_many(better).size > 0
    assert drift.Stepd(two_sided=False).update_many(better).size == 0


def test_kswin_sees_small_distances_when_asked_to() -> None:
    rng = np.random.default_rng(1)
    stream = np.concatenate([rng.normal(0, 1, 8000), rng.normal(0.2, 1, 4000)])
    sizes = {"window_size": 8000, "stat_size": 3000, "alpha": 1e-7}
    assert drift.Kswin(**sizes).update_many(stream).size == 0
    assert drift.Kswin(**sizes, min_distance=0).update_many(stream).size > 0


def test_adwin_describes_its_window() -> None:
    detector = drift.Adwin()
    values = np.random.default_rng(0).normal(5, 2, 1000)
    detector.update_many(values)
    assert detector.width == 1000
    assert detector.mean == pytest.approx(values.mean())
    assert detector.variance == pytest.approx(values.var())


def test_the_examples_run() -> None:
    failed, tried = doctest.testmod(detectors)
    assert tried > 30
    assert failed == 0
