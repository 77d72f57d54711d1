"""What another library takes to look at rows for drift: ``python drift_peer.py PEER ROWS COLUMNS``.

By a Python that has it and nothing of ours; see bench/compare/drift.py. Prints nanoseconds per
value, best of rounds, of what its documentation shows first.
"""

import json
import sys
import time

import numpy as np

REFERENCE_ROWS = 100_000


def rows_of(rows, columns, seed):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def frame_of(x):
    import pandas as pd

    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])


def evidently(reference, current):
    from evidently import Report
    from evidently.presets import DataDriftPreset

    before, now = frame_of(reference), frame_of(current)
    return lambda: Report([DataDriftPreset()]).run(now, before)


def nannyml(reference, current):
    import nannyml as nml

    before, now = frame_of(reference), frame_of(current)
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(before.columns),
        continuous_methods=["kolmogorov_smirnov"],
        chunk_size=10_000,
    ).fit(before)
    return lambda: calculator.calculate(now)


def alibi(reference, current):
    from alibi_detect.cd import KSDrift

    detector = KSDrift(reference)
    return lambda: detector.predict(current)


def tfdv(_, current):
    import tensorflow_data_validation as tfdv

    now = frame_of(current)
    return lambda: tfdv.generate_statistics_from_dataframe(now)


def datasketches(_, current):
    from datasketches import kll_floats_sketch

    columns = [np.ascontiguousarray(current[:, i]) for i in range(current.shape[1])]

    def update():
        for column in columns:
            kll_floats_sketch(200).update(column)

    return update


def main():
    peer, rows, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = globals()[peer](rows_of(REFERENCE_ROWS, columns, 1), rows_of(rows, columns, 2))
    times = []
    begun = time.perf_counter()
    while len(times) < 2 or (len(times) < 7 and time.perf_counter() - begun < 10):
        begin = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - begin)
    print(json.dumps({"ns_per_value": min(times) / (rows * columns)}))


if __name__ == "__main__":
    main()
