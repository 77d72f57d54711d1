"""The demo from an empty folder to a page; whatever it starts is stopped, also after a failure."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np

from mlops_engine.errors import Unavailable
from mlops_engine.pipeline.failures import GateFailedError
from mlops_engine.registry import LocalRegistry, Registry, open_source
from mlops_engine.registry.sources.mlflow import MlflowSource
from mlops_engine.server import Server, ServerOptions, find_onnxruntime, free_port
from mlops_engine.train import export
from mlops_engine.train.progress import Progress

from .loop import Loop, Places, Schedule
from .page import compared, page, weeks
from .serving import MODEL, Client, fetch
from .tracking import mlflow_server
from .training import train
from .year import Year

__all__ = ["PAGE", "run"]

PAGE = "demo.html"
# A change that lasts for so many flights is one to learn.
RETRAIN_FLIGHTS = 10_000
FLAGS = (
    "--model-control-mode=explicit",
    f"--load-model={MODEL}",
    "--host=127.0.0.1",
    "--log-info=false",
    "--log-warning=false",
    "--drift-retrain-cooldown-s=0",
)


def run(
    work: Path, mlflow: Path | None, binary: Path | None, schedule: Schedule, progress: Progress
) -> Loop:
    """Run it, and leave `demo.html` in the folder.

    Parameters
    ----------
    mlflow
        The program of MLflow; without it versions go into a folder.

    Raises
    ------
    GateFailedError
        The first model did not pass its gates.
    """
    began = time.monotonic()
    work.mkdir(parents=True)
    with contextlib.ExitStack() as ends:
        address = str(work / "registry")
        if mlflow is not None:
            progress.step("starting MLflow")
            url = ends.enter_context(mlflow_server(mlflow, work / "mlflow"))
            address = f"mlflow+{url}"
        registry = _registry(address)
        year = Year.read()
        first = train(work, address, schedule.begin, schedule.trees, progress)
        if first.version is None:
            raise GateFailedError(f"the first training ended with {first.status}: {first.reason}")
        registry.set_alias(MODEL, "champion", first.version)
        graph = (fetch(registry, first.version, work) / "model.onnx").read_bytes()
        http, grpc, metrics = (free_port() for _ in range(3))
        options = ServerOptions(
            work / "models",
            http,
            grpc,
            metrics,
            find_onnxruntime(),
            extra=(*FLAGS, f"--drift-retrain-rows={RETRAIN_FLIGHTS // schedule.every}"),
        )
        server = ends.enter_context(Server(options, binary))
        if not server.wait_ready():
            raise Unavailable("the server ended at its start")
        client = Client(http)
        ends.callback(client.close)
        places = Places(client, registry, address, work, progress)
        loop = Loop(year, schedule, places, first.version)
        loop.run()
    _write(loop, graph, work, time.monotonic() - began)
    return loop


def _registry(address: str) -> Registry:
    if not address.startswith("mlflow+"):
        return LocalRegistry(Path(address))
    found = open_source(address)
    assert isinstance(found, MlflowSource)
    return found


def _write(loop: Loop, graph: bytes, work: Path, took_s: float) -> None:
    _, probabilities = export.run_onnx(graph, loop.year.x)
    without = np.asarray(probabilities[:, 1], np.float64)
    text = page(loop, weeks(loop, without), compared(loop, without), took_s)
    (work / PAGE).write_text(text)
