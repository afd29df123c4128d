"""ncnn's table of int8 scales: a line for the weights of each layer, and one for its input.

Scales are reciprocal, from real values to codes of -127 to 127: 127 by the largest magnitude. ncnn quantizes
the float weights of its model itself, with one scale per output channel, or one per group.

Source: ncnn, "Post Training Quantization Tools", tools/quantize.
"""

from __future__ import annotations

import math

import numpy as np

from mcuq.interchange.named import NamedProgram, NamedStep
from mcuq.interchange.tensorrt import symmetric_range

# Steps of layers that ncnn computes in int8: Convolution, ConvolutionDepthWise, InnerProduct.
_KINDS = ("conv2d", "depthwise_conv2d", "linear")
# ncnn reads names of up to so many bytes.
_MAX_NAME = 255


def ncnn_table(named: NamedProgram) -> tuple[str, tuple[str, ...]]:
    """The table, and a line for everything that is in it otherwise than in the program.

    Args:
        named: layers go by the names of their nodes.
    """
    weights: list[str] = []
    inputs: list[str] = []
    changes: list[str] = []
    for step in named.steps:
        if not step.scale:
            continue
        why = _refusal(step)
        if why is not None:
            changes.append(f"layer {step.name!r}: left out, {why}")
            continue
        scales, is_widened = _weight_scales(step)
        if is_widened:
            changes.append(
                f"layer {step.name!r}: weights have one scale per group, the largest of its channels"
            )
        found = symmetric_range(named.activations[step.inputs[0]])
        if found.widened is not None:
            low, high = found.widened
            changes.append(f"tensor {step.inputs[0]!r}: {low:.9g}..{high:.9g} widened to +-{found.amax:.9g}")
        weights.append(f"{step.name}_param_0 {' '.join(map(_reciprocal, scales))}")
        inputs.append(f"{step.name} {_reciprocal(found.scale)}")
    return "".join(f"{line}\n" for line in (*weights, *inputs)), tuple(dict.fromkeys(changes))


def _refusal(step: NamedStep) -> str | None:
    if step.kind not in _KINDS:
        return f"ncnn has no int8 form of {step.kind}"
    if not step.inputs:
        return "its input has no name here"
    if step.name.split() != [step.name] or len(f"{step.name}_param_0".encode()) > _MAX_NAME:
        return "its name is none that a table can hold"
    return None


def _weight_scales(step: NamedStep) -> tuple[list[float], bool]:
    """One scale per output channel, or per group where there are several, and whether that changed any."""
    if step.groups == 1:
        return list(step.scale), False
    known = np.array(step.scale).reshape(step.groups, -1)
    largest = np.where(np.isnan(known), -np.inf, known).max(axis=1)
    is_widened = bool((known < largest[:, None]).any())
    return [float(each) if np.isfinite(each) else math.nan for each in largest], is_widened


def _reciprocal(scale: float) -> str:
    """A reciprocal in single precision; 0 for a channel that is constant, which ncnn takes for that."""
    return "0" if math.isnan(scale) else str(np.float32(1.0 / scale))
