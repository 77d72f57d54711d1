"""Memory of a model by its lanes: ``python bench/lanes_memory.py MODEL.onnx``.

One process for each number of lanes loads MODEL and answers requests on all of them at once; then
what is resident, and what of that is anonymous (the rest is files mapped, shared with other
processes), less a process without a model. With a cache directory initialisers are mapped from the
saved graph. Prints one JSON object, MiB.
"""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import wait
from pathlib import Path

import numpy as np

import mlops_engine as me

LANES = (1, 2, 4)
OPEN_AXIS = 32  # tokens of a request
ROUNDS = 4


def request(info: me.ModelInfo) -> dict[str, np.ndarray]:
    return {
        one.name: np.ones([1, *(OPEN_AXIS if d < 0 else d for d in one.shape[1:])], one.dtype)
        for one in info.inputs
    }


def resident() -> dict[str, float]:
    wanted = {"VmRSS": "resident", "RssAnon": "anonymous"}
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in wanted:
            found[wanted[name]] = int(rest.split()[0]) / 1024
    return found


def one_process(file: str, lanes: int, cache: str) -> None:
    with me.Engine(lanes=lanes, cache_directory=cache or None) as engine:
        before = resident()
        info = engine.load("model", file)
        sent = request(info)
        for _ in range(ROUNDS):
            wait([engine.submit("model", sent) for _ in range(4 * lanes)])
        after = resident()
    print(json.dumps({name: round(after[name] - before[name], 1) for name in after}))


def main() -> None:
    if len(sys.argv) == 5:
        return one_process(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    found: dict = {"schema": "mlops-lanes-memory/1"}
    with tempfile.TemporaryDirectory() as cache:
        for name, folder in (("from the file", ""), ("saved", cache), ("saved", cache)):
            for lanes in LANES:
                words = [sys.executable, __file__, "one", sys.argv[1], str(lanes), folder]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                found.setdefault(name, {})[lanes] = json.loads(done.stdout)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
