"""Distances beside NannyML, Evidently and alibi-detect, and where they differ on purpose.

Where a definition is the same the figures are, to what floats and their rounding leave. Statistics
of an order are compared twice: of the samples, where ours is an interval or an approximation, and
of the bins' numbers, where it is exact. docs/drift.md lists the differences and their reasons.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_engine import drift

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER)]
from environment import PEERS, ask, python_with  # noqa: E402

REFERENCE, WINDOW = 8_000, 3_000
NUMBERS = ("steady", "shifted", "wider", "skewed", "outlier")
CATEGORIES = ("c_steady", "c_moved", "c_new")
NULL_COLUMNS = 60
Columns = dict[str, tuple[np.ndarray, np.ndarray]]


def columns() -> Columns:
    random = np.random.default_rng(17)

    def normal(rows: int) -> np.ndarray:
        return random.normal(size=rows).astype(np.float32)

    made = {
        "steady": (normal(REFERENCE), normal(WINDOW)),
        "shifted": (normal(REFERENCE), normal(WINDOW) + np.float32(0.3)),
        "wider": (normal(REFERENCE), normal(WINDOW) * np.float32(1.4)),
        "skewed": (np.exp(normal(REFERENCE)), np.exp(normal(WINDOW) * np.float32(0.8))),
        "outlier": (normal(REFERENCE), normal(WINDOW) + np.float32(1)),
    }
    shares = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    moved = np.array([0.3, 0.3, 0.2, 0.1, 0.1])
    for name, now in (("c_steady", shares), ("c_moved", moved), ("c_new", moved)):
        made[name] = (random.choice(5, REFERENCE, p=shares), random.choice(5, WINDOW, p=now))
    made["c_new"][1][:200] = 9
    for i in range(NULL_COLUMNS):  # nothing changes in any of them
        made[f"c_null{i}"] = (random.choice(10, 1_000), random.choice(10, 1_000))
    return made


def ours(made: Columns) -> dict[str, Any]:
    found = {}
    for name, (reference, window) in made.items():
        kinds = [name] if name.startswith("c_") else []
        profile = drift.Profile.from_array(reference, [name], categorical=kinds)
        found[name] = drift.compare(profile, drift.Profile.like(profile).update({name: window}))
    return found


def with_codes(made: Columns) -> Columns:
    """Add the numbers of the bins that values fall into; what is out of range has its own.

    And values that go no further than the outermost quantiles of the reference: W1 and energy count
    what is beyond as if it lay there.
    """
    more = dict(made)
    for name in NUMBERS:
        stream = drift.Profile.from_array(made[name][0], [name]).streams()[0]
        ends = stream["quantiles"][0], stream["quantiles"][-1]
        more[f"inside_{name}"] = tuple(np.clip(values, *ends) for values in made[name])
        borders = [stream["min"], *stream["edges"], np.nextafter(stream["max"], np.float32(np.inf))]
        more[f"codes_{name}"] = tuple(
            np.searchsorted(borders, values, side="right").astype(float) for values in made[name]
        )
    return more


def what_bins_leave(reference: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """Return how far W1 and energy can be from the samples', within the outer quantiles.

    A window's law is wrong by at most a bin's share within that bin, the reference's by at most one
    quantile's; W1 is the integral of that, energy sqrt(2) times its root mean square (Minkowski).
    """
    stream = drift.Profile.from_array(reference, ["x"]).streams()[0]
    first, last = stream["quantiles"][0], stream["quantiles"][-1]
    inner = [edge for edge in stream["edges"] if first < edge < last]
    borders = np.array([first, *inner, last], dtype=float)
    shares = np.histogram(window, borders)[0] / len(window)
    widths, table = np.diff(borders), 1 / len(stream["quantiles"])
    w1 = float(shares @ widths + table * widths.sum())
    energy = math.sqrt(2) * (math.sqrt(shares**2 @ widths) + table * math.sqrt(widths.sum()))
    return w1, energy


@pytest.fixture(scope="module")
def samples() -> Columns:
    return columns()


@pytest.fixture(scope="module")
def figures(samples: Columns) -> dict[str, dict[str, float]]:
    return {name: report.streams[0].statistics for name, report in ours(samples).items()}


def say(peer: str, made: Columns, folder: Path) -> dict[str, dict[str, float]]:
    file = folder / "columns.npz"
    sides = ("reference", "window")
    pairs = ((f"{name}.{sides[i]}", made[name][i]) for name in made for i in (0, 1))
    np.savez(file, **dict(pairs))
    found: dict[str, dict[str, float]] = ask(
        python_with(*PEERS[peer]), FOLDER / "drift/peer_statistics.py", peer, str(file)
    )
    return found


def test_nannymls(samples: Columns, figures, tmp_path: Path) -> None:
    long = {name: pair for name, pair in samples.items() if len(pair[0]) == REFERENCE}
    theirs = say("nannyml", with_codes(long), tmp_path)
    for name in CATEGORIES:
        for method, statistic in (
            ("jensen_shannon", "js_distance"),
            ("hellinger", "hellinger"),
            ("l_infinity", "linf"),
            ("chi2", "chi2"),
        ):
            assert figures[name][statistic] == pytest.approx(theirs[name][method], rel=1e-9), name
    for name in NUMBERS:
        mine = figures[name]
        assert mine["ks"] - 1e-12 <= theirs[name]["kolmogorov_smirnov"] <= mine["ks_upper"] + 1e-12
        codes = theirs[f"codes_{name}"]
        assert mine["ks"] == pytest.approx(codes["kolmogorov_smirnov"], rel=1e-9)
        inside = theirs[f"inside_{name}"]["wasserstein"]
        assert mine["w1"] == pytest.approx(inside, abs=what_bins_leave(*samples[name])[0]), name


def test_alibi_detects(samples: Columns, figures, tmp_path: Path) -> None:
    theirs = say("alibi", with_codes(samples), tmp_path)
    for name in figures:
        if name.startswith("c_"):
            for statistic in ("chi2", "chi2_p"):
                assert figures[name][statistic] == pytest.approx(
                    theirs[name][statistic], rel=1e-5, abs=1e-12
                ), name
    for name in NUMBERS:
        mine, codes = figures[name], theirs[f"codes_{name}"]
        assert mine["ks"] - 1e-6 <= theirs[name]["ks"] <= mine["ks_upper"] + 1e-6
        assert mine["ks"] == pytest.approx(codes["ks"], rel=1e-5)
        assert mine["cvm"] == pytest.approx(codes["cvm"], rel=1e-5)
        assert mine["cvm_p"] == pytest.approx(codes["cvm_p"], abs=1e-4)


def test_evidentlys(samples: Columns, figures, tmp_path: Path) -> None:
    coded = with_codes(samples)
    theirs = say("evidently", coded, tmp_path)
    for name in CATEGORIES:
        mine = figures[name]
        # Natural logarithms there; two there.
        natural = math.sqrt(mine["js_divergence"] * math.log(2))
        assert theirs[name]["hellinger"] == pytest.approx(mine["hellinger"], rel=1e-7), name
        if name == "c_new":  # an empty cell is 1e-4 there, and half a row here
            continue
        assert theirs[name]["jensenshannon"] == pytest.approx(natural, rel=1e-9)
        assert theirs[name]["psi"] == pytest.approx(mine["psi"], rel=0.02)
    for name in NUMBERS:
        mine, codes = figures[name], theirs[f"codes_{name}"]
        inside = theirs[f"inside_{name}"]
        w1, energy = what_bins_leave(*samples[name])
        their_w1 = inside["wasserstein"] * coded[f"inside_{name}"][0].std()
        assert mine["w1"] == pytest.approx(their_w1, abs=w1), name
        assert mine["ks_p"] == pytest.approx(codes["ks"], abs=0.03)
        assert mine["cvm_p"] == pytest.approx(codes["cramer_von_mises"], abs=1e-3)
        assert mine["energy"] == pytest.approx(inside["energy"], abs=energy), name
    # Their test of categories takes the reference's shares as exact: docs/drift.md.
    null = [f"c_null{i}" for i in range(NULL_COLUMNS)]
    assert sum(theirs[name]["chisquare"] < 0.05 for name in null) > NULL_COLUMNS / 4
    assert sum(figures[name]["chi2_p"] < 0.05 for name in null) < NULL_COLUMNS / 6


@pytest.mark.parametrize("side", [0, 1], ids=["in the reference", "in the window"])
def test_one_outlier_decides_theirs_and_not_ours(samples: Columns, side: int, tmp_path) -> None:
    clean = {"outlier": samples["outlier"]}
    dirty = {"outlier": tuple(values.copy() for values in samples["outlier"])}
    dirty["outlier"][side][0] = 1e6
    before, after = (ours(made)["outlier"].streams[0].statistics for made in (clean, dirty))
    for name in ("psi", "js_distance", "hellinger", "ks", "w1_per_iqr", "energy"):
        assert after[name] == pytest.approx(before[name], rel=0.03), name
    for peer, method in (("evidently", "jensenshannon"), ("evidently", "psi")):
        was, now = (say(peer, made, tmp_path)["outlier"][method] for made in (clean, dirty))
        assert now < 0.1 * was, (peer, method)
    if side == 0:
        method = "jensen_shannon"
        was, now = (say("nannyml", made, tmp_path)["outlier"][method] for made in (clean, dirty))
        assert now < 0.1 * was
