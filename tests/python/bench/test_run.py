"""Running: arguments, interleaving, the loops, and the real generator against the real floor."""

import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_engine.bench import in_process, interleave, server_process
from mlops_engine.bench.load import Load, parse_loads
from mlops_engine.bench.loadgen import Endpoint, Loadgen, Timing, find_program
from mlops_engine.bench.payload import Input, Payload, generate, load_rows, parse_input
from mlops_engine.bench.result import Document, Repeat
from mlops_engine.bench.variants import parse_url, token_files
from mlops_engine.cli.bench import EXIT_USAGE, main

INPUT = Input("x", "FP32", (1, 4))
ROWS = Payload([INPUT], generate([INPUT]))


def test_loads_are_read_as_written() -> None:
    assert parse_loads("1,8x4", None) == [Load(1), Load(8, 4)]
    assert parse_loads("1,8x4", "100,2e3") == [Load(8, 4, 100.0), Load(8, 4, 2000.0)]
    assert Load(8, 4).label == "8x4"


@pytest.mark.parametrize(
    ("concurrency", "rate"), [("0", None), ("x", None), ("1", "0"), ("1", "nan"), ("", None)]
)
def test_loads_that_make_no_sense_are_refused(concurrency: str, rate: str | None) -> None:
    with pytest.raises(ValueError):
        parse_loads(concurrency, rate)


def test_urls_and_inputs() -> None:
    url = parse_url("before=grpc://127.0.0.1:8001")
    assert (url.name, url.protocol, url.address, url.port, url.local) == (
        "before",
        "grpc",
        "127.0.0.1:8001",
        8001,
        True,
    )
    assert parse_url("http://localhost:1").name == "http"
    assert parse_input("a:b:FP32:1,64") == Input("a:b", "FP32", (1, 64))
    for bad in ("ftp://h:1", "http://h", "127.0.0.1:8000"):
        with pytest.raises(ValueError, match="URL"):
            parse_url(bad)
    with pytest.raises(ValueError, match="datatype"):
        parse_input("a:BYTES:1")


def test_a_token_goes_to_the_url_it_is_for(tmp_path: Path) -> None:
    urls = [parse_url("a=http://127.0.0.1:1"), parse_url("b=grpc://127.0.0.1:2")]
    assert token_files([], urls) == {}
    assert token_files(["t"], urls) == {"a": Path("t"), "b": Path("t")}
    assert token_files(["b=u", "t"], urls) == {"a": Path("t"), "b": Path("u")}
    with pytest.raises(ValueError, match="no URL is called c"):
        token_files(["c=t"], urls)
    endpoint = Endpoint("http", "127.0.0.1:1", "m", token_file=tmp_path / "t")
    command = Loadgen(ROWS, tmp_path, Path("loadgen")).command(endpoint, Load(1), Timing(0, 1))
    assert command[command.index("--token-file") + 1] == str(tmp_path / "t")


def test_every_process_of_a_server_is_charged_and_a_trace_replaces_the_rate(tmp_path: Path) -> None:
    loadgen = Loadgen(ROWS, tmp_path, Path("loadgen"))
    endpoint = Endpoint("http-raw", "127.0.0.1:1", "m", server_pids=(7, 9))
    rated = loadgen.command(endpoint, Load(1, 1, 50.0), Timing(0, 1))
    assert [rated[i + 1] for i, word in enumerate(rated) if word == "--server-pid"] == ["7", "9"]
    assert rated[rated.index("--protocol") + 1] == "http-raw"
    assert rated[rated.index("--rate") + 1] == "50.0"
    traced = loadgen.command(endpoint, Load(1, 1, 50.0), Timing(0, 1, trace=tmp_path / "t"))
    assert traced[traced.index("--trace") + 1] == str(tmp_path / "t")
    assert "--rate" not in traced


def test_rows_of_a_file_are_cut_into_requests(tmp_path: Path) -> None:
    values = np.arange(7 * 4, dtype=np.float64).reshape(7, 4)
    np.save(tmp_path / "rows.npy", values)
    (array,) = load_rows(tmp_path / "rows.npy", [Input("x", "FP32", (2, 4))])
    assert array.shape == (3, 2, 4)  # the seventh row fills no request
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array.reshape(6, 4), values[:6])
    with pytest.raises(ValueError, match="does not fill"):
        load_rows(tmp_path / "rows.npy", [Input("x", "FP32", (2, 5))])


def test_every_variant_runs_in_every_round_and_each_leads_once() -> None:
    order: list[str] = []

    def variant(name: str) -> interleave.Variant:
        def measure(load: Load) -> Repeat:
            order.append(name)
            return Repeat(1.0, 1, in_process.Histogram())

        return interleave.Variant(name, "http", measure)

    cells = interleave.run([variant("a"), variant("b"), variant("c")], [Load(1)], 3, "m")
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [(cell.variant, len(cell.repeats)) for cell in cells] == [("a", 3), ("b", 3), ("c", 3)]


def test_closed_loop_in_process_rotates_rows_and_times_each_call() -> None:
    seen: set[bytes] = set()
    timing = Timing(warmup_s=0.0, duration_s=0.05)
    repeat = in_process.measure_closed(
        lambda request: seen.add(request["x"].tobytes()), ROWS, Load(2), timing
    )
    assert len(seen) > 10
    assert repeat.latency.count == repeat.completed > 10


def done(result: object = None, error: Exception | None = None) -> Future[Any]:
    future: Future[Any] = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


def measure_open(submit: Any, rate: float = 2000) -> Repeat:
    candidate = in_process.Candidate(lambda request: None, submit, lambda: None)
    return in_process.measure_open(
        candidate, ROWS, Load(1, rate_per_s=rate), Timing(0.0, 0.1, arrivals="constant")
    )


def test_open_loop_in_process_follows_the_schedule() -> None:
    repeat = measure_open(lambda request: done())
    assert (
        repeat.latency.count == 199
    )  # whatever the machine did meanwhile: nothing of the schedule is dropped
    assert repeat.completed <= 199  # a reply after the window is no throughput
    assert repeat.unfinished == 0


def test_open_loop_counts_refusals_and_failures_apart() -> None:
    def refuse(request: object) -> Future[Any]:
        raise MemoryError

    assert measure_open(refuse).errors == {"MemoryError": 199}
    assert measure_open(lambda request: done(error=KeyError())).errors == {"KeyError": 199}


def test_open_loop_does_not_forget_what_never_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "DRAIN_S", 0.0)
    repeat = measure_open(lambda request: Future())
    assert repeat.unfinished == repeat.latency.count == 199
    assert repeat.completed == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--model", "m"],
        ["--model", "m", "--url", "http://h"],
        ["--model", "m", "--url", "grpc://127.0.0.1:1"],
        ["--model", "m", "--url", "http://127.0.0.1:1", "--concurrency", "0"],
    ],
)
def test_a_run_that_cannot_be_says_so(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *words]) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("mlops-bench: ")


@pytest.fixture
def floor() -> Iterator[tuple[int, dict[str, int]]]:
    program = find_program("mlops-floor")
    if program is None or find_program("mlops-loadgen") is None:
        pytest.skip("mlops-floor and mlops-loadgen are not built")
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())
        process.terminate()


def test_the_generator_measures_the_floor_over_both_transports(
    floor: tuple[int, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pid, ports = floor
    assert server_process.pid_of_port(ports["http_port"]) == pid
    words = [
        "run",
        "--model",
        "echo",
        "--input",
        "x:FP32:1,64",
        "--duration",
        "0.1",
        "--warmup",
        "0.02",
    ]
    words += ["--repeats", "2", "--url", f"http://127.0.0.1:{ports['http_port']}"]
    words += ["--url", f"grpc://127.0.0.1:{ports['grpc_port']}", "--json", str(tmp_path / "r.json")]
    assert main([*words, "--concurrency", "1,2x2"]) == 0
    cells = Document.load(tmp_path / "r.json").cells
    assert [(cell.target, cell.load) for cell in cells] == [
        ("http", "1"),
        ("grpc", "1"),
        ("http", "2x2"),
        ("grpc", "2x2"),
    ]
    for cell in cells:
        assert len(cell.repeats) == 2
        for repeat in cell.repeats:
            assert repeat.completed > 0
            assert repeat.latency.count == repeat.completed
            assert repeat.server_cpu_us_per_request is not None
    assert main([*words, "--concurrency", "4", "--rate", "500"]) == 0
    assert "500/s on 4" in capsys.readouterr().out


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    in_process.measure_closed(lambda request: None, ROWS, Load(4), Timing(0.0, 0.01))
    assert threading.active_count() == before
