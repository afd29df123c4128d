"""CMSIS-NN's kernels on the layers of a program: instructions and cycles per layer.

Nothing of the library is kept here: mcu/library.py finds its sources. They are compiled like our own code,
run on the same emulator under the same counter, and their outputs compared with our integers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mcu.flash import run_on_silicon
from mcu.library import Library
from mcuq.ir.integer import Requant
from mcuq.ir.program import Program, Step
from mcuq.ir.types import Array, Int8, Shape, elem_count
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from mcuq.profile.cycles import load_cycle_model
from mcuq.profile.layers import count_layers
from mcuq.profile.silicon import Silicon
from mcuq.targets import load_target
from mcuq.verify.image import Image, build_image
from mcuq.verify.toolchain import find_toolchain

BENCH = Path(__file__).with_name("cmsis_nn_bench.c")
# `bench_constants` of cmsis_nn_bench.c: weights; biases, multipliers and shifts.
CONSTANTS = ("stored", (1 << 19) + 3 * 4 * (1 << 12))
# As in cmsis_nn_bench.c.
KINDS = {ConvStep: 0, DepthwiseStep: 1, LinearStep: 2, MaxPoolStep: 3, AveragePoolStep: 4, MeanStep: 4}


@dataclasses.dataclass(frozen=True)
class Job:
    """One layer for the bench program.

    Args:
        header: `bench_layer`.
        arrays: codes; weights, biases, multipliers and shifts where the layer has them.
        expected: our output.
        is_equal: whether the library's has to be the same.
    """

    header: tuple[int, ...]
    arrays: tuple[Array, ...]
    expected: Array
    is_equal: bool

    def to_bytes(self) -> bytes:
        """As the program reads it."""
        arrays = (np.array(self.header, np.int32), *self.arrays)
        return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def build_bench(library: Library, core_name: str, opt: str, folder: Path) -> Image:
    """The bench program with the whole library."""
    core = load_target(core_name).core
    return build_image(
        core,
        find_toolchain(core),
        [BENCH, *library.sources],
        workdir=folder,
        include_dirs=[*library.includes, write_math_header(folder)],
        opt=opt,
        extra_flags=["-std=gnu11"],
    )


def write_math_header(folder: Path) -> Path:
    """An empty math.h: the library includes it, takes nothing from it, and not every compiler has one."""
    include = folder / "include"
    include.mkdir(parents=True, exist_ok=True)
    (include / "math.h").write_text("", "utf-8")
    return include


def measure_layers(image: Image, program: Program, folder: Path) -> dict[int, tuple[int, int]]:
    """Instructions and cycles of each step that the library covers, by the step's index.

    Cycles are instructions where no model of them is validated for the core.

    Raises:
        AssertionError: where the library's output is not ours.
    """
    jobs = dict(layer_jobs(program))
    model = load_cycle_model(image.core.name)
    counted = count_layers(image, _job_bytes(jobs), 2 * len(jobs) + 1, model, folder)
    _check_outputs(program, jobs, counted.output)
    # Even ones are the reading between the layers.
    return {index: counted.layers[2 * number + 1] for number, index in enumerate(jobs)}


def measure_library_silicon(image: Image, program: Program, folder: Path) -> Silicon:
    """Cycles of the steps that the library covers, in their order, on modelled silicon.

    Weights and scales, which the bench program reads into RAM, count as if they lay in flash.
    """
    jobs = dict(layer_jobs(program))
    found = run_on_silicon(image, _job_bytes(jobs), 2 * len(jobs) + 1, folder, constants=CONSTANTS)
    return Silicon(found.ideal[1::2], tuple(cycles[1::2] for cycles in found.cycles))


def _job_bytes(jobs: Mapping[int, Job]) -> bytes:
    """What the bench program reads."""
    return np.array([len(jobs)], "<i4").tobytes() + b"".join(job.to_bytes() for job in jobs.values())


def _check_outputs(program: Program, jobs: Mapping[int, Job], output: bytes) -> None:
    found, start = np.frombuffer(output, np.int8), 0
    for index, job in jobs.items():
        expected = job.expected.reshape(-1)
        part, start = found[start : start + len(expected)], start + len(expected)
        is_same = len(part) == len(expected) and (not job.is_equal or np.array_equal(part, expected))
        assert is_same, f"CMSIS-NN computes {program.steps[index].name!r} differently"
    assert start == len(found)


def layer_jobs(program: Program) -> Iterator[tuple[int, Job]]:
    """The steps that the library covers, with random codes."""
    for index, step in enumerate(program.steps):
        if type(step.op) not in KINDS or getattr(step.op, "count_include_pad", False):
            continue
        if isinstance(step.op, ConvStep) and step.op.groups != 1:
            continue
        x_shape = program.tensors[step.inputs[0]].shape
        y_shape = program.tensors[step.output].shape
        codes = np.random.default_rng(index).integers(-128, 128, x_shape).astype(np.int8)
        make = _weighted_job if hasattr(step.op, "params") else _pool_job
        yield index, make(step, codes, y_shape)


def _weighted_job(step: Step, x: Int8, y_shape: Shape) -> Job:
    op = step.op
    assert isinstance(op, (ConvStep, DepthwiseStep, LinearStep))
    if isinstance(op, LinearStep):
        # The library has one scale for all channels.
        op = LinearStep(_one_scale(op.params))
    params = op.params
    weights = params.weights.transpose(3, 1, 2, 0) if isinstance(op, DepthwiseStep) else params.weights
    scales = [np.array(values, np.int32) for values in (params.requant.multiplier, params.requant.shift)]
    limits = (params.x_zero_point, params.y_zero_point, params.lo, params.hi)
    window = None if isinstance(op, LinearStep) else op.window
    header = _header(KINDS[type(op)], (x.shape, weights.shape, y_shape), len(params.bias), window, limits)
    return Job(header, (x, weights, params.bias, *scales), op.run(x[None]), is_equal=True)


def _one_scale(params: WeightedParams) -> WeightedParams:
    """The smallest scale for every channel, which keeps every sum in range."""
    scale = params.requant
    shift, multiplier = min(zip(scale.shift, scale.multiplier, strict=True))
    count = len(scale.shift)
    requant = Requant((multiplier,) * count, (shift,) * count, scale.rounding)
    return dataclasses.replace(params, requant=requant)


def _pool_job(step: Step, x: Int8, y_shape: Shape) -> Job:
    """A mean is an average pool for the library: the same sums without a scale of their own."""
    op = step.op
    assert isinstance(op, (MaxPoolStep, AveragePoolStep, MeanStep))
    header = _header(KINDS[type(op)], (x.shape, (0,), y_shape), 0, op.window, (0, 0, -128, 127))
    return Job(header, (x,), op.run(x[None]), is_equal=not isinstance(op, MeanStep))


def _header(
    kind: int,
    shapes: tuple[Shape, Shape, Shape],
    channels: int,
    window: Window | None,
    limits: tuple[int, int, int, int],
) -> tuple[int, ...]:
    """The members of `bench_layer`."""
    x, _, y = shapes
    if window is None:
        sides = (1, 1, x[-1], 1, 1, y[-1])
        taps = (1, 1, 1, 1, 0, 0, 1, 1)
    else:
        sides = (*x[1:], *y[1:])
        taps = (*window.kernel, *window.strides, *window.pads[:2], *window.dilations)
    batch = elem_count(x[:-1]) if window is None else x[0]
    return (kind, *map(elem_count, shapes), channels, batch, *sides, *taps, *limits)
