"""Ray Serve: one replica per thread, batches of what waits, JSON."""

import time

import ray
from bare_model import BATCH, Model, asked
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

serving = serve.deployment(max_ongoing_requests=256, ray_actor_options={"num_cpus": 0})


@serving
class Onnx:
    def __init__(self, path: str) -> None:
        self.model = Model(path)

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.0)
    async def run(self, bodies: list[dict]) -> list[dict]:
        many = [self.model.from_json(body["inputs"]) for body in bodies]
        return [self.model.to_json(results) for results in self.model.run_many(many)]

    async def __call__(self, request: Request) -> JSONResponse:
        return JSONResponse(await self.run(await request.json()))


if __name__ == "__main__":
    told = asked()
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    ray.init(num_cpus=2, object_store_memory=100 << 20, **quiet)
    serve.start(http_options={"host": "127.0.0.1", "port": told.http})
    application = Onnx.options(num_replicas=told.threads).bind(told.model)
    serve.run(application, route_prefix=f"/v2/models/{told.name}/infer")
    while True:
        time.sleep(60)
