"""Graphs that failed once, each as small as it could be made.

Seeds mean other graphs when the generator changes, so every case builds its model by hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from mcuq.options import QuantOptions
from mcuq.settings import Override
from tests.random_graphs.generate import Recipe, encoding
from tests.small_models import Net

WIDE = (Override("tensor", "*", activation_bits=16),)


def _recipe(net: Net, *outputs: str, options: QuantOptions | None = None, samples: int = 4) -> Recipe:
    """A recipe whose data is a bell curve."""
    shapes = {x.name: [d.dim_value for d in x.type.tensor_type.shape.dim] for x in net.inputs}
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=(samples, *shape)).astype(np.float32) for name, shape in shapes.items()}
    model = net.model(*outputs)
    indices = {name for node in net.nodes if node.op_type == "ArgMax" for name in node.output}
    indices |= {node.output[1] for node in net.nodes if node.op_type == "TopK"}
    for output in model.graph.output:
        if output.name in indices:
            output.type.tensor_type.elem_type = TensorProto.INT64
    options = options or QuantOptions(samples=samples)
    return Recipe(0, model, options, data, ("cortex-m4",), "-O2", is_benign=False)


def indices_as_output() -> Recipe:
    """The simulator in planned memory had no place for the int32 of ArgMax."""
    net = Net(x=(2, 5))
    y = net.add("Relu", "x")
    return _recipe(net, net.add("ArgMax", y, axis=1), y)


def max_pool_padded_by_its_kernel() -> Recipe:
    """ceil_mode and a dilation made a pad as large as the kernel, which onnxruntime refuses."""
    net = Net(12, x=(1, 2, 10, 4))
    attrs = {"kernel_shape": [2, 3], "dilations": [2, 1], "strides": [3, 1], "pads": [0, 0, 1, 0]}
    return _recipe(net, net.add("MaxPool", "x", ceil_mode=1, **attrs))


def input_read_in_two_layouts() -> Recipe:
    """An input was turned for the pool; what the convolution read took its name and could not be had."""
    net = Net(x=(1, 4, 6, 3))
    y = net.add("AveragePool", "x", kernel_shape=[2, 2])
    turned = net.add("Transpose", "x", perm=[0, 3, 1, 2])
    return _recipe(net, y, net.conv(turned, 3, 2, [3, 3]), net.conv(turned, 3, 3, [1, 1]))


def samples_that_overflow_when_scaled() -> Recipe:
    """Calibration data was tried in other scales, and the infinities this gave raised warnings."""
    net = Net(x=(1, 2, 3, 3))
    ones = net.const(np.ones(2))
    y = net.add("BatchNormalization", "x", ones, ones, net.const(np.full(2, 50.0)), ones)
    y = net.add("BatchNormalization", net.conv(net.add("Exp", "x"), 2, 4, [1, 1]), *_normalization(net, 4))
    return _recipe(net, y, net.add("Relu", "x"))


def values_of_topk_behind_nothing() -> Recipe:
    """What does nothing behind the first of two outputs was removed, and the second output with it."""
    net = Net(x=(2, 5))
    k = net.const(np.array([2], np.int64))
    net.add("TopK", "x", k, outputs=["values", "places"])
    net.add("Identity", "values", outputs=["y"])
    return _recipe(net, "y", "places")


def instances_that_are_read_twice() -> Recipe:
    """A normalization of instances before a reshape was replaced, and another one read it."""
    net = Net(x=(1, 3, 6))
    x = net.add("AveragePool", "x", kernel_shape=[3])
    y = net.add("InstanceNormalization", x, net.const(np.array([1.0, 0.5, 2.0])), net.const(np.zeros(3)))
    return _recipe(net, net.add("Add", net.conv(y, 3, 3, [1]), y))


def length_with_symmetric_activations() -> Recipe:
    """Codes below zero of a mean of squares have no root, and no value either."""
    net = Net(x=(1, 6))
    options = QuantOptions(samples=4, activations="symmetric")
    y = net.add("ReduceL2", net.add("MatMul", "x", net.random(6, 6)), axes=[1])
    return _recipe(net, y, options=options)


def encodings_beside_two_outputs() -> Recipe:
    """Parameters of another tool were given to the first output alone."""
    net = Net(x=(2, 5))
    net.add("TopK", "x", net.const(np.array([2], np.int64)), outputs=["values", "places"])
    encodings = {"x": [encoding(0.03125, -128)]}
    given: dict[str, object] = {"version": "0.6.1", "activation_encodings": encodings, "param_encodings": {}}
    return dataclasses.replace(_recipe(net, "values", "places"), encodings=given)


def methods_chosen_beside_an_output_that_nothing_computes() -> Recipe:
    """An output that is the input has one error, whatever method a tensor has, and was looked for."""
    net = Net(x=(1, 6))
    y = net.add("Relu", net.add("MatMul", "x", net.random(6, 6)))
    same = net.add("Identity", "x")
    return _recipe(net, y, same, options=QuantOptions(samples=16, method="auto"), samples=16)


def comparison_behind_a_counted_loop() -> Recipe:
    """Where windows of int16 were cut off on the right, GCC with -Os lost whether there was one code more."""
    net = Net(x=(1, 4, 6, 11))
    options = QuantOptions(samples=4, overrides=WIDE)
    y = net.conv("x", 4, 6, [3, 5], strides=[3, 1], pads=[0, 2, 0, 2])
    recipe = _recipe(net, y, options=options)
    return dataclasses.replace(recipe, targets=("cortex-m55",), opt="-Os")


def state_that_tanh_gives_beside_int16() -> Recipe:
    """State had the type that was asked for, though tanh gives int8, and an addition met both types."""
    net = Net(x=(1, 6), h=(1, 6))
    y = net.add("Add", "x", "h")
    new = net.add("Tanh", net.add("MatMul", y, net.random(6, 6)))
    options = QuantOptions(samples=4, overrides=WIDE, state=(f"h:{new}",))
    recipe = _recipe(net, y, new, options=options)
    assert recipe.data is not None
    return dataclasses.replace(recipe, data={"x": recipe.data["x"]})


def sum_of_int16_with_what_is_always_zero() -> Recipe:
    """The scale of a range of zeros was too far from its sum's for int16."""
    net = Net(x=(1, 6), zero=(1, 6))
    recipe = _recipe(net, net.add("Add", "x", "zero"), options=QuantOptions(samples=4, overrides=WIDE))
    assert recipe.data is not None
    return dataclasses.replace(recipe, data={"x": recipe.data["x"] / 1000, "zero": 0 * recipe.data["zero"]})


def gates_without_weights_for_what_they_gave() -> Recipe:
    """Weights of zeros had the scale that their bias needs beside the input, which it overflowed."""
    net = Net(x=(1, 1, 4))
    parts = net.random(1, 9, 4), net.const(np.zeros((1, 9, 3))), net.const(np.full((1, 18), 0.5))
    net.add("GRU", "x", *parts, outputs=["y"], hidden_size=3, linear_before_reset=1)
    recipe = _recipe(net, "y")
    assert recipe.data is not None
    return dataclasses.replace(recipe, data={"x": 1000 * recipe.data["x"]})


def zeros_beside_small_values_of_int16() -> Recipe:
    """Constants were requantized to what they are joined to, from a scale that was too far away."""
    net = Net(x=(1, 6))
    small = net.add("Mul", "x", net.const(np.float32(1e-3)))
    y = net.add("Concat", small, net.const(np.zeros((1, 2))), net.const(np.full((1, 2), 5e-4)), axis=1)
    return _recipe(net, y, options=QuantOptions(samples=4, overrides=WIDE))


def _normalization(net: Net, channels: int) -> list[str]:
    return [net.const(np.ones(channels)) for _ in range(4)]


CASES: tuple[Callable[[], Recipe], ...] = (
    indices_as_output,
    max_pool_padded_by_its_kernel,
    input_read_in_two_layouts,
    samples_that_overflow_when_scaled,
    values_of_topk_behind_nothing,
    instances_that_are_read_twice,
    length_with_symmetric_activations,
    encodings_beside_two_outputs,
    methods_chosen_beside_an_output_that_nothing_computes,
    comparison_behind_a_counted_loop,
    state_that_tanh_gives_beside_int16,
    sum_of_int16_with_what_is_always_zero,
    zeros_beside_small_values_of_int16,
    gates_without_weights_for_what_they_gave,
)
