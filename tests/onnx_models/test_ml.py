"""Models of ai.onnx.ml as scikit-learn's converter writes them."""

import numpy as np
import onnx
import pytest
from onnx import helper
from small_models import Net, run, save

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.cli.runner import run as run_command
from tests.tools import require

DOMAIN = "ai.onnx.ml"
FEATURES, CLASSES = 6, 3


def new_net():
    return Net(17, x=(1, FEATURES))


def finish(net, *outputs, labels=()):
    """The model with its second domain, and labels of int64."""
    model = net.model(*outputs)
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    for value in model.graph.output:
        if value.name in labels:
            value.type.tensor_type.elem_type = onnx.TensorProto.INT64
    return model


def add(net, op_type, *inputs, **attrs):
    return net.add(op_type, *inputs, domain=DOMAIN, **attrs)


def scaler(net):
    offset, scale = net.rng.normal(size=FEATURES), net.rng.uniform(0.5, 2, FEATURES)
    return add(net, "Scaler", "x", offset=offset.tolist(), scale=scale.tolist())


def classifier(net, x, after, **labels):
    weights = net.rng.normal(size=CLASSES * FEATURES).tolist()
    attrs = {"coefficients": weights, "intercepts": [0.3, -0.2, 0.1], "post_transform": after}
    add(
        net,
        "LinearClassifier",
        x,
        outputs=["label", "scores"],
        **attrs,
        **(labels or {"classlabels_ints": [0, 1, 2]}),
    )


def build_model(model, folder, target="host", verify="host"):
    require("cc" if verify == "host" else "unicorn")
    x = np.random.default_rng(3).normal(size=(60, 1, FEATURES)).astype(np.float32)
    data = CalibrationData(Samples.from_arrays({"x": x}))
    result = build(
        save(model, folder), target, calibration=data, output=folder / "net", name="net", verify=verify
    )
    assert result.report.first_difference is None
    program = result.plan.program
    return (
        x,
        dequantize_outputs(program, simulate_program(program, quantize_inputs(program, {"x": x}))),
        result,
    )


@pytest.mark.parametrize(("target", "verify"), [("host", "host"), ("cortex-m4", "emulator")])
@pytest.mark.parametrize("after", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_scaled_classifier_goes_all_the_way(after, target, verify, tmp_path):
    net = new_net()
    classifier(net, scaler(net), after)
    model = finish(net, "label", "scores", labels=["label"])
    x, found, result = build_model(model, tmp_path, target, verify)
    rows = [run(model.SerializeToString(), {"x": row}) for row in x]
    assert np.mean([row["label"] == label for row, label in zip(rows, found["label"], strict=True)]) > 0.95
    scores = np.stack([row["scores"] for row in rows])
    assert np.abs(scores - found["scores"]).max() < (0.2 if after == "NONE" else 0.03)
    assert result.warnings == ()
    assert result.plan.program.steps[0].op.kind == "linear"


def test_normalized_features_go_all_the_way(tmp_path):
    net = new_net()
    y = add(net, "Normalizer", "x", norm="L2")
    model = finish(net, y)
    x, found, _ = build_model(model, tmp_path)
    expected = np.stack([run(model.SerializeToString(), {"x": row})[y] for row in x])
    assert np.abs(expected - found[y]).max() < 0.04


def test_regressor_goes_all_the_way(tmp_path):
    net = new_net()
    weights = net.rng.normal(size=2 * FEATURES).tolist()
    y = add(net, "LinearRegressor", scaler(net), coefficients=weights, intercepts=[0.5, -1.0], targets=2)
    model = finish(net, y)
    x, found, _ = build_model(model, tmp_path)
    expected = np.stack([run(model.SerializeToString(), {"x": row})[y] for row in x])
    assert np.abs(expected - found[y]).max() < 0.2


def test_tail_of_labels_is_cut_with_notes(tmp_path):
    net = new_net()
    classifier(net, "x", "SOFTMAX", classlabels_ints=[3, 5, 9])
    normed = add(net, "Normalizer", "scores", norm="L1")
    add(net, "ZipMap", normed, outputs=["named"], classlabels_int64s=[3, 5, 9])
    model = finish(net, "label", "named", labels=["label"])
    _, found, result = build_model(model, tmp_path)
    assert found["named"].shape == (60, 1, 3)
    assert set(found["label"].reshape(-1)) <= {0, 1, 2}
    assert result.warnings == (
        "'label' is the index of the class, 0 and on, of '3', '5', '9'",
        "output 'named' is no dictionary: its scores are those of '3', '5', '9'",
    )
    assert result.plan.program.steps[-1].op.kind in ("softmax", "argmax")
    shown = run_command("inspect", tmp_path / "net.onnx")
    assert "note: 'label' is the index of the class" in shown.out


def test_labels_picked_by_argmax_stay_indices(tmp_path):
    net = new_net()
    index = net.add("ArgMax", net.add("Softmax", net.add("MatMul", "x", net.random(FEATURES, 3))), axis=1)
    picked = add(net, "ArrayFeatureExtractor", net.const(np.array([0, 1, 2])), index)
    y = net.add("Cast", net.add("Reshape", picked, net.const(np.array([-1]))), to=onnx.TensorProto.INT64)
    model = finish(net, y, labels=[y])
    x, found, result = build_model(model, tmp_path)
    expected = np.stack([run(model.SerializeToString(), {"x": row})[y] for row in x])
    assert (expected == found[y]).mean() > 0.95
    assert result.warnings == ()


def expected_of(model, x, output):
    return np.stack([run(model.SerializeToString(), {"x": row})[output] for row in x])


def cosine(a, b):
    return float(np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b))


KERNELS = {
    "LINEAR": ("LINEAR", [0.0, 0.0, 0.0]),
    "RBF": ("RBF", [0.15, 0.0, 0.0]),
    "SIGMOID": ("SIGMOID", [0.1, 0.2, 0.0]),
}


@pytest.mark.parametrize("name", KERNELS)
def test_support_vectors_go_all_the_way(name, tmp_path):
    net, count = new_net(), 12
    kernel, params = KERNELS[name]
    attrs = {
        "coefficients": net.rng.uniform(-1, 1, count).tolist(),
        "support_vectors": net.rng.normal(size=count * FEATURES).tolist(),
        "kernel_params": params,
    }
    y = add(net, "SVMRegressor", "x", kernel_type=kernel, n_supports=count, rho=[0.3], **attrs)
    model = finish(net, y)
    x, found, _ = build_model(model, tmp_path)
    assert cosine(expected_of(model, x, y), found[y]) >= 0.99


def test_weights_of_a_linear_regression_without_vectors(tmp_path):
    net = new_net()
    weights = net.rng.normal(size=FEATURES).tolist()
    y = add(net, "SVMRegressor", "x", kernel_type="LINEAR", coefficients=weights, rho=[0.5])
    model = finish(net, y)
    x, found, _ = build_model(model, tmp_path)
    expected = x @ np.float32(weights)[:, None] + 0.5
    assert np.abs(expected - found[y]).max() < 0.1


def test_features_are_joined_normalized_and_made_binary(tmp_path):
    net = new_net()
    both = add(net, "FeatureVectorizer", "x", scaler(net), inputdimensions=[FEATURES, FEATURES])
    filled = add(net, "Imputer", both, imputed_value_floats=[1.0], replaced_value_float=float("nan"))
    shares = add(net, "Normalizer", filled, norm="L1")
    bits = add(net, "Binarizer", filled, threshold=0.3)
    model = finish(net, shares, bits)
    x, found, result = build_model(model, tmp_path)
    assert np.abs(expected_of(model, x, shares) - found[shares]).max() < 0.03
    assert (expected_of(model, x, bits) == found[bits]).mean() > 0.98
    assert result.warnings == (f"{filled!r}: NaN is not replaced; the application has to do so",)


@pytest.mark.parametrize(
    ("op_type", "attrs", "code"),
    [
        ("Scaler", {"offset": [1.0, 2.0], "scale": [1.0]}, "M006"),
        ("Scaler", {"offset": [float("nan")], "scale": [1.0]}, "M005"),
        ("LinearRegressor", {"coefficients": [1.0] * 5}, "M006"),
        ("LinearRegressor", {"coefficients": [1.0] * 6, "post_transform": "PROBIT"}, "M004"),
        (
            "LinearClassifier",
            {"coefficients": [1.0] * 6, "classlabels_ints": [0, 1], "intercepts": [1.0]},
            "M004",
        ),
        ("LinearClassifier", {"coefficients": [1.0] * 6, "post_transform": "PROBIT"}, "M004"),
        ("Normalizer", {"norm": "MAX"}, "M004"),
        ("ArrayFeatureExtractor", {}, "M004"),
        ("Binarizer", {"threshold": float("inf")}, "M005"),
        ("Imputer", {"imputed_value_floats": [1.0], "replaced_value_float": -1.0}, "M004"),
        ("FeatureVectorizer", {"inputdimensions": [2]}, "M006"),
        ("SVMClassifier", {}, "M003"),
        ("SVMRegressor", {}, "M006"),
        ("SVMRegressor", {"kernel_type": "RBF", "n_supports": -1}, "M006"),
        ("SVMRegressor", {"coefficients": [1.0] * 6, "one_class": 1}, "M004"),
        ("SVMRegressor", {"coefficients": [1.0] * 6, "rho": [1.0, 2.0]}, "M002"),
        (
            "SVMRegressor",
            {
                "coefficients": [1.0],
                "n_supports": 1,
                "support_vectors": [1.0] * 6,
                "kernel_type": "POLY",
                "kernel_params": [1.0, 0.0, 2.0],
            },
            "M004",
        ),
    ],
)
def test_other_forms_are_refused(op_type, attrs, code, tmp_path):
    net = new_net()
    inputs = ["x"] if op_type != "ArrayFeatureExtractor" else [net.const(np.array([1, 2])), "x"]
    outputs = ["a", "b"] if op_type == "LinearClassifier" else ["a"]
    add(net, op_type, *inputs, outputs=outputs, **attrs)
    with pytest.raises(McuqError, match=code):
        read(save(finish(net, "a"), tmp_path))
