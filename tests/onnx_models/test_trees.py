"""Decision trees of ai.onnx.ml: what they compute, how they are quantized, and what is no tree."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from small_models import Net, check_model, run, save

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.types import DType
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.stored import load_program
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.tools import require

DOMAIN = "ai.onnx.ml"
FEATURES, TREES = 5, 7
# What features are worth: a threshold of one says nothing about another's.
UNITS = np.array([1.0, 1000.0, 0.01, 20.0, 3.0])
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def nodes(rng, modes=("BRANCH_LEQ",), depth=4, trees=TREES, is_whole=False):
    """Columns of nodes as scikit-learn's converter numbers them, and the leaves' (tree, node)."""
    columns = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    }
    leaves = []

    def grow(tree, level):
        number = sum(each == tree for each in columns["treeids"])
        row = len(columns["treeids"])
        feature = int(rng.integers(FEATURES))
        value = float(rng.integers(-2, 3) if is_whole else rng.normal() * UNITS[feature])
        is_leaf = level == 0 or rng.random() < 0.1
        value *= not is_leaf
        entry = (
            tree,
            number,
            0 if is_leaf else feature,
            "LEAF" if is_leaf else str(rng.choice(modes)),
            value,
            0,
            0,
        )
        for column, each in zip(columns.values(), entry, strict=True):
            column.append(each)
        if is_leaf:
            leaves.append((tree, number))
        else:
            columns["truenodeids"][row] = grow(tree, level - 1)
            columns["falsenodeids"][row] = grow(tree, level - 1)
        return number

    for tree in range(trees):
        grow(tree, depth)
    return {f"nodes_{name}": column for name, column in columns.items()}, leaves


def entries(rng, leaves, role, targets, weight="weights"):
    chosen = [(leaf, target) for leaf in leaves for target in range(targets) if rng.random() < 0.8] or [
        (leaves[0], 0)
    ]
    return {
        f"{role}_treeids": [tree for (tree, _), _ in chosen],
        f"{role}_nodeids": [node for (_, node), _ in chosen],
        f"{role}_ids": [target for _, target in chosen],
        f"{role}_{weight}": rng.normal(size=len(chosen)).tolist(),
    }


def finish(net, *outputs, labels=(), version=3):
    model = net.model(*outputs)
    model.opset_import.append(helper.make_opsetid(DOMAIN, version))
    for value in model.graph.output:
        if value.name in labels:
            value.type.tensor_type.elem_type = onnx.TensorProto.INT64
    return model


def add(net, op_type, *inputs, **attrs):
    return net.add(op_type, *inputs, domain=DOMAIN, **attrs)


def regressor(net, x="x", targets=2, modes=("BRANCH_LEQ",), is_whole=False, **attrs):
    columns, leaves = nodes(net.rng, modes, is_whole=is_whole)
    attrs = {"n_targets": targets, **columns, **entries(net.rng, leaves, "target", targets), **attrs}
    return add(net, "TreeEnsembleRegressor", x, **{k: v for k, v in attrs.items() if v is not None})


def features(rng, count):
    return (rng.normal(size=(count, 1, FEATURES)) * UNITS).astype(np.float32)


def build_model(model, folder, x, target="host", verify="host"):
    require("cc" if verify == "host" else "unicorn")
    data = CalibrationData(Samples.from_arrays({"x": x}))
    result = build(
        save(model, folder), target, calibration=data, output=folder / "out", name="net", verify=verify
    )
    assert result.report.first_difference is None
    program = result.plan.program
    codes = simulate_program(program, quantize_inputs(program, {"x": x}))
    return dequantize_outputs(program, codes), result


def float_outputs(model, x):
    rows = [run(model.SerializeToString(), {"x": row}) for row in x]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("modes", [*((mode,) for mode in MODES), MODES], ids=lambda modes: "+".join(modes))
@pytest.mark.parametrize("aggregate", [None, "AVERAGE"])
def test_float_graph_computes_what_the_model_does(modes, aggregate, tmp_path):
    net = Net(17, x=(1, FEATURES))
    # Inputs equal thresholds often, so that every mode has both answers there.
    y = regressor(
        net, net.add("Round", "x"), 2, modes, True, aggregate_function=aggregate, base_values=[0.5, -1.0]
    )
    for seed in range(6):
        check_model(finish(net, y), tmp_path, seed)


@pytest.mark.parametrize(("target", "verify"), [("host", "host"), ("cortex-m4", "emulator")])
def test_features_of_any_range_go_all_the_way(target, verify, tmp_path):
    net = Net(17, x=(1, FEATURES))
    model = finish(net, y := regressor(net))
    x = features(np.random.default_rng(3), 60)
    found, result = build_model(model, tmp_path, x, target, verify)
    expected = float_outputs(model, x)[y]
    # Every walk ends in the leaf of the float model: only the output is rounded.
    assert np.abs(expected - found[y]).max() < 1.2 * (expected.max() - expected.min()) / 255
    (port,) = result.plan.program.inputs
    quant = result.plan.program.tensors[port.tensor].quant
    assert (quant.dtype, quant.axis, len(quant.scale)) == (DType.INT16, 1, FEATURES)
    stored = load_program(tmp_path / "out" / "net.mcuq.npz")
    assert stored.tensors[port.tensor].quant == quant
    assert open_firmware(tmp_path / "out").plan.program.tensors[port.tensor].quant == quant


def test_whole_numbers_that_equal_thresholds_take_the_branch_of_the_float_model(tmp_path):
    net = Net(17, x=(1, FEATURES))
    model = finish(net, y := regressor(net, modes=MODES, is_whole=True))
    x = np.random.default_rng(3).integers(-3, 4, (80, 1, FEATURES)).astype(np.float32)
    found, _ = build_model(model, tmp_path, x)
    expected = float_outputs(model, x)[y]
    assert np.abs(expected - found[y]).max() < 1.2 * (expected.max() - expected.min()) / 255


def test_scaled_features_become_thresholds(tmp_path):
    net = Net(17, x=(1, FEATURES))
    scaled = add(net, "Scaler", "x", offset=(UNITS / 2).tolist(), scale=(1 / UNITS).tolist())
    columns, leaves = nodes(net.rng)
    columns["nodes_values"] = [
        value / UNITS[f]
        for value, f in zip(columns["nodes_values"], columns["nodes_featureids"], strict=True)
    ]
    y = add(
        net, "TreeEnsembleRegressor", scaled, n_targets=1, **columns, **entries(net.rng, leaves, "target", 1)
    )
    model = finish(net, y)
    x = features(np.random.default_rng(4), 60)
    found, result = build_model(model, tmp_path, x)
    assert [step.op.kind for step in result.plan.program.steps] == ["trees"]
    expected = float_outputs(model, x)[y]
    assert np.abs(expected - found[y]).max() < 1.2 * (expected.max() - expected.min()) / 255


def test_scaled_features_in_front_of_a_network_have_scales_of_their_own(tmp_path):
    net = Net(17, x=(1, FEATURES))
    scaled = add(net, "Scaler", "x", offset=(3 * UNITS).tolist(), scale=(1 / UNITS).tolist())
    y = net.add("Gemm", scaled, net.random(FEATURES, 3), net.random(3))
    model = finish(net, y)
    x = features(np.random.default_rng(5), 80) + 3 * UNITS[None, None].astype(np.float32)
    found, result = build_model(model, tmp_path, x)
    assert [step.op.kind for step in result.plan.program.steps] == ["feature_scale", "linear"]
    expected = float_outputs(model, x)[y]
    assert np.abs(expected - found[y]).max() < 4 * (expected.max() - expected.min()) / 255


def test_trees_behind_a_layer_read_int8(tmp_path):
    net = Net(17, x=(1, FEATURES))
    y = regressor(net, net.add("Gemm", "x", net.random(FEATURES, FEATURES), net.random(FEATURES)))
    model = finish(net, y)
    x = np.random.default_rng(5).normal(size=(80, 1, FEATURES)).astype(np.float32)
    found, result = build_model(model, tmp_path, x)
    assert [step.op.kind for step in result.plan.program.steps] == ["linear", "trees"]
    expected = float_outputs(model, x)[y]
    assert np.corrcoef(expected.reshape(-1), found[y].reshape(-1))[0, 1] > 0.8


@pytest.mark.parametrize("after", ["NONE", "SOFTMAX", "LOGISTIC"])
@pytest.mark.parametrize("classes", [2, 4])
def test_classifier_goes_all_the_way(classes, after, tmp_path):
    net = Net(17, x=(1, FEATURES))
    columns, leaves = nodes(net.rng)
    labels = {"classlabels_int64s": list(range(classes))}
    attrs = {**columns, **entries(net.rng, leaves, "class", classes), **labels, "post_transform": after}
    add(net, "TreeEnsembleClassifier", "x", outputs=["label", "scores"], **attrs)
    model = finish(net, "label", "scores", labels=["label"])
    x = features(np.random.default_rng(6), 60)
    found, _ = build_model(model, tmp_path, x)
    expected = float_outputs(model, x)
    best = expected["scores"].argmax(axis=-1)
    assert (best.reshape(-1) == found["label"].reshape(-1)).mean() > 0.95
    assert np.abs(expected["scores"] - found["scores"]).max() < (0.1 if after == "NONE" else 0.02)


@pytest.mark.parametrize(("is_share", "after"), [(True, "NONE"), (False, "NONE"), (False, "LOGISTIC")])
def test_one_score_speaks_of_two_classes(is_share, after, tmp_path):
    net = Net(17, x=(1, FEATURES))
    columns, leaves = nodes(net.rng)
    tree, number = zip(*leaves, strict=True)
    weights = net.rng.uniform(0, 1 / TREES, len(leaves)) if is_share else net.rng.normal(size=len(leaves))
    attrs = {"class_treeids": tree, "class_nodeids": number, "class_ids": [0] * len(tree)}
    attrs |= {
        "class_weights": weights.tolist(),
        "classlabels_strings": ["no", "yes"],
        "post_transform": after,
    }
    add(net, "TreeEnsembleClassifier", "x", outputs=["label", "scores"], **columns, **attrs)
    model = finish(net, "scores")
    x = features(np.random.default_rng(7), 60)
    found, result = build_model(model, tmp_path, x)
    assert np.abs(float_outputs(model, x)["scores"] - found["scores"]).max() < (
        0.1 if after == "NONE" else 0.02
    )
    if is_share:
        assert result.plan.program.tensors[result.plan.program.outputs[0].tensor].quant.scale == (1 / 256,)


def ensemble(net, **changes):
    """Two trees of ai.onnx.ml 5, the second a single leaf."""
    attrs = {
        "n_targets": 1,
        "tree_roots": [0, 2],
        "nodes_featureids": [0, 1, 0],
        "nodes_modes": numpy_helper.from_array(np.array([0, 3, 0], np.uint8)),
        "nodes_splits": numpy_helper.from_array(np.array([0.5, 100.0, 0.0], np.float32)),
        "nodes_truenodeids": [1, 0, 3],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_falseleafs": [1, 1, 1],
        "leaf_targetids": [0, 0, 0, 0],
        "leaf_weights": numpy_helper.from_array(np.array([1.0, -2.0, 4.0, 0.25], np.float32)),
        **changes,
    }
    return add(net, "TreeEnsemble", "x", **attrs)


def test_tree_ensemble_is_read(tmp_path):
    net = Net(17, x=(1, FEATURES))
    model = finish(net, ensemble(net), version=5)
    graph = canonicalize(read(save(model, tmp_path)).graph)
    (node,) = graph.nodes
    assert node.op.table.roots == (0, 8)
    x = np.array([[[0.5, 100.0, 0, 0, 0]], [[0.5, 101.0, 0, 0, 0]], [[0.6, 101.0, 0, 0, 0]]], np.float32)
    found, _ = build_model(model, tmp_path, x)
    np.testing.assert_allclose(found["treeensemble_0"].reshape(-1), [-1.75, 1.25, 4.25], atol=0.02)


CYCLE = {"nodes_truenodeids": [0, 0, 3], "nodes_trueleafs": [0, 1, 1]}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (CYCLE, "M002"),
        ({"nodes_truenodeids": [7, 0, 3]}, "M006"),
        ({"nodes_truenodeids": [1, 9, 3]}, "M006"),
        ({"nodes_truenodeids": [1, 0]}, "M002"),
        ({"tree_roots": [0]}, "M002"),
        ({"tree_roots": [0, 0, 2]}, "M002"),
        ({"tree_roots": [-1]}, "M006"),
        ({"n_targets": 0}, "M006"),
        ({"n_targets": 2**40}, "M006"),
        ({"leaf_targetids": [0, 0, 0, 5]}, "M006"),
        ({"nodes_featureids": [0, FEATURES, 0]}, "M006"),
        ({"nodes_featureids": [0, -1, 0]}, "M006"),
        ({"aggregate_function": 2}, "M004"),
        ({"aggregate_function": 9}, "M002"),
        ({"post_transform": 4}, "M004"),
        ({"nodes_modes": numpy_helper.from_array(np.array([0, 6, 0], np.uint8))}, "M004"),
        ({"nodes_modes": numpy_helper.from_array(np.array([0, 7, 0], np.uint8))}, "M006"),
        ({"nodes_splits": numpy_helper.from_array(np.array([0, np.nan, 0], np.float32))}, "M005"),
        ({"nodes_splits": numpy_helper.from_array(np.array([0, 1e300, 0], np.float64))}, "M005"),
        ({"leaf_weights": numpy_helper.from_array(np.array([1.0], np.float32))}, "M002"),
    ],
)
def test_what_is_no_tree_is_refused(changes, code, tmp_path):
    net = Net(17, x=(1, FEATURES))
    model = finish(net, ensemble(net, **changes), version=5)
    with pytest.raises(McuqError, match=code):
        read(save(model, tmp_path))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nodes_truenodeids": [0] * 200}, "M002"),
        ({"nodes_modes": ["BRANCH_MEMBER"] * 200}, "M004"),
        ({"nodes_modes": ["LEAF"]}, "M002"),
        ({"nodes_nodeids": [0] * 200}, "M002"),
        ({"nodes_featureids": [FEATURES] * 200}, "M006"),
        ({"target_ids": [3] * 200}, "M006"),
        ({"target_nodeids": [0] * 200}, "M002"),
        ({"target_treeids": [77] * 200}, "M002"),
        ({"base_values": [1.0, 2.0, 3.0]}, "M006"),
        ({"aggregate_function": "MIN"}, "M004"),
        ({"post_transform": "PROBIT"}, "M004"),
        ({"nodes_treeids": None}, "M002"),
    ],
)
def test_regressors_that_are_no_trees_are_refused(changes, code, tmp_path):
    net = Net(17, x=(1, FEATURES))
    columns, leaves = nodes(net.rng)
    attrs = {"n_targets": 2, **columns, **entries(net.rng, leaves, "target", 2)}
    for name, value in changes.items():
        known = attrs.get(name, [])
        attrs[name] = value[: len(known)] if isinstance(value, list) and known else value
    add(net, "TreeEnsembleRegressor", "x", outputs=["y"], **{k: v for k, v in attrs.items() if v is not None})
    with pytest.raises(McuqError, match=code):
        read(save(finish(net, "y"), tmp_path))


def test_a_chain_beyond_int16_is_refused_quickly(tmp_path):
    count = 40_000
    net = Net(17, x=(1, FEATURES))
    attrs = {
        "nodes_treeids": [0] * (2 * count + 1),
        "nodes_nodeids": list(range(2 * count + 1)),
        "nodes_featureids": [0] * (2 * count + 1),
        "nodes_modes": ["BRANCH_LEQ"] * count + ["LEAF"] * (count + 1),
        "nodes_values": [0.0] * (2 * count + 1),
        "nodes_truenodeids": [*range(1, count), 2 * count] + [0] * (count + 1),
        "nodes_falsenodeids": [*range(count, 2 * count)] + [0] * (count + 1),
        "target_treeids": [0],
        "target_nodeids": [count],
        "target_ids": [0],
        "target_weights": [1.0],
    }
    add(net, "TreeEnsembleRegressor", "x", outputs=["y"], n_targets=1, **attrs)
    with pytest.raises(McuqError, match="32_767 nodes on one side"):
        read(save(finish(net, "y"), tmp_path))
