"""One model's route, wherever it is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from mlops_engine.errors import Internal, NotFound
from mlops_engine.routing.document import Document, arm_list, plan_of, shadow_list
from mlops_engine.server_api import ServerApi, model_path

if TYPE_CHECKING:
    from mlops_engine.engine import Engine

__all__ = ["Route", "of_engine", "of_server"]

_KEPT = ("salt", "unit", "override")


class Door(Protocol):
    """Where a route is in force."""

    def read(self, model: str) -> Document: ...
    def write(self, model: str, document: Mapping[str, Any]) -> Document: ...
    def remove(self, model: str) -> None: ...
    def explain(self, model: str, unit: str) -> Document: ...


class Route:
    """The route of one model.

    Examples
    --------
    >>> import mlops_engine as me
    >>> with me.Engine(lanes=1) as engine:
    ...     engine._load_echo("flights", "FP32", [-1, 2])
    ...     document = engine.route("flights").set(stable=1, canary=(1, 0.05))
    ...     engine.route("flights").explain("user-4")["arm"]
    'stable'
    """

    def __init__(self, door: Door, model: str) -> None:
        self._door = door
        self.model = model

    def get(self) -> Document:
        """Return the route in force and, as ``state``, what came of it. `NotFound` without one."""
        return self._door.read(self.model)

    def put(self, document: Mapping[str, Any]) -> Document:
        """Put a whole document in force for the next request, and return it as `get` does.

        Raises
        ------
        Unavailable
            A version that it names is not loaded.
        InvalidArgument
            It is no route.
        """
        return self._door.write(self.model, document)

    def set(
        self,
        *,
        stable: int,
        shadow: Iterable[int | tuple[int, float]] = (),
        salt: str | None = None,
        unit: Mapping[str, Any] | None = None,
        override: Mapping[str, Any] | None = None,
        rules: Iterable[Mapping[str, Any]] | None = None,
        guard: str | Mapping[str, Any] | None = None,
        **arms: tuple[int, float],
    ) -> Document:
        """Say who gets what; in force for the next request.

        Parameters
        ----------
        stable : int
            The version that has what the arms leave.
        shadow : iterable of int or (int, float)
            Versions that see a copy of the requests, or of a sample of them.
        salt, unit, override, rules : optional
            As in the document; by default they stay as they are. Rules stay only as long as the
            arms that they name.
        guard : str or mapping, optional
            The arm that is compared with stable and loses its traffic when it is worse, or the
            document's member.
        **arms : (int, float)
            Each arm's version and share, in steps of 0.0001.
        """
        document: Document = {"stable": stable}
        try:
            before = self.get()
        except NotFound:
            before = {}
        for key in _KEPT:
            if before.get(key):
                document[key] = before[key]
        if before.get("rules"):
            document["rules"] = [_rule_of(rule, set(arms)) for rule in before["rules"]]
        for key, value in (("salt", salt), ("unit", unit), ("override", override)):
            if value is not None:
                document[key] = value
        if rules is not None:
            document["rules"] = list(rules)
        if guard is not None:
            document["guard"] = {"arm": guard} if isinstance(guard, str) else dict(guard)
        document["arms"] = arm_list(arms)
        document["shadows"] = shadow_list(shadow)
        return self.put(document)

    def roll_back(self) -> Document:
        """Take all arms' traffic away, at once: stable answers everybody. Returns as `get` does."""
        document = {key: value for key, value in self.get().items() if key != "guard"}
        document["arms"] = [{**arm, "share": 0.0} for arm in document["arms"]]
        rules = [{**rule, "shares": {}} for rule in document.get("rules", ())]
        return self.put({**document, "rules": rules})

    def clear(self) -> None:
        """Forget the route: who asks for no version gets the repository's choice again."""
        self._door.remove(self.model)

    def explain(self, key: str) -> Document:
        """Return the arm, version and slot of a unit, but for rules and overrides."""
        return self._door.explain(self.model, key)


def _rule_of(rule: Mapping[str, Any], arms: set[str]) -> Document:
    kept = {key: value for key, value in rule.items() if key != "slots"}
    kept["shares"] = {name: share for name, share in rule["shares"].items() if name in arms}
    return kept


class _EngineDoor:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, model: str) -> Document:
        return self._engine._route(model)

    def write(self, model: str, document: Mapping[str, Any]) -> Document:
        return self._engine._set_route(model, plan_of(document))

    def remove(self, model: str) -> None:
        self._engine._clear_route(model)

    def explain(self, model: str, unit: str) -> Document:
        return self._engine._explain_route(model, unit)


class _ServerDoor:
    def __init__(self, api: ServerApi) -> None:
        self._api = api

    def read(self, model: str) -> Document:
        return _document(self._api.get_json(f"{model_path(model)}/route"))

    def write(self, model: str, document: Mapping[str, Any]) -> Document:
        return _document(self._api.put_json(f"{model_path(model)}/route", document))

    def remove(self, model: str) -> None:
        self._api.delete(f"{model_path(model)}/route")

    def explain(self, model: str, unit: str) -> Document:
        path = f"{model_path(model)}/route/explain/{quote(unit, safe='')}"
        return _document(self._api.get_json(path))


def _document(answer: Any) -> Document:
    if not isinstance(answer, dict):
        raise Internal("the server answers with what is no route")
    return answer


def of_engine(engine: Engine, model: str) -> Route:
    """Return the route of an engine's model, as ``engine.route(model)`` does."""
    return Route(_EngineDoor(engine), model)


def of_server(url: str, model: str, *, token: str | None = None) -> Route:
    """Return the route of a server's model; `url` is of its HTTP or admin port."""
    return Route(_ServerDoor(ServerApi(url, token)), model)
