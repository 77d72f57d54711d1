"""Triton: the server of nvidia-pytriton's wheel with its ONNX Runtime back end.

The wheel does not carry that back end: `--triton-backend` says where it is. Settings as its own
guide has them for a CPU: dynamic batching without delay, an instance for each thread, one thread in
a run.
"""

import importlib.util
import os
from pathlib import Path

from bare_model import BATCH, asked

CONFIG = """name: "{name}"
backend: "onnxruntime"
max_batch_size: {batch}
dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU, count: {threads} }} ]
parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
parameters {{ key: "inter_op_thread_count" value {{ string_value: "1" }} }}
"""


if __name__ == "__main__":
    told = asked()
    if told.triton_backend is None:
        raise SystemExit("triton needs --triton-backend DIR, with its onnxruntime back end")
    # Found, not imported: the package wants its own back ends.
    spec = importlib.util.find_spec("pytriton")
    server = Path(spec.origin).parent / "tritonserver/bin/tritonserver"
    folder = Path(told.scratch, "models") / told.name / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").symlink_to(told.model)
    batch = int(os.environ.get("COMPARE_TRITON_BATCH", BATCH))
    config = CONFIG.format(name=told.name, batch=batch, threads=told.threads)
    (folder.parent / "config.pbtxt").write_text(config)
    command = [str(server), f"--model-repository={told.scratch}/models"]
    command += [f"--backend-directory={told.triton_backend}", "--allow-metrics=false"]
    command += [f"--http-port={told.http}", f"--grpc-port={told.grpc}"]
    command += ["--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
    server.chmod(0o755)
    os.execv(server, command)
