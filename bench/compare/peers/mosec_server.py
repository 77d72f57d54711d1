"""mosec: a front end in Rust, one worker per thread; bare bytes both ways, its fastest form."""

import sys

from bare_model import BATCH, Feeds, Model, asked
from mosec import Server, Worker


class Onnx(Worker):
    resp_mime_type = "application/octet-stream"

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(asked().model)

    def deserialize(self, data: bytes) -> Feeds:
        return self.model.from_bytes(data)

    def forward(self, data: list[Feeds]) -> list:
        return self.model.run_many(data)

    def serialize(self, data: list) -> bytes:
        return b"".join(output.tobytes() for output in data)


if __name__ == "__main__":
    told = asked()
    sys.argv = [sys.argv[0], "--address", "127.0.0.1", "--port", str(told.http)]
    sys.argv += ["--log-level", "error"]
    server = Server()
    path = f"/v2/models/{told.name}/infer"
    server.append_worker(Onnx, num=told.threads, max_batch_size=BATCH, max_wait_time=1, route=path)
    server.run()
