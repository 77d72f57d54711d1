"""MLServer: its own v2 over HTTP (JSON) and gRPC, adaptive batching; one process for
one thread, worker processes for more."""

import json
import os
import sys
from pathlib import Path

from bare_model import BATCH, OF_ONNX, Model, asked
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Onnx(MLModel):
    async def load(self) -> bool:
        self.model = Model(asked().model)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        results = self.model.run({i.name: NumpyCodec.decode_input(i) for i in payload.inputs})
        outputs = [
            NumpyCodec.encode_output(name, result)
            for name, result in zip(self.model.outputs, results, strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)


if __name__ == "__main__":
    told = asked()
    ports = {"http_port": told.http, "grpc_port": told.grpc}
    workers = 0 if told.threads == 1 else told.threads
    settings = {"host": "127.0.0.1", **ports, "parallel_workers": workers}
    settings |= {"debug": False, "metrics_endpoint": None}
    Path(told.scratch, "settings.json").write_text(json.dumps(settings))
    inputs = [
        {"name": i.name, "datatype": OF_ONNX[i.type], "shape": [-1, *i.shape[1:]]}
        for i in Model(told.model).inputs
    ]
    model = {"name": told.name, "implementation": "mlserver_server.Onnx", "inputs": inputs}
    model |= {"max_batch_size": BATCH, "max_batch_time": 0.001}
    Path(told.scratch, "model-settings.json").write_text(json.dumps(model))
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
    program = os.path.join(os.path.dirname(sys.executable), "mlserver")
    os.execv(program, [program, "start", told.scratch])
