"""One request in flight, and two loops: ``python bench/lone_requests.py BUILD MODELS OUT``.

``lone``: this server, the bare echo of the same transport (mlops-floor), and this server with busy
polling take turns under one request in flight, server and client on a core each. With ``spin`` the
client polls too, so that its own wake-up is not in the figure. ``loops``: one event loop on one
core, and two on two, with the client on both cores in either case; what two can do follows from the
processor time of a request. Needs ``identity`` (bench/make_models.py). About a minute.
"""

import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from measure import SERVER_CPU, bench, running, server_command, urls

from mlops_engine.bench.result import Document
from mlops_engine.cli.bench import main as mlops_bench

POLL_US = "1000"
REPEATS = "5"


def pinned(command: list[str], cpus: str) -> list[str]:
    return ["taskset", "-c", cpus, *command]


def lone(build: Path, models: Path, out: Path) -> None:
    with ExitStack() as stack:
        _, echo = stack.enter_context(running([str(build / "bench/floor/mlops-floor")]))
        _, plain = stack.enter_context(running(server_command(build, models)))
        polling = [*server_command(build, models), "--busy-poll-us", POLL_US]
        _, polls = stack.enter_context(running(polling))
        words = ["--model", "identity", "--concurrency", "1", "--duration", "0.6"]
        words += ["--warmup", "0.2", "--repeats", REPEATS, "--input", "input:FP32:1,64"]
        words += [*urls(echo, "floor-"), *urls(plain), *urls(polls, "polling-")]
        bench(out, "lone", *words)
        bench(out, "lone-spin", *words, "--spin")
    for name in ("lone", "lone-spin"):
        cells = {cell.variant: cell for cell in Document.load(out / f"{name}.json").cells}
        for protocol in ("http", "grpc"):
            of = {p: cells[f"{p}{protocol}"].quantile_ns(0.5) for p in ("floor-", "", "polling-")}
            texts = [f"{at.median * 1e-3:.1f}" for at in of.values() if at]
            ratios = f"{of[''].median / of['floor-'].median:.2f} of the floor"
            print(f"{name} {protocol}: p50 of echo, server, polling {', '.join(texts)}: {ratios}")


def loops(build: Path, models: Path, out: Path) -> None:
    with ExitStack() as stack:
        one = pinned(server_command(build, models), SERVER_CPU)
        two = pinned(server_command(build, models, threads=2), "0,1")
        _, a = stack.enter_context(running(one))
        _, b = stack.enter_context(running(two))
        words = ["run", "--model", "identity", "--concurrency", "64,8x8", "--duration", "0.6"]
        words += ["--warmup", "0.2", "--repeats", REPEATS, "--input", "input:FP32:1,64"]
        words += [*urls(a, "one-"), *urls(b, "two-"), "--json", str(out / "loops.json")]
        if mlops_bench(words) != 0:
            raise SystemExit("loops: wrong replies")
    cells = {(cell.variant, cell.load): cell for cell in Document.load(out / "loops.json").cells}
    for (variant, load), cell in cells.items():
        if variant.startswith("two-"):
            single = cells[variant.replace("two-", "one-"), load]
            costs = [
                statistics.median(r.server_cpu_us_per_request for r in of.repeats)
                for of in (single, cell)
            ]
            print(
                f"{variant} {load}: {costs[0]:.2f} and {costs[1]:.2f} us of processor time a "
                f"request: two loops can do {2 * costs[0] / costs[1]:.2f} times as much"
            )


def main() -> None:
    build, models, out = (Path(word).resolve() for word in sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(build / "bench/loadgen"), os.environ["PATH"]])
    lone(build, models, out)
    loops(build, models, out)


if __name__ == "__main__":
    main()
