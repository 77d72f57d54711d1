"""`mlops token new`: what it writes is what the server reads."""

import subprocess
import sys

import pytest


def token_new(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlops_engine.cli.main", "token", "new", "--name", "a"]
    command += ["--role", "predict", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_numbers_are_written_whole() -> None:
    done = token_new("--rate", "123456.75", "--burst", "1e6")
    assert done.stdout.split()[-2:] == ["rate=123456.75", "burst=1000000.0"]


@pytest.mark.parametrize(
    "words",
    [
        ("--rate", "1e7"),  # more than the server takes
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--rate", "5", "--burst", "0.5"),
        ("--burst", "5"),  # means nothing without a rate
    ],
)
def test_what_the_server_would_refuse_is_refused(words: tuple[str, ...]) -> None:
    done = token_new(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-2] in done.stderr
