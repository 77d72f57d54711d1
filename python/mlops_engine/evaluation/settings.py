"""What the file of a pipeline says about splitting, judging and gates, as checked records."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from mlops_engine.errors import InvalidArgument

__all__ = [
    "AttackSettings",
    "EvaluationSettings",
    "GateRule",
    "GateSettings",
    "RobustnessSettings",
    "Settings",
    "SplitSettings",
    "ValueSettings",
    "convert",
]

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
T = TypeVar("T")


class SplitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows become training, validation and test.

    Attributes
    ----------
    kind
        `time` (earlier trains, later tests), `group` (no group on two sides) or `stratified`.
    time
        Column of instants. `time` needs it; the order of rows has no meaning to a split.
    label_at
        Column of instants at which labels became known. A row whose label came at or after the
        beginning of the next part is left out: nobody could have trained on it then.
    gap_s
        Left out between two parts, so that what windows of features share is on one side only.
    validation_from, test_from
        First instants of the parts, instead of shares (ISO 8601; UTC where no offset is written).
    """

    kind: Literal["time", "group", "stratified"] = "time"
    time: str | None = None
    group: str | None = None
    label: str | None = None
    label_at: str | None = None
    validation: Share = 0.2
    test: Share = 0.2
    validation_from: str | None = None
    test_from: str | None = None
    gap_s: Seconds = 0.0
    seed: int = 0


class ValueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a decision is worth: an amount for each outcome, or an expression for each row."""

    tp: float | None = None
    fp: float | None = None
    fn: float | None = None
    tn: float | None = None
    expression: str | None = None


class EvaluationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured, on which blocks of rows, and with which confidence.

    Attributes
    ----------
    time, block_s
        Rows of one block (a day) are drawn together: their errors are not independent. Without a
        column of instants each row is its own block, which is only right if rows are independent.
    alpha
        Every interval has confidence 1 - alpha, two-sided.
    threshold
        A score at or above it is the decision "yes".
    slices, protected
        Columns whose values are the slices, and the groups that must be treated alike.
    slice_rows_min
        Smaller slices are named in the report and not judged.
    margin
        The challenger may be this much worse than the champion, in the main metric.
    """

    task: Literal["binary", "regression"] = "binary"
    metric: str | None = None
    time: str | None = None
    block_s: Annotated[float, msgspec.Meta(gt=0)] = 86_400.0
    resamples: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 1000
    alpha: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    seed: int = 0
    threshold: float = 0.5
    slices: list[str] = []
    slice_rows_min: Count = 500
    slice_values_max: Count = 200
    protected: list[str] = []
    calibration_bins: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 15
    margin: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    value: ValueSettings | None = None

    @property
    def main_metric(self) -> str:
        """The metric that challengers and slices are compared by."""
        return self.metric or ("auc" if self.task == "binary" else "mae")


class AttackSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How hard the black-box attack tries.

    Attributes
    ----------
    reach
        Largest change of a feature, in its standard deviations.
    """

    rows: Annotated[int, msgspec.Meta(ge=0)] = 200
    queries: Count = 50
    reach: Annotated[float, msgspec.Meta(gt=0)] = 0.25


class RobustnessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows are disturbed before the engine is asked about them again.

    Attributes
    ----------
    noise
        Standard deviation of what is added, in standard deviations of the feature.
    missing
        Share of values that go missing.
    categories
        Features that are codes, and the number of codes of each; others are numbers.
    """

    rows: Count = 2000
    noise: Annotated[float, msgspec.Meta(gt=0)] = 0.05
    missing: Share = 0.05
    categories: dict[str, Count] = {}
    attack: AttackSettings = AttackSettings()
    seed: int = 0


class GateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bound on one measure.

    Attributes
    ----------
    of
        The measure: `evaluation.auc`, `comparison.auc`, `slices.worst`, ...
    by
        `value`: the figure itself keeps the bound. `proven`: so does the worse end of its
        interval. `unrefuted`: the better end does, so that only evidence of harm fails.
    advisory
        Reported, and does not stop anything.
    """

    of: str
    min: float | None = None
    max: float | None = None
    by: Literal["value", "proven", "unrefuted"] = "value"
    advisory: bool = False

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs `min`, `max` or both")


class GateSettings(msgspec.Struct, frozen=True):
    """The gates by name, in the order in which they are reported."""

    rules: dict[str, GateRule]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The sections `split`, `evaluation`, `robustness` and `gates` of a pipeline's file."""

    split: SplitSettings = SplitSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    robustness: RobustnessSettings = RobustnessSettings()
    gates: dict[str, GateRule] = {}

    @classmethod
    def from_toml(cls, path: str | Path) -> Settings:
        """Read the sections of a file. Other sections are other readers' business.

        Raises
        ------
        InvalidArgument
            Says what is wrong, and where.
        """
        try:
            document = tomllib.loads(Path(path).read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"{path}: {error}") from None
        return convert(document, cls)


def convert(document: Any, kind: type[T]) -> T:
    """Make a record of what TOML or JSON say.

    Raises
    ------
    InvalidArgument
        Says what is wrong, and where.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"evaluation: {error}") from None
