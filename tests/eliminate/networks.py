"""Programs with channels that are constant or unread, and what holds for their elimination."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.eliminate.eliminate import Elimination, eliminate_channels
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.program import Program, StepOp
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from mcuq.simulator.simulate import simulate_program, trace_program
from tests.builders import mixed_codes


def weighted(
    weights: np.ndarray | Sequence[object],
    bias: Sequence[int],
    *,
    x_zero_point: int = 0,
    y_zero_point: int = 0,
    lo: int = -128,
    hi: int = 127,
    shift: int = 1,
) -> WeightedParams:
    """Parameters that requantize by `2^(shift - 1)`: by 1 unless told otherwise."""
    array = np.array(weights, np.int8)
    scale = Requant((2**30,) * len(bias), (shift,) * len(bias), Rounding.DOUBLE)
    return WeightedParams(array, np.array(bias, np.int32), scale, x_zero_point, y_zero_point, lo, hi)


def linear(weights: Sequence[Sequence[int]], bias: Sequence[int], **options: int) -> LinearStep:
    """A fully connected step."""
    return LinearStep(weighted(weights, bias, **options))


def conv1x1(weights: Sequence[Sequence[int]], bias: Sequence[int], **options: int) -> ConvStep:
    """A 1x1 convolution; weights `[M][C]`."""
    array = np.array(weights)[:, None, None, :]
    return ConvStep(weighted(array, bias, **options), Window((1, 1)), 1)


def conv3x3(weights: np.ndarray, bias: Sequence[int], pad: int, **options: int) -> ConvStep:
    """A 3x3 convolution; weights `[M, 3, 3, C]`."""
    return ConvStep(weighted(weights, bias, **options), Window((3, 3), pads=(pad,) * 4), 1)


def depthwise3x3(weights: np.ndarray, bias: Sequence[int], pad: int, **options: int) -> DepthwiseStep:
    """A depthwise 3x3 convolution; weights `[M, 3, 3]`."""
    return DepthwiseStep(
        weighted(np.asarray(weights)[..., None], bias, **options), Window((3, 3), pads=(pad,) * 4)
    )


def check_elimination(program: Program, samples: int = 12, seed: int = 0, multiple: int = 1) -> Elimination:
    """Eliminate; channels that stay must have the codes that they had, and a second time finds nothing."""
    found = eliminate_channels(program, lambda op: wanted(op, multiple))
    rng = np.random.default_rng(seed)
    tensors = [program.tensors[port.tensor] for port in program.inputs]
    xs = [mixed_codes(rng, tensor.shape, tensor.quant.zero_point, samples) for tensor in tensors]
    pairs = zip(trace_program(program, xs), trace_program(found.program, xs), strict=True)
    for (_, step, (before,)), (_, _, (after,)) in pairs:
        kept = found.kept[step.output]
        expected = before[..., kept] if before.ndim > 1 else before
        assert np.array_equal(expected, after), step.name
    for before, after in zip(simulate_program(program, xs), simulate_program(found.program, xs), strict=True):
        assert np.array_equal(before, after)
    assert not eliminate_channels(found.program, lambda op: wanted(op, multiple)).dropped
    assert bool(found.dropped) == (found.program is not program)
    return found


def wanted(op: StepOp, multiple: int) -> int:
    """A multiple for depthwise convolutions alone."""
    return multiple if op.kind == "depthwise_conv2d" else 1


def channels(found: Elimination) -> list[int]:
    """How many channels each step still computes."""
    return [int(found.kept[step.output].sum()) for step in found.program.steps]


def reasons(found: Elimination, step: int) -> list[tuple[str, int | None, tuple[int, ...]]]:
    """Why channels of a step went."""
    (record,) = [each for each in found.dropped if each.step == step]
    return [(each.reason, each.code, each.channels) for each in record.reasons]
