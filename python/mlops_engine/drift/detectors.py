"""Online detectors: one value at a time, an alarm when the stream is no longer what it was.

All have one shape. ``update(value)`` says whether this value raised an alarm; ``detected`` and
``warning`` repeat it. After an alarm a detector forgets: the next value starts a new stream.
``update_many(values)`` returns the indices of the alarms, ``verdicts(values)`` a 0 (stable), 1
(warning) or 2 (alarm) for each value; both refuse an array whole when one value is not admissible.

Errors are 1 where a prediction was wrong and 0 where it was right, for every detector here.
"""

from __future__ import annotations

from typing import Literal

from mlops_engine._native import core

__all__ = [
    "Adwin",
    "Ddm",
    "Ecdd",
    "Eddm",
    "HddmA",
    "HddmW",
    "Kswin",
    "PageHinkley",
    "Stepd",
]


class Adwin(core.Adwin):
    """A window that is as long as its mean has not changed (Bifet and Gavaldà 2007).

    Takes any finite numbers. ``width``, ``mean`` and ``variance`` describe the window.

    Parameters
    ----------
    delta
        The chance of a false cut at one check.
    clock
        Values between checks.
    max_buckets
        Buckets of one size; more is finer, larger and slower.
    min_window_length
        Values that both sides of a cut must have.
    grace_period
        Values before the first check.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(7)
    >>> detector = Adwin()
    >>> stream = [rng.gauss(0, 1) for _ in range(1000)] + [rng.gauss(2, 1) for _ in range(1000)]
    >>> [i for i, value in enumerate(stream) if detector.update(value)]
    [1023]
    """

    def __init__(
        self,
        *,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        super().__init__(delta, clock, max_buckets, min_window_length, grace_period)


class Ddm(core.Ddm):
    """An error rate that rises by more than chance above its lowest point (Gama and others 2004).

    Takes errors, or losses between 0 and 1. A model without any error in its first ``warm_start``
    values has a lowest point of 0, and its first error is an alarm.

    Parameters
    ----------
    warm_start
        Values before the first verdict.
    warning_threshold, drift_threshold
        Standard deviations of the lowest point.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(8)
    >>> detector = Ddm()
    >>> errors = rng.choices([0, 1], [9, 1], k=2000) + rng.choices([0, 1], [6, 4], k=1000)
    >>> detector.update_many(errors).tolist()
    [2117]
    """

    def __init__(
        self,
        *,
        warm_start: int = 30,
        warning_threshold: float = 2.0,
        drift_threshold: float = 3.0,
    ) -> None:
        super().__init__(warm_start, warning_threshold, drift_threshold)


class Eddm(core.Eddm):
    """Errors that come closer together than they used to (Baena-García and others 2006).

    Takes errors. Sees gradual change earlier than `Ddm`, at the price of many false alarms.

    Parameters
    ----------
    warm_start
        Errors before the first verdict.
    alpha, beta
        Shares of the longest distance ever between errors below which it warns and alarms.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(9)
    >>> detector = Eddm(alpha=0.8, beta=0.75)
    >>> errors = rng.choices([0, 1], [9, 1], k=2000) + rng.choices([0, 1], [6, 4], k=1000)
    >>> detector.update_many(errors).tolist()
    [2162]
    """

    def __init__(self, *, warm_start: int = 30, alpha: float = 0.95, beta: float = 0.9) -> None:
        super().__init__(warm_start, alpha, beta)


class HddmA(core.HddmA):
    """The mean of all values against that up to its best cut, by Hoeffding's bound.

    Takes errors, or losses between 0 and 1 (Frías-Blanco and others 2014).

    Parameters
    ----------
    drift_confidence, warning_confidence
        Levels of the test.
    two_sided
        Also alarms at means that fall.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(7)
    >>> detector = HddmA()
    >>> errors = rng.choices([0, 1], [9, 1], k=2000) + rng.choices([0, 1], [6, 4], k=1000)
    >>> detector.update_many(errors).tolist()
    [2078]
    """

    def __init__(
        self,
        *,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        two_sided: bool = False,
    ) -> None:
        super().__init__(drift_confidence, warning_confidence, two_sided)


class HddmW(core.HddmW):
    """As `HddmA`, with means that forget exponentially, by McDiarmid's bound.

    Takes errors, or losses between 0 and 1. Very fast at large changes, blind to small ones.

    Parameters
    ----------
    drift_confidence, warning_confidence
        Levels of the test.
    lambda_
        The weight of the newest value.
    two_sided
        Also alarms at means that fall.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(7)
    >>> detector = HddmW()
    >>> errors = rng.choices([0, 1], [9, 1], k=2000) + rng.choices([0, 1], [4, 6], k=1000)
    >>> detector.update_many(errors).tolist()
    [2016]
    """

    def __init__(
        self,
        *,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        lambda_: float = 0.05,
        two_sided: bool = False,
    ) -> None:
        super().__init__(drift_confidence, warning_confidence, lambda_, two_sided)


class PageHinkley(core.PageHinkley):
    """The cumulated deviation from the mean since its lowest or highest point (Page 1954).

    Takes any finite numbers; `delta` and `threshold` are in their unit.

    Parameters
    ----------
    min_instances
        Values before the first alarm.
    delta
        Deviations of this size are tolerated.
    threshold
        The cumulated deviation that is an alarm.
    alpha
        What the cumulated deviation keeps at each value.
    mode
        Alarms at rises ("up"), falls ("down") or both.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(7)
    >>> detector = PageHinkley()
    >>> stream = [rng.gauss(0, 1) for _ in range(1000)] + [rng.gauss(4, 1) for _ in range(1000)]
    >>> [i for i, value in enumerate(stream) if detector.update(value)]
    [1010]
    """

    def __init__(
        self,
        *,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 1 - 0.0001,
        mode: Literal["up", "down", "both"] = "both",
    ) -> None:
        super().__init__(min_instances, delta, threshold, alpha, mode)


class Kswin(core.Kswin):
    """The newest values of a window against a sample of the rest of it, by an exact KS test.

    Takes any finite numbers (Raab and others 2020). One test of level ``alpha`` is made at every
    value, so false alarms are frequent: 1.3 in a thousand values with the defaults.

    Parameters
    ----------
    alpha
        Level of each single test.
    window_size
        Values in the window.
    stat_size
        Values on both sides of the test; at most half the window.
    min_distance
        Smaller KS distances are never alarms.
    seed
        Of the draws, which are those of ``random.Random(seed)``.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(7)
    >>> detector = Kswin(alpha=0.0001, seed=42)
    >>> stream = [rng.gauss(0, 1) for _ in range(1000)] + [rng.gauss(2, 1) for _ in range(1000)]
    >>> [i for i, value in enumerate(stream) if detector.update(value)]
    [1021]
    """

    def __init__(
        self,
        *,
        alpha: float = 0.005,
        window_size: int = 100,
        stat_size: int = 30,
        min_distance: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(alpha, window_size, stat_size, min_distance, seed)


class Ecdd(core.Ecdd):
    """An exponentially weighted error rate above the long-run one (Ross and others 2012).

    Takes errors. The published control limits were fitted for ``lambda_=0.2``; those for a run
    length of 100 hold it up to error rates of about 0.1, those for 400 up to a half.

    Parameters
    ----------
    lambda_
        The weight of the newest value.
    average_run_length
        Values between false alarms: 100 or 400.
    warning_level
        The share of the control limit that warns.
    min_instances
        Values before the first verdict.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(11)
    >>> detector = Ecdd()
    >>> errors = rng.choices([0, 1], [9, 1], k=300) + rng.choices([0, 1], [4, 6], k=100)
    >>> detector.update_many(errors).tolist()
    [303]
    """

    def __init__(
        self,
        *,
        lambda_: float = 0.2,
        average_run_length: int = 400,
        warning_level: float = 0.5,
        min_instances: int = 30,
    ) -> None:
        super().__init__(lambda_, average_run_length, warning_level, min_instances)


class Stepd(core.Stepd):
    """The error rate of a recent window against that of all before it, by a test of proportions.

    Takes errors (Nishida and Yamauchi 2007).

    Parameters
    ----------
    alpha_drift, alpha_warning
        Levels of the test.
    window
        Values in the recent window; the first verdict comes when twice as many were seen.
    two_sided
        Also alarms when the recent window is better.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(8)
    >>> detector = Stepd(alpha_drift=0.001)
    >>> errors = rng.choices([0, 1], [9, 1], k=300) + rng.choices([0, 1], [4, 6], k=100)
    >>> detector.update_many(errors).tolist()
    [309]
    """

    def __init__(
        self,
        *,
        alpha_drift: float = 0.003,
        alpha_warning: float = 0.05,
        window: int = 30,
        two_sided: bool = True,
    ) -> None:
        super().__init__(alpha_drift, alpha_warning, window, two_sided)
