"""The committed models of the C++ tests are what their script writes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import tiny_models


def test_committed_files_are_current() -> None:
    files = tiny_models.tiny_files()
    assert {path.name for path in tiny_models.DIRECTORY.iterdir()} == set(files)
    for name, content in files.items():
        assert (tiny_models.DIRECTORY / name).read_bytes() == content, name
        assert len(content) < 1024, name
