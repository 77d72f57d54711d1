"""Drift: what changed in a stream of values, errors or predictions, and whether it matters.

>>> import mlops_engine as me, numpy as np
>>> x = np.random.default_rng(0).gamma(4, 200, size=(20_000, 1)).astype("float32")
>>> reference = me.drift.Profile.from_array(x, names=["miles"])
>>> window = me.drift.Profile.like(reference).update(x[:2_000] * 1.609344)
>>> for alert in me.drift.compare(reference, window).alerts:
...     print(alert.severity, alert.stream, alert.cause, alert.factor)
critical miles unit 1.609344

A stream that is looked at again and again is watched by a judge, which counts every look:

>>> judge = me.drift.Judge(reference)
>>> for start in range(0, 20_000, 500):
...     tile = me.drift.Profile.like(reference).update(x[start : start + 500])
...     assert judge.see(tile, time=start) == []
>>> judge.changed()
[]

docs/drift.md defines the statistics and derives what an alert promises.
"""

from mlops_engine.drift.detectors import (
    Adwin,
    Ddm,
    Ecdd,
    Eddm,
    HddmA,
    HddmW,
    Kswin,
    PageHinkley,
    Stepd,
)
from mlops_engine.drift.expected_quality import Cbpe, Dle
from mlops_engine.drift.extract import Category, Embedding, Extract, Image, Text, Timestamp
from mlops_engine.drift.judge import DriftAlert, DriftEvent, Judge, SegmentShare
from mlops_engine.drift.labels import LabelJoin
from mlops_engine.drift.multivariate import (
    MmdResult,
    PcaReconstruction,
    RffMmd,
    domain_classifier_auroc,
)
from mlops_engine.drift.profile import Profile, Window
from mlops_engine.drift.report import Alert, Report, StreamReport, compare
from mlops_engine.drift.sketches import NewCategory, Sketches
from mlops_engine.drift.statistics import Statistic, StatisticValue, statistic
from mlops_engine.drift.watch import Watch, connect

__all__ = [
    "Adwin",
    "Alert",
    "Category",
    "Cbpe",
    "Ddm",
    "Dle",
    "DriftAlert",
    "DriftEvent",
    "Ecdd",
    "Eddm",
    "Embedding",
    "Extract",
    "HddmA",
    "HddmW",
    "Image",
    "Judge",
    "Kswin",
    "LabelJoin",
    "MmdResult",
    "NewCategory",
    "PageHinkley",
    "PcaReconstruction",
    "Profile",
    "Report",
    "RffMmd",
    "SegmentShare",
    "Sketches",
    "Statistic",
    "StatisticValue",
    "Stepd",
    "StreamReport",
    "Text",
    "Timestamp",
    "Watch",
    "Window",
    "compare",
    "connect",
    "domain_classifier_auroc",
    "statistic",
]
