"""A child process that gets our signals, and does not outlive us. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType

PARENT_VARIABLE = "MLOPS_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def spawn(command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own.

    A terminal sends Ctrl-C to a whole group: in ours, the child would get it twice, once from the
    terminal and once from `Relay`, and take the second for "stop at once". The child is told who
    started it; one that calls `end_with_parent`, as `mlops` and `mlops-server` do, gets SIGTERM
    from the kernel if we are killed, so that no orphan keeps our ports.
    """
    # Asked of the child, as code between fork and exec runs the fork handlers of every library that
    # is loaded here, and some of them abort when other threads are at work.
    told = {**(os.environ if env is None else env), PARENT_VARIABLE: str(os.getpid())}
    return subprocess.Popen(command, env=told, process_group=0)


def end_with_parent() -> None:
    """Get SIGTERM when the process that `spawn`ed this one ends; exit if it already has.

    Does nothing in a process that was started in another way.
    """
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if str(os.getppid()) != parent:  # it died before the line above
        sys.exit(128 + signal.SIGTERM)


def exit_code(returncode: int) -> int:
    """Translate `Popen.returncode` to a shell's: 128 + N for death by signal N."""
    return 128 - returncode if returncode < 0 else returncode


class Relay:
    """Passes signals on to whichever child is attached, while the context is open.

    Main thread only, as Python's signal handlers are. Without a running child a signal ends this
    process: `SystemExit(128 + N)`.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Relay:
        self._previous = {n: signal.signal(n, self._on_signal) for n in RELAYED}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def attach(self, child: subprocess.Popen[bytes]) -> None:
        """Pass signals on to this child from now on."""
        self._child = child

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Run a command to its end; returns its exit code as a shell would."""
        child = spawn(command, env)
        self.attach(child)
        return exit_code(child.wait())

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._child is None or self._child.poll() is not None:
            raise SystemExit(128 + number)
        self._child.send_signal(number)
