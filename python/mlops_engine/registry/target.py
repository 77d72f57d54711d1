"""Who serves what was pulled: a server in one of its modes, or an engine in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote

from mlops_engine.errors import MlopsError, Unavailable
from mlops_engine.server_api import ServerApi


@dataclass(frozen=True)
class Serving:
    """How it stands with a version: `ready`, `loading`, or `failed` for a reason."""

    state: Literal["ready", "loading", "failed"]
    reason: str = ""


class Target(Protocol):
    """What the agent tells that a version is in place."""

    def load(self, model: str, directory: Path) -> Serving:
        """Ask for a version that is not known to serve yet; quick if it does already.

        Raises
        ------
        Unavailable
            The target is away; nothing is known.
        """
        ...


class Unwatched:
    """A repository that some server polls, of which nothing else is known."""

    def load(self, model: str, directory: Path) -> Serving:
        """Take it that the version serves."""
        return Serving("ready")


class ServerTarget:
    """A server by the URL of its HTTP port, over the same repository.

    Parameters
    ----------
    explicit
        Whether it is to be told to load (`--model-control-mode=explicit`), or polls.
    """

    def __init__(self, url: str, token: str | None = None, *, explicit: bool = True) -> None:
        self._api = ServerApi(url, token)
        self._explicit = explicit

    def load(self, model: str, directory: Path) -> Serving:
        """Look whether the version serves; send the load request if it does not."""
        try:
            found = self._state(model, directory.name)
            if found.state == "ready" or not self._explicit:
                return found
            return self._ask(model, directory.name)
        except PermissionError as error:
            raise Unavailable(str(error)) from error

    def _ask(self, model: str, version: str) -> Serving:
        try:
            self._api.post(f"/v2/repository/models/{quote(model)}/load")
        except Unavailable:
            raise
        except MlopsError as error:
            return Serving("failed", str(error))
        found = self._state(model, version)
        if found.state == "loading":  # it answered, and serves another version
            return Serving("failed", f"{self._api.url} loaded {model!r} without version {version}")
        return found

    def _state(self, model: str, version: str) -> Serving:
        index = self._api.post_json("/v2/repository/index")
        for entry in index if isinstance(index, list) else []:
            if (entry.get("name"), entry.get("version")) == (model, version):
                if entry.get("state") == "READY":
                    return Serving("ready")
                if entry.get("state") == "UNAVAILABLE" and entry.get("reason") not in {
                    None,
                    "",
                    "unloaded",
                }:
                    return Serving("failed", str(entry["reason"]))
        return Serving("loading")


class EngineTarget:
    """An engine in this process."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._loaded: dict[str, Path] = {}

    def load(self, model: str, directory: Path) -> Serving:
        """Load the version, then let the others go: no request is without a version."""
        if self._loaded.get(model) == directory:
            return Serving("ready")
        number = int(directory.name)
        try:
            self._engine.load(model, directory / "model.onnx", number)
        except MlopsError as error:
            return Serving("failed", str(error))
        for other in self._engine.model(model).versions:
            if other != number:
                self._engine.unload(model, other)
        self._loaded[model] = directory
        return Serving("ready")
