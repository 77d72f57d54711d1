"""Environments of the libraries that we are compared with: one below build/ for each, made once."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


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
        check=False,
        timeout=1800,
    )
    if done.returncode != 0:
        sys.exit(f"{script.name} failed with {python}")
    return json.loads(done.stdout)
