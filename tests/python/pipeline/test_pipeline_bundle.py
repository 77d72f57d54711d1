"""From a graph to a registered, signed version that a pull takes; and the same again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")
pytest.importorskip("cryptography", reason="needs the registry extra")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pipeline_files import write_plan

from mlops_engine import Engine
from mlops_engine.cli.main import main as mlops
from mlops_engine.drift import Profile
from mlops_engine.evaluation import EngineScorer, GoldenRows
from mlops_engine.pipeline import Outcome, read_plan, run
from mlops_engine.registry import LocalRegistry, Store, Trust, resolve
from mlops_engine.registry.approval import approve
from mlops_engine.registry.signing import load_public_key
from mlops_engine.train.progress import Progress

CONTRACT = """
name = "trips"
[columns]
at = { type = "datetime" }
distance = { type = "integer", min = 100, max = 5000 }
wind = { type = "number", min = 0, max = 200, nullable = true }
"""
MORE = """
[validate]
contracts = { trips = "contract.toml" }

[bench]
rows = 16

[card]
purpose = "A test."

[sign]
key = "secret://file/release.pem"
password = "secret://env/KEY_PASSWORD"

[register]
registry = "registry"

[promote]
alias = "challenger"
"""
ENVIRON = {"KEY_PASSWORD": "open sesame"}


def key_pair(folder: Path, name: str, password: bytes | None = None) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    closed: Any = serialization.NoEncryption()
    if password is not None:
        closed = serialization.BestAvailableEncryption(password)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, form, closed))
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)


def write_whole(folder: Path) -> Path:
    file = write_plan(folder, MORE)
    (folder / "contract.toml").write_text(CONTRACT)
    key_pair(folder, "release", ENVIRON["KEY_PASSWORD"].encode())
    return file


def go(file: Path, *changes: str, **options: Any) -> Outcome:
    options.setdefault("environ", ENVIRON)
    return run(read_plan(file, changes), progress=Progress(io.StringIO()), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("whole")
    file = write_whole(folder)
    outcome = go(file)
    assert outcome.status == 0, outcome.reason
    return file, outcome


def test_a_version_is_registered_signed_and_pulled(
    whole: tuple[Path, Outcome], tmp_path: Path
) -> None:
    file, outcome = whole
    registry = LocalRegistry(file.parent / "registry")
    reference = resolve("models:/late@challenger", registry)
    assert reference.manifest is not None
    assert reference.manifest.semantic_version == "1.0.0"
    dataset = outcome.entries["ingest"].facts["dataset"]
    assert reference.manifest.lineage["data"] == dataset
    assert reference.version.tags["dataset"] == dataset
    assert set(reference.manifest.files) == {
        *("model.onnx", "golden_rows.json", "sample_inputs.json", "reference.profile"),
        *("gates.json", "model_card.md", "sbom.cdx.json"),
    }
    key = load_public_key((file.parent / "release.pub").read_bytes())
    trust = Trust("enforce", (("late", key),))
    pulled = reference.pull(tmp_path / "models", store=Store(tmp_path / "store"), verify=trust)
    golden = GoldenRows.from_json((pulled.directory / "golden_rows.json").read_bytes())
    with Engine() as engine:
        engine.load("late", pulled.directory / "model.onnx")
        assert golden.check(EngineScorer(engine, "late")).largest <= 1e-6
    profile = Profile.from_bytes((pulled.directory / "reference.profile").read_bytes())
    assert profile.names[:3] == ["distance", "wind", "carrier"]
    card = (pulled.directory / "model_card.md").read_text()
    assert dataset in card
    assert "| `carrier` |  | 0.00% | AA BB CC |" in card
    gates = json.loads((pulled.directory / "gates.json").read_text())
    assert [g["gate"] for g in gates["gates"]] == ["ranks", "loads"]


def test_a_second_run_registers_nothing(whole: tuple[Path, Outcome]) -> None:
    file, outcome = whole
    registry = LocalRegistry(file.parent / "registry")
    before = len(registry.versions("late"))
    assert list(go(file).made) == []
    # Nor does one that has to make it all again: it finds that the version is there.
    assert outcome.entries["register"].facts["version"] == 1
    assert go(file, from_stage="register").status == 0
    assert len(registry.versions("late")) == before


def test_a_rollback_by_hand_is_not_undone(whole: tuple[Path, Outcome], tmp_path: Path) -> None:
    file = write_whole(tmp_path)
    assert go(file).status == 0
    assert go(file, "train.trees=12").status == 0
    registry = LocalRegistry(tmp_path / "registry")
    assert resolve("models:/late@challenger", registry).version.number == 2
    assert resolve("models:/late@challenger", registry).manifest.semantic_version == "1.1.0"
    registry.set_alias("late", "challenger", 1)
    assert list(go(file, "train.trees=12").made) == []
    assert resolve("models:/late@challenger", registry).version.number == 1


def test_no_secret_is_in_what_is_kept(whole: tuple[Path, Outcome]) -> None:
    file, _ = whole
    secrets = [ENVIRON["KEY_PASSWORD"].encode(), (file.parent / "release.pem").read_bytes()[40:90]]
    kept = [p for d in ("runs", "registry") for p in (file.parent / d).rglob("*") if p.is_file()]
    assert len(kept) > 20
    for path in kept:
        data = path.read_bytes()
        assert not any(secret in data for secret in secrets), path


def test_a_second_person_is_waited_for(whole: tuple[Path, Outcome]) -> None:
    file, _ = whole
    folder = file.parent
    key_pair(folder, "bob")
    changes = ["promote.approvers=['bob.pub']", "promote.alias=champion"]
    waiting = go(file, *changes)
    assert (waiting.status, list(waiting.made)) == (10, [])
    assert "not approved" in str(waiting.reason)
    registry = LocalRegistry(folder / "registry")
    approve(registry, "late", 1, "champion", (folder / "bob.pem").read_bytes())
    assert go(file, *changes).status == 0
    assert resolve("models:/late@champion", registry).version.number == 1


def test_invalid_data_ends_with_twenty_and_a_report(
    whole: tuple[Path, Outcome], tmp_path: Path
) -> None:
    file = write_whole(tmp_path)
    trips = (tmp_path / "trips.csv").read_text()
    (tmp_path / "trips.csv").write_text(trips.replace("wind", "breeze", 1))
    outcome = go(file)
    assert outcome.status == 20
    report = json.loads((outcome.folder / "failed/validate/report.json").read_text())
    assert any("wind" in e["rule"] for e in report["trips"]["errors"])
    # Rows that break a rule are set aside, and the rest goes on.
    lines = trips.splitlines()
    at, distance, *rest = lines[5].split(",")
    lines[5] = ",".join([at, str(-int(distance)), *rest])
    (tmp_path / "trips.csv").write_text("\n".join(lines) + "\n")
    outcome = go(file, until="features")
    assert outcome.status == 0
    assert outcome.entries["validate"].facts["tables"]["trips"]["rows"] == len(lines) - 2
    assert (outcome.entries["validate"].folder / "quarantine/trips.parquet").is_file()


def test_a_run_is_reproduced_or_says_what_differs(
    whole: tuple[Path, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    file, outcome = whole
    runs = str(file.parent / "runs")
    assert mlops(["reproduce", outcome.folder.name, "--runs", runs]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n{")[2].join("{ "))
    assert found["same"] is True
    assert found["dataset"] == outcome.entries["ingest"].facts["dataset"]
    data = file.parent / "trips.csv"
    kept = data.read_text()
    data.write_text(kept.replace("AA", "BB", 400))
    try:
        assert mlops(["reproduce", outcome.folder.name, "--runs", runs]) == 1
    finally:
        data.write_text(kept)
    said = capsys.readouterr().out
    assert "ingest: other observed: trips" in said
    assert "export: other" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sign.key='release.pem'", "secret://env/NAME or secret://file/PATH"),
        ("sign.key='secret://env/NOT_THERE'", "no such variable"),
        ("sign.key='secret://file/gone.pem'", "No such file"),
        ("register.registry='https://x.invalid/y'", "cannot be written"),
    ],
)
def test_what_is_wrong_with_keys_and_registries_is_said(
    whole: tuple[Path, Outcome], change: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        go(whole[0], change)
