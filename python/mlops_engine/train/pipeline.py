"""The flights example from data to published version, in the order of the work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import bundle, card, dataset, export, features, training
from .options import MODEL, TrainOptions, code_digest, fingerprint, library_versions
from .progress import Progress
from .source import PACKAGE, Source, locate


@dataclass(frozen=True)
class Prepared:
    """Labelled flights and the model's view of them, row by row."""

    flights: pl.DataFrame
    x: np.ndarray
    late: np.ndarray
    month: np.ndarray
    declared: tuple[features.Feature, ...]
    dropped: dataset.Dropped


def train(repository: Path, options: TrainOptions, progress: Progress) -> bundle.Bundle:
    """Train, export, check and publish the next version of the flights model.

    Raises
    ------
    MissingExtraError
        A package is not installed.
    DataError
        The data is not what the pipeline was written for.
    ParityError
        ONNX and LightGBM do not agree; nothing is published.
    """
    source = locate()
    data = prepare(source, progress)
    trained = training.fit(data.x, data.late, data.month, options, progress.bar)
    progress.step(f"kept {trained.rounds} trees")
    probability = np.asarray(trained.booster.predict(data.x))
    scores = training.evaluate(probability, data.late, data.month)
    for score in scores:
        progress.step(
            f"{score.period:<16} {score.rows:>7,} flights, {score.base_rate:.1%} late,"
            f" ROC AUC {score.roc_auc:.3f}, Brier {score.brier:.4f}"
        )
    model = export.to_onnx(trained.booster, data.x.shape[1]).SerializeToString(deterministic=True)
    parity = export.check_parity(model, trained.booster, data.x)
    progress.step(
        f"ONNX agrees with LightGBM on {parity.rows:,} rows: largest difference"
        f" {parity.largest_difference:.1e}, allowed {parity.tolerance:.0e}"
    )
    facts = {
        **_identity(repository, signature(data)),
        "label": {
            "name": "late",
            "late_minutes": dataset.LATE_MINUTES,
            "horizon_minutes": _minutes(features.HORIZON),
        },
        "lineage": _lineage(source, options),
        "metrics": {
            "rows": {
                "flights": dataset.FLIGHTS_ROWS,
                "labelled": len(data.x),
                "trained_on": int((data.month <= training.VALIDATION_MONTH).sum()),
                **asdict(data.dropped),
            },
            "rounds": trained.rounds,
            "validation_log_loss": trained.validation_log_loss,
            "scores": [asdict(score) for score in scores],
            "onnx_parity": asdict(parity),
            "missing_share": {
                f.name: round(float(share), 6)
                for f, share in zip(data.declared, np.isnan(data.x).mean(axis=0), strict=True)
            },
        },
        "example": example(data, probability),
    }
    files = {bundle.MODEL_FILE: model, bundle.CARD: card.render(facts).encode()}
    published = bundle.publish(repository, MODEL, files, facts)
    progress.step(f"published {published.directory}")
    return published


def prepare(source: Source, progress: Progress) -> Prepared:
    """Read, join as of the decision, and drop what has no label."""
    tables = dataset.read_tables(source)
    progress.step(f"read {tables.flights.height:,} flights of {PACKAGE} {source.version}")
    declared = features.declare(tables.carriers)
    joined = features.join(tables)
    flights, dropped = dataset.drop_unlabelled(joined)
    progress.step(
        f"joined {len(declared)} features known {_minutes(features.HORIZON)} minutes before"
        f" departure; dropped {dropped.cancelled:,} cancelled and {dropped.diverted:,} diverted"
        f" flights, {flights.height:,} left"
    )
    return Prepared(
        flights,
        features.matrix(flights, declared),
        flights["late"].to_numpy(),
        flights["month"].to_numpy(),
        declared,
        dropped,
    )


def signature(data: Prepared) -> dict[str, Any]:
    """Describe inputs and outputs in KServe's names, with the meaning of each input column."""
    columns = [
        {
            "name": f.name,
            "unit": f.unit,
            "known_before_minutes": _minutes(f.known_before),
            **({"vocabulary": list(f.vocabulary)} if f.vocabulary else {}),
        }
        for f in data.declared
    ]
    shape = [-1, len(columns)]
    return {
        "inputs": [{"name": export.INPUT, "datatype": "FP32", "shape": shape, "features": columns}],
        "outputs": [
            {"name": export.LABEL, "datatype": "INT64", "shape": [-1]},
            {
                "name": export.PROBABILITIES,
                "datatype": "FP32",
                "shape": [-1, 2],
                "classes": ["on time", "late"],
            },
        ],
    }


def example(data: Prepared, probability: np.ndarray) -> dict[str, Any]:
    """Pick a real flight the model never saw: the first after a July noon, complete.

    Its values are the shortest decimals that read back as the same float32.
    """
    july_noon = (data.flights["month"] == 7) & (data.flights["hour"] >= 12)
    complete = july_noon.to_numpy() & ~np.isnan(data.x).any(axis=1)
    row = int(np.flatnonzero(complete)[0])
    flight = data.flights.row(row, named=True)
    scheduled = flight["scheduled_at"].isoformat()
    return {
        "flight": f"{flight['carrier']} {flight['flight']} {flight['origin']}-{flight['dest']}",
        "scheduled_departure": scheduled,
        "arrival_delay_minutes": flight["arr_delay"],
        "input": [float(str(value)) for value in data.x[row]],
        "probability_late": float(probability[row]),
    }


def _identity(repository: Path, declared: dict[str, Any]) -> dict[str, Any]:
    previous = bundle.predecessor(repository, MODEL)
    return {
        "name": MODEL,
        "semantic_version": bundle.semantic_version(previous, declared),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "signature": declared,
    }


def _lineage(source: Source, options: TrainOptions) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint(source, options),
        "data": {"package": PACKAGE, "version": source.version, "files": source.digests},
        "code": {
            "sha256": code_digest(),
            "revision": bundle.code_revision(Path(__file__).parent),
        },
        "options": asdict(options),
        "libraries": library_versions(),
    }


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
