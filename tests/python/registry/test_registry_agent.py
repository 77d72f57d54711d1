"""The agent: what moved is served, what is bad is not, and what served serves on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from registry_bundles import MemorySource, bundle_files, transfer

from mlops_engine import InvalidArgument, Unavailable
from mlops_engine.registry import Address, Selector, Store, Version, active, history, resolve
from mlops_engine.registry.agent import Agent, AgentOptions
from mlops_engine.registry.audit import AuditLog, verify
from mlops_engine.registry.bundle import Bundle
from mlops_engine.registry.target import Serving, Target
from mlops_engine.registry.webhook import Checker, Webhook

CHAMPION = {"m": Address("m", Selector("alias", "champion"))}
BUNDLES = {str(n): bundle_files({"model.onnx": f"graph {n}".encode()}) for n in range(1, 4)}


class Puppet:
    """A target that does as the test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Serving] = {}
        self.away = False
        self.loads: list[str] = []

    def load(self, model: str, directory: Path) -> Serving:
        if self.away:
            raise Unavailable("the server is away")
        self.loads.append(directory.name)
        return self.answers.get(directory.name, Serving("ready"))


class Bench:
    """An agent over a source in memory, and what it told."""

    def __init__(self, folder: Path, target: Target | None = None, **options: Any) -> None:
        self.source = MemorySource(dict(BUNDLES), champion="1")
        self.folder, self.options = folder, options
        self.target = target or Puppet()
        self.told: list[Mapping[str, Any]] = []
        self.agent = self.anew()

    def anew(self) -> Agent:
        """Return another agent over the same disk, as after a restart."""
        options = AgentOptions(
            transfer=transfer(), on_event=self.told.append, random=lambda: 0.5, **self.options
        )
        return Agent(
            self.source,
            CHAMPION,
            self.folder / "models",
            store=Store(self.folder / "store"),
            target=self.target,
            options=options,
        )

    def move(self, version: str) -> None:
        self.source.aliases = {"champion": version}

    def step(self) -> tuple[list[str], list[int]]:
        """Let the agent look once; returns the events and what is in the repository."""
        self.told.clear()
        self.agent.step()
        return [str(e["event"]) for e in self.told], active(self.folder / "models", "m")


@pytest.fixture
def bench(memory: Path) -> Bench:
    return Bench(memory)


def test_an_alias_that_moves_is_followed_with_one_event(bench: Bench) -> None:
    assert bench.step() == (["activated"], [1])
    assert bench.step() == ([], [1])
    bench.move("2")
    assert bench.step() == (["activated"], [2])
    assert bench.told[0]["semantic_version"] == "1.2.3"
    bench.move("1")
    assert bench.step() == (["activated"], [1])
    assert bench.agent.step() == 15.0


def test_an_alias_that_flaps_leaves_one_whole_version(bench: Bench) -> None:
    for version in itertools.islice(itertools.cycle("123"), 100):
        bench.move(version)
        assert bench.step() == (["activated"], [int(version)])
    downloads = [name for name, _ in bench.source.opened if name == "model.onnx"]
    assert len(downloads) == 3


def test_a_registry_that_is_away_is_told_of_once(bench: Bench, monkeypatch: Any) -> None:
    bench.step()
    find = bench.source.find

    def away(model: str, selector: Selector) -> Version:
        raise Unavailable("no route")

    monkeypatch.setattr(bench.source, "find", away)
    assert bench.step() == (["unavailable"], [1])
    for _ in range(9):
        assert bench.step() == ([], [1])
    assert [bench.agent.step() for _ in range(2)] == [150.0, 150.0]  # half of the bound of 300
    monkeypatch.setattr(bench.source, "find", find)
    assert bench.step() == (["recovered"], [1])
    assert bench.agent.step() == 15.0


def test_what_served_last_serves_without_a_registry(bench: Bench, monkeypatch: Any) -> None:
    bench.step()
    bench.move("2")
    bench.step()
    monkeypatch.setattr(bench.source, "find", lambda *_: pytest.fail("the registry was asked"))
    folder = bench.folder / "models" / "m"
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    bench.told.clear()
    bench.anew().start()
    assert [e["event"] for e in bench.told] == ["last_good"]
    assert active(bench.folder / "models", "m") == [2]
    # The newest is damaged: the one before it serves.
    blob = next(p for p in bench.folder.glob("store/blobs/*/*/*") if p.read_bytes() == b"graph 2")
    blob.chmod(0o644)
    blob.write_bytes(b"GRAPH 2")
    bench.anew().start()
    assert active(bench.folder / "models", "m") == [1]


def test_a_bundle_that_is_refused_is_not_tried_again(bench: Bench) -> None:
    bench.step()
    bench.source.versions = {**BUNDLES, "2": {**BUNDLES["2"], "model.onnx": b"GRAPH 2"}}
    bench.move("2")
    assert bench.step() == (["rejected"], [1])
    assert "has the SHA-256" in bench.told[0]["reason"]
    bench.source.opened.clear()
    assert bench.step() == ([], [1])
    bench.agent = bench.anew()  # nor after a restart
    assert bench.step() == ([], [1])
    assert ("model.onnx", 0) not in bench.source.opened
    bench.move("3")
    assert bench.step() == (["activated"], [3])


def test_another_major_version_waits_for_somebody(bench: Bench) -> None:
    """Its signature is another: whoever calls the model would be refused from one moment on."""
    bench.source.versions["9"] = bundle_files({"model.onnx": b"nine"}, semantic_version="2.0.0")
    assert bench.step() == (["activated"], [1])
    bench.move("9")
    assert bench.step() == (["held"], [1])
    assert "another major version" in bench.told[0]["reason"]
    assert bench.step() == ([], [1])
    bench.move("2")
    assert bench.step() == (["activated"], [2])
    bench.move("9")
    assert bench.step() == (["held"], [2])
    address = CHAMPION["m"]
    store, repository = Store(bench.folder / "store"), bench.folder / "models"
    resolve(address, bench.source).pull(repository, store=store, transfer=transfer())
    assert bench.step() == (["recovered"], [9])
    bench.move("1")
    assert bench.step() == (["held"], [9])  # back is another major version, too
    bench.options["major"] = "take"
    bench.agent = bench.anew()
    assert bench.step() == (["activated"], [1])


def test_what_was_bad_gets_another_chance_by_hand(bench: Bench) -> None:
    bench.step()
    bench.target.answers["2"] = Serving("failed", "out of memory")
    bench.move("2")
    assert bench.step() == (["rejected", "rolled_back"], [1])
    bench.target.answers.clear()
    store = Store(bench.folder / "store")
    resolve(CHAMPION["m"], bench.source).pull(bench.folder / "models", store=store)
    assert bench.step() == ([], [2])
    assert bench.target.loads[-1] == "2"


def test_a_bundle_with_a_file_too_many_is_told_of_once(bench: Bench) -> None:
    bench.step()
    bench.source.versions = {**BUNDLES, "2": {**BUNDLES["2"], "extra": b""}}
    bench.move("2")
    assert bench.step() == (["refused"], [1])
    assert bench.step() == ([], [1])
    bench.move("1")
    assert bench.step() == (["recovered"], [1])


def test_a_version_that_cannot_be_loaded_gives_way_to_the_one_before(bench: Bench) -> None:
    bench.step()
    bench.target.answers["2"] = Serving("failed", "no such operator")
    bench.move("2")
    assert bench.step() == (["rejected", "rolled_back"], [1])
    assert bench.told[0]["reason"] == "no such operator"
    assert bench.told[1]["number"] == 1
    assert bench.target.loads == ["1", "2", "1"]
    assert bench.step() == ([], [1])
    assert bench.target.loads == ["1", "2", "1", "1"]  # it is seen to that the old one serves on
    assert [g.number for g in history.read(Store(bench.folder / "store"), "m").good] == [1]


def test_the_registry_is_told_if_it_wants_to_know(tmp_path: Path) -> None:
    reported: list[tuple[str, int, str]] = []

    def report(*facts: Any) -> None:
        reported.append(facts)
        if facts[1] == 3:
            raise Unavailable("no route")

    bench = Bench(tmp_path, report=report)
    bench.step()
    bench.target.answers["2"] = Serving("failed", "no such operator")
    bench.move("2")
    bench.step()
    bench.move("3")
    assert bench.step() == (["activated", "not_reported"], [3])
    assert reported == [("m", 1, "active"), ("m", 2, "failed"), ("m", 3, "active")]


def test_a_server_that_polls_is_waited_for(bench: Bench) -> None:
    bench.target.answers["1"] = Serving("loading")
    assert bench.step() == ([], [1])
    assert bench.agent.step() == 1.0
    bench.target.answers.clear()
    assert bench.step() == (["activated"], [1])


def test_a_server_that_is_away_gets_the_version_later(bench: Bench) -> None:
    bench.target.away = True
    assert bench.step() == (["unavailable"], [1])
    bench.target.away = False
    assert bench.step() == (["activated"], [1])
    bench.target.away = True
    assert bench.step() == (["unavailable"], [1])
    bench.target.away = False
    assert bench.step()[0][0] == "recovered"


def test_a_server_that_was_started_anew_is_told_again(bench: Bench) -> None:
    bench.step()
    bench.step()
    assert bench.target.loads == ["1", "1"]
    bench.target.answers["1"] = Serving("failed", "out of memory")
    assert bench.step() == (["not_serving"], [1])
    assert bench.step() == ([], [1])
    bench.target.answers.clear()
    assert bench.step() == (["recovered"], [1])


def test_a_full_disk_is_an_outage_and_no_verdict(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.step()
    bench.move("2")
    bench.agent._options.transfer.free_bytes_min = 1 << 60
    assert bench.step() == (["unavailable"], [1])
    bench.agent._options.transfer.free_bytes_min = 0
    assert bench.step() == (["recovered", "activated"], [2])


def test_verification_also_holds_for_what_comes_from_the_store(tmp_path: Path) -> None:
    revoked: set[str] = set()

    def check(model: str, bundle: Bundle) -> None:
        if bundle.digest in revoked:
            raise InvalidArgument("its key was revoked")

    bench = Bench(tmp_path, verify=check)
    bench.step()
    bench.move("2")
    bench.step()
    revoked.add(bench.told[0]["digest"])
    bench.anew().start()
    assert active(tmp_path / "models", "m") == [1]


def test_a_webhook_wakes_the_agent(bench: Bench) -> None:
    looked = threading.Semaphore(0)
    step = bench.agent.step

    def counted() -> float:
        step()
        looked.release()
        return 3600.0

    bench.agent.step = counted  # type: ignore[method-assign]
    stop = threading.Event()
    thread = threading.Thread(target=bench.agent.run, args=(stop,))
    thread.start()
    assert looked.acquire(timeout=30)
    bench.agent.wake()
    assert looked.acquire(timeout=30)
    stop.set()
    bench.agent.wake()
    thread.join(30)
    assert not thread.is_alive()


def signed(
    secret: str, body: bytes, delivery: str = "d1", timestamp: str = "1000"
) -> dict[str, str]:
    message = f"{delivery}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": "v1," + base64.b64encode(digest).decode(),
    }


def test_a_delivery_is_believed_once_in_time_and_by_its_signature() -> None:
    checker = Checker("secret", now=lambda: 1100.0)
    assert checker.accepts(signed("secret", b"{}"), b"{}")
    assert not checker.accepts(signed("secret", b"{}"), b"{}")  # again
    assert not checker.accepts(signed("other", b"{}", "d2"), b"{}")
    assert not checker.accepts(signed("secret", b"{}", "d3"), b"{} ")
    assert not checker.accepts(signed("secret", b"{}", "d4", "700"), b"{}")
    assert not checker.accepts(signed("secret", b"{}", "d5", "nan"), b"{}")
    assert not checker.accepts(signed("secret", b"{}", "d6", "x"), b"{}")
    assert not checker.accepts({}, b"{}")
    assert checker.accepts(signed("secret", b"{}", "d7", "1300"), b"{}")


def test_the_webhook_door() -> None:
    woken: list[bool] = []
    webhook = Webhook(
        "127.0.0.1", 0, Checker("secret", now=lambda: 1000.0), lambda: woken.append(True)
    )
    try:
        statuses = []
        for headers, body in (
            (signed("secret", b"{}"), b"{}"),
            (signed("wrong", b"{}", "d2"), b"{}"),
            ({"Content-Length": "99999999"}, b""),
            ({"Content-Length": "-1"}, b""),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", webhook.port, timeout=30)
            connection.request("POST", "/", body, headers)
            statuses.append(connection.getresponse().status)
            connection.close()
    finally:
        webhook.close()
    assert (statuses, woken) == ([204, 401, 413, 413], [True])


def test_every_event_is_in_the_audit_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    bench = Bench(tmp_path, audit=AuditLog(log))
    for version in ("1", "2", "1"):
        bench.move(version)
        bench.step()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["line"], line["event"]) for line in lines] == [
        (1, "activated"),
        (2, "activated"),
        (3, "activated"),
    ]
    assert verify(log)[0] == 3


def test_an_audit_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, audit=AuditLog(tmp_path / "not-there" / "audit.jsonl"))
    assert bench.step() == (["activated", "not_audited"], [1])


def test_a_log_that_was_changed_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    for n in range(5):
        last = log.append({"event": f"e{n}"})
    assert verify(path) == (5, last)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for changed in (
        whole.replace(b"e2", b"x2"),
        b"".join(lines[1:]),
        b"".join(lines[:2] + lines[3:]),
        b"".join([lines[1], lines[0], *lines[2:]]),
        whole[:-1],
        b"\n" + whole,
    ):
        path.write_bytes(changed)
        with pytest.raises(InvalidArgument, match="is not what was written"):
            verify(path)
    # A process was killed while it wrote: what there is of its line is kept.
    path.write_bytes(whole + b'{"line": 6, "ev')
    log.append({"event": "next"})
    assert verify(path)[0] == 7
    assert (
        bytes.fromhex(json.loads(path.read_bytes().splitlines()[5])["bytes"]) == b'{"line": 6, "ev'
    )


def test_several_processes_write_one_log(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    threads = [
        threading.Thread(target=lambda: [AuditLog(path).append({"event": "e"}) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(path)[0] == 80
