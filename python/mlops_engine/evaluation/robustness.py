"""Whether decisions stand when inputs are a little off, missing, new or extreme.

Every disturbance is asked of the model as it will be served. What is measured is the share of
decisions that flip; answers that are not finite count as flips, and are a measure of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .attack import attack
from .columns import Floats
from .measures import Measure, to_json
from .scorer import Rows, Scorer
from .settings import RobustnessSettings

__all__ = ["Disturbance", "Robustness", "robustness"]

EVERYDAY = ("noise", "missing", "unknown")


class Disturbance(msgspec.Struct, frozen=True):
    """One kind of disturbance.

    Attributes
    ----------
    moved
        Mean absolute change of the score.
    """

    kind: str
    rows: int
    flips: float
    moved: float
    not_finite: float


class Robustness(msgspec.Struct, frozen=True):
    """All disturbances, and the share of decisions that an attacker could turn."""

    disturbances: list[Disturbance]

    def measures(self) -> dict[str, Measure]:
        """Return `flips.<kind>` with exact binomial bounds, `flips` and `not_finite`.

        `flips` is the worst of what happens without intent: noise, missing values, unknown codes.
        An extreme value may well turn a decision, and an attacker has a gate of his own.
        """
        found = {f"flips.{d.kind}": _share(d.flips, d.rows) for d in self.disturbances}
        if everyday := [d for d in self.disturbances if d.kind in EVERYDAY]:
            worst = max(everyday, key=lambda d: d.flips)
            found["flips"] = msgspec.structs.replace(
                _share(worst.flips, worst.rows), detail=worst.kind
            )
        if self.disturbances:
            broken = max(self.disturbances, key=lambda d: d.not_finite)
            found["not_finite"] = Measure(broken.not_finite, detail=broken.kind)
        return found

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def robustness(
    scorer: Scorer,
    rows: Rows,
    names: Sequence[str],
    threshold: float,
    settings: RobustnessSettings,
) -> Robustness:
    """Disturb rows in every way, and ask again.

    Parameters
    ----------
    rows
        `[rows, features]`, of the test set; `settings.rows` of them are used.
    names
        Of the features; `settings.categories` says which of them are codes.
    """
    if rows.ndim != 2 or rows.shape[1] != len(names) or not len(rows):
        raise InvalidArgument(
            f"rows of shape {list(rows.shape)} have not the {len(names)} features"
        )
    if unknown := set(settings.categories) - set(names):
        raise InvalidArgument(f"robustness: no feature is named {sorted(unknown)[0]!r}")
    random = np.random.default_rng(settings.seed)
    chosen = random.choice(len(rows), min(settings.rows, len(rows)), replace=False)
    clean = rows[np.sort(chosen)]
    before = scorer(clean)
    codes = [n in settings.categories for n in names]
    spread = np.where(codes, 0.0, _spread(rows))
    found = []
    for kind, changed in _disturbed(clean, names, _Seen(rows, spread), random, settings):
        # Only rows that were changed say something about the disturbance.
        same = (clean == changed) | (np.isnan(clean) & np.isnan(changed))
        touched = np.flatnonzero(~same.all(axis=1))
        if len(touched):
            after = scorer(changed[touched])
            found.append(_compared(kind, before[touched], after, threshold))
    if settings.attack.rows:
        under_attack = clean[: settings.attack.rows]
        worst = attack(
            scorer, under_attack, spread, threshold, settings=settings.attack, random=random
        )
        of_clean = before[: len(under_attack)]
        found.append(_compared("attack", of_clean, worst, threshold))
    return Robustness(found)


@dataclass(frozen=True)
class _Seen:
    """What all rows look like: the ends of each feature, and how far it spreads (0: a code)."""

    rows: Rows
    spread: Floats


def _disturbed(
    clean: Rows,
    names: Sequence[str],
    seen: _Seen,
    random: np.random.Generator,
    settings: RobustnessSettings,
) -> list[tuple[str, Rows]]:
    noisy = clean + random.normal(size=clean.shape) * seen.spread * settings.noise
    missing = np.where(random.random(clean.shape) < settings.missing, np.nan, clean)
    kinds = [("noise", noisy), ("missing", missing)]
    if settings.categories:
        unseen = clean.copy()
        # One code of each row is one that training never saw.
        picked = random.choice([names.index(n) for n in settings.categories], len(clean))
        counts = [settings.categories[names[column]] for column in picked]
        unseen[np.arange(len(clean)), picked] = counts
        kinds.append(("unknown", unseen))
    # One number of each row is the least or the greatest that was ever seen.
    numbers = np.flatnonzero(seen.spread > 0)
    if len(numbers):
        extreme = clean.copy()
        ends = np.stack([np.nanmin(seen.rows, axis=0), np.nanmax(seen.rows, axis=0)])
        picked = random.choice(numbers, len(clean))
        extreme[np.arange(len(clean)), picked] = ends[random.integers(0, 2, len(clean)), picked]
        kinds.append(("boundary", extreme))
    return [(kind, changed.astype(clean.dtype)) for kind, changed in kinds]


def _spread(rows: Rows) -> Floats:
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    counts = (~np.isnan(finite)).sum(axis=0)
    center = np.nansum(finite, axis=0) / np.maximum(counts, 1)
    squares = np.nansum((finite - center) ** 2, axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(counts, 1)), np.float64)


def _compared(kind: str, before: Floats, after: Floats, threshold: float) -> Disturbance:
    finite = np.isfinite(after)
    flips = ((before >= threshold) != (after >= threshold)) | ~finite
    moved = float(np.abs(after - before)[finite].mean()) if finite.any() else np.nan
    return Disturbance(kind, len(before), float(flips.mean()), moved, float((~finite).mean()))


def _share(share: float, rows: int) -> Measure:
    from scipy import stats

    if not rows:
        return Measure(0.0, 0.0, 1.0)
    bounds = stats.binomtest(round(share * rows), rows).proportion_ci(method="exact")
    return Measure(share, float(bounds.low), float(bounds.high), f"{rows} rows")
