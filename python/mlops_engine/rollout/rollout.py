"""One rollout from beginning to end, in the foreground."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import Internal, InvalidArgument, MlopsError
from mlops_engine.rollout.controller import Controller, State, is_passing
from mlops_engine.rollout.plan import Plan
from mlops_engine.rollout.store import Store
from mlops_engine.routing import Route, of_engine, of_server
from mlops_engine.server_api import ServerApi, model_path

if TYPE_CHECKING:
    from mlops_engine.engine import Engine

__all__ = ["Rollout", "quality_of", "routes_of"]


def routes_of(target: Engine | str, token: str | None = None) -> Callable[[str], Route]:
    """Return what gives the route of a model, of an engine or of a server by its URL."""
    if isinstance(target, str):
        return lambda model: of_server(target, model, token=token)
    return lambda model: of_engine(target, model)


def quality_of(
    target: Engine | str, token: str | None = None
) -> Callable[[str, int], Mapping[str, Any]]:
    """Return what gives the quality of a model's version by labels and rewards."""
    if isinstance(target, str):
        api = ServerApi(target, token)
        return lambda model, version: _object(api.get_json(model_path(model, version) + "/quality"))
    return lambda model, version: target._quality(model, version, None)


def _object(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise Internal("the server answers with what is no quality")
    return answer


class Rollout:
    """A plan under its own name, which is the salt of its units.

    Examples
    --------
    >>> plan = {"model": "m", "stable": 1, "candidate": 2, "steps": [{"share": 0.1}]}
    >>> Rollout(plan, "m-2").plan.requests_needed()
    [5587]
    """

    def __init__(self, document: Mapping[str, Any], name: str | None = None) -> None:
        self.document = dict(document)
        self.plan = Plan.from_document(self.document)
        self.name = name or f"{self.plan.model}-{self.plan.candidate}"

    @classmethod
    def from_toml(cls, path: str | Path, name: str | None = None) -> Rollout:
        """Read a plan from a file."""
        try:
            return cls(tomllib.loads(Path(path).read_text()), name)
        except tomllib.TOMLDecodeError as error:
            raise InvalidArgument(f"{path}: {error}") from None

    def start(
        self,
        target: Engine | str,
        store: Store | str | Path = "rollouts.db",
        *,
        token: str | None = None,
    ) -> Controller:
        """Begin, or go on with what was begun under this name; `tick` or `run` what is returned."""
        kept = store if isinstance(store, Store) else Store(store)
        controller = Controller(
            kept, routes_of(target, token), quality_of=quality_of(target, token)
        )
        if self.name not in [record.id for record in kept.all()]:
            controller.start(self.name, self.document)
        return controller


def run(
    controller: Controller,
    name: str,
    *,
    every_s: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> State:
    """Tick until the rollout is over, or somebody has to decide.

    A server that is away is waited for.
    """
    while True:
        try:
            state = controller.tick(name)
        except MlopsError as error:
            if not is_passing(error):
                raise
            state = State.RUNNING
        if state is not State.RUNNING:
            return state
        sleep(every_s)
