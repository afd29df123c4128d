"""Small damage to sound models: what an attacker or a broken exporter writes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

INTS = [-(2**63), -(2**31), -99, -2, -1, 0, 1, 2, 3, 5, 1000, 2**31, 2**62]
FLOATS = [0.0, -0.0, -1.0, 1e-38, 1e38, float("inf"), float("-inf"), float("nan")]
TEXTS = ["", "nearest", "DCR", "edge", "tanh", "\u202e\n*/", "x" * 999]


def damage(model: onnx.ModelProto, rng: np.random.Generator) -> onnx.ModelProto:
    """The model with one to three changes of attributes, inputs, outputs and stored tensors."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    for _ in range(rng.integers(1, 4)):
        graph = out.graph
        node = graph.node[rng.integers(len(graph.node))]
        change = rng.integers(6)
        if change == 0 and node.attribute:
            _change_attribute(node.attribute[rng.integers(len(node.attribute))], rng)
        elif change == 1 and node.attribute:
            del node.attribute[int(rng.integers(len(node.attribute)))]
        elif change == 2 and node.input:
            names = ["", *(value.name for value in graph.input), *(t.name for t in graph.initializer)]
            node.input[int(rng.integers(len(node.input)))] = names[rng.integers(len(names))]
        elif change == 3 and len(node.input) > 1:
            del node.input[-1]
        elif change == 4 and graph.initializer:
            _change_tensor(graph.initializer[rng.integers(len(graph.initializer))], rng)
        elif graph.input:
            shape = graph.input[rng.integers(len(graph.input))].type.tensor_type.shape
            if shape.dim and rng.random() < 0.5:
                del shape.dim[int(rng.integers(len(shape.dim)))]
            else:
                shape.dim.add().dim_value = int(rng.choice([1, 2, 7]))
    # What the file declares of its outputs would hide the damage.
    for value in out.graph.output:
        value.type.tensor_type.ClearField("shape")
    return out


def _change_attribute(attribute: onnx.AttributeProto, rng: np.random.Generator) -> None:
    kinds = onnx.AttributeProto
    if attribute.type == kinds.INT:
        attribute.i = INTS[rng.integers(len(INTS))]
    elif attribute.type == kinds.FLOAT:
        attribute.f = FLOATS[rng.integers(len(FLOATS))]
    elif attribute.type == kinds.INTS and attribute.ints and rng.random() < 0.7:
        attribute.ints[int(rng.integers(len(attribute.ints)))] = INTS[rng.integers(len(INTS))]
    elif attribute.type == kinds.INTS:
        attribute.ints.append(INTS[rng.integers(len(INTS))])
    elif attribute.type == kinds.STRING:
        attribute.s = TEXTS[rng.integers(len(TEXTS))].encode()


def _change_tensor(tensor: onnx.TensorProto, rng: np.random.Generator) -> None:
    array = numpy_helper.to_array(tensor).copy()
    change = rng.integers(4)
    if change == 0:
        array = array.reshape(-1)[: rng.integers(array.size + 1)]
    elif change == 1:
        array = array[None]
    elif change == 2 and array.dtype.kind in "if" and array.size:
        values = INTS if array.dtype.kind == "i" else FLOATS
        with np.errstate(all="ignore"):
            flat = array.reshape(-1)
            flat[rng.integers(array.size)] = np.array(values[rng.integers(len(values))]).astype(array.dtype)
    else:
        with np.errstate(all="ignore"):
            array = array.astype(rng.choice(["int64", "float32", "int8", "bool"]))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
