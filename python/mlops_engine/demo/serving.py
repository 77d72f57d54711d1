"""The served model as a client sees it: one flight a request, labels later, versions by load."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import Unavailable
from mlops_engine.registry import Registry, Store, resolve
from mlops_engine.server import HOST
from mlops_engine.server_api import ServerApi

__all__ = ["MODEL", "Client", "fetch"]

MODEL = "flights"
# Native trees answer in two microseconds, where a canary, asked less often, is slower by its caches
# alone (docs/routing.md).
CONFIG = """
version_policy: { all { } }
parameters { key: "feedback" value: { string_value: "binary" } }
parameters { key: "feedback_output" value: { string_value: "probabilities" } }
parameters { key: "feedback_threshold" value: { string_value: "0.5" } }
parameters { key: "execution" value: { string_value: "onnxruntime" } }
"""


class Client:
    """Asks a server over one connection that stays open."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self.api = ServerApi(self.url)
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, name: str, row: npt.NDArray[np.float32]) -> tuple[float, int]:
        """Return the chance of being late, and the version that says so.

        The row goes as bytes: a missing value is NaN, which JSON cannot say.
        """
        tensor = {
            "name": "input",
            "shape": [1, len(row)],
            "datatype": "FP32",
            "parameters": {"binary_data_size": row.nbytes},
        }
        wanted = [{"name": "probabilities"}]
        head = json.dumps({"id": name, "inputs": [tensor], "outputs": wanted}).encode()
        answer = self._post(
            f"/v2/models/{MODEL}/infer",
            head + row.tobytes(),
            {"Inference-Header-Content-Length": str(len(head))},
        )
        return float(answer["outputs"][0]["data"][1]), int(answer["model_version"])

    def tell(self, labels: Mapping[str, float]) -> None:
        """Send what became of flights."""
        items = [{"id": name, "label": int(label)} for name, label in labels.items()]
        for begin in range(0, len(items), 5000):
            body = json.dumps({"feedback": items[begin : begin + 5000]}).encode()
            kind = {"Content-Type": "application/json"}
            self._post(f"/mlops/v1/models/{MODEL}/feedback", body, kind)

    def load(self) -> None:
        """Let the server load what is in its repository now; the versions before serve on."""
        self.api.post(f"/v2/repository/models/{MODEL}/load")

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
        self._connection.request("POST", path, body, dict(headers))
        reply = self._connection.getresponse()
        answer = reply.read()
        if reply.status != 200:
            raise Unavailable(f"{path} answered {reply.status}: {answer[:300]!r}")
        return json.loads(answer)


def fetch(registry: Registry, version: int, work: Path) -> Path:
    """Pull a version from the registry, verified, and put it beside those that serve."""
    reference = resolve(f"models:/{MODEL}/{version}", registry)
    pulled = reference.pull(work / "pulled", store=Store(work / "store"))
    model = work / "models" / MODEL
    model.mkdir(parents=True, exist_ok=True)
    (model / "config.pbtxt").write_text(CONFIG)
    shutil.copytree(pulled.directory, model / f".{version}")
    return (model / f".{version}").rename(model / str(version))
