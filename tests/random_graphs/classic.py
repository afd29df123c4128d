"""Models of ai.onnx.ml, as scikit-learn's exporters write them."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import Net, Value

DOMAIN = "ai.onnx.ml"
MAX_FEATURES = 64
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")


def matrix(net: Net, rng: Rng) -> Value | None:
    """A matrix to work on, made of something else where there is none."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and math.prod(v.shape[1:]) <= MAX_FEATURES)
    if x is None or len(x.shape) == 2:
        return x
    return net.add(rng, "Flatten", [x.name], (x.shape[0], math.prod(x.shape[1:])), "mixed", axis=1)


def scaler(net: Net, rng: Rng) -> bool:
    """Features moved and scaled, one by one or all alike."""
    x = matrix(net, rng)
    if x is None:
        return False
    count = x.shape[1] if rng.random() < 0.7 else 1  # onnxruntime wants as many of the one as of the other
    offset, scale = rng.normal(size=count), rng.uniform(0.3, 2, count)
    attrs = {"offset": offset.tolist(), "scale": scale.tolist()}
    net.add(rng, "Scaler", [x.name], x.shape, "vector", domain=DOMAIN, **attrs)
    return True


def normalizer(net: Net, rng: Rng) -> bool:
    """Rows brought to length 1, or probabilities to a sum of 1."""
    x = matrix(net, rng)
    if x is None:
        return False
    if rng.random() < 0.5 and net.opset >= 13:
        x = net.add(rng, "Softmax", [x.name], x.shape, "vector", axis=1)
        net.add(rng, "Normalizer", [x.name], x.shape, "vector", domain=DOMAIN, norm="L1")
        return True
    epsilon = net.constant(rng, np.float32(rng.uniform(0.05, 0.5)), "epsilon")
    x = net.add(rng, "Add", [x.name, epsilon], x.shape, "vector")
    net.add(rng, "Normalizer", [x.name], x.shape, "vector", domain=DOMAIN, norm="L2")
    return True


def regressor(net: Net, rng: Rng) -> bool:
    """A linear model of one or more targets."""
    x = matrix(net, rng)
    if x is None:
        return False
    targets = int(rng.integers(1, 5))
    attrs: dict[str, object] = {
        "coefficients": (rng.normal(size=targets * x.shape[1]) * 0.5).tolist(),
        "intercepts": rng.normal(size=targets).tolist() if rng.random() < 0.8 else None,
        "targets": targets if targets > 1 or rng.random() < 0.5 else None,
    }
    net.add(rng, "LinearRegressor", [x.name], (x.shape[0], targets), "vector", domain=DOMAIN, **attrs)
    return True


def support_vectors(net: Net, rng: Rng) -> bool:
    """A regression by products with a few vectors."""
    x = matrix(net, rng)
    if x is None:
        return False
    count = int(rng.integers(1, 6))
    attrs: dict[str, object] = {
        "kernel_type": "LINEAR",
        "kernel_params": [0.0, 0.0, 0.0],  # onnxruntime wants them
        "n_supports": count,
        "coefficients": rng.normal(size=count).tolist(),
        "support_vectors": (rng.normal(size=count * x.shape[1]) * 0.5).tolist(),
        "rho": [float(rng.normal())],
    }
    net.add(rng, "SVMRegressor", [x.name], (x.shape[0], 1), "vector", domain=DOMAIN, **attrs)
    return True


def features(net: Net, rng: Rng) -> bool:
    """Features side by side, what is not a number replaced, and bits of them."""
    x = matrix(net, rng)
    if x is None:
        return False
    y = net.pick(rng, lambda v: len(v.shape) == 2 and v.shape[0] == x.shape[0]) or x
    widths = [x.shape[1], y.shape[1]]
    if sum(widths) <= 2 * MAX_FEATURES and rng.random() < 0.5:
        names, shape = [x.name, y.name], (x.shape[0], sum(widths))
        x = net.add(rng, "FeatureVectorizer", names, shape, "vector", domain=DOMAIN, inputdimensions=widths)
    if rng.random() < 0.5:
        attrs: dict[str, object] = {"imputed_value_floats": [1.0], "replaced_value_float": math.nan}
        x = net.add(rng, "Imputer", [x.name], x.shape, "vector", domain=DOMAIN, **attrs)
    threshold = float(np.float32(rng.normal() * 0.5))
    net.add(rng, "Binarizer", [x.name], x.shape, "vector", domain=DOMAIN, threshold=threshold)
    return True


def classifier(net: Net, rng: Rng) -> bool:
    """A linear classifier: labels that are the classes' numbers, and scores."""
    x = matrix(net, rng)
    if x is None:
        return False
    classes = int(rng.integers(3, 6))
    attrs: dict[str, object] = {
        "coefficients": (rng.normal(size=classes * x.shape[1]) * 0.5).tolist(),
        "intercepts": rng.normal(size=classes).tolist(),
        "classlabels_ints": list(range(classes)),
        "multi_class": 1,
        "post_transform": str(rng.choice(["NONE", "SOFTMAX", "LOGISTIC"])),
    }
    shapes, kinds = [(x.shape[0],), (x.shape[0], classes)], ["index", "vector"]
    found = net.add_kinds(rng, "LinearClassifier", [x.name], shapes, kinds, domain=DOMAIN, **attrs)
    if rng.random() < 0.3:
        labels = list(range(classes))
        net.add(rng, "ZipMap", [found[1].name], shapes[1], "map", domain=DOMAIN, classlabels_int64s=labels)
    return True


def labels_of_indices(net: Net, rng: Rng) -> bool:
    """Labels that are the classes' numbers, picked by ArgMax."""
    x = net.pick(rng, lambda v: len(v.shape) == 2)
    if x is None:
        return False
    index = net.add(rng, "ArgMax", [x.name], x.shape[:1], "index", axis=1, keepdims=0)
    labels = net.ints(rng, list(range(x.shape[1])), "labels")
    shape = (1, x.shape[0])
    net.add(rng, "ArrayFeatureExtractor", [labels, index.name], shape, "index", domain=DOMAIN)
    return True


def _nodes(rng: Rng, features: int, trees: int) -> dict[str, object]:
    """Trees of three comparisons each, whose leaves are nodes 3 to 6."""
    modes = [str(rng.choice(MODES)) for _ in range(3 * trees)]
    values = rng.normal(size=3 * trees).tolist()
    rows = [
        (
            tree,
            node,
            modes[3 * tree + node] if node < 3 else "LEAF",
            values[3 * tree + node] if node < 3 else 0.0,
        )
        for tree in range(trees)
        for node in range(7)
    ]
    return {
        "nodes_treeids": [tree for tree, *_ in rows],
        "nodes_nodeids": [node for _, node, *_ in rows],
        "nodes_modes": [mode for _, _, mode, _ in rows],
        "nodes_values": [value for *_, value in rows],
        "nodes_featureids": rng.integers(0, features, len(rows)).tolist(),
        "nodes_truenodeids": [1, 3, 5, 0, 0, 0, 0] * trees,
        "nodes_falsenodeids": [2, 4, 6, 0, 0, 0, 0] * trees,
    }


def _leaves(rng: Rng, role: str, trees: int, targets: int) -> dict[str, object]:
    rows = [
        (tree, node, target) for tree in range(trees) for node in range(3, 7) for target in range(targets)
    ]
    return {
        f"{role}_treeids": [tree for tree, *_ in rows],
        f"{role}_nodeids": [node for _, node, _ in rows],
        f"{role}_ids": [target for *_, target in rows],
        f"{role}_weights": rng.normal(size=len(rows)).tolist(),
    }


def tree_regressor(net: Net, rng: Rng) -> bool:
    """A forest of one or more targets."""
    x = matrix(net, rng)
    if x is None:
        return False
    trees, targets = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    attrs = {**_nodes(rng, x.shape[1], trees), **_leaves(rng, "target", trees, targets), "n_targets": targets}
    shape = (x.shape[0], targets)
    net.add(rng, "TreeEnsembleRegressor", [x.name], shape, "vector", domain=DOMAIN, **attrs)
    return True


def tree_classifier(net: Net, rng: Rng) -> bool:
    """A forest of classes: labels that are the classes' numbers, and scores."""
    x = matrix(net, rng)
    if x is None:
        return False
    trees, classes = int(rng.integers(1, 4)), int(rng.integers(3, 6))
    attrs = {
        **_nodes(rng, x.shape[1], trees),
        **_leaves(rng, "class", trees, classes),
        "classlabels_int64s": list(range(classes)),
        "post_transform": str(rng.choice(["NONE", "SOFTMAX", "LOGISTIC"])),
    }
    shapes, kinds = [(x.shape[0],), (x.shape[0], classes)], ["index", "vector"]
    net.add_kinds(rng, "TreeEnsembleClassifier", [x.name], shapes, kinds, domain=DOMAIN, **attrs)
    return True


DRAWS = (
    draw(1, scaler, f"{DOMAIN}.Scaler", "Flatten"),
    draw(1, normalizer, f"{DOMAIN}.Normalizer", "Flatten", "Softmax", "Add"),
    draw(1, regressor, f"{DOMAIN}.LinearRegressor", "Flatten"),
    draw(1, support_vectors, f"{DOMAIN}.SVMRegressor", "Flatten"),
    draw(1, features, *(f"{DOMAIN}.{name}" for name in ("FeatureVectorizer", "Imputer", "Binarizer"))),
    draw(1, classifier, f"{DOMAIN}.LinearClassifier", f"{DOMAIN}.ZipMap", "Flatten"),
    draw(1, tree_regressor, f"{DOMAIN}.TreeEnsembleRegressor", "Flatten"),
    draw(1, tree_classifier, f"{DOMAIN}.TreeEnsembleClassifier", "Flatten"),
    draw(1, labels_of_indices, f"{DOMAIN}.ArrayFeatureExtractor", "ArgMax"),
)
