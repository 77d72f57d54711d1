"""LitServe: one process of HTTP, one worker per thread, batches of what waits."""

import litserve
from bare_model import BATCH, Feeds, Model, asked


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = Model(asked().model)

    def decode_request(self, request: dict) -> Feeds:
        return self.model.from_json(request["inputs"])

    def batch(self, inputs: list[Feeds]) -> list[Feeds]:
        return inputs

    def predict(self, many: list[Feeds]) -> list:
        return self.model.run_many(many)

    def unbatch(self, output: list) -> list:
        return output

    def encode_response(self, output: list) -> dict:
        return self.model.to_json(output)


if __name__ == "__main__":
    told = asked()
    path = f"/v2/models/{told.name}/infer"
    api = Api(max_batch_size=BATCH, batch_timeout=0.0, api_path=path)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=told.threads)
    quiet = {"generate_client_file": False, "log_level": "warning"}
    server.run(host="127.0.0.1", port=told.http, num_api_servers=1, **quiet)
