"""Fit a LightGBM classifier on January to June, in time order, and evaluate it on July to December.

The number of rounds is found by early stopping with June as validation; the published model is
then fitted on all six months with that number. No row after June is seen by either fit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dataset import DataError
from .options import TrainOptions
from .source import MissingExtraError

try:
    import lightgbm
except ModuleNotFoundError:
    raise MissingExtraError("lightgbm") from None
except OSError as error:
    # The wheel brings no OpenMP runtime, and a bare Debian has none.
    raise MissingExtraError(
        "lightgbm", f"cannot be loaded ({error}); on Debian: apt-get install libgomp1"
    ) from error

VALIDATION_MONTH = 6
MONTHS = {7: "July", 8: "August", 9: "September", 10: "October", 11: "November", 12: "December"}
THREADS_MAX = 8
EARLY_STOPPING_ROUNDS = 30

OnRound = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trained:
    """A fitted booster and what early stopping found.

    Attributes
    ----------
    booster
        Fitted on January to June.
    rounds
        Boosting rounds, the best on the validation month.
    validation_log_loss
        Mean log loss (nats) on June of the model fitted on January to May.
    """

    booster: lightgbm.Booster
    rounds: int
    validation_log_loss: float


@dataclass(frozen=True)
class Score:
    """Quality on one period; `base_rate` is the share of late flights, `log_loss` is in nats."""

    period: str
    rows: int
    base_rate: float
    roc_auc: float
    average_precision: float
    brier: float
    log_loss: float


def threads() -> int:
    """Bound LightGBM's threads to the CPUs that this process may use, and to `THREADS_MAX`."""
    return min(len(os.sched_getaffinity(0)), THREADS_MAX)


def parameters(options: TrainOptions) -> dict[str, Any]:
    """LightGBM parameters; `deterministic` makes the model the same for any number of threads."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": options.learning_rate,
        "max_depth": options.depth,
        "num_leaves": min(63, 2**options.depth),
        "min_data_in_leaf": 200,
        "seed": options.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads(),
        "verbosity": -1,
    }


def fit(
    x: np.ndarray, late: np.ndarray, month: np.ndarray, options: TrainOptions, on_round: OnRound
) -> Trained:
    """Fit on January to June.

    Parameters
    ----------
    x
        float32 `[rows, features]`, NaN for missing.
    late
        Label, bool `[rows]`.
    month
        Local month of scheduled departure, 1 to 12, `[rows]`.
    on_round
        Called with what is being fitted, rounds done and rounds asked for.
    """
    before, june = month < VALIDATION_MONTH, month == VALIDATION_MONTH
    if not before.any() or not june.any():
        raise DataError("no flights to train on, or none in the validation month")
    searched = lightgbm.train(
        parameters(options),
        lightgbm.Dataset(x[before], late[before]),
        options.trees,
        valid_sets=[lightgbm.Dataset(x[june], late[june])],
        callbacks=[
            lightgbm.early_stopping(EARLY_STOPPING_ROUNDS, verbose=False),
            _report("choosing the number of trees", options.trees, on_round),
        ],
    )
    rounds = max(searched.best_iteration, 1)
    until_june = month <= VALIDATION_MONTH
    booster = lightgbm.train(
        parameters(options),
        lightgbm.Dataset(x[until_june], late[until_june]),
        rounds,
        callbacks=[_report("fitting January to June", rounds, on_round)],
    )
    loss = float(searched.best_score["valid_0"]["binary_logloss"])
    return Trained(booster, rounds, loss)


def _report(text: str, total: int, on_round: OnRound) -> Callable[[Any], None]:
    def callback(env: Any) -> None:
        on_round(text, env.iteration + 1, total)

    return callback


def evaluate(probability: np.ndarray, late: np.ndarray, month: np.ndarray) -> list[Score]:
    """Score July to December: each month, then all of them as `July to December`.

    Parameters
    ----------
    probability
        Predicted probability of a late arrival, `[rows]`.
    late, month
        As in `fit`; rows before July are left out.
    """
    periods = [(name, month == number) for number, name in MONTHS.items()]
    periods.append(("July to December", month > VALIDATION_MONTH))
    return [_score(name, probability[rows], late[rows]) for name, rows in periods]


def _score(period: str, probability: np.ndarray, late: np.ndarray) -> Score:
    from sklearn import metrics

    return Score(
        period=period,
        rows=int(late.size),
        base_rate=float(late.mean()),
        roc_auc=float(metrics.roc_auc_score(late, probability)),
        average_precision=float(metrics.average_precision_score(late, probability)),
        brier=float(np.mean((probability - late) ** 2)),
        log_loss=float(metrics.log_loss(late, probability)),
    )
