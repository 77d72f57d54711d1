"""What deploy/ ships, judged by the tools that will read it, and by linters."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "mlops-server.service"
CONTAINERFILE = DEPLOY / "container" / "Containerfile"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there, for one that is not installed is an error."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/mlops-server", "/bin/true"))
    return copy


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    verified = analyze("verify", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    unit.write_text(unit.read_text() + "[Service]\nNoSuchSetting=1\n")
    assert "NoSuchSetting" in analyze("verify", unit).stderr


@needs_systemd
def test_the_unit_is_hardened(unit: Path) -> None:
    # systemd's own scale: 0 is shut off entirely, 10 not at all. This is a server, so 2 is little.
    judged = analyze("security", "--offline=true", "--threshold=20", unit)
    assert judged.returncode == 0, judged.stdout[-2000:]


def linted(tool: str, *files: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name(tool)), *map(str, files)]
    judged = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return judged.returncode, judged.stdout


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    assert linted("hadolint", CONTAINERFILE) == (0, "")
    worse = tmp_path / "Containerfile"
    worse.write_text(CONTAINERFILE.read_text() + "\nRUN apt-get install curl\n")
    assert "DL3008" in linted("hadolint", worse)[1]


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    scripts = [*DEPLOY.rglob("*.sh"), *(DEPLOY.parent / "tests").rglob("*.sh")]
    assert linted("shellcheck", *scripts) == (0, "")
    worse = tmp_path / "worse.sh"
    worse.write_text("#!/bin/sh\nrm $1\n")
    assert "SC2086" in linted("shellcheck", worse)[1]


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def test_the_containerfile_keeps_the_rules_of_its_linters() -> None:
    """Those that matter most, without the linter: two stages, no root, no shell."""
    found = instructions()
    names = [name for name, _ in found]
    assert names.count("FROM") == 2
    last = found[len(names) - 1 - names[::-1].index("FROM") :]
    assert not [name for name, _ in last if name in ("RUN", "ADD")]
    users = [value for name, value in last if name == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", users[-1])
    for name, value in found:
        if name in ("ENTRYPOINT", "CMD"):
            assert value.startswith("[")
        if name == "ARG" and value.endswith("IMAGE"):
            pytest.fail("an image needs a default")
        assert not (name == "FROM" and value.endswith(":latest"))
