"""Mixed precision: how many of the worst layers have to be float for the gates to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """A variant that was judged: how many layers were float, and whether the gates held."""

    float_layers: int
    holds: bool


def fewest_float_layers(
    holds: Callable[[int], bool], layers: int, most: int
) -> tuple[int | None, list[Trial]]:
    """Find a small number of worst layers that, in float, make the gates hold.

    Doubles until they hold, then halves the interval. Noise does not always fall with every layer,
    so the result is one that was tried and held, and its predecessor was tried and did not.

    Parameters
    ----------
    holds
        Makes and judges the variant with that many of the worst layers in float.
    layers
        Layers there are. All of them in float would be no variant: never tried.
    most
        The largest number to try.

    Returns
    -------
    number, trials
        None if none held.
    """
    trials: list[Trial] = []

    def attempt(count: int) -> bool:
        trials.append(Trial(count, holds(count)))
        return trials[-1].holds

    most = min(most, layers - 1)
    if attempt(0):
        return 0, trials
    failed, count = 0, 1
    while count <= most:
        if attempt(count):
            break
        failed = count
        if count == most:
            return None, trials
        count = min(count * 2, most)
    else:
        return None, trials
    while count - failed > 1:
        middle = (failed + count) // 2
        if attempt(middle):
            count = middle
        else:
            failed = middle
    return count, trials
