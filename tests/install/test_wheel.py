"""The built wheel, used as a stranger would: a fresh environment, no compiler, no source tree."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel() -> Path:
    wheels = sorted((ROOT / "dist").glob("mlops_engine-*.whl"))
    assert len(wheels) == 1, f"run make wheel first; dist/ holds {[w.name for w in wheels]}"
    return wheels[0]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Return the bin folder of an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("stranger")
    venv.create(folder, with_pip=True)
    install = [folder / "bin" / "pip", "install", "--quiet", "--only-binary", ":all:"]
    constraints = ["--constraint", ROOT / "python" / "constraints.txt"]
    subprocess.run([*install, *constraints, wheel], check=True, env=_bare(folder / "bin"))
    return folder / "bin"


def _bare(bin_folder: Path) -> dict[str, str]:
    # No compiler, no tool of the system and no PYTHONPATH can be found from here.
    return {"PATH": str(bin_folder), "HOME": str(bin_folder.parent), "LANG": "C.UTF-8"}


def _run(bin_folder: Path, *command: str) -> str:
    done = subprocess.run(
        [str(bin_folder / command[0]), *command[1:]],
        cwd=bin_folder.parent,
        env=_bare(bin_folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_is_whole_and_holds_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert all(folder.startswith("mlops_engine") for folder in folders), sorted(folders)
    assert "mlops_engine/py.typed" in names
    assert (
        sum(name.startswith("mlops_engine/_core.") and name.endswith(".so") for name in names) == 1
    )
    assert any(name.endswith(".data/scripts/mlops-server") for name in names)
    assert any(name.endswith(".data/scripts/mlops-loadgen") for name in names)
    assert not [name for name in names if name.endswith((".a", ".h", ".cc", ".cmake"))]


def test_import_and_version(environment: Path, wheel: Path) -> None:
    version = _run(environment, "python", "-c", "import mlops_engine as m; print(m.__version__)")
    assert version.strip() == wheel.name.split("-")[1]


def test_import_pulls_no_ml_framework(environment: Path) -> None:
    code = "import sys, mlops_engine; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = set(_run(environment, "python", "-c", code).split())
    assert not loaded & {"lightgbm", "onnx", "onnxmltools", "pandas", "polars", "sklearn", "torch"}


@pytest.mark.parametrize("program", ["mlops", "mlops-bench", "mlops-server", "mlops-loadgen"])
def test_programs_answer_help(environment: Path, program: str) -> None:
    assert program in _run(environment, program, "--help")


def test_the_server_is_native(environment: Path) -> None:
    assert (environment / "mlops-server").read_bytes()[:4] == b"\x7fELF"


def test_it_is_not_the_development_build(environment: Path) -> None:
    where = _run(environment, "python", "-c", "import mlops_engine; print(mlops_engine.__file__)")
    assert Path(where.strip()).is_relative_to(environment.parent)
    assert sys.prefix != str(environment.parent)
