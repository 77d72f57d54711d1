"""Interleaving: every variant is measured once in every round, in an order that rotates.

Drift of the machine (heat, neighbours, memory layout) then falls on all variants alike instead of
on the one that happened to run last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mlops_engine.bench.load import Load
from mlops_engine.bench.machine_load import watch
from mlops_engine.bench.result import Cell, Repeat


@dataclass(frozen=True)
class Variant:
    """One candidate.

    Parameters
    ----------
    name : str
        Shown in tables; the identity of the candidate across documents.
    target : str
        ``http``, ``http-json``, ``grpc`` or ``in-process``.
    measure : callable
        Runs one repeat under a load.
    """

    name: str
    target: str
    measure: Callable[[Load], Repeat]


def rounds(variants: Sequence[Variant], repeats: int) -> Iterator[list[Variant]]:
    """Yield the order of each round; with as many rounds as variants each goes first once."""
    for index in range(repeats):
        start = index % len(variants)
        yield [*variants[start:], *variants[:start]]


def run(
    variants: Sequence[Variant],
    loads: Sequence[Load],
    repeats: int,
    model: str,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Cell]:
    """Measure every variant under every load.

    Parameters
    ----------
    variants, loads : sequences
        Neither may be empty.
    repeats : int
        Rounds for each load.
    model : str
        Name for the cells.
    progress : callable, optional
        Told in words what runs next.

    Returns
    -------
    list of Cell
        By load, then variant in the order given.
    """
    cells: list[Cell] = []
    for load in loads:
        by_name = {
            variant.name: Cell(variant.name, variant.target, load.label, model)
            for variant in variants
        }
        for index, order in enumerate(rounds(variants, repeats)):
            for variant in order:
                progress(f"{load.label} in flight, repeat {index + 1}/{repeats}, {variant.name}")
                in_process = variant.target == "in-process"
                repeat = watch(partial(variant.measure, load), server_is_self=in_process)
                by_name[variant.name].repeats.append(repeat)
        cells.extend(by_name.values())
    return cells
