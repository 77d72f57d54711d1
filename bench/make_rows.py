"""Write real July flights, the flights model's rows: ``python bench/make_rows.py flights.npy``."""

import sys
from pathlib import Path

import numpy as np

from mlops_engine.train import pipeline, source
from mlops_engine.train.progress import Progress

ROWS = 4096


def main() -> None:
    data = pipeline.prepare(source.locate(), Progress())
    july = data.x[data.month == 7]
    picked = np.random.default_rng(1).choice(len(july), ROWS, replace=False)
    np.save(Path(sys.argv[1]), july[picked])


if __name__ == "__main__":
    main()
