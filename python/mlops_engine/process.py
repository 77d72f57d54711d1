"""A child process that gets our signals, and does not outlive us. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def spawn(command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own.

    A terminal sends Ctrl-C to a whole group: in ours, the child would get it twice, once from the
    terminal and once from `Relay`, and take the second for "stop at once". If we are killed, the
    kernel sends the child SIGTERM, so that no orphan keeps our ports.
    """
    # Unsafe only where another thread holds, at the fork, a lock that this needs: it needs the
    # interpreter's and malloc's, and both are set right in the child.
    tie = _tie_to(os.getpid())
    return subprocess.Popen(command, env=env, process_group=0, preexec_fn=tie)  # noqa: PLW1509


def _tie_to(parent: int) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


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
