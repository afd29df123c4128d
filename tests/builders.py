"""Small programs, plans and firmware directories for tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mcuq.codegen.emit import emit_firmware
from mcuq.ir.integer import Rounding
from mcuq.ir.plan import KernelCall, MemoryMap, MemoryRegion, Place, Plan
from mcuq.ir.program import Origin, Program, ProgramPort, ProgramTensor, RangeSource, Step, StepOp
from mcuq.ir.types import DType, QuantParams, Shape, elem_count
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import StepShapes, VariantType, for_step
from mcuq.memory.check import check_memory
from mcuq.pipeline.directory import write_files
from mcuq.targets import load_target

ORIGIN = Origin("0" * 64, RangeSource.CALIBRATED, (("samples", "0"),))


def quant(scale: float = 0.5, zero_point: int = 0) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), zero_point, DType.INT8)


def type_params(dtype: DType) -> QuantParams:
    """Parameters of a tensor of a type: int32 are indices, everything else codes."""
    return QuantParams((1.0,), 0, dtype) if dtype is DType.INT32 else QuantParams((0.5,), 0, dtype)


@dataclasses.dataclass
class ProgramBuilder:
    """Collects tensors, steps and ports; every method returns a tensor's index."""

    rounding: Rounding = Rounding.DOUBLE
    tensors: list[ProgramTensor] = dataclasses.field(default_factory=list)
    steps: list[Step] = dataclasses.field(default_factory=list)
    inputs: list[ProgramPort] = dataclasses.field(default_factory=list)
    outputs: list[ProgramPort] = dataclasses.field(default_factory=list)

    def tensor(self, shape: Shape, params: QuantParams | None = None, storage: int | None = None) -> int:
        number = len(self.tensors)
        owner = number if storage is None else self.tensors[storage].storage
        self.tensors.append(ProgramTensor(f"t{number}", tuple(shape), params or quant(), owner))
        return number

    def input(self, shape: Shape, params: QuantParams | None = None, name: str | None = None) -> int:
        number = self.tensor(shape, params)
        name = f"in{len(self.inputs)}" if name is None else name
        self.inputs.append(ProgramPort(name, number, tuple(shape), tuple(range(len(shape)))))
        return number

    def step(
        self, op: StepOp, *inputs: int, name: str | None = None, params: QuantParams | None = None
    ) -> int:
        return self.outputs_of(op, *inputs, name=name, params=params)[0]

    def outputs_of(
        self, op: StepOp, *inputs: int, name: str | None = None, params: QuantParams | None = None
    ) -> tuple[int, ...]:
        """A step with all its outputs; `params` are those of the first, by default of its element type."""
        xs = [self.tensors[x] for x in inputs]
        types = op.output_types(*(x.quant.dtype for x in xs))
        outputs = tuple(
            self.tensor(shape, params if params and not position else type_params(dtype))
            for position, (shape, dtype) in enumerate(
                zip(op.infer_outputs(*(x.shape for x in xs)), types, strict=True)
            )
        )
        name = f"{op.kind} {len(self.steps)}" if name is None else name
        self.steps.append(Step(name, op, inputs, outputs))
        return outputs

    def output(self, tensor: int, name: str | None = None) -> None:
        shape = self.tensors[tensor].shape
        name = f"out{len(self.outputs)}" if name is None else name
        self.outputs.append(ProgramPort(name, tensor, shape, tuple(range(len(shape)))))

    def program(self) -> Program:
        return Program(
            tuple(self.tensors),
            tuple(self.steps),
            tuple(self.inputs),
            tuple(self.outputs),
            self.rounding,
            ORIGIN,
        )


def step_shapes(program: Program, step: Step) -> StepShapes:
    return StepShapes.of_step(program, step)


def calls_of(program: Program, variants: Sequence[VariantType]) -> tuple[KernelCall, ...]:
    """The call of one given variant per step."""
    return tuple(
        variant(step.op, step_shapes(program, step)).call()
        for variant, step in zip(variants, program.steps, strict=True)
    )


def portable_calls(program: Program) -> tuple[KernelCall, ...]:
    """The first portable variant that accepts each step, without a search for the best."""
    portable = isa_variants("portable")
    found = (for_step(portable, step.op, step_shapes(program, step)) for step in program.steps)
    return tuple(next(one.call() for one in variants if one.refusal() is None) for variants in found)


def stacked_plan(
    program: Program,
    calls: Sequence[KernelCall],
    target: str,
    heirs: Mapping[int, int] | None = None,
    over: Mapping[int, tuple[int, int]] | None = None,
    *,
    alignment: int = 4,
    is_checked: bool = True,
) -> Plan:
    """A plan whose tensors lie one behind the other, with every step's scratch behind them all.

    Args:
        heirs: storages that lie where another storage lies, for steps in place.
        over: storages that begin some bytes before another, an older one, whatever they overlap.
        alignment: of those.
        is_checked: whether the map is proved.
    """
    places: list[Place | None] = [None] * len(program.tensors)
    for region, ports in ((MemoryRegion.INPUT, program.inputs), (MemoryRegion.OUTPUT, program.outputs)):
        for index, port in enumerate(ports):
            places[program.storage(port.tensor)] = Place(region, index, 0)
    older, end = {under: (number, before) for number, (under, before) in (over or {}).items()}, 0
    for number, tensor in enumerate(program.tensors):
        if tensor.storage != number or places[number] is not None:
            continue
        if heirs and number in heirs:
            places[number] = places[heirs[number]]
            continue
        lift, size = 0, tensor.size_bytes
        if number in older:
            other, before = older[number]
            lift = max(before, 0)
            size = max(lift + size, lift - before + program.tensors[other].size_bytes)
            places[other] = Place(MemoryRegion.ARENA, 0, end + lift - before)
        places[number] = Place(MemoryRegion.ARENA, 0, end + lift)
        end += -(-size // 8) * 8
    scratch = [call.scratch_bytes for call in calls]
    memory = MemoryMap(
        tuple(range(len(program.steps))),
        tuple(places[tensor.storage] for tensor in program.tensors),
        tuple(end if size else 0 for size in scratch),
        end + max(scratch, default=0),
    )
    if is_checked:
        walks = [call.walks for call in calls]
        check_memory(program, scratch, memory, walks=walks, alignment=alignment)
    return Plan(program, target, tuple(calls), memory)


def write_firmware(folder: Path, plan: Plan, name: str = "net", isa: Sequence[str] | None = None) -> Path:
    """Emit a plan and write it, without a verification; kernels come from `isa`, by default the target's."""
    write_files(folder, emit_firmware(plan, name, isa or load_target(plan.target).core.isa))
    return folder


def random_codes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape, dtype=np.int8)


def mixed_codes(
    rng: np.random.Generator, shape: Shape, zero_point: int, samples: int, dtype: DType = DType.INT8
) -> np.ndarray:
    """Codes `[samples, *shape]`: all smallest, all largest, uniform, around zero, extremes, a narrow band."""
    size, lo, hi = elem_count(shape), dtype.qmin, dtype.qmax

    def uniform() -> np.ndarray:
        return rng.integers(lo, hi + 1, size, dtype=dtype.numpy)

    near = np.clip(zero_point + rng.integers(-1, 2, size), lo, hi)
    band = np.clip(zero_point + rng.integers(-20, 21, size), lo, hi)
    rows = [np.full(size, lo), np.full(size, hi), uniform(), near, rng.choice([lo, hi], size), band]
    while len(rows) < samples:
        rows.append(uniform())
    return np.stack(rows[:samples]).astype(dtype.numpy).reshape(samples, *shape)
