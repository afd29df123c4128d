"""The float model beside what is made of it: as the graph that is quantized, and in integers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mcuq.calibrate.data import Samples
from mcuq.calibrate.session import open_session
from mcuq.frontend import read
from mcuq.ir.program import Program
from mcuq.ops.onnx.write import write_graph
from mcuq.passes.canonicalize import canonicalize
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program

Values = dict[str, np.ndarray]
# What float32 may do to the largest value of an output, and how many times what it does to what goes in.
ROUNDING = 2e-4
NUDGE = 3e-6
TIMES = 30.0
# Where values are divided by what may be next to nothing, more.
UNSTABLE = 2e-2
DIVIDING = {"Div", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization",
            "Normalizer", "RMSNormalization", "Reciprocal"}  # fmt: skip
# Constants of these mean something else when they change a little.
EXACT = {"Pow", "Resize", "Upsample", "QuantizeLinear", "DequantizeLinear", "Clip", "Pad"}
# Functions that jump: a few values may land on the other side.
JUMPS = {
    "ArgMax",
    "ArgMin",
    "Binarizer",
    "Ceil",
    "Floor",
    "Hardmax",
    "LinearClassifier",
    "Mod",
    "OneHot",
    "Round",
    "Shrink",
    "Sign",
    "ThresholdedRelu",
    "TopK",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
}
JUMPING = 0.25


def difference(model: onnx.ModelProto, path: Path, samples: Samples) -> tuple[float, str]:
    """How far the graph that is quantized is from the model.

    Every difference is measured by what rounding in float32 explains: by how far the model's own outputs move
    when its inputs and weights move a little.

    Args:
        model: as it was drawn.
        path: the same as a file.
        samples: of its inputs.

    Returns:
        The largest difference relative to its output's largest value, and what is wrong: "" for nothing.
    """
    names = [output.name for output in model.graph.output]
    plain = without_islands(model)
    real = run(plain.SerializeToString(), samples, names)
    canonical = run(write_graph(canonicalize(read(path).graph)), samples, names)
    nudged = [run(_nudged_model(plain, seed), _nudged(samples, seed), names) for seed in range(3)]
    operators = {node.op_type for node in model.graph.node}
    quotients = sum(node.op_type in DIVIDING for node in model.graph.node)
    may_jump, rounding = bool(JUMPS & operators), ROUNDING + UNSTABLE * quotients
    largest, wrong = 0.0, ""
    for name in names:
        a, b = real[name].astype(np.float64), canonical[name].astype(np.float64)
        if not np.isfinite(a).all() or real[name].dtype.kind == "i":
            continue  # neither has to know what is undefined, nor which of equal values comes first
        scale = float(np.abs(a).max(initial=0.0)) or 1.0
        moved = np.max([np.abs(each[name] - a) for each in nudged], axis=0)
        allowed = rounding * scale + TIMES * np.maximum(moved, np.median(moved))
        error = np.abs(a - b.reshape(a.shape))
        largest = max(largest, float(error.max(initial=0.0)) / scale)
        share = float((~(error <= allowed)).mean()) if error.size else 0.0
        if share > (JUMPING if may_jump else 0.0):
            worst = np.unravel_index(np.argmax(error - allowed), error.shape)
            wrong = wrong or (
                f"output {name!r} of the canonical graph is not the model's in {share:.1%} of its values: "
                f" one {b.reshape(a.shape)[worst]:g} instead of {a[worst]:g}"
            )
    return largest, wrong


def _nudged_model(model: onnx.ModelProto, seed: int) -> bytes:
    """Every real constant of several values a little larger or smaller."""
    moved = onnx.ModelProto()
    moved.CopyFrom(model)
    kept = {name for node in moved.graph.node if node.op_type in EXACT for name in node.input}
    rng = np.random.default_rng(seed)
    for tensor in moved.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and tensor.name not in kept:
            factor = 1 + NUDGE * rng.uniform(-1, 1, values.shape)
            tensor.CopyFrom(numpy_helper.from_array((values * factor).astype(np.float32), tensor.name))
    return moved.SerializeToString()


def _nudged(samples: Samples, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    moved = {}
    for name in samples.names:
        x = samples.array(name)
        factor = 1 + NUDGE * rng.uniform(-1, 1, x.shape)
        moved[name] = (x * factor + NUDGE * 0.1 * np.abs(x).max() * rng.uniform(-1, 1, x.shape)).astype(
            np.float32
        )
    return Samples.from_arrays(moved)


def signal_to_noise(model: onnx.ModelProto, samples: Samples, program: Program) -> float | None:
    """Of the worst output in dB, the integers against the model; None where that says nothing."""
    names = [output.name for output in model.graph.output]
    real = run(without_islands(model).SerializeToString(), samples, names)
    codes = simulate_program(program, quantize_inputs(program, {n: samples.array(n) for n in samples.names}))
    found, worst = dequantize_outputs(program, codes), None
    for name in names:
        a = real[name].astype(np.float64)
        error = a - found[name].reshape(a.shape)
        if (a != 0).any() and (error != 0).any() and np.isfinite(a).all():
            ratio = 10 * math.log10(np.square(a).sum() / np.square(error).sum())
            worst = ratio if worst is None else min(ratio, worst)
    return worst


def without_islands(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without QuantizeLinear and DequantizeLinear behind it."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    codes = {name for node in plain.graph.node if node.op_type == "QuantizeLinear" for name in node.output}
    for node in plain.graph.node:
        if node.op_type == "QuantizeLinear" or (
            node.op_type == "DequantizeLinear" and node.input[0] in codes
        ):
            node.op_type = "Identity"
            del node.input[1:]
            del node.attribute[:]
    return plain


def run(model: bytes, samples: Samples, names: Sequence[str]) -> Values:
    """Outputs `[samples, *shape]`, without onnxruntime's optimizations: a few of them break sound models."""
    session = open_session(model, is_optimized=False)
    rows = [session.run(names, {k: v[0] for k, v in batch.items()}) for batch in samples.batches(1)]
    columns = zip(*rows, strict=True)
    return {name: np.stack([_array(y) for y in ys]) for name, ys in zip(names, columns, strict=True)}


def _array(value: np.ndarray | list[Mapping[int, float]]) -> np.ndarray:
    """The scores of a list of dictionaries."""
    if isinstance(value, list):
        return np.array([[each[key] for key in sorted(each)] for each in value], np.float32)
    return value
