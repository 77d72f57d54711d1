"""Gates, the search for float layers, the instruction set and the clock: no model needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_engine.quantize import Gate, QuantizeError, QuantizeOptions, gates
from mlops_engine.quantize.isa import from_cpuinfo
from mlops_engine.quantize.mixed import fewest_float_layers
from mlops_engine.quantize.timing import interleave


def value(metric: str, exact: object, variant: object, labels: object = None) -> float | None:
    as_arrays = [{"y": np.asarray(a)} for a in (exact, variant)]
    return gates.value_of(metric, *as_arrays, None if labels is None else np.asarray(labels))


def test_metrics() -> None:
    a, b = [[1.0, 2.0], [4.0, 3.0]], [[1.0, 2.0], [3.0, 3.5]]
    assert value("agreement", a, b) == 0.5
    assert value("max_abs_error", a, b) == 1.0
    assert value("relative_error", a, b) == pytest.approx(np.sqrt(1.25 / 30))
    assert value("accuracy", a, b, [1, 1]) == 1.0
    assert value("accuracy_drop", a, b, [1, 0]) == 0.5
    assert value("accuracy_drop", b, a, [1, 0]) == 0.0
    assert value("agreement", [[1.0], [2.0]], [[1.0], [2.0]]) is None
    assert value("agreement", [3, 4], [3, 5]) == 0.5
    assert value("relative_error", [0.0], [0.0]) == 0.0
    assert value("relative_error", [0.0], [1e-9]) == float("inf")


def test_nan_fails_every_gate() -> None:
    exact, variant = {"y": np.ones((3, 2))}, {"y": np.full((3, 2), np.nan)}
    chosen = [Gate("relative_error", 1e9), Gate("max_abs_error", 1e9), Gate("agreement", 0.01)]
    assert not any(judged.holds for judged in gates.judge(chosen, exact, variant))


def test_a_gate_that_means_nothing_for_a_model_does_not_let_everything_through() -> None:
    with pytest.raises(QuantizeError, match="none of the gates"):
        gates.judge([Gate("agreement", 0.9)], {"y": np.ones((3, 1))}, {"y": np.ones((3, 1))})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agrement>=0.9", "did you mean 'agreement'"),
        ("agreement<=0.9", "bounded with >="),
        ("agreement", "is not METRIC"),
        ("relative_error<=nan", "is not METRIC"),
        ("relative_error<=1e999", "finite"),
        ("relative_error<=1e", "is not a number"),
    ],
)
def test_gates_that_are_none(text: str, words: str) -> None:
    with pytest.raises(QuantizeError, match=words):
        Gate.parse(text)
    assert str(Gate.parse("relative_error <= 0.05")) == "relative_error<=0.05"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "statik"}, "no method 'statik'; did you mean 'static'"),
        ({"calibration": "entropie"}, "did you mean 'entropy'"),
        ({"percentile": 0.99}, "percentile must be"),
        ({"block_size": 33}, "block size"),
        ({"batches": ()}, "batches"),
        ({"repeats": 0}, "repeats"),
        ({"gates": ()}, "at least one gate"),
    ],
)
def test_options_that_are_none(options: dict[str, object], words: str) -> None:
    with pytest.raises(QuantizeError, match=words):
        QuantizeOptions(**options)  # type: ignore[arg-type]


def test_labels_belong_to_the_rows() -> None:
    gate = [Gate("accuracy", 0.5)]
    for labels, words in [
        (None, "needs labels"),
        (np.ones(3, np.int64), "3 labels for 4"),
        (np.ones((4, 1), np.int64), "one a row"),
        (np.ones(4), "whole numbers"),
    ]:
        with pytest.raises(QuantizeError, match=words):
            gates.check_labels(labels, gate, 4)


@settings(max_examples=60, deadline=None)
@given(layers=st.integers(1, 60), needed=st.integers(0, 60), most=st.integers(0, 60))
def test_the_search_finds_the_least_where_more_float_is_never_worse(
    layers: int, needed: int, most: int
) -> None:
    found, trials = fewest_float_layers(lambda count: count >= needed, layers, most)
    reachable = needed <= min(most, layers - 1)
    assert found == (needed if reachable else None)
    counts = [trial.float_layers for trial in trials]
    assert len(counts) == len(set(counts))
    assert len(counts) <= 14
    assert max(counts) <= min(most, layers - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_what_the_search_returns_was_tried_and_held(outcomes: list[bool]) -> None:
    found, _ = fewest_float_layers(lambda count: outcomes[count], len(outcomes), len(outcomes))
    assert found is None or outcomes[found]


@pytest.mark.parametrize(
    ("flags", "activation", "seven_bits"),
    [
        ("fpu avx2 avx512f avx512_vnni amx_tile amx_int8 amx_bf16", "uint8", False),
        ("avx2 avx_vnni", "uint8", False),
        ("avx2 avx512f", "uint8", True),
        ("avx2", "uint8", True),
        ("sse4_2", "int8", False),
    ],
)
def test_isa(flags: str, activation: str, seven_bits: bool) -> None:
    isa = from_cpuinfo(f"processor\t: 0\nmodel name\t: Test CPU\nflags\t\t: {flags}\n")
    assert (isa.activation, isa.reduce_range) == (activation, seven_bits)
    assert isa.cpu == "Test CPU"
    assert isa.amx_int8 == ("amx_int8" in flags)
    assert from_cpuinfo("").cpu == "unknown"


def test_rounds_are_interleaved_and_paired() -> None:
    now, calls = 0.0, []

    def model(name: str, seconds: float):
        def run() -> None:
            nonlocal now
            # A machine that gets slower and slower: only pairs of one round give the ratio.
            now += seconds * (1 + 0.001 * len(calls))
            calls.append(name)

        return run

    timing = interleave(model("f", 0.02), model("v", 0.01), 8, 9, lambda: now)
    assert timing.speedup == pytest.approx(2.0, rel=0.02)
    assert timing.low <= timing.speedup <= timing.high
    timed = "".join(calls[12:])
    assert timed.startswith("fvvffv")
    assert timed.count("f") == timed.count("v") == 9
