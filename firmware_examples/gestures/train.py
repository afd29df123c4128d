"""Fit a small network to movements of an arm that wears an accelerometer, and write it as ONNX with arrays.

The convolutions are drawn at random and kept, and logistic regression of what they find is all the training
there is: it takes seconds, needs no framework for networks, and gives the same on every run of one machine.

    python firmware_examples/gestures/train.py
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper

from mcuq.calibrate.runtime import ort

SEED = 1
AXES = 3
WINDOW = 64  # samples of 25 a second
HOP = 32
TEST_PEOPLE = (8, 9, 10)
KERNELS, LENGTH = 96, 9
CALIBRATION, TEST = 140, 350
MINIMUM_ACCURACY = 0.80
OPSET, IR_VERSION = 17, 8

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def load_windows() -> tuple[FloatArray, IntArray, IntArray, list[str]]:
    """Windows `[n, AXES, WINDOW]` in g, classes, people and the names of the classes."""
    package = importlib.util.find_spec("seglearn")
    assert package is not None and package.submodule_search_locations, "pip install seglearn"
    # The file alone: the package wants more than its data needs.
    path = Path(package.submodule_search_locations[0]) / "data" / "watch_dataset.npy"
    data = np.load(path, allow_pickle=True).item()
    xs, ys, people = [], [], []
    for record, y, person in zip(data["X"], data["y"], data["subject"], strict=True):
        # Means of pairs: 25 samples a second, of the accelerometer alone.
        halved = record[: len(record) // 2 * 2, :AXES].reshape(-1, 2, AXES).mean(axis=1)
        windows = sliding_window_view(halved, WINDOW, axis=0)[::HOP]
        xs.append(windows)
        ys += [int(y)] * len(windows)
        people += [int(person)] * len(windows)
    return np.concatenate(xs), np.array(ys), np.array(people), [str(name) for name in data["y_labels"]]


def draw_convolution(xs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Random filters `[KERNELS, AXES, LENGTH]` and biases; each lets a share of the samples pass."""
    rng = np.random.default_rng(SEED)
    w = rng.normal(size=(KERNELS, AXES, LENGTH)) / np.sqrt(AXES * LENGTH)
    # Half of them see movement alone, whatever the arm's position.
    w[::2] -= w[::2].mean(axis=2, keepdims=True)
    seen = convolve(xs[:: max(1, len(xs) // 256)], w)
    shares = rng.uniform(0.3, 0.9, KERNELS)
    b = -np.array([np.quantile(seen[:, k], share) for k, share in enumerate(shares)])
    return w, b


def convolve(xs: FloatArray, w: FloatArray) -> FloatArray:
    """`[n, KERNELS, WINDOW - LENGTH + 1]`."""
    return np.einsum("natl,kal->nkt", sliding_window_view(xs, LENGTH, axis=2), w, optimize=True)


def features(xs: FloatArray, w: FloatArray, b: FloatArray) -> FloatArray:
    """What the classifier sees, `[n, KERNELS]`."""
    return np.maximum(convolve(xs, w) + b[:, None], 0).mean(axis=2)


def fit(found: FloatArray, ys: IntArray) -> tuple[FloatArray, FloatArray]:
    """Weights `[KERNELS, classes]` and biases of logistic regression on features of any scale."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.1, max_iter=2000).fit((found - mean) / spread, ys)
    weights = model.coef_.T / spread[:, None]
    return weights, model.intercept_ - mean @ weights


def build_model(w: FloatArray, b: FloatArray, weights: FloatArray, biases: FloatArray) -> onnx.ModelProto:
    """The network: Conv, Relu, GlobalAveragePool, Flatten, Gemm, Softmax."""
    arrays = {"filters": w, "offsets": b, "classes": weights, "priors": biases}
    initializers = [numpy_helper.from_array(x.astype(np.float32), name) for name, x in arrays.items()]
    nodes = [
        helper.make_node("Conv", ["acceleration", "filters", "offsets"], ["moves"], "moves"),
        helper.make_node("Relu", ["moves"], ["passed"], "relu"),
        helper.make_node("GlobalAveragePool", ["passed"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "classes", "priors"], ["scores"], "classifier"),
        helper.make_node("Softmax", ["scores"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "gestures",
        [helper.make_tensor_value_info("acceleration", TensorProto.FLOAT, [1, AXES, WINDOW])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(biases)])],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="train.py"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def accuracy(model: onnx.ModelProto, xs: FloatArray, ys: IntArray) -> float:
    """The share of windows that onnxruntime classifies as they are."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = [session.run(None, {"acceleration": x[None].astype(np.float32)})[0][0] for x in xs]
    return float((np.argmax(rows, axis=1) == ys).mean())


def main() -> None:
    """Train, measure, and write the files of this folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    output = parser.parse_args().output
    xs, ys, people, names = load_windows()
    is_test = np.isin(people, TEST_PEOPLE)
    train_xs, train_ys = xs[~is_test], ys[~is_test]
    w, b = draw_convolution(train_xs)
    model = build_model(w, b, *fit(features(train_xs, w, b), train_ys))
    rng = np.random.default_rng(SEED)
    test = rng.permutation(np.flatnonzero(is_test))[:TEST]
    found = accuracy(model, xs[is_test], ys[is_test])
    stored = accuracy(model, xs[test], ys[test])
    print(
        f"{len(train_xs)} windows to train, {found:.2%} of {is_test.sum()} test windows, {stored:.2%} stored"
    )
    if found < MINIMUM_ACCURACY:
        raise SystemExit(f"accuracy is below {MINIMUM_ACCURACY:.0%}: nothing is written")
    calibration = rng.permutation(len(train_xs))[:CALIBRATION]
    output.mkdir(parents=True, exist_ok=True)
    onnx.save(model, output / "model.onnx")
    for name, values in (
        ("calibration", train_xs[calibration]),
        ("test_windows", xs[test]),
    ):
        np.save(output / f"{name}.npy", values.astype(np.float32))
    np.save(output / "test_labels.npy", ys[test])
    (output / "classes.txt").write_text("\n".join(names) + "\n", "utf-8")


if __name__ == "__main__":
    main()
