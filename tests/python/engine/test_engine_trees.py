"""Tree ensembles: executed natively, they answer as Python onnxruntime does."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from mlops_engine import Engine
from mlops_engine.errors import MlopsError

FEATURES = 6
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
# Few, so that rows meet them exactly; the floats beside each are rows too.
BORDERS = np.array([-1.5, -0.0, 0.0, 0.1, 0.25, 1e-40, 3e8], np.float32)


class Grower:
    """Lists of nodes, as ai.onnx.ml 1 to 4 has them, of random trees."""

    def __init__(self, random: np.random.Generator, modes: list[str]) -> None:
        self.random, self.modes = random, modes
        names = "treeids nodeids featureids modes values truenodeids falsenodeids"
        self.nodes: dict[str, list] = {name: [] for name in names.split()}
        self.missing: list[int] = []
        self.leaves: list[tuple[int, int]] = []

    def tree(self, number: int, depth: int) -> None:
        self.next = 0
        self.grow(number, depth)

    def grow(self, tree: int, depth: int) -> int:
        node, self.next = self.next, self.next + 1
        place = len(self.missing)
        is_leaf = depth == 0 or self.random.random() < 0.15
        mode = "LEAF" if is_leaf else str(self.random.choice(self.modes))
        feature = 0 if is_leaf else int(self.random.integers(FEATURES))
        value = 0.0 if is_leaf else float(self.random.choice(BORDERS))
        for name, item in zip(self.nodes, [tree, node, feature, mode, value, 0, 0], strict=True):
            self.nodes[name].append(item)
        self.missing.append(0 if is_leaf else int(self.random.integers(2)))
        if is_leaf:
            self.leaves.append((tree, node))
        else:
            self.nodes["truenodeids"][place] = self.grow(tree, depth - 1)
            self.nodes["falsenodeids"][place] = self.grow(tree, depth - 1)
        return node

    def attributes(self) -> dict[str, list]:
        named = {f"nodes_{name}": items for name, items in self.nodes.items()}
        return {**named, "nodes_missing_value_tracks_true": self.missing}


def grown(seed: int, modes: list[str], trees: int, depth: int) -> Grower:
    grower = Grower(np.random.default_rng(seed), modes)
    for number in range(trees):
        grower.tree(number, depth)
    return grower


def weights(grower: Grower, kind: str, targets: int, per_leaf: int, positive: bool) -> dict:
    lists: dict[str, list] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for tree, node in grower.leaves:
        for target in grower.random.choice(targets, per_leaf, replace=False):
            weight = np.float32(grower.random.normal())
            if positive:
                weight = abs(weight) / 20
            for name, item in zip(lists, (tree, node, int(target), float(weight)), strict=True):
                lists[name].append(item)
    return {f"{kind}_{name}": items for name, items in lists.items()}


def save(
    repository: Path,
    name: str,
    node: onnx.NodeProto,
    outputs: list,
    version: int = 3,
    before: tuple[onnx.NodeProto, ...] = (),
) -> Path:
    table = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", FEATURES])
    graph = helper.make_graph([*before, node], name, [table], outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", version)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (repository / name / "1").mkdir(parents=True)
    path = repository / name / "1" / "model.onnx"
    onnx.save(model, path)
    return path


def configure(repository: Path, name: str, execution: str) -> None:
    parameter = f'key: "tree_execution" value {{ string_value: "{execution}" }}'
    (repository / name / "config.pbtxt").write_text(f"parameters {{ {parameter} }}\n")


def rows(seed: int, count: int) -> np.ndarray:
    """Values on borders, beside them, and no numbers at all."""
    random = np.random.default_rng(seed)
    up, down = (np.nextafter(BORDERS, np.float32(to)) for to in (np.inf, -np.inf))
    odd = np.array([np.nan, np.inf, -np.inf, np.finfo(np.float32).max], np.float32)
    return random.choice(np.concatenate([BORDERS, up, down, odd]), (count, FEATURES)).astype(
        np.float32
    )


def expect_same(repository: Path, name: str, path: Path, exact: bool) -> None:
    configure(repository, name, "native")  # fails to load unless it is
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several threads add up in another order
    session = onnxruntime.InferenceSession(path, options)
    names = [output.name for output in session.get_outputs()]
    with Engine(repository, lanes=1) as engine:
        for count in (1, 2, 7, 8, 63, 64, 65, 300):
            table = rows(count, count)
            expected = dict(zip(names, session.run(names, {"x": table}), strict=True))
            given = engine.infer(name, {"x": table})
            for output in names:
                if expected[output].dtype == object:  # names: ours are bytes
                    names_given = [name.decode() for name in given[output].tolist()]
                    assert names_given == expected[output].tolist()
                elif exact or expected[output].dtype != np.float32:
                    np.testing.assert_array_equal(given[output], expected[output])
                else:
                    np.testing.assert_allclose(given[output], expected[output], 1e-6, 1e-6)


def classifier(
    repository: Path,
    seed: int,
    classes: int,
    per_leaf: int,
    transform: str,
    modes: list[str],
    positive: bool = False,
    one_class: bool = False,
) -> Path:
    grower = grown(seed, modes, trees=9, depth=5)
    scored = 1 if one_class else classes
    lists = weights(grower, "class", scored, min(per_leaf, scored), positive)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_int64s=[10 * i + 3 for i in range(classes)],
        post_transform=transform,
        **grower.attributes(),
        **lists,
    )
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", classes])
    return save(repository, "trees", node, [label, scores])


@pytest.mark.parametrize("modes", [MODES[:1], MODES[:4], MODES], ids=["leq", "ordered", "all"])
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize(("classes", "per_leaf"), [(2, 2), (4, 4)])
def test_classifiers(
    tmp_path: Path, classes: int, per_leaf: int, transform: str, modes: list[str]
) -> None:
    path = classifier(tmp_path, classes + len(modes), classes, per_leaf, transform, modes)
    expect_same(tmp_path, "trees", path, exact=transform == "NONE")


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
def test_two_classes_of_which_one_has_weights(
    tmp_path: Path, transform: str, positive: bool
) -> None:
    path = classifier(tmp_path, 5, 2, 1, transform, MODES[:1], positive, one_class=True)
    expect_same(tmp_path, "trees", path, exact=transform == "NONE")


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_with_names(tmp_path: Path, classes: int) -> None:
    grower = grown(classes, MODES[:1], trees=9, depth=5)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_strings=["", "late", "zu früh"][:classes],
        post_transform="SOFTMAX",
        **grower.attributes(),
        **weights(grower, "class", classes, classes, positive=False),
    )
    label = helper.make_tensor_value_info("label", TensorProto.STRING, ["N"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", classes])
    path = save(tmp_path, "trees", node, [label, scores])
    expect_same(tmp_path, "trees", path, exact=False)


def step(kind: str, name_in: str, name_out: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, [name_in], [name_out], domain="ai.onnx.ml", **attributes)


SCALES = [1.0, 0.5, -3.0, 1e-3, 7.7, 0.1]
STEPS = {
    "scaler": [("Scaler", {"offset": [0.1] * FEATURES, "scale": SCALES})],
    "one scale": [("Scaler", {"offset": [0.25], "scale": [0.3]})],
    "imputer": [
        ("Imputer", {"imputed_value_floats": SCALES, "replaced_value_float": float("nan")})
    ],
    "of a value": [("Imputer", {"imputed_value_floats": [0.1], "replaced_value_float": 0.0})],
    "both": [
        ("Imputer", {"imputed_value_floats": SCALES, "replaced_value_float": float("nan")}),
        ("Scaler", {"offset": SCALES, "scale": SCALES}),
    ],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())
def test_what_pipelines_put_before_trees(tmp_path: Path, steps: list) -> None:
    grower = grown(11, MODES[:4], trees=20, depth=5)
    before = tuple(
        step(kind, "x" if i == 0 else f"x{i}", f"x{i + 1}", **attributes)
        for i, (kind, attributes) in enumerate(steps)
    )
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [f"x{len(steps)}"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        **grower.attributes(),
        **weights(grower, "target", 1, 1, positive=False),
    )
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])
    path = save(tmp_path, "trees", node, [y], before=before)
    expect_same(tmp_path, "trees", path, exact=True)


def test_labels_declared_for_one_row_as_lightgbm_exports_them(tmp_path: Path) -> None:
    grower = grown(3, MODES[:1], trees=9, depth=5)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_int64s=[0, 1],
        post_transform="LOGISTIC",
        **grower.attributes(),
        **weights(grower, "class", 1, 1, positive=False),
    )
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [1])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])
    path = save(tmp_path, "trees", node, [label, scores])
    expect_same(tmp_path, "trees", path, exact=False)


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("targets", [1, 3])
def test_regressors(tmp_path: Path, targets: int, aggregate: str) -> None:
    grower = grown(targets, MODES[:4], trees=70, depth=4)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=aggregate,
        base_values=[0.5, -1.25, 3.0][:targets],
        **grower.attributes(),
        **weights(grower, "target", targets, targets, positive=False),
    )
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", targets])
    expect_same(tmp_path, "trees", save(tmp_path, "trees", node, [y]), exact=True)


class Linker:
    """The form of ai.onnx.ml 5: inner nodes and leaves in lists of their own."""

    def __init__(self, random: np.random.Generator, targets: int) -> None:
        self.random, self.targets = random, targets
        names = "featureids truenodeids falsenodeids trueleafs falseleafs"
        self.nodes: dict[str, list[int]] = {f"nodes_{name}": [] for name in names.split()}
        self.missing: list[int] = []
        self.modes: list[int] = []
        self.splits: list[float] = []
        self.weights: list[float] = []
        self.leaf_targets: list[int] = []

    def grow(self, depth: int) -> tuple[int, int]:
        """Return where the new node is, and whether it is a leaf."""
        if depth == 0:
            self.weights.append(float(np.float32(self.random.normal())))
            self.leaf_targets.append(int(self.random.integers(self.targets)))
            return len(self.weights) - 1, 1
        place = len(self.modes)
        self.modes.append(int(self.random.integers(6)))
        self.splits.append(float(self.random.choice(BORDERS)))
        self.missing.append(int(self.random.integers(2)))
        for items in self.nodes.values():
            items.append(0)
        self.nodes["nodes_featureids"][place] = int(self.random.integers(FEATURES))
        for side in ("true", "false"):
            child, is_leaf = self.grow(depth - 1 - int(self.random.integers(depth)))
            self.nodes[f"nodes_{side}nodeids"][place] = child
            self.nodes[f"nodes_{side}leafs"][place] = is_leaf
        return place, 0


@pytest.mark.parametrize("aggregate", [0, 1, 2, 3])
def test_the_form_of_opset_five(tmp_path: Path, aggregate: int) -> None:
    linker = Linker(np.random.default_rng(aggregate), targets=2)
    roots = [linker.grow(5)[0] for _ in range(20)]
    tensors = {
        "nodes_modes": (TensorProto.UINT8, linker.modes),
        "nodes_splits": (TensorProto.FLOAT, linker.splits),
        "leaf_weights": (TensorProto.FLOAT, linker.weights),
    }
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=2,
        aggregate_function=aggregate,
        post_transform=0,
        tree_roots=roots,
        nodes_missing_value_tracks_true=linker.missing,
        leaf_targetids=linker.leaf_targets,
        **linker.nodes,
        **{
            name: helper.make_tensor(name, kind, [len(items)], items)
            for name, (kind, items) in tensors.items()
        },
    )
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
    expect_same(tmp_path, "trees", save(tmp_path, "trees", node, [y], version=5), exact=True)


def test_rows_that_are_too_short_are_refused(tmp_path: Path) -> None:
    path = classifier(tmp_path, 1, 2, 2, "NONE", MODES[:1])
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].ClearField("dim_value")
    onnx.save(model, path)
    configure(tmp_path, "trees", "native")
    with Engine(tmp_path) as engine:
        wide = engine.infer("trees", {"x": np.ones((3, FEATURES + 2), np.float32)})
        assert wide["label"].shape == (3,)
        assert engine.infer("trees", {"x": np.ones((0, FEATURES), np.float32)})["scores"].size == 0
        with pytest.raises(MlopsError, match="the model's trees read"):
            engine.infer("trees", {"x": np.ones((1, 2), np.float32)})


def test_native_is_refused_for_what_is_no_forest(tmp_path: Path) -> None:
    node = helper.make_node("Abs", ["x"], ["y"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", FEATURES])
    save(tmp_path, "abs", node, [y])
    configure(tmp_path, "abs", "native")
    with pytest.raises(MlopsError, match="tree_execution is native, but it has no tree ensemble"):
        Engine(tmp_path)


def test_an_unknown_way_to_execute_is_refused(tmp_path: Path) -> None:
    classifier(tmp_path, 1, 2, 2, "NONE", MODES[:1])
    configure(tmp_path, "trees", "fast")
    with pytest.raises(MlopsError, match="auto, onnxruntime or native"):
        Engine(tmp_path)
