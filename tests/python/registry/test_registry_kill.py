"""SIGKILL at every step of a pull: what served serves on, and the next pull finishes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from registry_bundles import MemorySource, bundle_files, read_files, transfer

from mlops_engine.registry import Store, active, collect, resolve

OLD = bundle_files({"model.onnx": b"old" * 10, "w/a.data": b"a", "config.pbtxt": b"# old\n"})
NEW = bundle_files({"model.onnx": b"new" * 10, "w/a.data": b"a", "config.pbtxt": b"# new\n"})
# Every second step; `make soak` takes all of them.
STRIDE = 1 if "MLOPS_SOAK" in os.environ else 2
# Everything that changes a disk. A kill between two of these is a kill at one of them.
STEPS = [
    "open",
    "write",
    "fsync",
    "rename",
    "link",
    "mkdir",
    "unlink",
    "rmdir",
    "ftruncate",
    "chmod",
]


def _killing(step: int) -> None:
    """Patch this process, which is a child of the test, to die at its `step`th change."""
    left = step

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return run

    for name in STEPS:
        setattr(os, name, before(getattr(os, name)))


def _in_child(run: Callable[[], object], step: int) -> bool:
    """Run in a child that dies at a step; returns whether it lived."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _killing(step)
            run()
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


@pytest.mark.parametrize(("first", "stride"), [(2, STRIDE), (3, STRIDE)])
def test_a_kill_at_any_step_leaves_one_version_whole(memory: Path, first: int, stride: int) -> None:
    # To a higher number and to a lower one: the order in which versions come and go differs.
    names = {2: ("2", "3"), 3: ("3", "2")}[first]
    source = MemorySource({names[0]: OLD, names[1]: NEW})
    whole = {int(names[0]): _without_config(OLD), int(names[1]): _without_config(NEW)}
    step, lived, seen = 1 - stride, False, set()
    while not lived:
        step += stride
        store, repository = Store(memory / f"s{step}"), memory / f"r{step}"
        resolve(f"models:/m/{names[0]}", source).pull(repository, store=store)

        def pull(repository: Path = repository, store: Store = store) -> None:
            reference = resolve(f"models:/m/{names[1]}", source)
            reference.pull(repository, store=store, transfer=transfer())

        lived = _in_child(pull, step)
        there = active(repository, "m")
        seen.add(tuple(there))
        assert there != []
        for number in there:  # whatever a server finds is complete
            assert read_files(repository / "m" / str(number)) == whole[number]
        collect(store)
        pull()
        assert active(repository, "m") == [int(names[1])]
        left = {p.name for p in (repository / "m").iterdir()}
        assert left == {names[1], "config.pbtxt", ".lock-pull", ".pulled"}
        assert (repository / "m" / "config.pbtxt").read_bytes() == b"# new\n"
    assert step > 30  # the steps were counted at all
    assert seen == {(int(names[0]),), (2, 3), (int(names[1]),)}


def _without_config(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != "config.pbtxt"}
