"""What tokens, metrics and traces cost: ``python bench/features.py BUILD MODELS OUT [BEFORE]``.

Servers with and without them take turns under one load (see bench/README.md for the method).
BUILD is a release build tree, MODELS a repository with ``mlp`` (bench/make_models.py), OUT a
folder for the results. ``all`` has tokens with a rate limit, a scrape of its metrics each second,
and one request of a hundred traced and sent to a collector. BEFORE is another server's binary: it
takes turns as well, plain and with ``all``, and then gRPC alone is measured.
"""

import os
import statistics
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measure import CLIENT_CPU, bench, running, server_command

from mlops_engine.bench.result import Cell, Document, Repeat

SAMPLE_OF = 100
REPEATS, REPEATS_BESIDE = 15, 8
BASES = {"before_all": "before"}  # what a variant is compared with, if not with plain


class Collector(BaseHTTPRequestHandler):
    """Takes what is sent and says that it is well."""

    protocol_version = "HTTP/1.1"
    bodies = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Collector.bodies += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collector() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    finally:
        server.shutdown()


@contextmanager
def scraped(port: int) -> Iterator[None]:
    """Read the metrics page each second, as Prometheus would at its most eager."""
    done = threading.Event()

    def scrape() -> None:
        while not done.wait(1):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def new_token(folder: Path) -> tuple[list[str], Path]:
    """Flags that turn tokens on, and the file with the one that may predict."""
    rules, token = folder / "rules", folder / "token"
    rules.unlink(missing_ok=True)
    command = [sys.executable, "-m", "mlops_engine.cli.main", "token", "new", "--name", "bench"]
    command += ["--role", "predict", "--rate", "1e6", "--append", str(rules)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    token.write_text(said.split()[1])  # "token: mlops_..."
    return ["--auth-tokens", str(rules), "--auth-open", "health,metrics"], token


def tracing(url: str) -> list[str]:
    settings = ["mode=opentelemetry", "level=TIMESTAMPS", f"rate={SAMPLE_OF}"]
    settings.append(f"opentelemetry,url={url}")
    return [word for setting in settings for word in ("--trace-config", setting)]


def ratios(plain: Cell, other: Cell) -> dict[str, list[float]]:
    """Of each round, other over plain: throughput, and what CPU per request says it could be."""

    def pairs(figure: object) -> list[float]:
        found = [(figure(a), figure(b)) for a, b in zip(plain.repeats, other.repeats, strict=True)]
        return sorted(b / a for a, b in found)

    def per_cpu(repeat: Repeat) -> float:
        return 1 / repeat.server_cpu_us_per_request

    return {"throughput": pairs(lambda r: r.throughput_per_s), "per_cpu": pairs(per_cpu)}


def report(path: Path) -> None:
    cells = Document.load(path).cells
    by_name = {(cell.variant, cell.load): cell for cell in cells}
    print("\n| with / without | throughput | requests per CPU second |\n|---|---|---|")
    for cell in cells:
        name, protocol = cell.variant.split("-")
        base = by_name[f"{BASES.get(name, 'plain')}-{protocol}", cell.load]
        if base is cell:
            continue
        of = ratios(base, cell)
        texts = [
            f"{statistics.median(r):.3f} ({r[len(r) // 4]:.3f}..{r[-1 - len(r) // 4]:.3f})"
            for r in of.values()
        ]
        print(f"| {cell.variant} / {base.variant}, {cell.load} | {' | '.join(texts)} |")


def main() -> None:
    build, models, out, *other = (Path(word).resolve() for word in sys.argv[1:5])
    out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(build / "bench/loadgen"), os.environ["PATH"]])
    os.sched_setaffinity(0, {int(CLIENT_CPU)})  # the collector and the scrapes, not the server
    command = [*server_command(build, models), "--model-control-mode", "explicit"]
    command += ["--load-model", "mlp"]
    tokens, token_file = new_token(out)
    with ExitStack() as stack:
        traces = tracing(stack.enter_context(collector()))
        words: list[str] = []
        everything = [*tokens, *traces, "--metrics-port", "0"]
        variants = [("plain", []), ("tokens", tokens), ("traces", traces), ("all", everything)]
        if other:
            variants += [("before", []), ("before_all", everything)]
        for name, more in variants:
            command[0] = str(other[0] if name.startswith("before") else build / "src/mlops-server")
            _, said = stack.enter_context(running([*command, *more]))
            for protocol in ("grpc",) if other else ("http", "grpc"):
                url = f"{name}-{protocol}"
                words += ["--url", f"{url}={protocol}://127.0.0.1:{said[f'{protocol}_port']}"]
                if "--auth-tokens" in more:
                    words += ["--token-file", f"{url}={token_file}"]
            if "--metrics-port" in more:
                stack.enter_context(scraped(said["metrics_port"]))
        load = ["--concurrency", "64,8x8", "--duration", "1", "--warmup", "0.3"]
        repeats = REPEATS_BESIDE if other else REPEATS
        load += ["--input", "input:FP32:1,64", "--repeats", str(repeats)]
        bench(out, "features", "--model", "mlp", *load, *words)
    report(out / "features.json")
    print(f"\n{Collector.bodies} parcels of spans came to the collector")


if __name__ == "__main__":
    main()
