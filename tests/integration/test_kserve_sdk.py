"""KServe's Python SDK as a client of our server."""

from __future__ import annotations

import subprocess
from pathlib import Path

from serving import RunningServer


def test_kserves_own_client_is_served(environment: Path, examples: RunningServer) -> None:
    script = Path(__file__).with_name("kserve_client.py")
    command = [environment / "bin" / "python", script, str(examples.http), str(examples.grpc)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
