"""How long a server takes to be ready with a cache directory that was filled before, and without.

    python bench/second_start.py SERVER_BINARY MODEL_REPOSITORY

Starts take turns; each is of a process of its own, to the line that says ready, trial runs and
warming included. Prints one JSON object: milliseconds, median and range.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

STARTS = 7


def library() -> Path:
    packages = Path(sys.prefix) / "lib"
    return sorted(packages.glob("python3*/site-packages/onnxruntime/capi/libonnxruntime.so*"))[-1]


def start_ms(binary: str, repository: str, *flags: str) -> float:
    command = [binary, "--model-repository", repository, "--host=127.0.0.1", "--http-port=0"]
    command += ["--grpc-port=0", "--metrics-port=-1", "--ort-library", str(library()), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        for line in server.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                server.terminate()
                return float(event["start_ms"])
    raise RuntimeError("the server was never ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("repository")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        flags = ("--cache-directory", cache)
        first = start_ms(given.binary, given.repository, *flags)
        times: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(STARTS):
            times["without"].append(start_ms(given.binary, given.repository))
            times["with"].append(start_ms(given.binary, given.repository, *flags))
    report = {
        name: {"median": statistics.median(ms), "lowest": min(ms), "highest": max(ms)}
        for name, ms in times.items()
    }
    print(json.dumps({"schema": "mlops-second-start/1", "first": first, **report}))


if __name__ == "__main__":
    main()
