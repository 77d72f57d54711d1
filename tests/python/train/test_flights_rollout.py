"""A day of real flights through an engine: broken versions lose before they have had much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import mlops_engine as me
from mlops_engine.rollout import Controller, Rollout, State, Store
from mlops_engine.rollout.rollout import quality_of, routes_of
from mlops_engine.train import pipeline

DAY = 20_000  # requests; a broken version may have one in a hundred
LOOK = 100  # requests between two looks
CONFIG = """
version_policy: { all { } }
parameters { key: "feedback" value: { string_value: "binary" } }
parameters { key: "feedback_threshold" value: { string_value: "%f" } }
"""
PLAN: dict[str, Any] = {
    "model": "flights",
    "stable": 1,
    "candidate": 2,
    "warm_up": 20,
    "step_s_max": 60.0,
    "when_exhausted": "abort",
    "gates": {"no_worse": [], "distance_max": 0.3, "labels_margin": 1.5},
    "steps": [
        {"share": 0.0, "answers_min": 300},
        {"share": 0.02, "answers_min": 50},
        {"share": 0.5, "answers_min": 200},
    ],
}


class Day:
    """Rows of flights, whether each was late, and two models of them."""

    def __init__(self, prepared: pipeline.Prepared) -> None:
        x = np.nan_to_num(prepared.x.astype(np.float32))
        self.late = np.asarray(prepared.late, dtype=np.float64)
        self.mean, self.deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
        learned = np.arange(len(x)) % 7 == 0
        order = np.random.default_rng(1).permutation(np.flatnonzero(~learned))[:DAY]
        self.weights = [self._fit(x[learned], learned, ridge) for ridge in (200.0, 1.0)]
        self.rate = float(self.late.mean())
        self.x, self.late = x[order], self.late[order]

    def _fit(self, x: np.ndarray, learned: np.ndarray, ridge: float) -> np.ndarray:
        """Logistic regression by Newton's steps; the last weight is the intercept."""
        z = np.column_stack([(x - self.mean) / self.deviation, np.ones(len(x))]).astype(float)
        y, w = self.late[learned], np.zeros(z.shape[1])
        for _ in range(6):
            p = 1 / (1 + np.exp(-z @ w))
            hessian = (z * (p * (1 - p))[:, None]).T @ z + ridge * np.eye(len(w))
            w += np.linalg.solve(hessian, z.T @ (y - p) - ridge * w)
        return w

    def model(self, which: int, fault: str = "") -> onnx.ModelProto:
        """Return the model as a graph, broken in one way."""
        count = self.x.shape[1]
        columns = np.arange(count)[:: -1 if fault == "swapped" else 1].copy()
        w = self.weights[which]
        arrays = {
            "columns": columns.astype(np.int64),
            "mean": self.mean,
            "deviation": self.deviation,
            "w": w[:-1, None].astype(np.float32),
            "b": w[-1:].astype(np.float32),
        }
        nodes = [
            ("Gather", ["input", "columns"], "picked", {"axis": 1}),
            ("Sub", ["picked", "mean"], "centred", {}),
            ("Div", ["centred", "deviation"], "z", {}),
            ("MatMul", ["z", "w"], "scores", {}),
            ("Add", ["scores", "b"], "logits", {}),
            ("Sigmoid", ["logits"], "chance", {}),
        ]
        nodes += FAULTS[fault](arrays, count) if fault in FAULTS else [IDENTITY]
        graph = helper.make_graph(
            [helper.make_node(op, ins, [out], **more) for op, ins, out, more in nodes],
            "flights",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", count])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 1])],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=9)


IDENTITY = ("Identity", ["chance"], "output", {})


def _nan(arrays: dict[str, np.ndarray], _: int) -> list[Any]:
    """0 / 0 for rows whose chance is below a limit."""
    arrays["limit"] = np.float32(0.1)
    return [
        ("Sub", ["chance", "limit"], "over", {}),
        ("Relu", ["over"], "positive", {}),
        ("Div", ["positive", "positive"], "one", {}),
        ("Mul", ["chance", "one"], "output", {}),
    ]


def _crashing(arrays: dict[str, np.ndarray], _: int) -> list[Any]:
    """An index that is out of range for rows whose chance is high."""
    arrays["table"], arrays["two"] = np.ones((1, 1), np.float32), np.float32(2)
    return [
        ("Mul", ["chance", "two"], "scaled", {}),
        ("Cast", ["scaled"], "indices", {"to": TensorProto.INT64}),
        ("GatherElements", ["table", "indices"], "ones", {"axis": 0}),
        ("Mul", ["chance", "ones"], "output", {}),
    ]


def _slow(arrays: dict[str, np.ndarray], count: int) -> list[Any]:
    """The same answer after three large products."""
    arrays["wide"] = np.full((count, 1500), 1e-9, np.float32)
    arrays["square"] = np.full((1500, 1500), 1e-9, np.float32)
    arrays["narrow"] = np.full((1500, 1), 1e-9, np.float32)
    return [
        ("MatMul", ["z", "wide"], "s1", {}),
        ("MatMul", ["s1", "square"], "s2", {}),
        ("MatMul", ["s2", "square"], "s3", {}),
        ("MatMul", ["s3", "narrow"], "s4", {}),
        ("Add", ["chance", "s4"], "output", {}),
    ]


FAULTS = {"nan": _nan, "crashing": _crashing, "slow": _slow}


@pytest.fixture(scope="module")
def day(prepared: pipeline.Prepared) -> Day:
    return Day(prepared)


class Served:
    """An engine of both versions, a rollout, and a clock that the test turns."""

    def __init__(self, day: Day, fault: str, path: Path) -> None:
        self.day, self.path, self.time = day, path, 0.0
        for version, model in ((1, day.model(0)), (2, day.model(1, fault))):
            folder = path / "models" / "flights" / str(version)
            folder.mkdir(parents=True)
            onnx.save(model, folder / "model.onnx")
        (path / "models" / "flights" / "config.pbtxt").write_text(CONFIG % day.rate)
        self.engine = me.Engine(model_repository=path / "models", lanes=1)
        self.by_candidate = 0
        self.rollout = Rollout(PLAN)
        self.controller = self.restarted()
        self.controller.start(self.rollout.name, PLAN)

    def restarted(self) -> Controller:
        """As after the controller was killed: nothing but its store is left."""
        return Controller(
            Store(self.path / "rollouts.db"),
            routes_of(self.engine),
            quality_of=quality_of(self.engine),
            now=lambda: self.time,
        )

    def requests(self, first: int) -> None:
        """Ask for some flights, and send what became of them. No request may fail."""
        labels = {}
        for i in range(first, first + LOOK):
            row = self.day.x[i % DAY : i % DAY + 1]
            self.engine.infer("flights", {"input": row}, request_id=f"flight-{i}")
            labels[f"flight-{i}"] = self.day.late[i % DAY]
        self.engine.feedback("flights", labels)
        arms = self.engine.route("flights").get()["state"]["arms"]
        self.by_candidate = sum(arm["success"] for arm in arms if arm["version"] == 2)


@pytest.fixture
def served(day: Day, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(day, request.param, tmp_path)
    yield made
    made.engine.close()


def decided(served: Served, looks: int) -> State:
    state, most = State.RUNNING, 0
    for look in range(looks):
        served.requests(look * LOOK)
        most = max(most, served.by_candidate)
        served.time += 1
        if look % 7 == 3:
            served.controller = served.restarted()
        state = served.controller.tick(served.rollout.name)
        if state is not State.RUNNING:
            break
    served.by_candidate = most
    return state


@pytest.mark.parametrize("served", ["swapped", "nan", "crashing", "slow"], indirect=True)
def test_a_broken_version_has_less_than_a_hundredth(served: Served) -> None:
    assert decided(served, DAY // LOOK) in (State.ROLLED_BACK, State.ABORTED)
    assert served.by_candidate < DAY // 100
    route = served.engine.route("flights").get()
    assert route["stable"] == 1
    assert all(arm["share"] == 0 for arm in route["arms"])
