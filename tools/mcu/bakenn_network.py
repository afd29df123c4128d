"""A program as a TensorFlow Lite file that bakenn's importer takes."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
from zoo import ROOT

from mcuq.ir.integer import Requant, quantize_multiplier
from mcuq.ir.program import Program, Step
from mcuq.ops.pool import MeanStep
from mcuq.ops.softmax import SoftmaxStep

# The versions of operators that the importer takes.
VERSIONS = {"ADD": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "PAD": 2}


def importable(program: Program) -> Program:
    """The program up to a softmax at its end, which the importer lacks.

    Means get a multiplier that one scale of weights can give, so that they can be depthwise convolutions.
    """
    *steps, last = program.steps
    outputs = program.outputs
    if isinstance(last.op, SoftmaxStep) and len(outputs) == 1:
        outputs = (dataclasses.replace(outputs[0], tensor=last.inputs[0]),)
    else:
        steps.append(last)
    means = [_with_plain_scale(program, step) if isinstance(step.op, MeanStep) else step for step in steps]
    return dataclasses.replace(program, steps=tuple(means), outputs=outputs)


def _with_plain_scale(program: Program, step: Step) -> Step:
    assert isinstance(step.op, MeanStep)
    x, y = (program.tensors[tensor].quant.step for tensor in (step.inputs[0], step.output))
    multiplier, shift = quantize_multiplier(x * mean_scale(program, step) / y)
    requant = Requant((multiplier,), (shift,), step.op.requant.rounding)
    return dataclasses.replace(step, op=dataclasses.replace(step.op, requant=requant))


def mean_scale(program: Program, step: Step) -> float:
    """The float32 scale of a mean's weights, all one, when it is a depthwise convolution."""
    assert isinstance(step.op, MeanStep)
    x, y = (program.tensors[tensor].quant.step for tensor in (step.inputs[0], step.output))
    (pair,) = zip(step.op.requant.multiplier, step.op.requant.shift, strict=True)
    return float(np.float32(pair[0] * 2.0 ** (pair[1] - 31) * y / x))


def network_file(program: Program) -> bytes:
    """The file; the writer is the tests', which hold what it writes against the simulator."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests.truth import tflite
    from tests.truth.tflite_program import network_of

    network = network_of(program)
    tensors, layers = list(network.tensors), list(network.layers)
    for step in program.steps:
        if not isinstance(step.op, MeanStep):
            continue
        # The writer's reshape to another scale is what the importer refuses: the sum reads the input itself.
        (number,) = (i for i, layer in enumerate(layers) if layer.output == step.output)
        copy, weights, bias = layers[number].inputs
        (source,) = (i for i, layer in enumerate(layers) if layer.output == copy)
        scale, x = mean_scale(program, step), layers[source].inputs[0]
        tensors[weights] = dataclasses.replace(tensors[weights], scale=(scale,))
        product = float(np.float32(tensors[x].scale[0] * scale))
        tensors[bias] = dataclasses.replace(tensors[bias], scale=(product,))
        layers[number] = dataclasses.replace(layers[number], inputs=(x, weights, bias))
        del layers[source]
    return tflite.write_network(
        dataclasses.replace(network, tensors=tuple(tensors), layers=tuple(layers)), VERSIONS
    )
