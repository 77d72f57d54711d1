"""The loop: flights in time order, labels late, drift, retraining, rollouts, and a bad version."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.drift import connect
from mlops_engine.errors import NotFound, Unavailable
from mlops_engine.registry import Registry
from mlops_engine.rollout import Controller, Rollout, State, Store
from mlops_engine.rollout.rollout import quality_of, routes_of
from mlops_engine.train.progress import Progress

from . import faulty
from .serving import MODEL, Client, fetch
from .training import DAY_S, train
from .year import Year

__all__ = ["Happened", "Loop", "Places", "Schedule"]

LOOK = 250  # requests between two looks
# Shares rise by evidence: wrong labels of the candidate against stable's, and its scores.
PLAN: dict[str, Any] = {
    "warm_up": 20,
    "step_s_max": 21.0 * DAY_S,
    "when_exhausted": "abort",
    "gates": {"no_worse": [], "distance_max": 0.2, "labels_margin": 1.6, "wrong_rate": 0.2},
    "steps": [
        {"share": 0.0, "answers_min": 500},
        {"share": 0.1, "answers_min": 500},
        {"share": 0.5, "answers_min": 500},
    ],
}


@dataclass(frozen=True)
class Schedule:
    """When what is tried; seconds since 1970.

    Attributes
    ----------
    every
        One of so many flights is asked about.
    cool_down_s
        From one retraining to the next, at least; `trainings` of them are paid for.
    bad_at
        When somebody pushes a broken version.
    """

    begin: float
    end: float
    bad_at: float
    every: int = 1
    trees: int = 100
    cool_down_s: float = 28.0 * DAY_S
    trainings: int = 4


@dataclass(frozen=True)
class Happened:
    """One thing that happened, and when in the year."""

    at: float
    kind: str
    text: str
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Places:
    """What the loop works with: the server, the registry and its address, a folder, a voice."""

    client: Client
    registry: Registry
    address: str
    work: Path
    progress: Progress


class Loop:
    """Replays the flights against a server, and does what its alerts suggest."""

    def __init__(self, year: Year, schedule: Schedule, places: Places, stable: int) -> None:
        self.year, self.schedule, self.client = year, schedule, places.client
        self.registry, self.address = places.registry, places.address
        self.work, self.progress = places.work, places.progress
        client, work = places.client, places.work
        self.stable, self.now = stable, schedule.begin
        self.flights = year.between(schedule.begin, schedule.end, schedule.every)
        self.score = np.full(len(year.late), np.nan)
        self.version = np.zeros(len(year.late), np.int64)
        self.happened: list[Happened] = []
        self.alerts: list[dict[str, Any]] = []
        self._labels: list[tuple[float, int]] = []
        self._rollout: Rollout | None = None
        self._trained_at, self._trainings = schedule.begin - schedule.cool_down_s, 0
        self._event, self._bad_pushed, self._suggested = 0, False, False
        self._store = Store(work / "rollouts.db")
        self._controller = Controller(
            self._store,
            routes_of(client.url),
            quality_of=quality_of(client.url),
            now=lambda: self.now,
        )

    def run(self) -> None:
        """Go through the flights once."""
        self.client.api.put_json(f"/mlops/v1/models/{MODEL}/route", {"stable": self.stable})
        for begin in range(0, len(self.flights), LOOK):
            for flight in self.flights[begin : begin + LOOK]:
                self._ask(int(flight))
            self._tell_labels()
            self._look()
            self.progress.bar("  flights", min(begin + LOOK, len(self.flights)), len(self.flights))
        self._store.close()

    def _ask(self, flight: int) -> None:
        self.now = float(self.year.asked_at[flight])
        name = f"flight-{flight}"
        self.score[flight], self.version[flight] = self.client.ask(name, self.year.x[flight])
        if not np.isnan(self.year.late[flight]):
            heapq.heappush(self._labels, (float(self.year.known_at[flight]), flight))

    def _tell_labels(self) -> None:
        """Send the labels that are known by now, and no others."""
        known = {}
        while self._labels and self._labels[0][0] <= self.now:
            flight = heapq.heappop(self._labels)[1]
            known[f"flight-{flight}"] = float(self.year.late[flight])
        if known:
            self.client.tell(known)

    def _look(self) -> None:
        self._see_drift()
        if self._rollout is not None:
            self._tick(self._rollout)
        elif self.now >= self.schedule.bad_at and not self._bad_pushed:
            self._bad_pushed = True
            self._begin(faulty.push(self.registry, self.work, self.stable), "a bad version")
        elif self._may_retrain():
            self._retrain()

    def _see_drift(self) -> None:
        try:
            events = connect(self.client.url, MODEL, self.stable).events(self._event)
        except (NotFound, Unavailable):
            return
        for event in events:
            self._event = event.number
            if event.kind == "retrain_suggested":
                self._suggested = True
                self._note("retrain_suggested", f"by version {self.stable}'s judge")
            elif event.kind == "raised" and event.alert is not None:
                alert = event.alert
                self.alerts.append(
                    {
                        "at": self.now,
                        "version": self.stable,
                        "stream": alert.stream,
                        "cause": alert.cause,
                        "severity": alert.severity,
                        "psi": alert.effect,
                    }
                )

    def _may_retrain(self) -> bool:
        schedule = self.schedule
        cool = self.now - self._trained_at >= schedule.cool_down_s
        return self._suggested and cool and self._trainings < schedule.trainings

    def _retrain(self) -> None:
        self._trained_at, self._trainings = self.now, self._trainings + 1
        made = train(self.work, self.address, self.now, self.schedule.trees, self.progress)
        if made.version is None:
            self._note("not_better", f"training ended with {made.status}: {made.reason}")
            return
        self._note("trained", f"version {made.version}, AUC {made.auc:.3f} on the last two weeks")
        self._begin(made.version, "a retrained version")

    def _begin(self, version: int, what: str) -> None:
        """Load a version beside those that serve, and let a rollout decide."""
        fetch(self.registry, version, self.work)
        self.client.load()
        self._rollout = Rollout(
            {**PLAN, "model": MODEL, "stable": self.stable, "candidate": version}
        )
        self._controller.start(self._rollout.name, self._rollout.document)
        self._note("rollout", f"{what}, {version}, is shadowed beside {self.stable}")

    def _tick(self, rollout: Rollout) -> None:
        state = self._controller.tick(rollout.name)
        if not state.over:
            return
        candidate, audit = rollout.plan.candidate, self._store.audit(rollout.name)
        if state is State.PROMOTED:
            self.registry.set_alias(MODEL, "champion", candidate)
            self.stable, self._event, self._suggested = candidate, 0, False
        self._note(state.value, f"version {candidate}", audit)
        self._rollout = None

    def _note(self, kind: str, text: str, evidence: list[dict[str, Any]] | None = None) -> None:
        self.happened.append(Happened(self.now, kind, text, evidence or []))
        when = np.datetime64(int(self.now), "s")
        self.progress.step(f"{when} {kind}: {text}")

    def served(self) -> npt.NDArray[np.int64]:
        """Return the flights that were asked about and have a label."""
        return self.flights[~np.isnan(self.year.late[self.flights])]
