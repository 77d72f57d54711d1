"""Online detectors on streams whose changes are known: ``python bench/drift_truth.py [FILE ...]``.

A Gaussian naive Bayes learns and is tested row by row; its errors go to a detector, and an alarm
starts it anew. Made streams: 50,000 rows, an abrupt change at each 10,000, 10 % of the labels
flipped (STAGGER: none), two seeds. An alarm within 1,000 rows of a change is its detection, any
other is false. Real streams, as files: elec.csv and covtype.csv as scikit-multiflow 0.4.1 ships
them, or the folder of NannyML's data (employment_MA_*.pq); of those, 100,000 rows at most, alarms
and accuracy are shown, because nobody knows the truth. Two rows are no detectors: a learner that
is never started anew, and one that is each 1,000 rows; a score that does not beat them is none.
"""

import math
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from mlops_engine import drift

ROWS, PIECE, NEAR, NOISE = 50_000, 10_000, 1_000, 0.1
SEEDS = (1, 2)
REAL_ROWS_MAX = 100_000
Stream = tuple[np.ndarray, np.ndarray]


class Alarm(Protocol):
    def update(self, value: float) -> bool: ...


class EveryThousand:
    """What any detector must beat."""

    def __init__(self, rows: float = NEAR) -> None:
        self.rows, self.seen = rows, 0

    def update(self, value: float) -> bool:
        del value
        self.seen += 1
        return self.seen % self.rows == 0


DETECTORS: dict[str, Callable[[], Alarm]] = {
    "ADWIN": drift.Adwin,
    "DDM": drift.Ddm,
    "EDDM": drift.Eddm,
    "HDDM_A": drift.HddmA,
    "HDDM_W": drift.HddmW,
    "PageHinkley": drift.PageHinkley,
    "KSWIN": drift.Kswin,
    "ECDD": drift.Ecdd,
    "STEPD": lambda: drift.Stepd(two_sided=False),
    "never": lambda: EveryThousand(math.inf),
    "every 1,000": EveryThousand,
}


class NaiveBayes:
    """Gaussian naive Bayes, a row at a time."""

    def __init__(self, classes: int, features: int) -> None:
        self.n = np.zeros(classes)
        self.mean = np.zeros((classes, features))
        self.squares = np.zeros((classes, features))

    def predict(self, x: np.ndarray) -> int:
        variance = self.squares / np.maximum(self.n - 1, 1)[:, None] + 1e-9
        apart = (x - self.mean) ** 2 / variance + np.log(variance)
        with np.errstate(divide="ignore"):
            return int(np.argmax(np.log(self.n) - 0.5 * apart.sum(axis=1)))

    def learn(self, x: np.ndarray, y: int) -> None:
        self.n[y] += 1
        before = x - self.mean[y]
        self.mean[y] += before / self.n[y]
        self.squares[y] += before * (x - self.mean[y])


def _noisy(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return np.where(rng.random(labels.size) < NOISE, 1 - labels, labels)


def sine1(rng: np.random.Generator) -> Stream:
    x = rng.random((ROWS, 2))
    concept = np.arange(ROWS) // PIECE % 2
    return x, _noisy(rng, (x[:, 1] >= np.sin(x[:, 0])).astype(int) ^ concept)


def mixed(rng: np.random.Generator) -> Stream:
    x = np.column_stack([rng.integers(0, 2, (ROWS, 2)), rng.random((ROWS, 2))])
    below = x[:, 3] < 0.5 + 0.3 * np.sin(3 * np.pi * x[:, 2])
    concept = np.arange(ROWS) // PIECE % 2
    return x, _noisy(rng, (x[:, 0] + x[:, 1] + below >= 2).astype(int) ^ concept)


def stagger(rng: np.random.Generator) -> Stream:
    size, colour, shape = rng.integers(0, 3, (3, ROWS))
    concepts = np.array(
        [(size == 0) & (colour == 0), (colour == 2) | (shape == 0), size > 0], dtype=int
    )
    rows = np.arange(ROWS)
    return np.column_stack([size, colour, shape]).astype(float), concepts[rows // PIECE % 3, rows]


def sea(rng: np.random.Generator) -> Stream:
    x = rng.uniform(0, 10, (ROWS, 3))
    limit = np.array([8, 9, 7, 9.5])[np.arange(ROWS) // PIECE % 4]
    return x, _noisy(rng, (x[:, 0] + x[:, 1] > limit).astype(int))


MADE = {"SINE1": sine1, "MIXED": mixed, "STAGGER": stagger, "SEA": sea}


def real(path: Path) -> Iterator[tuple[str, Stream]]:
    if path.is_dir():
        parts = [
            pl.read_parquet(path / f"employment_MA_{part}.pq")
            for part in ("reference", "analysis", "analysis_target")
        ]
        frame = pl.concat([parts[0], parts[1].join(parts[2], on="id")], how="diagonal_relaxed")
        labels = frame["employed"]
        frame = frame.drop("id", "employed", "year", "prediction", "predicted_probability")
        name = "employment_MA"
    else:
        frame = pl.read_csv(path)
        labels, frame, name = frame.to_series(-1), frame.drop(frame.columns[-1]), path.stem
    frame = frame.with_columns(pl.all().cast(pl.String).cast(pl.Float64)).fill_null(0)
    codes = np.unique(labels.to_numpy(), return_inverse=True)[1]
    yield name, (frame.to_numpy()[:REAL_ROWS_MAX], codes[:REAL_ROWS_MAX])


def test_then_train(stream: Stream, detector: Alarm) -> tuple[list[int], float]:
    """Return where the detector alarmed, and the learner's accuracy on rows not yet learnt."""
    rows, labels = stream
    shape = int(labels.max()) + 1, rows.shape[1]
    model, alarms, right = NaiveBayes(*shape), [], 0
    for i, (x, y) in enumerate(zip(rows, labels.tolist(), strict=True)):
        wrong = model.predict(x) != y
        right += not wrong
        if detector.update(float(wrong)):
            alarms.append(i)
            model = NaiveBayes(*shape)
        model.learn(x, y)
    return alarms, right / len(rows)


def score(alarms: list[int]) -> tuple[int, int, int, list[int]]:
    """Return changes found, false alarms, changes missed, and delays."""
    delays = []
    for change in range(PIECE, ROWS, PIECE):
        near = [alarm - change for alarm in alarms if change <= alarm < change + NEAR]
        delays += near[:1]
    changes = ROWS // PIECE - 1
    return len(delays), len(alarms) - len(delays), changes - len(delays), delays


def made_row(name: str, make: Callable[[], Alarm]) -> str:
    cells = []
    for stream in MADE.values():
        runs = [test_then_train(stream(np.random.default_rng(s)), make()) for s in SEEDS]
        scores = [score(alarms) for alarms, _ in runs]
        found, false, missed = (statistics.mean(s[i] for s in scores) for i in range(3))
        delays: list[Any] = [delay for s in scores for delay in s[3]]
        delay = f"{statistics.mean(delays):,.0f}" if delays else "-"
        accuracy = statistics.mean(run[1] for run in runs)
        cells.append(f"{found:g}/{false:g}/{missed:g} {delay} ({accuracy:.3f})")
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    print("found/false/missed, mean delay (accuracy)\n")
    print(f"| detector | {' | '.join(MADE)} |\n|---|" + "---|" * len(MADE))
    for name, make in DETECTORS.items():
        print(made_row(name, make), flush=True)
    files = [stream for path in sys.argv[1:] for stream in real(Path(path))]
    if not files:
        return
    print("\nalarms (accuracy)\n")
    print(f"| detector | {' | '.join(name for name, _ in files)} |\n|---|" + "---|" * len(files))
    for name, make in DETECTORS.items():
        runs = [test_then_train(stream, make()) for _, stream in files]
        cells = [f"{len(alarms):,} ({accuracy:.3f})" for alarms, accuracy in runs]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
