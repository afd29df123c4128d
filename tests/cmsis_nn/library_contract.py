"""Random and awkward steps that call CMSIS-NN, in one program that is linked with the library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.kernel_set import KernelSet
from mcuq.kernels.core import core_kernels
from mcuq.kernels.variant import StepShapes, VariantType, for_step
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from mcuq.targets import load_target
from tests.kernels.contract import Collector, Contract, Overlaps
from tests.ops.examples import all_examples
from tests.ops.randoms import Example

# What CMSIS-NN computes.
LIBRARY_KINDS = ("conv2d", "depthwise_conv2d", "linear", "max_pool", "average_pool", "add", "mul", "softmax")


def library_variants(target: str) -> tuple[VariantType, ...]:
    """Those that a core can run."""
    kernels = core_kernels(load_target(target).core, KernelSet.CMSIS_NN)
    return tuple(each for each in kernels.library if kernels.missing(each) is None)


def library_contract(
    rounding: Rounding, target: str, count: int, seed: int = 0, more: Sequence[Example] = ()
) -> Contract:
    """A program of `count` examples of each operator, and `more`, as far as the library takes them."""
    variants = library_variants(target)
    collector = Collector(rounding, load_target(target).core.isa, Overlaps())
    used = {variant.kernel: 0 for variant in variants}
    for example in (*(e for kind in LIBRARY_KINDS for e in all_examples(kind, count, rounding, seed)), *more):
        shapes = StepShapes.of(example.op, example.shapes, example.types)
        for variant in for_step(variants, example.op, shapes):
            if variant.refusal() is None:
                collector.add(example, variant.call())
                used[variant.kernel] += 1
    return Contract(collector.plan(target), tuple(collector.inputs), used, collector.isa)


def awkward(rounding: Rounding, seed: int) -> list[Example]:
    """Windows on both sides of where the library changes functions, with odd counts of channels."""
    rng = np.random.default_rng(seed)
    windows = [
        Window((1, 1)),
        Window((1, 1), (2, 2)),
        Window((1, 1), (1, 1), (0, 0, 0, 0), (2, 3)),
        Window((3, 3), (1, 1), (1, 1, 1, 1)),
        Window((3, 3), (2, 2), (0, 0, 1, 1)),
        Window((3, 3), (1, 1), (2, 2, 2, 2)),
        Window((2, 3), (1, 2), (1, 0, 0, 1)),
        Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
        Window((5, 4), (2, 1), (2, 1, 2, 2)),
    ]
    lines = [
        Window((1, taps), (1, stride), (0, left, 0, right))
        for taps in (2, 3, 5, 8)
        for stride in (1, 2, 4)
        for left, right in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (3, 1))
    ]
    images = [((1, 7, 6, int(rng.integers(1, 20))), window) for window in windows]
    images += [((2, 5, 5, 5), windows[3]), ((2, 6, 4, 3), windows[1])]
    images += [((1, 1, int(rng.integers(8, 14)), 4), window) for window in lines]
    return [example for x, window in images for example in _weighted(rng, rounding, x, window)]


def _weighted(
    rng: np.random.Generator, rounding: Rounding, x: tuple[int, ...], window: Window
) -> list[Example]:
    """A convolution, one of groups and a depthwise one."""
    z = int(rng.integers(-128, 128))
    found = []
    for groups, filters, kind in ((1, int(rng.integers(1, 9)), ConvStep), (x[3], x[3], DepthwiseStep)):
        shape = (filters, *window.kernel, x[3] // groups)
        params = _params(rng, rounding, shape, z)
        is_grouped = kind is DepthwiseStep
        op = DepthwiseStep(params, window) if is_grouped else ConvStep(params, window, groups)
        if not is_grouped or x[3] > 1:
            found.append(Example(op, (x,), (z,)))
    if x[3] % 2 == 0:
        params = _params(rng, rounding, (6, *window.kernel, x[3] // 2), z)
        found.append(Example(ConvStep(params, window, 2), (x,), (z,)))
    return found


def _params(
    rng: np.random.Generator, rounding: Rounding, shape: tuple[int, ...], zero_point: int
) -> WeightedParams:
    m = shape[0]
    requant = Requant(
        tuple(int(each) for each in rng.integers(2**30, 2**31, m)),
        tuple(int(each) for each in rng.integers(-9, -3, m)),
        rounding,
    )
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-5000, 5000, m).astype(np.int32)
    return WeightedParams(weights, bias, requant, zero_point, int(rng.integers(-128, 128)), -128, 127)
