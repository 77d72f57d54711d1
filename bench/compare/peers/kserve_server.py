"""KServe's Python SDK: its own v2 over HTTP (binary tensors too) and gRPC, no batching."""

import kserve
from bare_model import NAMES, Model, asked


class Onnx(kserve.Model):
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.model = Model(path)
        self.ready = True

    async def predict(
        self, payload: kserve.InferRequest, headers: object = None, response_headers: object = None
    ) -> kserve.InferResponse:
        results = self.model.run({i.name: i.as_numpy() for i in payload.inputs})
        outputs = []
        for name, result in zip(self.model.outputs, results, strict=True):
            output = kserve.InferOutput(name, list(result.shape), NAMES[result.dtype])
            output.set_data_from_numpy(result, binary_data=True)
            outputs.append(output)
        return kserve.InferResponse(payload.id or "none", self.name, outputs)


if __name__ == "__main__":
    told = asked()
    ports = {"http_port": told.http, "grpc_port": told.grpc}
    server = kserve.ModelServer(**ports, workers=1, enable_grpc=True, enable_latency_logging=False)
    server.start([Onnx(told.name, told.model)])
