"""A year of flights replayed through a server: what its judge says, and when.

    python bench/drift_served.py [--server build/release/src/mlops-server] [--repository DIR]

Serves the flights model (trained when it is not there) with January to June as the reference, posts
rows in batches over HTTP and asks for alerts. Prints how many rows each fault took to be named,
what a shuffled replay raised, and July to December month by month.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

import mlops_engine as me
from mlops_engine.server import find_onnxruntime
from mlops_engine.train import dataset, features, source

CODES = ["weekday", "carrier", "origin"]
BATCH = 64
LOOK = 128  # rows between two looks
CHANGE = 16 * LOOK
WITHIN = 1_000
DAY = 15 * BATCH  # about as many flights as leave on one


@dataclass
class Flights:
    """Rows in the order of the year, and the month of each."""

    names: list[str]
    x: np.ndarray
    month: np.ndarray

    @classmethod
    def read(cls) -> Flights:
        """Read and join all flights of the year."""
        tables = dataset.read_tables(source.locate())
        joined = features.join(tables)
        declared = features.declare(tables.carriers)
        x = features.matrix(joined, declared)
        return cls([feature.name for feature in declared], x, joined["month"].to_numpy())

    def shuffled(self) -> np.ndarray:
        """Return January to June in random order."""
        return np.random.default_rng(0).permutation(self.x[self.month <= 6])

    def reference(self, rows: np.ndarray) -> me.drift.Profile:
        """Return a profile of rows."""
        return me.drift.Profile.from_array(rows, self.names, categorical=CODES)


class Replay:
    """A server of the flights model with a reference; rows go in, alerts come out."""

    def __init__(
        self, server: Path, model: Path, reference: me.drift.Profile, folder: Path
    ) -> None:
        version = folder / "flights" / "1"
        version.mkdir(parents=True)
        shutil.copy(model, version / "model.onnx")
        (version / "reference.profile").write_bytes(reference.to_bytes())
        options = ["--http-port=0", "--grpc-port=-1", "--metrics-port=-1", "--host=127.0.0.1"]
        options += [f"--ort-library={find_onnxruntime()}", "--exit-on-error=true"]
        self.process = subprocess.Popen(
            [str(server), f"--model-repository={folder}", *options, "--log-info=false"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._events: IO[str] = self.process.stdout
        port = self._event("listening")["http_port"]
        self._event("ready")
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.watch = me.drift.connect(f"http://127.0.0.1:{port}", "flights", 1)

    def _event(self, name: str) -> dict[str, Any]:
        line = self._events.readline()
        if not line:  # it has said why on standard error
            raise ChildProcessError(f"mlops-server ended before '{name}': {self.process.wait()}")
        event: dict[str, Any] = json.loads(line)
        assert event["event"] == name, event
        return event

    def post(self, rows: np.ndarray) -> None:
        """Have rows predicted, in batches."""
        for start in range(0, len(rows), BATCH):
            batch = np.ascontiguousarray(rows[start : start + BATCH], dtype=np.float32)
            tensor = {"name": "input", "shape": list(batch.shape), "datatype": "FP32"}
            tensor["parameters"] = {"binary_data_size": batch.nbytes}
            head = json.dumps({"inputs": [tensor]}).encode()
            headers = {"Inference-Header-Content-Length": str(len(head))}
            body = head + batch.tobytes()
            self._connection.request("POST", "/v2/models/flights/infer", body, headers)
            reply = self._connection.getresponse()
            answer = reply.read()
            assert reply.status == 200, answer[:200]

    def first_alert(self, rows: np.ndarray) -> tuple[int, me.drift.DriftAlert] | None:
        """Post rows and look after some of them; how many it took to be told of a change."""
        for start in range(0, len(rows), LOOK):
            self.post(rows[start : start + LOOK])
            if alerts := self.watch.alerts:
                return min(start + LOOK, len(rows)), alerts[0]
        return None

    def close(self) -> int:
        """Stop the server; its exit status."""
        self._connection.close()
        self.process.terminate()
        status = self.process.wait(timeout=60)
        self._events.close()
        return status


@contextlib.contextmanager
def replay(server: Path, model: Path, reference: me.drift.Profile) -> Iterator[Replay]:
    """Run a server for a while."""
    with tempfile.TemporaryDirectory() as folder:
        running = Replay(server, model, reference, Path(folder))
        try:
            yield running
        finally:
            assert running.close() == 0


def changed_rows(flights: Flights, fault: str) -> tuple[me.drift.Profile, np.ndarray]:
    """Return a reference, and rows that are as it is up to `CHANGE`, and then have the fault."""
    first = flights.shuffled()
    x = first[: CHANGE + WITHIN].copy()
    if fault == "unit":
        x[CHANGE:, flights.names.index("distance")] *= 1.609344
    elif fault == "missing":
        x[CHANGE:, flights.names.index("temperature")] = np.nan
    else:  # a carrier of 3.6 % of the flights, as if it had not flown before
        carrier = first[:, flights.names.index("carrier")]
        codes, counts = np.unique(carrier, return_counts=True)
        new = codes[np.argmin(np.abs(counts / len(first) - 0.036))]
        known = first[carrier != new]
        return flights.reference(known), np.concatenate([known[:CHANGE], first[-WITHIN:]])
    return flights.reference(first), x


def trained(repository: Path) -> Path:
    """Return the newest flights model of a repository, trained when there is none."""

    def versions() -> list[Path]:
        return sorted(
            (repository / "flights").glob("*/model.onnx"), key=lambda p: int(p.parent.name)
        )

    if not versions():
        command = [sys.executable, "-m", "mlops_engine.cli.main", "train"]
        subprocess.run([*command, f"--model-repository={repository}"], check=True)
    return versions()[-1]


def by_month(flights: Flights, running: Replay) -> None:
    """Print what the server says of July to December, asked about once a day of the year."""
    print("\n| month | rows counted | share | critical | warning | named first, after rows |")
    print("|---|---|---|---|---|---|")
    for number in range(7, 13):
        rows = flights.x[flights.month == number]
        running.watch.reset()
        known = running.watch.events()
        for start in range(0, len(rows), DAY):
            running.post(rows[start : start + DAY])
            running.watch.events()
        report = running.watch.report()
        cells = {
            severity: ", ".join(
                f"{alert.stream} {alert.effect:.2f}"
                for alert in report.alerts
                if alert.severity == severity
            )
            for severity in ("critical", "warning")
        }
        events = running.watch.events(known[-1].number if known else 0)
        raised = [event for event in events if event.kind == "raised"]
        row = min((event.row for event in raised), default=0)
        first = [event.alert.stream for event in raised if event.alert and event.row == row]
        print(
            f"| {number} | {report.window_rows:,} | {report.window_rows / len(rows):.0%} "
            f"| {cells['critical']} | {cells['warning']} | {', '.join(first)}: {row:,} |"
        )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", type=Path, default=Path("build/release/src/mlops-server"))
    parser.add_argument("--repository", type=Path, default=Path("build/models"))
    options = parser.parse_args()
    flights = Flights.read()
    model = trained(options.repository)
    print("| change | named | cause | rows |\n|---|---|---|---|")
    for fault in ("unit", "missing", "new_category"):
        reference, x = changed_rows(flights, fault)
        with replay(options.server, model, reference) as running:
            running.post(x[:CHANGE])
            assert running.watch.alerts == []
            found = running.first_alert(x[CHANGE:])
            named = (found[1].stream, found[1].cause, found[0]) if found else ("-", "-", "-")
            print(f"| {fault} | {named[0]} | {named[1]} | {named[2]} |")
    first = flights.shuffled()
    with replay(options.server, model, flights.reference(first)) as running:
        running.post(first)
        events = len(running.watch.events())
        rows = running.watch.window().rows
        print(f"\nA shuffled replay of January to June, {rows:,} rows counted: {events} alerts")
        by_month(flights, running)


if __name__ == "__main__":
    main()
