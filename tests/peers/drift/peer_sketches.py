"""Quantiles and distinct counts of a lognormal column by datasketches, and the bound it gives."""

import json
import sys

import datasketches
import numpy as np

rows = int(sys.argv[1])
x = np.random.default_rng(11).lognormal(6, 1.5, size=rows).astype(np.float32)
kll = datasketches.kll_floats_sketch(200)
kll.update(x)
hll = datasketches.hll_sketch(12)
for value in x[: rows // 4]:
    hll.update(float(value))
levels = [i / 20 for i in range(1, 20)]
answer = {
    "levels": levels,
    "quantiles": [float(kll.get_quantile(level)) for level in levels],
    "rank_error": kll.normalized_rank_error(False),
    "distinct": hll.get_estimate(),
    "bytes": len(kll.serialize()),
}
json.dump(answer, sys.stdout)
