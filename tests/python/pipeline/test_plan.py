"""The file is checked whole, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from pipeline_files import write_plan

from mlops_engine import InvalidArgument
from mlops_engine.pipeline import read_plan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_plan(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("train.tree=5", "'tree'; did you mean 'trees'"),
        ("trian.trees=5", "[trian]; did you mean 'train'"),
        ("pipeline.retry.attempt=5", "[pipeline.retry] has no member 'attempt'; did you mean"),
        ("ingest.tables.trips.pth='x'", "'pth'; did you mean 'path'"),
        ("gates.ranks.minimum=0.5", "'minimum'; did you mean 'min'"),
        ("evaluation.sices=['x']", "'sices'; did you mean 'slices'"),
        ("split.gap=5", "'gap'; did you mean 'gap_s'"),
        ("hooks.trains='a:b'", "no stage 'trains'; did you mean 'train'"),
        ("train.trees=0", "[train]: Expected `int` >= 1 - at `$.trees`"),
        ("train.trees='many'", "[train]: Expected `int`"),
        ("pipeline.model='../x'", "no model name"),
        ("train.estimator='os.system'", "[train]"),
        ("train", "is not section.name=value"),
        ("pipeline.model.x=1", "'model' is no table"),
        ("hpo.space.a.low=1", "either `low` and `high`, or `choices`"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_meant(file: Path, change: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_plan(file, [change])
    assert said in str(caught.value)


def test_a_needed_section_is_missed(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"the section \[gates\] is missing"):
        read_plan(write_plan(tmp_path, without=["gates"]))


def test_a_change_is_a_value_of_toml_or_text(file: Path) -> None:
    plan = read_plan(file, ["train.trees=7", "train.kind=lightgbm", "train.parameters.x=[1]"][:2])
    assert plan.sections["train"].trees == 7
    assert plan.sections["train"].kind == "lightgbm"
    assert plan.digest != read_plan(file).digest


def test_toml_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[pipeline")
    with pytest.raises(InvalidArgument, match=r"x\.toml"):
        read_plan(tmp_path / "x.toml")


def test_the_flights_example_is_valid() -> None:
    from mlops_engine.pipeline import examples

    folder = Path(examples.__file__).parent
    assert read_plan(folder / "flights.toml").pipeline.model == "flights"
