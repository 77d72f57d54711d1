"""The example's own file over weeks of January: every stage, and the next version compared."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from mlops_engine.pipeline import Outcome, examples, read_plan, run
from mlops_engine.registry import LocalRegistry, resolve
from mlops_engine.train.progress import Progress
from mlops_engine.train.source import locate

EXAMPLE = Path(examples.__file__).parent
SAMPLE = {
    "ingest.tables.flights.path": "'flights.csv'",
    "split.validation_from": "'2013-01-16T05:00:00Z'",
    "split.test_from": "'2013-01-20T05:00:00Z'",
    "train.trees": "40",
    "hpo.trials": "1",
    "evaluation.resamples": "100",
    "evaluation.slice_rows_min": "300",
    "robustness.rows": "500",
    "suspicion.poison_rows": "4000",
    # Four weeks of January: enough to see that gates are asked, not to hold a year's bounds.
    "gates.ranks.min": "0.6",
    "gates.is_calibrated.max": "0.2",
    "gates.not_worse.min": "-0.02",
    "gates.steady.max": "0.4",
    "gates.honest.max": "0.9",
    "gates.labels.max": "0.3",
    "bench.gates.is_quick.max": "1e9",
}


def write_sample(folder: Path) -> int:
    """Write the example's file with the last weeks of January; returns how many flights."""
    shutil.copyfile(EXAMPLE / "flights.toml", folder / "flights.toml")
    with zipfile.ZipFile(locate().directory / "flights.csv.zip") as archive:
        frame = pl.read_csv(archive.read("flights.csv"), infer_schema=False)
    month, day = (pl.col(name).cast(pl.Int32) for name in ("month", "day"))
    some = frame.filter((month == 1) & (day > 5))
    some.write_csv(folder / "flights.csv")
    return some.height


def go(folder: Path, rows: int, *changes: str) -> Outcome:
    settings = {**SAMPLE, "ingest.options.flights": str(rows)}
    written = [f"{name}={value}" for name, value in settings.items()]
    plan = read_plan(folder / "flights.toml", [*written, *changes])
    return run(plan, progress=Progress(io.StringIO()))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, Outcome]:
    folder = tmp_path_factory.mktemp("flights")
    rows = write_sample(folder)
    return folder, rows, go(folder, rows, "promote.alias=champion")


def gates_of(outcome: Outcome) -> dict[str, str]:
    found = json.loads((outcome.folder / "gates.json").read_text())["gates"]
    print([(g["gate"], g["verdict"], g["reason"]) for g in found])
    return {gate["gate"]: gate["verdict"] for gate in found}


def test_the_first_version_is_judged_and_registered(first: tuple[Path, int, Outcome]) -> None:
    folder, _, outcome = first
    gates = gates_of(outcome)
    assert outcome.status == 0, outcome.reason
    missing = {name for name, verdict in gates.items() if verdict == "missing"}
    assert missing == {"not_worse", "no_slice_suffers"}
    reference = resolve("models:/flights@champion", LocalRegistry(folder / "registry"))
    assert reference.manifest is not None
    assert {"golden_rows.json", "sample_inputs.json", "sbom.cdx.json"} <= set(
        reference.manifest.files
    )
    [columns] = [each["features"] for each in reference.manifest.raw["signature"]["inputs"]]
    assert columns[4]["vocabulary"] == ["EWR", "JFK", "LGA"]
    assert "scheduled_at" in columns[0]["available_at"]


def test_a_run_that_is_repeated_makes_nothing(first: tuple[Path, int, Outcome]) -> None:
    """Its own version became the champion; it is not compared with itself."""
    folder, rows, _ = first
    assert list(go(folder, rows, "promote.alias=champion").made) == []
    assert len(LocalRegistry(folder / "registry").versions("flights")) == 1


def test_the_next_version_is_compared_with_the_champion(first: tuple[Path, int, Outcome]) -> None:
    folder, rows, outcome = first
    worse = go(folder, rows, "train.trees=1", "train.early_stopping=0", "gates.ranks.min=0.5")
    assert worse.status == 10
    assert gates_of(worse)["not_worse"] == "failed"
    assert worse.entries["evaluate"].facts["champion"] == outcome.entries["sign"].facts["digest"]
    card = (outcome.entries["card"].folder / "bundle/model_card.md").read_text()
    assert "## Robustness" in card
    assert "## Against the champion" not in card
    better = go(folder, rows, "train.trees=45")
    assert better.status == 0, better.reason
    assert gates_of(better)["not_worse"] == "passed"
    card = (better.entries["card"].folder / "bundle/model_card.md").read_text()
    assert "## Against the champion" in card


def test_departure_delay_is_refused(first: tuple[Path, int, Outcome]) -> None:
    """Known only after departure: AUC would rise, and nothing could be served."""
    folder, rows, _ = first
    honest = (EXAMPLE / "flights_features.toml").read_text()
    leaky = '[[features]]\nname = "dep_delay"\nexpression = "dep_delay"\n'
    (folder / "leaky.toml").write_text(f"{honest}\n{leaky}")
    outcome = go(folder, rows, "features.plan=leaky.toml")
    assert outcome.status == 20
    assert "dep_delay reads flights.dep_delay, known at: departed_at" in str(outcome.reason)
