"""The contract of kernel variants: a firmware of many independent steps against the simulator.

Every example of every operator becomes steps of its own inputs and outputs, one for each variant that
accepts it, and again in place for each input whose memory the operator may take over, and over each input
whose memory the kernel may overwrite, as far as it may.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.plan import KernelCall, KernelWalk, Plan
from mcuq.ir.program import Program
from mcuq.ir.types import elem_count
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import StepShapes, for_step
from mcuq.memory.overlap import overlap, round_up
from mcuq.ops.constant import CopyStep
from mcuq.verify.firmware import Where, verify_firmware
from mcuq.verify.report import Difference
from tests.builders import (
    ProgramBuilder,
    mixed_codes,
    portable_calls,
    stacked_plan,
    type_params,
    write_firmware,
)
from tests.ops.examples import GENERATORS, all_examples
from tests.ops.randoms import Example

SAMPLES = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Contract:
    """A program of independent steps with its plan and inputs.

    Args:
        plan: the program, every step with the variant under test.
        inputs: codes per input port.
        variants: how many steps each variant computes, by kernel.
        isa: where the kernels come from.
    """

    plan: Plan
    inputs: tuple[np.ndarray, ...]
    variants: Mapping[str, int]
    isa: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Overlaps:
    """How outputs lie over inputs.

    Args:
        alignment: of tensors in the arena: 1 reaches what kernels promise to the byte.
        is_too_far: one step further than the kernel promises, where there is a limit, and not over others.
    """

    alignment: int = 4
    is_too_far: bool = False

    def distance(self, walk: KernelWalk, input_bytes: int) -> int | None:
        """How many bytes before an input the output begins, None where it is not to be there."""
        allowed = overlap(walk, input_bytes)
        step = math.lcm(self.alignment, allowed.multiple)
        if self.is_too_far:
            return round_up(allowed.least, step) - step if allowed.least > -input_bytes else None
        # Where there is no limit it lies over the middle.
        return round_up(max(allowed.least, -input_bytes // 2), step)


class Collector:
    """Adds examples to a program and remembers what computes each step."""

    def __init__(self, rounding: Rounding, isa: Sequence[str], overlaps: Overlaps) -> None:
        self.builder = ProgramBuilder(rounding)
        self.isa, self.overlaps = isa, overlaps
        self.chosen: dict[int, KernelCall] = {}
        self.heirs: dict[int, int] = {}
        self.over: dict[int, tuple[int, int]] = {}
        self.inputs: list[np.ndarray] = []
        self.rng = np.random.default_rng(7)

    def add(self, example: Example, call: KernelCall) -> None:
        for in_place in (None, *example.op.in_place_inputs):
            made = example.op.infer(*example.shapes), example.op.output_types(*example.types)[0]
            if in_place is None or made == (example.shapes[in_place], example.types[in_place]):
                self._add_step(example, call, in_place)

        for walk in call.walks:
            distance = self.overlaps.distance(
                walk, elem_count(example.shapes[walk.input]) * example.types[walk.input].itemsize
            )
            if distance is not None:
                self._add_step(example, call, walk.input, distance)

    def _add_step(
        self, example: Example, call: KernelCall, under: int | None, distance: int | None = None
    ) -> None:
        """A step apart from its inputs, or in place of one, or a distance in bytes before it."""
        builder = self.builder
        sources = []
        for shape, zero_point, dtype in zip(example.shapes, example.zero_points, example.types, strict=True):
            sources.append(builder.input(shape, type_params(dtype)))
            self.inputs.append(mixed_codes(self.rng, shape, zero_point, SAMPLES, dtype))
        if under is not None:
            # A caller's input is read only: the step takes over a copy, and hands on a copy.
            sources[under] = builder.step(CopyStep(example.types[under]), sources[under])
        self.chosen[len(builder.steps)] = call
        where = "" if under is None else f" in place of {under}" if distance is None else f" over {under}"
        name = f"{call.kernel} {len(builder.steps)}{where}"
        outputs = list(builder.outputs_of(example.op, *sources, name=name))
        if under is not None:
            if distance is None:
                self.heirs[outputs[0]] = sources[under]
            else:
                self.over[outputs[0]] = sources[under], distance
            # By the name of the step whose result it is: what differs in the copy differs there.
            outputs[0] = builder.step(
                CopyStep(builder.tensors[outputs[0]].quant.dtype), outputs[0], name=name
            )
        for output in outputs:
            builder.output(output)

    def plan(self, target: str) -> Plan:
        program = self.builder.program()
        # Every step under test has its variant already; the search for the best ones would take minutes.
        calls = list(portable_calls(program))
        for index, call in self.chosen.items():
            calls[index] = call
        return stacked_plan(
            program,
            calls,
            target,
            self.heirs,
            self.over,
            alignment=self.overlaps.alignment,
            is_checked=not self.overlaps.is_too_far,
        )


def contract(
    rounding: Rounding,
    target: str,
    isa: Sequence[str],
    count: int,
    *,
    kinds: Sequence[str] | None = None,
    only_isa: str | None = None,
    seed: int = 0,
    more: Sequence[Example] = (),
    overlaps: Overlaps = Overlaps(),
    kernel: str | None = None,
) -> Contract:
    """A program with `count` examples of each operator, and `more`, for each variant that accepts them.

    Args:
        isa: the target's kernel directories, the most special first.
        kinds: operators, by default all.
        only_isa: the variants under test, by default all of `isa`.
        overlaps: where outputs lie over inputs.
        kernel: the only one under test, by default all.
    """
    collector = Collector(rounding, isa, overlaps)
    variants = [v for name in ([only_isa] if only_isa else isa) for v in isa_variants(name)]
    variants = [variant for variant in variants if kernel in (None, variant.kernel)]
    used = {variant.kernel: 0 for variant in variants}
    made = [all_examples(kind, count, rounding, seed) for kind in (GENERATORS if kinds is None else kinds)]
    for example in itertools.chain(*made, more):
        shapes = StepShapes.of(example.op, example.shapes, example.types)
        for variant in for_step(variants, example.op, shapes):
            if variant.refusal() is None:
                collector.add(example, variant.call())
                used[variant.kernel] += 1
    return Contract(collector.plan(target), tuple(collector.inputs), used, tuple(isa))


def check_contract(
    folder: Path,
    tested: Contract,
    on: Where,
    *,
    sanitize: Sequence[str] = (),
    opt: str = "-O2",
    replace: Mapping[str, bytes] | None = None,
    timeout_s: float = 300.0,
) -> None:
    """Build the program and compare every value; `replace` puts other files in place of emitted ones."""
    write_firmware(folder, tested.plan, isa=tested.isa)
    for path, data in (replace or {}).items():
        assert (folder / path).is_file(), path
        (folder / path).write_bytes(data)
    report = verify_firmware(
        folder,
        tested.plan,
        "net",
        tested.inputs,
        on,
        sanitize=sanitize,
        opt=opt,
        timeout_s=timeout_s,
        has_trace=False,  # every result is an output already, and compiling the steps is what takes time
    )
    difference = report.first_difference
    assert difference is None, describe(tested.plan.program, difference)


def describe(program: Program, difference: Difference) -> str:
    op = next(step.op for step in program.steps if step.name == difference.layer)
    return f"{difference}\n{op}"
