"""What machine and which software a figure belongs to.

Figures of different machines are never compared, so a result carries the machine it came from.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

ISA_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _cpu_field(cpuinfo: str, name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return match.group(1).strip() if match else "unknown"


def cgroup_cpu_quota() -> float | None:
    """Cores that the control group allows: the lowest quota up the tree; None when unlimited."""
    for line in _read("/proc/self/cgroup").splitlines():
        if not line.startswith("0::"):
            continue
        group = Path("/sys/fs/cgroup" + line[3:])
        quotas = []
        for folder in [group, *group.parents]:
            words = _read(str(folder / "cpu.max")).split()
            if len(words) == 2 and words[0] != "max":
                quotas.append(int(words[0]) / int(words[1]))
        return min(quotas) if quotas else None
    quota = _read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def machine() -> dict[str, object]:
    """Return the machine part: two results may be compared only if this is equal.

    Returns
    -------
    dict
        CPU model and microcode, usable cores, instruction set flags, governor, kernel and quota.
    """
    cpuinfo = _read("/proc/cpuinfo")
    flags = set(_cpu_field(cpuinfo, "flags").split())
    return {
        "cpu": _cpu_field(cpuinfo, "model name"),
        "microcode": _cpu_field(cpuinfo, "microcode"),
        "cores": len(os.sched_getaffinity(0)),
        "isa": [flag for flag in ISA_FLAGS if flag in flags],
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
        "virtualised": "hypervisor" in flags,
        "kernel": platform.release(),
        "cgroup_cpu_quota": cgroup_cpu_quota(),
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def software() -> dict[str, object]:
    """Return the software part: shown beside a comparison, free to differ.

    Returns
    -------
    dict
        Versions of Python, onnxruntime, numpy and mlops-engine; the source revision if known.
    """
    return {
        "python": platform.python_version(),
        "onnxruntime": _version("onnxruntime") or _version("onnxruntime-gpu"),
        "numpy": _version("numpy"),
        "mlops-engine": _version("mlops-engine"),
        "revision": _git_revision(),
    }


def differences(a: Mapping[str, object], b: Mapping[str, object]) -> list[str]:
    """Return one line for each key whose values differ."""
    return [
        f"{key}: {a.get(key)} | {b.get(key)}"
        for key in sorted({*a, *b})
        if a.get(key) != b.get(key)
    ]
