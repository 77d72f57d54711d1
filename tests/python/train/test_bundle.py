"""A bundle is published whole or not at all, and is afterwards what it was."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlops_engine.train import bundle

FILES = {bundle.MODEL_FILE: b"graph", bundle.CARD: b"# card\n"}


def _publish(repository: Path, **facts: Any) -> bundle.Bundle:
    return bundle.publish(repository, "m", FILES, {"name": "m", **facts})


def test_what_is_published_is_read_back(tmp_path: Path) -> None:
    published = _publish(tmp_path, note="naïve")
    assert published.directory == tmp_path / "m" / "1"
    assert bundle.latest(tmp_path, "m") == published
    manifest = json.loads((published.directory / bundle.MANIFEST).read_text())
    assert manifest["format"] == bundle.FORMAT
    assert manifest["note"] == "naïve"
    assert manifest["files"].keys() == FILES.keys()
    assert manifest["files"][bundle.MODEL_FILE]["bytes"] == 5
    assert published.directory.stat().st_mode & 0o777 == 0o755


def test_versions_count_up_and_strangers_are_ignored(tmp_path: Path) -> None:
    for name in ("7", ".staging-x", "notes", "-1", "1.5"):
        (tmp_path / "m" / name).mkdir(parents=True)
    assert bundle.numbers(tmp_path / "m") == [7]
    assert [_publish(tmp_path).number for _ in range(3)] == [8, 9, 10]
    assert bundle.latest(tmp_path, "other") is None


@pytest.mark.parametrize("fails_at", ["write", "rename"])
def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    _publish(tmp_path)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    if fails_at == "write":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        _publish(tmp_path)
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["1"]


def test_publishers_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda i: _publish(tmp_path, mine=i), range(24)))
    assert sorted(b.number for b in published) == list(range(1, 25))
    for made in published:
        text = (made.directory / bundle.MANIFEST).read_text()
        assert json.loads(text)["mine"] == made.manifest["mine"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    directory = _publish(tmp_path).directory
    (directory / bundle.MODEL_FILE).write_bytes(b"grapi")
    with pytest.raises(bundle.BundleError, match="not the file that was published"):
        bundle.latest(tmp_path, "m")
    (directory / bundle.MODEL_FILE).unlink()
    with pytest.raises(bundle.BundleError, match="not the file that was published"):
        bundle.latest(tmp_path, "m")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {"model.onnx": 1}}', "null"])
def test_an_unreadable_manifest_is_an_error_of_its_own(tmp_path: Path, text: str) -> None:
    directory = _publish(tmp_path).directory
    (directory / bundle.MANIFEST).write_text(text)
    with pytest.raises(bundle.BundleError, match="no readable"):
        bundle.latest(tmp_path, "m")


def test_semantic_versions() -> None:
    signature = {"inputs": [1]}
    assert bundle.semantic_version(None, signature) == "1.0.0"
    previous = {"semantic_version": "2.4.1", "signature": signature}
    assert bundle.semantic_version(previous, signature) == "2.5.0"
    assert bundle.semantic_version(previous, {"inputs": [1, 2]}) == "3.0.0"


def test_code_revision_only_where_git_knows_the_code(tmp_path: Path) -> None:
    assert bundle.code_revision(tmp_path) is None
    known = bundle.code_revision(Path(bundle.__file__).resolve().parent)
    assert known is None or len(known["git"]) == 40
