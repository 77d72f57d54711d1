"""The sections of a pipeline's file as checked records: an unknown name is an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import msgspec

from mlops_engine.errors import InvalidArgument

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Hook = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
T = TypeVar("T")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the file."""


class Retry(Section, frozen=True, kw_only=True):
    """How often a stage is tried when the infrastructure failed, and the pauses between."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4
    first_s: Seconds = 1.0
    most_s: Seconds = 60.0


class Pipeline(Section, frozen=True, kw_only=True):
    """The run as a whole.

    Attributes
    ----------
    model
        Name in the registry.
    runs
        Folder of results and records, relative to the file.
    """

    model: str
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    runs: str = "runs"
    retry: Retry = Retry()


class Table(Section, frozen=True, kw_only=True):
    """Where the rows of a table are: files that polars reads.

    Attributes
    ----------
    path
        A file or a pattern of files, relative to the file of the pipeline.
    types
        polars types by column, where the file does not say them or says them wrongly.
    instants
        Columns of text that are instants, and the format of each (`%Y-%m-%d %H:%M`; UTC).
    """

    path: str
    format: Literal["csv", "parquet", "ipc"] | None = None
    nulls: list[str] = []
    types: dict[str, str] = {}
    instants: dict[str, str] = {}


class Ingest(Section, frozen=True, kw_only=True):
    """The tables by name; a hook may read others. `options` are the hook's."""

    tables: dict[str, Table] = {}
    options: dict[str, Any] = {}


class Features(Section, frozen=True, kw_only=True):
    """What the model sees of a row.

    Attributes
    ----------
    plan
        File of a feature plan (docs/features.md), relative to the file of the pipeline. It declares
        the features and when each is known; then `table`, `columns` and `vocabularies` say nothing.
    table
        Whose rows are predicted; may be left out if there is one table.
    label
        Column of the answer; rows without it are left out and counted.
    time
        Column of instants: when the answer is asked for.
    columns
        Names of the features, in the order of the model's input.
    keep
        Columns that the model does not see, kept for splits, slices and reports.
    """

    label: str
    plan: str | None = None
    table: str | None = None
    time: str | None = None
    columns: list[str] = []
    vocabularies: dict[str, list[str]] = {}
    keep: list[str] = []
    options: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.plan is not None and (self.table or self.columns or self.vocabularies):
            raise ValueError("a `plan` declares the table, the columns and their vocabularies")


class Range(Section, frozen=True, kw_only=True):
    """A hyper-parameter's values: from `low` to `high`, or one of `choices`."""

    low: float | int | None = None
    high: float | int | None = None
    log: bool = False
    choices: list[str | float | int | bool] | None = None

    def __post_init__(self) -> None:
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("a range is either `low` and `high`, or `choices`")


class Search(Section, frozen=True, kw_only=True):
    """How hyper-parameters are looked for.

    Attributes
    ----------
    metric
        What is minimised (`log_loss`, `brier`) or maximised (`auc`) on the validation part.
    """

    trials: Count = 20
    metric: Literal["log_loss", "brier", "auc"] = "log_loss"
    pruner: Literal["none", "median", "hyperband"] = "none"
    space: dict[str, Range]


class Train(Section, frozen=True, kw_only=True):
    """The model.

    Attributes
    ----------
    kind
        `lightgbm`, or `sklearn` with an `estimator` (`sklearn.linear_model:LogisticRegression`).
    early_stopping
        Rounds without progress on the validation part, for LightGBM; 0 fits all `trees`.
    refit
        Fit on training and validation together, once the number of trees is known.
    """

    kind: Literal["lightgbm", "sklearn"] = "lightgbm"
    estimator: Hook | None = None
    trees: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 400
    early_stopping: Annotated[int, msgspec.Meta(ge=0)] = 30
    refit: bool = True
    parameters: dict[str, str | float | int | bool] = {}


class Champion(Section, frozen=True, kw_only=True):
    """Whom the new model is compared with: what an alias in the registry means now."""

    alias: str = "champion"


class Cases(Section, frozen=True, kw_only=True):
    """Cases that must stay right: a file of one a line, relative to the file of the pipeline."""

    file: str


class Suspicion(Section, frozen=True, kw_only=True):
    """Looks for leaks and poison in the training part; the validation part is what is trusted."""

    poison_rows: Count = 20_000


class Export(Section, frozen=True, kw_only=True):
    """The ONNX graph: how far it may be from the model it came from, and how many golden rows."""

    tolerance: Annotated[float, msgspec.Meta(gt=0)] = 1e-6
    golden_rows: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    classes: list[str] = []


class Quantize(Section, frozen=True, kw_only=True):
    """A variant in fewer bits; it is served only if it is right, and quicker on this machine.

    Attributes
    ----------
    method
        Of `mlops quantize`. `dynamic` scales by the whole batch, so that rows influence each
        other: it is refused, where those of the float graph do not.
    gates
        `METRIC<=NUMBER` each; by default those of `mlops quantize`.
    auc_loss_max
        The area under the curve may fall by so much, on the validation part, at worst.
    rows
        Of training that calibrate, and of validation that judge.
    """

    method: str = "static"
    calibration: str = "minmax"
    gates: list[str] = []
    auc_loss_max: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.005
    float_layers_max: Annotated[int, msgspec.Meta(ge=0)] | None = None
    speedup_min: Annotated[float, msgspec.Meta(gt=0, lt=100)] = 1.0
    rows: Annotated[int, msgspec.Meta(ge=32, le=100_000)] = 2000


class Validate(Section, frozen=True, kw_only=True):
    """What the tables have to be.

    Attributes
    ----------
    contracts
        By table: the file of a contract, relative to the file of the pipeline.
    now
        The instant that freshness is measured by; the present by default.
    """

    contracts: dict[str, str]
    now: str | None = None


class Bench(Section, frozen=True, kw_only=True):
    """The trial in the real engine, and its gates on `trial.p99_us`, `trial.bytes`, ..."""

    rows: Count = 256
    gates: dict[str, dict[str, Any]] = {}


class Card(Section, frozen=True, kw_only=True):
    """What the model card says that no run can find out."""

    purpose: str = ""
    limits: list[str] = []


class Sign(Section, frozen=True, kw_only=True):
    """The private key, `secret://file/release.pem` or `secret://env/NAME`, and its password."""

    key: str
    password: str | None = None


class Register(Section, frozen=True, kw_only=True):
    """Where the version goes.

    Attributes
    ----------
    registry
        A folder, relative to the file, `mlflow+https://host` or `s3://bucket/prefix`; the local
        registry of this user by default.
    user, secret
        For a server: a name and `secret://...` of its password, or the latter alone for a token.
    """

    registry: str | None = None
    user: str | None = None
    secret: str | None = None
    tags: dict[str, str] = {}


class Promote(Section, frozen=True, kw_only=True):
    """Which alias means the new version from then on.

    Attributes
    ----------
    approvers
        Public keys, of which one must have approved; without any nobody is asked.
    """

    alias: str = "challenger"
    approvers: list[str] = []


def near(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, else all that there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(names)}" if names else ""


def convert(table: Any, kind: type[T], where: str) -> T:
    """Make a record of what the file says.

    Raises
    ------
    InvalidArgument
        Says what is wrong, and where.
    """
    _refuse_unknown(table, kind, where)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"[{where}]: {error}") from None


def _refuse_unknown(table: Any, kind: Any, where: str) -> None:
    """Name the unknown key and the one that is near: msgspec names only the first."""
    if not isinstance(table, Mapping):
        return
    if getattr(kind, "__origin__", None) is dict:
        for name, value in table.items():
            _refuse_unknown(value, kind.__args__[1], f"{where}.{name}")
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        known, hints = kind.__struct_fields__, get_type_hints(kind)
        for name, value in table.items():
            if name not in known:
                raise InvalidArgument(f"[{where}] has no member {name!r}{near(name, known)}")
            _refuse_unknown(value, hints[name], f"{where}.{name}")
