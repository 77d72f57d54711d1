"""Documents, tables, comparison: what a reader and a CI job are told."""

from pathlib import Path

import pytest

from mlops_engine.bench import fingerprint, overhead, prediction_cache, table
from mlops_engine.bench.compare import compare
from mlops_engine.bench.histogram import Histogram
from mlops_engine.bench.result import Cell, Document, Repeat
from mlops_engine.cli.bench import EXIT_REGRESSION, EXIT_USAGE, main

SPREAD = {"median": 100.4, "p5": -3.0, "p95": 2000.0}
OVERHEAD = {
    "schema": "mlops-overhead/1",
    "p50_ns": {"engine": SPREAD, "bare": SPREAD},
    "engine_over_bare_ns": SPREAD,
    "engine_over_bare_arena_ns": SPREAD,
}


def repeat(latency_us: int, requests: int = 1000, **other: object) -> Repeat:
    latency = Histogram.from_values([latency_us * 1000] * requests)
    return Repeat(1.0, requests, latency, **other)  # type: ignore[arg-type]


def document(*repeats: Repeat, **machine: object) -> Document:
    cells = [Cell("http", "http", "8", "mlp", list(repeats))]
    return Document(
        {**fingerprint.machine(), **machine}, {}, "mlops-bench run", "2026-01-01", cells
    )


def test_a_document_survives_the_disk(tmp_path: Path) -> None:
    written = document(
        repeat(50, errors={"timeout": 2}, server_cpu_s=0.25), repeat(60, unfinished=3)
    )
    written.overhead = OVERHEAD
    written.save(tmp_path / "a.json")
    assert Document.load(tmp_path / "a.json").to_json() == written.to_json()


def test_an_overhead_may_be_negative_noise() -> None:
    lines = overhead.render(OVERHEAD).splitlines()
    assert lines[2].split("|")[2:-1] == [" 100    ", " -3.00 ", " 2,000 "]
    assert len(lines) == 2 + 4


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "mlops-bench/1"}', '{"schema": "other"}']
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=r"bad\.json"):
        Document.load(tmp_path / "bad.json")


def test_a_table_says_what_it_does_not_know_and_what_is_wrong() -> None:
    cell = document(repeat(50, errors={"timeout": 2}, client_share=0.9)).cells[0]
    columns = dict(zip(table.HEAD, table.row(cell), strict=True))
    assert columns["p50"] == "50.0"
    assert columns["p99"] == "insufficient samples"
    assert columns["server CPU"] == "-"
    assert columns["notes"] == "2 errors, client-bound"


def test_a_busy_neighbour_is_named() -> None:
    cell = document(repeat(50, other_cores=0.05), repeat(50, other_cores=1.2)).cells[0]
    assert table.notes(cell) == ["others used 0.6 cores"]
    assert table.notes(document(repeat(50, other_cores=0.01)).cells[0]) == []


def test_p99_of_repeats_too_short_for_it_comes_from_all_samples_without_a_range() -> None:
    cell = document(repeat(50, 6000), repeat(100, 6000)).cells[0]
    p99 = cell.quantile_ns(0.99)
    assert p99 is not None
    assert p99.low == p99.median == p99.high == pytest.approx(100_000, rel=1e-3)


def regressions(before: Document, after: Document) -> set[str]:
    return {item.figure for item in compare(before, after, 0.05) if item.regression}


def test_a_regression_needs_both_the_threshold_and_separate_repeats() -> None:
    before = document(repeat(50), repeat(52))
    assert regressions(before, document(repeat(53), repeat(53))) == set()  # under five per cent
    assert regressions(before, document(repeat(51), repeat(70))) == set()  # the repeats overlap
    assert regressions(before, document(repeat(60), repeat(62))) == {"p50"}
    assert regressions(before, document(repeat(40), repeat(41))) == set()
    assert regressions(before, document(repeat(50, 900), repeat(52, 900))) == {"req/s"}


def test_new_errors_are_a_regression() -> None:
    assert regressions(document(repeat(50)), document(repeat(50, errors={"malformed": 1}))) == {
        "errors"
    }


def test_compare_exits_by_its_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, other = (str(tmp_path / name) for name in ("good.json", "bad.json", "other.json"))
    document(repeat(50)).save(Path(good))
    document(repeat(80)).save(Path(bad))
    document(repeat(50), cpu="another").save(Path(other))
    assert main(["compare", good, good]) == 0
    assert main(["compare", good, bad]) == EXIT_REGRESSION
    assert "REGRESSION" in capsys.readouterr().out
    assert main(["compare", good, other]) == EXIT_USAGE
    assert "cpu: " in capsys.readouterr().err
    assert main(["compare", good, other, "--force"]) == 0
    assert main(["report", good]) == 0
    assert main(["report", str(tmp_path / "absent.json")]) == EXIT_USAGE


def test_the_figures_of_the_cache_are_tables() -> None:
    result = {
        "floats": 64,
        "key_ns": 30.5,
        "find_ns": 20.0,
        "hit_ns": 51.0,
        "put_ns": 90.0,
        "zipf_gets": [
            {"threads": 8, "per_core_s": 20.0e6, "total_s": 40.0e6, "hit_ratio": 0.75},
        ],
        "hit_ratios": {"zipf": {"room": 10, "ours": 0.6, "sieve": 0.5, "lru": 0.4}},
    }
    text = prediction_cache.render(result)
    assert "| a hit" in text
    assert "51.0" in text
    assert "0.600" in text


def test_an_odd_number_of_threads_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--threads", "0"]) == EXIT_USAGE
    assert "positive" in capsys.readouterr().err
