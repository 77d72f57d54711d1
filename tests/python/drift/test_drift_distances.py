"""Distances between counts: SciPy's of the bins' numbers, and what must hold of any counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from mlops_engine._native import core

pytestmark = pytest.mark.native

OWN = 7
MISSING, NEGATIVE_INFINITY, POSITIVE_INFINITY, BELOW, ABOVE, OTHER, NEW = range(OWN)
EXACT = 1e-12


def compare(reference, window, categorical=False, **more):
    return core.drift_compare_counts(
        categorical, np.asarray(reference, np.uint64), np.asarray(window, np.uint64), **more
    )


def random_counts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rows of counts over the same bins, some of them empty, some own masses not."""
    random = np.random.default_rng(seed)
    bins = int(random.integers(1, 40))
    rows = random.integers(0, 10 ** random.uniform(0.5, 3.5, size=(2, 1)), size=(2, bins + OWN))
    rows[:, bins + OTHER :] = 0
    rows[random.random(rows.shape) < 0.2] = 0
    rows[:, 0] += 1
    return rows[0], rows[1]


def ordered_codes(counts: np.ndarray) -> np.ndarray:
    """The bins' numbers of all values that have a place in an order, one for each row."""
    bins = len(counts) - OWN
    own = counts[bins:]
    low = [own[NEGATIVE_INFINITY], own[BELOW]]
    cells = np.concatenate([low, counts[:bins], [own[ABOVE], own[POSITIVE_INFINITY]]])
    return np.repeat(np.arange(len(cells)), cells.astype(np.int64))


SEEDS = range(30)


@pytest.mark.parametrize("seed", SEEDS)
def test_nominal_distances_are_scipys(seed: int) -> None:
    reference, window = random_counts(seed)
    found = compare(reference, window)
    used = (reference + window) > 0
    a, b = reference[used].astype(float), window[used].astype(float)
    m, n, cells = a.sum(), b.sum(), len(a)
    p, q = a / m, b / n
    assert found["cells"] == cells
    p_smooth, q_smooth = (a + 0.5) / (m + cells / 2), (b + 0.5) / (n + cells / 2)
    psi = np.sum((p_smooth - q_smooth) * np.log(p_smooth / q_smooth))
    assert found["psi"] == pytest.approx(psi, rel=EXACT)
    both_ways = (
        special.rel_entr(p_smooth, q_smooth).sum() + special.rel_entr(q_smooth, p_smooth).sum()
    )
    assert found["psi"] == pytest.approx(both_ways, rel=1e-9, abs=1e-14)
    noise = 1 / m + 1 / n
    assert found["psi_debiased"] == pytest.approx(psi - (cells - 1) * noise, rel=EXACT, abs=1e-15)
    assert found["js_distance"] == pytest.approx(jensenshannon(p, q, base=2), rel=1e-11)
    assert found["hellinger"] == pytest.approx(
        math.sqrt(max(0, 1 - np.sqrt(p * q).sum())), rel=1e-9
    )
    assert found["linf"] == np.abs(p - q).max()
    if cells < 2:
        return
    assert found["psi_p"] == pytest.approx(
        stats.chi2.sf(psi / noise, cells - 1), rel=1e-9, abs=1e-300
    )
    for name, power in (("chi2", 1), ("g", "log-likelihood")):
        theirs = stats.chi2_contingency([a, b], correction=False, lambda_=power)
        assert found[name] == pytest.approx(theirs.statistic, rel=EXACT)
        assert found[f"{name}_p"] == pytest.approx(theirs.pvalue, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("seed", SEEDS)
def test_ordered_distances_are_scipys_of_the_bins_numbers(seed: int) -> None:
    reference, window = random_counts(seed)
    found = compare(reference, window)
    x, y = ordered_codes(reference), ordered_codes(window)
    ks = stats.ks_2samp(x, y, method="asymp")
    assert found["ks"] == pytest.approx(ks.statistic, rel=EXACT)
    assert found["ks_p"] == pytest.approx(ks.pvalue, abs=0.03)  # SciPy rounds n m / (n + m)
    f, g = (np.bincount(v, minlength=44).cumsum() / len(v) for v in (x, y))
    kuiper = max(0, (f - g).max()) + max(0, (g - f).max())
    assert found["kuiper"] == pytest.approx(kuiper, rel=EXACT)
    if min(len(x), len(y)) < 2:
        return
    cvm = stats.cramervonmises_2samp(x, y, method="asymptotic")
    assert found["cvm"] == pytest.approx(cvm.statistic, rel=1e-9, abs=1e-9)
    assert found["cvm_p"] == pytest.approx(cvm.pvalue, abs=1e-5)  # SciPy ends its sum early
    if len(np.unique(np.concatenate([x, y]))) > 1:
        assert found["ad"] == pytest.approx(anderson_darling_of_scipy(x, y), rel=1e-9)


def anderson_darling_of_scipy(x: np.ndarray, y: np.ndarray) -> float:
    """A^2 before anderson_ksamp standardises it."""
    from scipy.stats._morestats import _anderson_ksamp_midrank

    z = np.sort(np.concatenate([x, y]))
    sizes = np.array([len(x), len(y)])
    return float(_anderson_ksamp_midrank([x, y], z, np.unique(z), 2, sizes, len(z)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2**40)] * 2), min_size=OWN, max_size=50))
def test_every_answer_is_a_number_in_its_range(cells: list[tuple[int, int]]) -> None:
    rows = np.array(cells, np.uint64).T
    there, back = compare(rows[0], rows[1]), compare(rows[1], rows[0])
    for name, value in there.items():
        if isinstance(value, dict):
            assert all(0 <= share <= 1 for share in value.values())
            continue
        assert math.isfinite(value), name
        if name.endswith("_p") or name in {"js_distance", "hellinger", "cramers_v", "linf", "ks"}:
            assert 0 <= value <= 1, name
    for name in (
        "js_distance",
        "hellinger",
        "chi2",
        "g",
        "ks",
        "kuiper",
        "cvm",
        "ad",
        "linf",
        "psi",
    ):
        assert there[name] == pytest.approx(back[name], rel=1e-9, abs=1e-6), name
    assert there["ks"] <= there["ks_upper"] + 1e-15


@pytest.mark.parametrize("categorical", [False, True])
@pytest.mark.parametrize("bins", [0, 1, 32])
def test_an_empty_side_differs_from_nothing(bins: int, categorical: bool) -> None:
    empty, some = np.zeros(bins + OWN), np.arange(1, bins + OWN + 1)
    for reference, window in ((empty, some), (some, empty), (empty, empty)):
        found = compare(reference, window, categorical)
        assert found["psi"] == found["js_distance"] == found["chi2"] == found["cramers_v"] == 0
        assert found["psi_p"] == found["chi2_p"] == found["g_p"] == 1
        assert categorical or found["ks"] == found["cvm"] == found["ad"] == found["w1"] == 0


def test_one_bin_and_one_row() -> None:
    one = compare([5, *[0] * OWN], [1, *[0] * OWN])
    assert one["psi"] == pytest.approx(0)
    assert one["chi2"] == one["ks"] == one["ad"] == one["cramers_v"] == 0
    assert one["chi2_p"] == 1


def test_huge_counts_stay_exact() -> None:
    half = 2**52
    found = compare([half, half, *[0] * OWN], [half, half, *[0] * OWN])
    assert found["chi2"] == found["g"] == found["ks"] == found["psi"] == 0
    found = compare([half, half, *[0] * OWN], [2**51, 3 * 2**51, *[0] * OWN])
    assert found["ks"] == 0.25
    assert found["chi2_p"] == 0


def test_a_categorical_stream_has_no_order() -> None:
    assert "ks" not in compare([3, 4, *[0] * OWN], [4, 3, *[0] * OWN], categorical=True)


def test_missing_is_mass_in_nominal_distances_and_in_no_order() -> None:
    full, gappy = [50, 50, *[0] * OWN], [50, 50, 100, *[0] * 6]
    found = compare(full, gappy)
    assert found["linf"] == 0.5
    assert found["chi2_p"] < 1e-12
    assert found["ks"] == 0
    assert found["window_rates"]["missing"] == 0.5


# Distances in the stream's own unit need to know where its bins lie.


def profile(x: np.ndarray, bins: int = 32) -> dict[str, object]:
    """What a reference keeps of x: edges, quantiles at (i + 1/2) / 256, and its counts."""
    edges = np.unique(np.quantile(x, np.arange(1, bins) / bins, method="inverted_cdf"))
    edges = edges[edges > x.min()].astype(np.float32)
    levels = (np.arange(256) + 0.5) / 256
    quantiles = np.quantile(x, levels, method="inverted_cdf").astype(np.float32)
    return {"edges": edges, "quantiles": quantiles, "min": x.min(), "max": x.max()}


def counts_of(x: np.ndarray, place: dict[str, object]) -> np.ndarray:
    edges = place["edges"]
    inside = (x >= place["min"]) & (x <= place["max"])
    counts = np.zeros(len(edges) + 1 + OWN, np.uint64)
    codes = np.searchsorted(edges, x[inside], side="right")
    counts[: len(edges) + 1] = np.bincount(codes, minlength=len(edges) + 1)
    counts[len(edges) + 1 + BELOW] = (x < place["min"]).sum()
    counts[len(edges) + 1 + ABOVE] = (x > place["max"]).sum()
    return counts


def moments_of(x: np.ndarray, centre: float) -> tuple[int, float, float]:
    d = x.astype(float) - centre
    return len(x), d.sum(), (d * d).sum()


def compare_samples(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    place = profile(x)
    centre = float(np.median(x))
    return compare(
        counts_of(x, place),
        counts_of(y, place),
        reference_moments=moments_of(x, centre),
        window_moments=moments_of(y, centre),
        **place,
    )


LAWS = {
    "normal": lambda r, n: r.normal(size=n),
    "lognormal": lambda r, n: r.lognormal(sigma=1.0, size=n),
    "uniform": lambda r, n: r.uniform(size=n),
    "counts": lambda r, n: r.poisson(3, size=n).astype(float),
    "zeros": lambda r, n: np.where(r.random(n) < 0.7, 0.0, r.normal(size=n)),
}


# Of values that share a place, a shift by less than the way to the next value stays in their bin.
SHIFTS = {"counts": [0, 1, -1, 2], "zeros": [0, -1]}


@pytest.mark.parametrize(
    ("law", "shift"), [(law, s) for law in LAWS for s in SHIFTS.get(law, [0, 0.1, 0.5, -1])]
)
def test_w1_and_energy_are_scipys_within_what_bins_can_tell(law: str, shift: float) -> None:
    random = np.random.default_rng(7)
    x = LAWS[law](random, 50_000).astype(np.float32)
    y = (LAWS[law](random, 20_000) + shift).astype(np.float32)
    found = compare_samples(x, y)
    q = profile(x)["quantiles"]
    x_limited, y_limited = np.clip(x, q[0], q[-1]), np.clip(y, q[0], q[-1])
    scale = float(np.quantile(x, 0.75) - np.quantile(x, 0.25) or x.std())
    assert found["w1"] == pytest.approx(
        stats.wasserstein_distance(x_limited, y_limited), rel=0.04, abs=0.03 * scale
    )
    assert found["energy"] == pytest.approx(
        stats.energy_distance(x_limited, y_limited), rel=0.04, abs=0.04 * math.sqrt(scale)
    )
    assert found["mean_difference"] == pytest.approx(y.mean() - x.mean(), rel=1e-4, abs=1e-5)
    assert found["std_window"] == pytest.approx(y.std(), rel=1e-4)
    exact = stats.ks_2samp(x, y).statistic
    assert found["ks"] <= exact + 1e-12
    assert exact <= found["ks_upper"] + 1e-12


def test_the_reference_is_at_no_distance_from_itself() -> None:
    x = np.random.default_rng(1).lognormal(size=9_999).astype(np.float32)
    found = compare_samples(x, x)
    assert found["w1"] == found["energy"] == found["ks"] == found["psi"] == 0
    assert found["ks_upper"] > 0


@pytest.mark.parametrize("where", ["reference", "window"])
def test_one_outlier_changes_nothing_that_matters(where: str) -> None:
    """It blinds libraries whose bins are of equal width to a shift of one sigma."""
    random = np.random.default_rng(2)
    x = random.normal(size=20_000).astype(np.float32)
    y = (random.normal(size=5_000) + 1).astype(np.float32)
    clean = compare_samples(x, y)
    (x if where == "reference" else y)[0] = 1e6
    dirty = compare_samples(x, y)
    for name in (
        "psi",
        "js_distance",
        "hellinger",
        "ks",
        "kuiper",
        "cvm",
        "w1",
        "w1_per_iqr",
        "energy",
    ):
        assert dirty[name] == pytest.approx(clean[name], rel=0.01), name


@pytest.mark.parametrize("n", [1_000, 10_000])
def test_chance_is_what_it_says_when_nothing_changed(n: int) -> None:
    random = np.random.default_rng(3)
    shares, trials = np.full(10, 0.1), 2_000
    names = ("chi2_p", "g_p", "psi_p")
    flagged = dict.fromkeys(names, 0)
    for _ in range(trials):
        draw = [[*random.multinomial(size, shares), *[0] * OWN] for size in (n, 1_000)]
        found = compare(*draw, categorical=True)
        for name in names:
            flagged[name] += found[name] < 0.05
    for name in names:
        assert flagged[name] / trials == pytest.approx(0.05, abs=0.02), name


def test_what_a_fixed_threshold_and_a_reference_taken_as_exact_would_do() -> None:
    """The figures of docs/drift.md: PSI >= 0.1 at 100 rows, and chi-squared of one sample."""
    random = np.random.default_rng(5)
    shares, trials = np.full(10, 0.1), 2_000
    short = [random.multinomial(100, shares, 2) for _ in range(trials)]
    found = [compare(*np.pad(pair, ((0, 0), (0, OWN))), categorical=True) for pair in short]
    assert np.mean([f["psi"] >= 0.1 for f in found]) == pytest.approx(0.83, abs=0.03)
    assert np.mean([f["psi_debiased"] for f in found]) == pytest.approx(0, abs=0.01)
    long = [random.multinomial(1_000, shares, 2) for _ in range(trials)]
    wrong = [stats.chisquare(window, reference).pvalue < 0.05 for reference, window in long]
    assert np.mean(wrong) == pytest.approx(0.48, abs=0.03)
    right = [
        compare(*np.pad(pair, ((0, 0), (0, OWN))), categorical=True)["chi2_p"] < 0.05
        for pair in long
    ]
    assert np.mean(right) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (0, 1000), (7, 1000), (1000, 1000), (0, 10**12)]
)
def test_rate_intervals_are_sane(k: int, n: int) -> None:
    rate, low, high = core.drift_rate_interval(k, n)
    assert 0 <= low <= rate <= high <= 1
    assert rate == k / n
    classic = stats.binomtest(k, n).proportion_ci() if n <= 1000 else None
    if classic:
        assert low <= classic.low + 1e-9
        assert high >= classic.high - 1e-9


def test_rate_intervals_hold_at_every_look_at_once() -> None:
    random = np.random.default_rng(4)
    missed, trials, share = 0, 200, 0.1
    for _ in range(trials):
        hits = np.cumsum(random.random(400) < share)
        looks = (core.drift_rate_interval(int(k), i + 1) for i, k in enumerate(hits))
        missed += any(not low <= share <= high for _, low, high in looks)
    assert missed <= trials * 0.05


def test_counts_of_different_references_are_refused() -> None:
    with pytest.raises(Exception, match="different references"):
        compare([1, *[0] * OWN], [1, 2, *[0] * OWN])
    with pytest.raises(Exception, match="one row"):
        compare([1], [1])
