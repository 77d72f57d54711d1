"""Looks for hyper-parameters with Optuna. Killed and started again it finds what it would have.

Every trial has a sampler of its own, seeded by the trial's number, and learns from the finished
trials alone. Those are kept in SQLite; a trial that was cut off is done again under its number.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from mlops_engine.train.source import MissingExtraError

from ..models import Data, fit, loss
from ..sections import Range, Search, Train
from ..stage import Context, Facts
from .features import label_of, matrix_of, read_rows
from .split import parts_of

__all__ = ["data_of", "run"]

STUDY = "search"


def data_of(context: Context) -> Data:
    """Return the rows of training and validation."""
    rows = read_rows(context)
    x, y, parts = matrix_of(context, rows), label_of(context, rows), parts_of(context)
    train, validation = parts["train"], parts["validation"]
    return Data(x[train], y[train], x[validation], y[validation])


def run(context: Context) -> Facts:
    """Search; the best parameters are facts, all trials are in `trials.json`."""
    optuna = _optuna()
    settings: Search = context.section("hpo")
    study = _open(optuna, context, settings)
    data, trains = data_of(context), context.section("train")
    done = len(study.trials)
    if done:
        context.progress.step(f"  going on after {done} trials")
    for number in range(done, settings.trials):
        study.sampler = optuna.samplers.TPESampler(seed=context.seed + number)
        trial = study.ask()
        try:
            value = _try(optuna, context, trains, data, trial)
            study.tell(trial, value)
        except optuna.TrialPruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        context.progress.bar("  trials", number + 1, settings.trials)
    context.write_json("trials.json", [_described(trial) for trial in study.trials])
    best = study.best_trial
    context.progress.step(f"  best {settings.metric} {abs(best.value):.5f} with {best.params}")
    return {
        "parameters": best.params,
        "trial": best.number,
        settings.metric: abs(best.value),
        "trials": len(study.trials),
    }


def _try(optuna: Any, context: Context, trains: Train, data: Data, trial: Any) -> float:
    settings: Search = context.section("hpo")
    chosen = {name: _suggest(trial, name, each) for name, each in settings.space.items()}

    def report(done: int, total: int, value: float) -> None:
        if settings.pruner == "none" or np.isnan(value):
            return
        trial.report(value, done)
        if trial.should_prune():
            raise optuna.TrialPruned

    fitted = fit(trains, data, context.seed, chosen, report, refit=False)
    return loss(settings.metric, data.validation_y, fitted.score(data.validation_x))


def _suggest(trial: Any, name: str, each: Range) -> Any:
    if each.choices is not None:
        return trial.suggest_categorical(name, each.choices)
    if isinstance(each.low, int) and isinstance(each.high, int):
        return trial.suggest_int(name, each.low, each.high, log=each.log)
    return trial.suggest_float(name, each.low, each.high, log=each.log)


def _open(optuna: Any, context: Context, settings: Search) -> Any:
    """Open the study; one with a trial that was cut off is written anew from the finished ones."""
    path = context.scratch / "search.sqlite"
    pruner = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }[settings.pruner]()
    finished: list[Any] = []
    if path.exists():
        with contextlib.suppress(KeyError):  # killed before the study was in it
            old = optuna.load_study(study_name=STUDY, storage=_storage(path))
            finished = [t for t in old.trials if t.state.is_finished()]
            if len(finished) == len(old.trials):
                old.pruner = pruner
                return old
        path.unlink()
    study = optuna.create_study(
        study_name=STUDY, storage=_storage(path), direction="minimize", pruner=pruner
    )
    study.add_trials(finished)
    return study


def _storage(path: Any) -> str:
    return f"sqlite:///{path.resolve()}"


def _described(trial: Any) -> dict[str, Any]:
    state = trial.state.name.lower()
    return {"number": trial.number, "state": state, "value": trial.value, "params": trial.params}


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise MissingExtraError("optuna") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
