"""Every example of docs/contracts.md and docs/features.md, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```(toml|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["contracts.md", "features.md"])
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    kinds = []
    for kind, text in BLOCK.findall((DOCS / name).read_text()):
        kinds.append(kind)
        if kind == "toml":
            (tmp_path / text.split("\n", 1)[0].removeprefix("# ")).write_text(text)
        else:
            exec(compile(text, name, "exec"), namespace)
    assert kinds.count("python") >= 2
