"""BentoML: one worker process per thread, JSON."""

import os
import sys

import bentoml
from bare_model import Model, asked


def service() -> type:
    told = asked()

    class Onnx:
        def __init__(self) -> None:
            self.model = Model(told.model)

        @bentoml.api(route=f"/v2/models/{told.name}/infer")
        def infer(self, inputs: list[dict]) -> dict:
            return self.model.to_json(self.model.run(self.model.from_json(inputs)))

    traffic = {"timeout": 60, "max_concurrency": 256}
    return bentoml.service(workers=told.threads, traffic=traffic)(Onnx)


if __name__ == "__main__":
    here, name = os.path.split(os.path.abspath(__file__))
    serve = [sys.executable, "-m", "bentoml", "serve", f"{name.removesuffix('.py')}:Served"]
    serve += ["--working-dir", here, "--host", "127.0.0.1", "--port", str(asked().http)]
    os.execv(sys.executable, serve)
else:
    Served = service()
