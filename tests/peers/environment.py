"""Environments of the libraries that we are compared with: one below build/ for each, made once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
# Libraries that look for drift. Pins beside one are of what it imports and does not pin, or pins
# too loosely.
PEERS = {
    "datasketches": ("datasketches==5.2.0", "numpy==2.4.6"),
    "nannyml": ("nannyml==0.13.1", "statsmodels==0.15.0", "pandas==3.1.1"),
    "alibi": ("alibi-detect==0.13.0",),
    "evidently": ("evidently==0.7.23", "pandas<3"),
    # All of it is pinned: pip alone looks for hours for versions that go together.
    "tfdv": tuple((FOLDER / "tensorflow_data_validation.txt").read_text().split()),
    "river": ("river==0.26.1",),
    "frouros": ("frouros==0.9.0",),
}


def python_with(*requirements: str) -> Path:
    """Return a Python that has `requirements`, all pinned, and nothing of ours."""
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:8]
    folder = ROOT / "build/peers" / f"{requirements[0].split('==')[0]}-{digest}"
    python = folder / "bin/python"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        ready.touch()
    return python


def ask(python: Path, script: Path, *arguments: str, stdin: str = "") -> Any:
    """Return the JSON that `script` prints when run by `python` in its own folder."""
    done = subprocess.run(
        [python, "-W", "ignore", script.name, *arguments],
        cwd=script.parent,
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"},
        check=False,
        timeout=1800,
    )
    if done.returncode != 0:
        sys.exit(f"{script.name} failed with {python}")
    return json.loads(done.stdout)
