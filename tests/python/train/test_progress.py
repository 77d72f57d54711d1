"""Progress is readable on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from mlops_engine.train.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Iterator[float]:
    return iter(float(i) for i in range(1000))


def test_steps_carry_the_seconds_since_the_start(clock: Iterator[float]) -> None:
    log = io.StringIO()
    progress = Progress(log, clock.__next__)
    progress.step("read")
    progress.step("joined")
    assert log.getvalue() == "[  1.0 s] read\n[  2.0 s] joined\n"


def test_a_log_gets_a_line_per_fifth(clock: Iterator[float]) -> None:
    log = io.StringIO()
    progress = Progress(log, clock.__next__)
    for i in range(100):
        progress.bar("trees", i + 1, 100)
    lines = [line.split("] ")[1] for line in log.getvalue().splitlines()]
    assert lines == [f"trees {i}/100" for i in (1, 20, 40, 60, 80, 100)]


def test_a_terminal_gets_one_line_that_is_redrawn(clock: Iterator[float]) -> None:
    terminal = Terminal()
    progress = Progress(terminal, clock.__next__)
    for i in range(10):
        progress.bar("trees", i + 1, 10)
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().rsplit("\r", 1)[1].startswith("[ 10.0 s] trees " + "█" * 30)


def test_a_bar_that_stops_early_does_not_swallow_the_next_line(clock: Iterator[float]) -> None:
    terminal = Terminal()
    progress = Progress(terminal, clock.__next__)
    progress.bar("trees", 3, 10)
    progress.step("kept 3")
    assert terminal.getvalue().endswith("\x1b[K\n[  2.0 s] kept 3\n")
