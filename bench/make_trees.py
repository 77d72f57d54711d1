"""Write boosted trees for ``mlops-trees`` as ONNX files: ``python bench/make_trees.py DIR``.

LightGBM, 20 features of normal values of which a twentieth is missing, two classes; 100, 500 and
1,000 trees of depth 6 and 10. The same trees are kept as LightGBM's text, for compilers of trees.
"""

import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

ROWS, FEATURES = 40_000, 20
TREES = (100, 500, 1000)
DEPTHS = (6, 10)


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    rows = random.standard_normal((ROWS, FEATURES))
    score = rows[:, 0] + rows[:, 1] * rows[:, 2] + np.sin(3 * rows[:, 3]) + random.normal(size=ROWS)
    rows[random.random(rows.shape) < 0.05] = np.nan
    return rows, (score > 0).astype(int)


def train(rows: np.ndarray, labels: np.ndarray, trees: int, depth: int) -> lightgbm.Booster:
    options = {
        "objective": "binary",
        "num_leaves": 2**depth,
        "max_depth": depth,
        "min_data_in_leaf": 5,
        "learning_rate": 0.02,
        "seed": 1,
        "deterministic": True,
        "num_threads": 1,
        "verbose": -1,
    }
    return lightgbm.train(options, lightgbm.Dataset(rows, labels), trees)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows, labels = data()
    for depth in DEPTHS:
        whole = train(rows, labels, max(TREES), depth)
        for trees in TREES:
            start = time.monotonic()
            name = f"trees_{trees}x{depth}"
            whole.save_model(folder / f"{name}.txt", num_iteration=trees)
            part = lightgbm.Booster(model_file=folder / f"{name}.txt")
            converted = convert_lightgbm(
                part,
                initial_types=[("input", FloatTensorType([None, FEATURES]))],
                zipmap=False,
                target_opset=15,
            )
            for output in converted.graph.output:  # LightGBM's converter says that labels are [1]
                output.type.tensor_type.shape.dim[0].ClearField("dim_value")
                output.type.tensor_type.shape.dim[0].dim_param = "N"
            (folder / f"{name}.onnx").write_bytes(converted.SerializeToString())
            print(folder / f"{name}.onnx", f"{time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
