"""What every peer is told, and the model in bare onnxruntime for those that bring no back end.

Runs in a peer's own environment, so it needs nothing but numpy and onnxruntime. What a peer is told
comes in the environment, for some parse the command line themselves and many start processes.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

DTYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "INT32": np.int32}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
OF_ONNX = {"tensor(float)": "FP32", "tensor(double)": "FP64"}
OF_ONNX |= {"tensor(int64)": "INT64", "tensor(int32)": "INT32"}
VARIABLE = "COMPARE_PEER"  # peer.py sets it
BATCH = 64
"""Most rows that a peer may put together where it can; the client has 64 in flight at most."""

Feeds = dict[str, np.ndarray]


@dataclass(frozen=True)
class Asked:
    model: str  # an ONNX file
    name: str
    http: int  # ports
    grpc: int
    threads: int  # workers, instances: whatever the peer calls those that compute
    scratch: str  # a folder of its own
    triton_backend: str | None


def asked() -> Asked:
    return Asked(**json.loads(os.environ[VARIABLE]))


class Model:
    """One session, one thread a run: as a lane of the engine runs it."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options)
        self.inputs = self._session.get_inputs()
        self.outputs = [output.name for output in self._session.get_outputs()]
        self._dtypes = {i.name: DTYPES[OF_ONNX[i.type]] for i in self.inputs}

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        return self._session.run(None, feeds)

    def run_many(self, many: list[Feeds]) -> list[list[np.ndarray]]:
        """Requests of any number of rows and one shape otherwise, in one run where it can be."""
        if len(many) == 1:
            return [self.run(many[0])]
        shapes = {tuple(array.shape[1:] for array in feeds.values()) for feeds in many}
        if len(shapes) > 1:
            return [self.run(feeds) for feeds in many]
        together = self.run({name: np.concatenate([f[name] for f in many]) for name in many[0]})
        ends = np.cumsum([len(next(iter(feeds.values()))) for feeds in many])[:-1]
        return [list(parts) for parts in zip(*(np.split(o, ends) for o in together), strict=True)]

    def from_json(self, inputs: list[dict[str, Any]]) -> Feeds:
        return {
            i["name"]: np.array(i["data"], self._dtypes[i["name"]]).reshape(i["shape"])
            for i in inputs
        }

    def to_json(self, results: list[np.ndarray]) -> dict[str, Any]:
        outputs = [
            {"name": n, "datatype": NAMES[r.dtype], "shape": r.shape, "data": r.ravel().tolist()}
            for n, r in zip(self.outputs, results, strict=True)
        ]
        return {"outputs": outputs}

    def from_bytes(self, body: bytes) -> Feeds:
        """The bytes of the one input, whole rows."""
        (only,) = self.inputs
        return {
            only.name: np.frombuffer(body, self._dtypes[only.name]).reshape(-1, *only.shape[1:])
        }
