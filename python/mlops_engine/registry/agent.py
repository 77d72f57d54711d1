"""The agent: an alias moved, so the version it means is pulled, verified, loaded, or given up.

Polling is the truth; a webhook only wakes it earlier. The server goes on as it is whenever the
agent, the registry or the network is dead. What failed once is not tried again before it changes.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mlops_engine.errors import (
    InvalidArgument,
    MlopsError,
    NotFound,
    ResourceExhausted,
    Unavailable,
)

from . import history
from .activate import activate
from .address import Address
from .audit import AuditLog
from .bundle import from_store
from .collect import KEEP, collect
from .pace import Backoff
from .pull import Verify, pull
from .reference import Reference, resolve
from .semver import SemanticVersion
from .source import Source
from .store import Store
from .target import Serving, Target, Unwatched
from .transfer import Transfer

POLL_S, JITTER, GAP_S = 15.0, 0.2, 1.0
Major: TypeAlias = Literal["hold", "take"]


@dataclass(frozen=True)
class AgentOptions:
    """How the agent works.

    Attributes
    ----------
    poll_s
        Between two looks; `JITTER` of it is random, so that fleets do not look together.
    keep
        Good bundles of each model that stay in the store.
    major
        What becomes of another major version, whose signature is another: `hold` waits until
        somebody pulls it by hand, `take` treats it as any other.
    verify
        Called before a bundle may serve, also when it comes from the store.
    report
        Called with model, version number and `active` or `failed`, to tell the registry. What it
        raises is an event, and changes nothing.
    """

    poll_s: float = POLL_S
    keep: int = KEEP
    major: Major = "hold"
    transfer: Transfer = field(default_factory=Transfer)
    verify: Verify | None = None
    audit: AuditLog | None = None
    on_event: Callable[[Mapping[str, Any]], None] | None = None
    report: Callable[[str, int, str], None] | None = None
    random: Callable[[], float] = random.random


class Agent:
    """Keeps the models of a repository at what their addresses mean. One thread calls it.

    Parameters
    ----------
    models
        What each model of the repository is to be, by its name there.
    """

    def __init__(
        self,
        source: Source,
        models: Mapping[str, Address],
        repository: Path,
        *,
        store: Store,
        target: Target | None = None,
        options: AgentOptions | None = None,
    ) -> None:
        self._source, self._models, self._repository = source, dict(models), repository
        self._store, self._target = store, target or Unwatched()
        self._options = options or AgentOptions()
        self._backoff = Backoff(random=self._options.random)
        self._wake = threading.Event()
        self._said: dict[str, str] = {}
        self._pending: dict[str, history.Good] = {}

    def start(self) -> None:
        """Bring back what served last, without asking the registry."""
        for model in self._models:
            for good in history.read(self._store, model).good:
                if self._bring_back(model, good):
                    self._tell("last_good", model, good)
                    break

    def step(self) -> float:
        """Look at every model once; returns how many seconds later to look again."""
        reached = [self._look(model, address) for model, address in self._models.items()]
        if not all(reached):
            return self._backoff.next_s()
        self._backoff.succeeded()
        if self._pending:
            return GAP_S
        poll = self._options.poll_s
        return poll * (1 + JITTER * (2 * self._options.random() - 1))

    def run(self, stop: threading.Event) -> None:
        """Look again and again, until `stop` is set and `wake` called."""
        self.start()
        while not stop.is_set():
            wait = self.step()
            # However often it is woken: what moves a hundred times a second is looked at once.
            stop.wait(min(GAP_S, wait))
            self._wake.wait(max(0.0, wait - GAP_S))
            self._wake.clear()

    def wake(self) -> None:
        """Let the next look be soon. Any thread."""
        self._wake.set()

    def _look(self, model: str, address: Address) -> bool:
        """Look at one model; returns whether the registry and the target could be reached."""
        try:
            if model in self._pending and self._settle(model, self._pending[model]):
                return True
            reference = resolve(address, self._source)
            memory = history.read(self._store, model)
            self._back(model, "unavailable", "refused")
            known = reference.digest in memory.bad or self._is_active(model, memory, reference)
            if not known and self._holds(memory, reference):
                self._once(model, "held", f"{reference.version.id} has another major version")
            elif not known:
                self._change(model, reference)
            elif memory.good:
                self._back(model, "held")
                self._keep_loaded(model, memory.good[0])
        except (Unavailable, ResourceExhausted, OSError) as error:
            self._once(model, "unavailable", str(error))
            return False
        except (InvalidArgument, NotFound) as error:
            self._once(model, "refused", str(error))
        return True

    def _holds(self, memory: history.History, reference: Reference) -> bool:
        """Whether a version must wait for somebody, as who calls the model would notice it."""
        if self._options.major == "take" or not memory.good or reference.manifest is None:
            return False
        serving = SemanticVersion.parse(memory.good[0].semantic_version)
        return serving.major != reference.manifest.version.major

    def _is_active(self, model: str, memory: history.History, reference: Reference) -> bool:
        good = memory.good[0] if memory.good else None
        if good is None or good.resolved != reference.digest:
            return False
        return (self._repository / model / str(good.number) / "bundle.json").is_file()

    def _change(self, model: str, reference: Reference) -> None:
        """Pull what an address means now, and see whether it serves."""
        options = self._options
        try:
            pull(
                reference,
                self._repository,
                store=self._store,
                name=model,
                transfer=options.transfer,
                verify=options.verify,
            )
        except InvalidArgument as error:
            with history.change(self._store, model) as memory:
                memory.failed(reference.digest, str(error), time.time())
            self._tell("rejected", model, None, reason=str(error), digest=reference.digest)
            return
        good = history.read(self._store, model).good[0]
        self._pending[model] = good
        self._settle(model, good)

    def _settle(self, model: str, good: history.Good) -> bool:
        """See whether what was activated serves; returns whether that is known now."""
        serving = self._target.load(model, self._folder(model, good))
        if serving.state == "loading":
            return False
        del self._pending[model]
        if serving.state == "failed":
            self._give_up(model, good, serving)
        else:
            self._said.pop(model, None)  # which is all the news there is
            self._tell("activated", model, good)
            self._report(model, good, "active")
            collect(self._store, self._options.keep)
        return True

    def _give_up(self, model: str, good: history.Good, serving: Serving) -> None:
        """Remember that a version was bad, and go back to the one before it."""
        with history.change(self._store, model) as memory:
            memory.failed(good.resolved, serving.reason, time.time())
            memory.good = [g for g in memory.good if g.digest != good.digest]
            before = list(memory.good)
        self._tell("rejected", model, good, reason=serving.reason)
        self._report(model, good, "failed")
        for older in before:
            if self._bring_back(model, older):
                self._target.load(model, self._folder(model, older))
                self._tell("rolled_back", model, older)
                return

    def _keep_loaded(self, model: str, good: history.Good) -> None:
        """Load again what a target that was started anew does not have."""
        serving = self._target.load(model, self._folder(model, good))
        if serving.state == "failed":
            self._once(model, "not_serving", serving.reason)
        else:
            self._back(model, "not_serving", "unusable")

    def _bring_back(self, model: str, good: history.Good) -> bool:
        """Put a bundle of the store in place; False if it is damaged or no longer trusted."""
        try:
            with self._store.pulling():  # so that nobody collects what is about to serve
                bundle = from_store(self._store, good.digest)
                if self._options.verify is not None:
                    self._options.verify(model, bundle)
                activate(self._store, self._repository, model, good.number, bundle)
        except MlopsError as error:
            self._once(model, "unusable", str(error))
            return False
        return True

    def _report(self, model: str, good: history.Good, state: str) -> None:
        if self._options.report is None or not good.version.isdecimal():
            return
        try:
            self._options.report(self._models[model].model, int(good.version), state)
        except (MlopsError, OSError) as error:
            self._tell("not_reported", model, good, reason=str(error))

    def _folder(self, model: str, good: history.Good) -> Path:
        return self._repository / model / str(good.number)

    def _once(self, model: str, event: str, reason: str) -> None:
        """Tell of a state when it begins, and not at every look."""
        if self._said.get(model) != event:
            self._said[model] = event
            self._tell(event, model, None, reason=reason)

    def _back(self, model: str, *events: str) -> None:
        """Tell that one of these states is over."""
        if self._said.get(model) in events:
            self._tell("recovered", model, None, reason=f"was {self._said.pop(model)}")

    def _tell(self, event: str, model: str, good: history.Good | None, **more: str) -> None:
        facts: dict[str, Any] = {"time": time.time(), "event": event, "model": model, **more}
        if good is not None:
            facts |= {"version": good.version, "number": good.number, "digest": good.digest}
            facts |= {"semantic_version": good.semantic_version, "source": good.source}
        self._emit(facts)
        if self._options.audit is not None:
            try:
                self._options.audit.append(facts)
            except OSError as failure:  # the disk is full, perhaps: what serves goes first
                self._emit({"time": facts["time"], "event": "not_audited", "reason": str(failure)})

    def _emit(self, facts: Mapping[str, Any]) -> None:
        if self._options.on_event is not None:
            self._options.on_event(facts)


def parse_models(addresses: Sequence[Address], names: Mapping[str, str]) -> dict[str, Address]:
    """Give each address its name in the repository.

    Raises
    ------
    InvalidArgument
        If two are to have one name.
    """
    found: dict[str, Address] = {}
    for address in addresses:
        name = names.get(address.model, address.model)
        if name in found:
            raise InvalidArgument(f"two addresses are to be {name!r}")
        found[name] = address
    return found
