"""What the prediction cache costs and keeps: the C++ micro-benchmark ``mlops-cache``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from mlops_engine.bench.loadgen import find_program
from mlops_engine.bench.table import markdown, number

LIMIT_S = 120


def measure(threads: int, duration_s: float) -> dict[str, Any]:
    """Run the micro-benchmark.

    Parameters
    ----------
    threads : int
        How many ask at a time.
    duration_s : float
        For how long they do.

    Returns
    -------
    dict
        Its JSON object (``mlops-cache/1``).

    Raises
    ------
    ValueError
        When the program is not there or failed.
    """
    program = find_program("mlops-cache")
    if program is None:
        raise ValueError("mlops-cache was not found: build the target of that name")
    command = [str(program), str(threads), str(duration_s)]
    limit = LIMIT_S + 4 * duration_s
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(str(error)) from error
    if done.returncode != 0:
        raise ValueError(done.stderr.strip())
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def render(result: dict[str, Any]) -> str:
    """Lay out a result as Markdown tables."""
    names = {"key_ns": "the key", "find_ns": "finding it", "hit_ns": "a hit", "put_ns": "a put"}
    costs = [(name, number(result[figure])) for figure, name in names.items()]
    rates = [
        (
            str(rate["threads"]),
            number(rate["per_core_s"] / 1e6),
            number(rate["total_s"] / 1e6),
            f"{rate['hit_ratio']:.3f}",
        )
        for rate in result["zipf_gets"]
    ]
    ratios = [
        (trace, *(f"{ratio[who]:.3f}" for who in ("ours", "sieve", "lru")))
        for trace, ratio in result["hit_ratios"].items()
    ]
    return "\n\n".join(
        (
            markdown((f"{result['floats']} floats in", "ns"), costs),
            markdown(("threads", "M gets/s per core", "M gets/s", "hit ratio"), rates),
            markdown(("hit ratio", "S3-FIFO", "SIEVE", "LRU"), ratios),
        )
    )
