"""The server behind a loopback port: which process it is, and which CPUs it may use."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

LISTEN = "0A"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def pid_of_port(port: int) -> int | None:
    """Find the process that listens on a local TCP port.

    Parameters
    ----------
    port : int
        Port number.

    Returns
    -------
    int or None
        Its process id; None when nobody listens, or the process belongs to someone else.
    """
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return None
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(link) in wanted for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue  # gone meanwhile, or not ours to look into
    return None


def pin(pid: int, cpus: Iterable[int]) -> None:
    """Confine all threads of a process to these CPUs.

    Raises
    ------
    OSError
        If the process is gone or not ours.
    """
    wanted = set(cpus)
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), wanted)
