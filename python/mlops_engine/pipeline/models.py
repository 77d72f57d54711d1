"""What is trained: LightGBM or an estimator of scikit-learn, behind two functions and a score."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument
from mlops_engine.train.source import MissingExtraError

from .sections import Train

__all__ = ["Data", "Fitted", "fit", "load", "loss"]

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
# Called with rounds done, rounds asked for, and the log loss on the validation part so far.
OnRound = Callable[[int, int, float], None]
LIGHTGBM, SKLEARN = "model.txt", "model.pickle"


@dataclass(frozen=True)
class Data:
    """Rows to fit on, and rows to stop by."""

    x: Matrix
    y: Vector
    validation_x: Matrix
    validation_y: Vector

    def together(self) -> tuple[Matrix, Vector]:
        """Return both parts as one."""
        x = np.concatenate([self.x, self.validation_x])
        return x, np.concatenate([self.y, self.validation_y])


@dataclass(frozen=True)
class Fitted:
    """A model.

    Attributes
    ----------
    model
        A LightGBM booster, or a classifier of scikit-learn.
    rounds
        Trees, where there are some.
    """

    kind: str
    model: Any
    rounds: int | None = None

    def score(self, rows: Matrix) -> Vector:
        """Return the probability of the answer 1."""
        if self.kind == "lightgbm":
            return np.asarray(self.model.predict(rows), np.float64)
        return np.asarray(self.model.predict_proba(rows)[:, 1], np.float64)

    def save(self, folder: Path) -> None:
        """Write the model; `load` reads it."""
        if self.kind == "lightgbm":
            (folder / LIGHTGBM).write_text(self.model.model_to_string())
        else:
            (folder / SKLEARN).write_bytes(pickle.dumps(self.model, protocol=5))


def load(folder: Path) -> Fitted:
    """Read a model of one of our own runs: a pickle of others could run anything."""
    if (folder / LIGHTGBM).is_file():
        booster = _lightgbm().Booster(model_str=(folder / LIGHTGBM).read_text())
        return Fitted("lightgbm", booster, booster.num_trees())
    return Fitted("sklearn", pickle.loads((folder / SKLEARN).read_bytes()))


def fit(
    settings: Train,
    data: Data,
    seed: int,
    parameters: Mapping[str, Any],
    on_round: OnRound = lambda *_: None,
    *,
    refit: bool = True,
) -> Fitted:
    """Fit a model; the same arguments give the same model, whatever the number of threads.

    Parameters
    ----------
    parameters
        Of a search; they go before those of the file.
    refit
        Whether `settings.refit` counts: a search judges on the validation part, and must not.
    """
    chosen = {**settings.parameters, **parameters}
    again = refit and settings.refit
    if settings.kind == "lightgbm":
        return _fit_lightgbm(settings, data, seed, chosen, on_round=on_round, again=again)
    return _fit_sklearn(settings, data, seed, chosen, again)


def loss(metric: str, y: Vector, score: Vector) -> float:
    """Return what a search minimises."""
    from sklearn import metrics

    if metric == "auc":
        return -float(metrics.roc_auc_score(y, score))
    if metric == "brier":
        return float(np.mean((score - y) ** 2))
    return float(metrics.log_loss(y, score))


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise MissingExtraError("lightgbm") from None
    return lightgbm


def _fit_lightgbm(
    settings: Train,
    data: Data,
    seed: int,
    chosen: Mapping[str, Any],
    *,
    on_round: OnRound,
    again: bool,
) -> Fitted:
    from mlops_engine.train.training import threads

    lightgbm = _lightgbm()
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "verbosity": -1,
        **chosen,
        # What makes the model the same for any number of threads is not for choosing.
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads(),
    }

    def report(env: Any) -> None:
        last = env.evaluation_result_list[0][2] if env.evaluation_result_list else float("nan")
        on_round(env.iteration + 1, settings.trees, last)

    callbacks = [report]
    if settings.early_stopping:
        callbacks.append(lightgbm.early_stopping(settings.early_stopping, verbose=False))
    booster = lightgbm.train(
        parameters,
        lightgbm.Dataset(data.x, data.y),
        settings.trees,
        valid_sets=[lightgbm.Dataset(data.validation_x, data.validation_y)],
        callbacks=callbacks,
    )
    rounds = max(booster.best_iteration, 1) if settings.early_stopping else settings.trees
    if again:
        booster = lightgbm.train(parameters, lightgbm.Dataset(*data.together()), rounds)
    else:
        # One that was stopped early would predict with its best round, and forget it when saved.
        booster = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
    return Fitted("lightgbm", booster, rounds)


def _fit_sklearn(
    settings: Train, data: Data, seed: int, chosen: Mapping[str, Any], again: bool
) -> Fitted:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if settings.estimator is None:
        raise InvalidArgument("[train] kind sklearn needs an `estimator`, as module:Class")
    module, _, name = settings.estimator.partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"[train] estimator {settings.estimator!r}: {error}") from error
    if name.startswith("HistGradientBoosting"):
        raise InvalidArgument(f"[train] {name} has no ONNX conversion that can be relied on")
    made = kind()
    if "random_state" in made.get_params():
        chosen = {"random_state": seed, **chosen}
    try:
        made.set_params(**chosen)
    except ValueError as error:
        raise InvalidArgument(f"[train] {error}") from error
    # Missing values and scales are part of the graph: a server is sent what was measured.
    pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), made)
    x, y = data.together() if again else (data.x, data.y)
    pipeline.fit(x, y.astype(np.int64))
    return Fitted("sklearn", pipeline)
