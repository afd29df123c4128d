"""One channel that the fast requantization does not take costs its layer at most 15 % on a Cortex-M4."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import freeze
from mcuq.kernels.core import core_kernels
from mcuq.kernels.costs import load_costs
from mcuq.kernels.variant import AnyVariant, StepShapes, for_step
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from mcuq.profile.profile import profile_firmware
from mcuq.targets import load_target
from tests.builders import ProgramBuilder, stacked_plan, type_params, write_firmware
from tests.kernels.machines import where_it_runs
from tests.ops.randoms import Example
from tests.tools import require_compiler

CORE = load_target("cortex-m4").core
KERNELS, COSTS = core_kernels(CORE), load_costs(CORE.name)
MOST = 1.15
ODD = 3  # the channel
SAME = (1, 1, 1, 1)

Layer = Callable[[WeightedParams], Example]


def _linear(params: WeightedParams) -> Example:
    return Example(LinearStep(params), ((1, params.weights.shape[1]),), (-5,))


def _conv(edge: int, window: Window) -> Layer:
    def made(params: WeightedParams) -> Example:
        return Example(ConvStep(params, window, 1), ((1, edge, edge, params.weights.shape[3]),), (-5,))

    return made


def _depthwise(stride: int) -> Layer:
    def made(params: WeightedParams) -> Example:
        window = Window((3, 3), (stride, stride), SAME)
        return Example(
            DepthwiseStep(params, window), ((1, 8 * stride, 8 * stride, len(params.weights)),), (-5,)
        )

    return made


def _depthwise_1d(params: WeightedParams) -> Example:
    return Example(
        DepthwiseStep(params, Window(params.weights.shape[1:3])), ((1, 16, 1, len(params.weights)),), (-5,)
    )


# Name: the kernel that is chosen, the shape of the weights, the layer.
LAYERS: dict[str, tuple[str, tuple[int, ...], Layer]] = {
    "linear 640 to 128": ("mcuq_linear_s8_paired", (128, 640), _linear),
    "linear 64 to 12": ("mcuq_linear_s8_paired", (12, 64), _linear),
    "1x1": ("mcuq_conv2d_s8_paired", (64, 1, 1, 64), _conv(8, Window((1, 1)))),
    "3x3 at stride 2": ("mcuq_conv2d_s8_paired", (32, 3, 3, 32), _conv(8, Window((3, 3), (2, 2), SAME))),
    "3x3 of 256": ("mcuq_conv2d_s8_paired", (16, 3, 3, 256), _conv(4, Window((3, 3), (2, 2), SAME))),
    "3x3 of 16": ("mcuq_conv2d_s8_winograd_4x4", (16, 3, 3, 16), _conv(8, Window((3, 3), (1, 1), SAME))),
    "3x3 of 64": (
        "mcuq_conv2d_s8_winograd_2x2",
        (16, 3, 3, 64),
        _conv(4, Window((3, 3), (1, 1), SAME)),
    ),
    "depthwise": ("mcuq_depthwise_conv2d_s8_3x3", (64, 3, 3, 1), _depthwise(1)),
    "depthwise of a column": ("mcuq_depthwise_conv2d_s8_dsp", (64, 5, 1, 1), _depthwise_1d),
    "depthwise at stride 2": ("mcuq_depthwise_conv2d_s8_3x3", (64, 3, 3, 1), _depthwise(2)),
}


def _clean(shape: tuple[int, ...]) -> WeightedParams:
    """Ordinary weights, and scales with which codes are spread out."""
    m, most = shape[0], 40
    weights = np.random.default_rng(1).integers(-most, most + 1, shape).astype(np.int8)
    right = math.ceil(math.log2(most * math.sqrt(math.prod(shape[1:])) * 0.4))
    scales = Requant((3 << 29,) * m, (-right,) * m, Rounding.DOUBLE)
    return WeightedParams(freeze(weights), np.zeros(m, np.int32), scales, -5, 3, -128, 127)


def _changed(params: WeightedParams, weights: int | None, shift: int | None, bias: int = 0) -> WeightedParams:
    """The odd channel with other weights, another shift, another bias."""
    codes, biases, shifts = params.weights.copy(), params.bias.copy(), list(params.requant.shift)
    codes[ODD] = codes[ODD] if weights is None else weights
    shifts[ODD] = shifts[ODD] if shift is None else shift
    biases[ODD] = bias
    requant = Requant(params.requant.multiplier, tuple(shifts), Rounding.DOUBLE)
    return dataclasses.replace(params, weights=freeze(codes), bias=freeze(biases), requant=requant)


def _least_weight(params: WeightedParams) -> WeightedParams:
    """One weight of -128 beside a negative one of the channel before."""
    codes = params.weights.copy()
    codes[ODD].reshape(-1)[0] = -128
    codes[ODD - 1].reshape(-1)[0] = -5
    return dataclasses.replace(params, weights=freeze(codes))


def _odd(params: WeightedParams) -> Iterator[tuple[str, WeightedParams]]:
    """By name, the same layer with one channel beyond a limit."""
    yield "no shift", _changed(params, None, 0)
    yield "a left shift", _changed(params, None, 1)
    yield "a right shift of 25", _changed(params, 127, -25, 3 * 2**23)
    yield "a weight of -128", _least_weight(params)
    yield "sums of 2^23", _changed(params, 127, None)


def _chosen(example: Example) -> AnyVariant:
    """The fastest variant as modelled."""
    shapes = StepShapes.of(example.op, example.shapes, example.types)
    variants = [each for each in KERNELS.variants if KERNELS.missing(each) is None]
    found = [each for each in for_step(variants, example.op, shapes) if each.refusal() is None]
    times = {each: COSTS.time(each.kernel, each.terms()) for each in found}
    return min((each for each in found if times[each] is not None), key=lambda each: times[each] or 0)


@pytest.mark.parametrize("name", LAYERS)
def test_one_odd_channel_costs_its_layer_little(tmp_path, name):
    require_compiler(CORE, "gcc")
    where_it_runs(CORE)
    kernel, shape, layer = LAYERS[name]
    clean = _clean(shape)
    made = {"clean": clean, **dict(_odd(clean))}
    builder, calls = ProgramBuilder(), []
    for params in made.values():
        example = layer(params)
        variant = _chosen(example)
        assert kernel == variant.kernel
        inputs = map(builder.input, example.shapes, map(type_params, example.types))
        for output in builder.outputs_of(example.op, *inputs):
            builder.output(output)
        calls.append(variant.call())
    plan = stacked_plan(builder.program(), calls, CORE.name)
    write_firmware(tmp_path, plan)
    profile = profile_firmware(tmp_path, plan, "net", opt="-O2")
    cycles = {each: found.cycles for each, found in zip(made, profile.layers, strict=True)}
    assert {each: count for each, count in cycles.items() if count > MOST * cycles["clean"]} == {}
