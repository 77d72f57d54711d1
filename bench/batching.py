"""Ways to batch under a latency objective: ``bench/batching.py BUILD MODELS OUT [MODEL [KIND]]``.

One model on one core, the same traces of arrivals (Poisson, and bursts of twenty milliseconds)
replayed against servers that take turns: no batching, fixed sizes with a delay, batches of what
waits, and an objective (slo_p99_us). Goodput is what was answered within LIMIT_MS of its intended
send time. Rates are shares of the highest at which batches of what waits keep 99 of 100 in
time. A machine that is interrupted for some milliseconds makes hundreds late whatever the server
does, so a rate holds when most of three windows do, and figures are medians of REPEATS windows with
other arrivals. The last row is the best that a simulator finds with the run times seen here
(oracle.py). KIND: poisson or bursty (both). MODELS has the model (bench/make_models.py). About
three minutes for each kind.
"""

import json
import os
import statistics
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import oracle
from measure import CLIENT_CPU, SERVER_CPU, running, server_command

from mlops_engine.bench import payload
from mlops_engine.bench.histogram import Histogram
from mlops_engine.bench.load import Load
from mlops_engine.bench.loadgen import Endpoint, Loadgen, Timing, find_program
from mlops_engine.bench.payload import Payload
from mlops_engine.bench.result import Repeat

LIMIT_MS = 5.0
LIMIT_NS = LIMIT_MS * 1e6
ROWS_MAX = 64
SHARES = (0.5, 0.8, 0.95, 2.0)
WARMUP_S, WINDOW_S = 0.4, 1.5
REPEATS = 3
BATCHING = "dynamic_batching {{ {} }}\n"
FIXED = BATCHING.format("preferred_batch_size: [ 16, 32 ] max_queue_delay_microseconds: 1000")
SLO = 'parameters {{ key: "slo_p99_us" value {{ string_value: "{:.0f}" }} }}\n'
VARIANTS = {
    "no batching": "max_batch_size: 1\n",
    "16 or 32, 1 ms": f"max_batch_size: {ROWS_MAX}\n{FIXED}",
    "what waits": f"max_batch_size: {ROWS_MAX}\n" + BATCHING.format(""),
    "objective": f"max_batch_size: {ROWS_MAX}\n" + BATCHING.format("") + SLO.format(LIMIT_MS * 900),
}
WORK_CONSERVING = "what waits"


def poisson(rate: float, seconds: float, seed: int) -> np.ndarray:
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 1.2) + 100)
    times = np.cumsum(gaps)
    return times[times < seconds]


def bursty(rate: float, seconds: float, seed: int) -> np.ndarray:
    """Two Poisson rates, 1.75 and 0.25 times the mean, each for 20 ms on average."""
    random = np.random.default_rng(seed)
    parts, at, busy = [], 0.0, True
    while at < seconds:
        lasts = random.exponential(0.02)
        count = random.poisson(rate * (1.75 if busy else 0.25) * lasts)
        parts.append(at + np.sort(random.random(count)) * lasts)
        at, busy = at + lasts, not busy
    times = np.concatenate(parts)
    return times[times < seconds]


class Bench:
    def __init__(self, generator: Loadgen, model: str, folder: Path) -> None:
        self.generator, self.model, self.folder = generator, model, folder
        self.endpoints: dict[str, Endpoint] = {}

    def run(self, variant: str, trace: np.ndarray) -> Repeat:
        path = self.folder / "trace"
        (trace * 1e9).astype(np.int64).tofile(path)
        timing = replace(Timing(WARMUP_S, WINDOW_S, int(CLIENT_CPU)), trace=path)
        return self.generator.measure(self.endpoints[variant], Load(8, 256), timing)

    def sustainable(self) -> float:
        """Bisected on Poisson arrivals."""
        low, high = 1_000.0, 60_000.0
        for step in range(7):
            middle = (low * high) ** 0.5
            windows = (self.holds(middle, 100 + 3 * step + again) for again in range(3))
            good = sum(windows) >= 2
            low, high = (middle, high) if good else (low, middle)
        return low

    def holds(self, rate: float, seed: int) -> bool:
        found = self.run(WORK_CONSERVING, poisson(rate, WARMUP_S + WINDOW_S, seed))
        return in_time(found.latency) >= 0.99 * found.latency.count and not found.unfinished


def in_time(latency: Histogram) -> int:
    return sum(count for edge, count in latency.cells.items() if edge <= LIMIT_NS)


def figures(found: Repeat) -> dict[str, float | None]:
    answered = found.latency.count
    return {
        "goodput_per_s": in_time(found.latency) / found.duration_s,
        "in_time_of_accepted": in_time(found.latency) / max(1, answered),
        "refused": sum(found.errors.values()) / max(1, answered + sum(found.errors.values())),
        "p99_ms": (found.latency.quantile_ns(0.99) or float("nan")) * 1e-6,
        "server_cpu_us": found.server_cpu_us_per_request,
    }


def medians(of: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Of each figure over the repeats, and all of them beside it."""
    found: dict = {"repeats": of}
    for name in of[0]:
        values = [one[name] for one in of if one[name] is not None]
        found[name] = statistics.median(values) if values else None
    return found


def service_times(stats_url: str, cpu_us: float) -> list[float]:
    """Microseconds of a run of 1, 2, ... rows with what the server does around it."""
    with urllib.request.urlopen(stats_url, timeout=10) as reply:
        sizes = json.load(reply)["model_stats"][0]["batch_stats"]
    seen = {int(s["batch_size"]): s["compute_infer"] for s in sizes}
    seen = {rows: of for rows, of in seen.items() if of["count"] >= 20}
    times = {rows: of["ns"] / of["count"] * 1e-3 for rows, of in seen.items()}
    rows_run = sum(rows * of["count"] for rows, of in seen.items())
    per_row = sum(of["ns"] for of in seen.values()) * 1e-3 / rows_run
    around = max(0.0, cpu_us - per_row)
    known = sorted(times)
    wanted = range(1, ROWS_MAX + 1)
    runs = np.interp(wanted, known, [times[rows] for rows in known])
    return [run + around * rows for rows, run in zip(wanted, runs, strict=True)]


def table(document: dict) -> None:
    for kind, shares in document["traces"].items():
        heads = [f"{share} ({of['rate_per_s']:,.0f}/s)" for share, of in shares.items()]
        print(f"\n{kind}: goodput/s, in time of accepted, p99 ms\n\n| | {' | '.join(heads)} |")
        print(f"|{'---|' * (1 + len(heads))}")
        for name in VARIANTS:
            cells = [
                f"{f['goodput_per_s']:,.0f}, {f['in_time_of_accepted']:.2%} "
                f"({min(one['in_time_of_accepted'] for one in f['repeats']):.1%}..), "
                f"{f['p99_ms']:.1f}"
                for f in (of["variants"][name] for of in shares.values())
            ]
            print(f"| {name} | {' | '.join(cells)} |")
        found = [f"{of['oracle']['goodput_per_s']:,.0f}" for of in shares.values()]
        print(f"| simulated: the best | {' | '.join(found)} |")


def start_servers(bench: Bench, build: Path, file: Path, stack: ExitStack) -> dict[str, int]:
    ports = {}
    for number, (name, config) in enumerate(VARIANTS.items()):
        version = bench.folder / str(number) / bench.model / "1"
        version.mkdir(parents=True)
        (version / "model.onnx").symlink_to(file)
        text = f'name: "{bench.model}"\nbackend: "onnxruntime"\n{config}'
        (version.parent / "config.pbtxt").write_text(text)
        command = ["taskset", "-c", SERVER_CPU]
        command += server_command(build, version.parents[1])
        process, said = stack.enter_context(running(command))
        address = f"127.0.0.1:{said['grpc_port']}"
        bench.endpoints[name] = Endpoint("grpc", address, bench.model, (process.pid,))
        ports[name] = said["http_port"]
    return ports


def main() -> None:
    build, models, out = (Path(word).resolve() for word in sys.argv[1:4])
    model = sys.argv[4] if len(sys.argv) > 4 else "wide"
    kinds = {"poisson": poisson, "bursty": bursty}
    if len(sys.argv) > 5:
        kinds = {sys.argv[5]: kinds[sys.argv[5]]}
    out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(build / "bench/loadgen"), os.environ["PATH"]])
    file = models / model / "1/model.onnx"
    inputs = payload.inputs_from_model(file, 1)
    rows = payload.expect(Payload(inputs, payload.generate(inputs)), file, 1e-4)
    seconds = WARMUP_S + WINDOW_S
    document: dict = {"schema": "mlops-batching/1", "limit_ms": LIMIT_MS, "traces": {}}
    replays: list[tuple[dict, np.ndarray]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batching-")))
        program = find_program("mlops-loadgen")
        if program is None:
            raise SystemExit("mlops-loadgen was not found in BUILD")
        bench = Bench(Loadgen(rows, folder, program), model, folder)
        ports = start_servers(bench, build, file, stack)
        highest = document["highest_rate_per_s"] = bench.sustainable()
        print(f"highest sustainable rate: {highest:,.0f}/s", flush=True)
        cpu_us = []
        bench.run("objective", poisson(highest, seconds, 99))  # its first seconds are learning
        for kind, arrivals in kinds.items():
            of_kind = document["traces"][kind] = {}
            for number, share in enumerate(SHARES):
                found: dict[str, list] = {name: [] for name in VARIANTS}
                for again in range(REPEATS):
                    trace = arrivals(share * highest, seconds, 7 + REPEATS * number + again)
                    for name in VARIANTS:
                        found[name].append(figures(bench.run(name, trace)))
                variants = {name: medians(of) for name, of in found.items()}
                cpu_us.append(variants[WORK_CONSERVING]["server_cpu_us"])
                of_share = of_kind[f"{share:.0%}"] = {
                    "rate_per_s": share * highest,
                    "variants": variants,
                }
                replays.append((of_share, trace))
        stats = f"http://127.0.0.1:{ports[WORK_CONSERVING]}/v2/models/{model}/stats"
        service = document["service_us"] = service_times(stats, min(cpu_us))
    for of_share, trace in replays:
        good, policy = oracle.best(trace, service, LIMIT_MS * 1e3, WARMUP_S * 1e6)
        of_share["oracle"] = {"goodput_per_s": good / WINDOW_S, "policy": str(policy)}
    (out / "batching.json").write_text(json.dumps(document, indent=1))
    table(document)


if __name__ == "__main__":
    main()
