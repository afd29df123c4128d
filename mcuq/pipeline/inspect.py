"""Whether a model can be built, and about what it would cost: before any work, without calibration data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from mcuq.codegen.manifest import sizes
from mcuq.errors import McuqError, Problem
from mcuq.frontend import open_model
from mcuq.ir.graph import Port
from mcuq.ir.model import Model, ModelRefused, OperatorUse
from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.ir.types import Shape, elem_count
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.planning import plan_program
from mcuq.targets import load_target


@dataclasses.dataclass(frozen=True, slots=True)
class ModelPort:
    """An input or output.

    Args:
        name: in the model.
        shape: in the model's layout.
    """

    name: str
    shape: Shape

    @classmethod
    def of(cls, port: Port) -> ModelPort:
        """That of a graph's port."""
        return cls(port.name, port.model_shape)


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """What a firmware would cost: of a build with ranges of noise and every channel kept.

    Args:
        target: a core or a board.
        layers: steps of the program.
        macs: multiply-accumulates.
        constant_bytes: flash of weights and parameters.
        code_bytes: flash of the kernels; None where that was not measured.
        arena_bytes: RAM between the layers.
        io_bytes: RAM of inputs, outputs and state.
        cycles: by the model, of the layers whose kernels were measured; None without a model of the core.
        milliseconds: these at the board's clock, None for a bare core.
    """

    target: str
    layers: int
    macs: int
    constant_bytes: int
    code_bytes: int | None
    arena_bytes: int
    io_bytes: int
    cycles: int | None
    milliseconds: float | None

    @property
    def flash_bytes(self) -> int:
        """Constants, and code where it was measured."""
        return self.constant_bytes + (self.code_bytes or 0)

    @property
    def ram_bytes(self) -> int:
        """Without stack."""
        return self.arena_bytes + self.io_bytes


@dataclasses.dataclass(frozen=True)
class ModelReport:
    """What `mcuq inspect` finds.

    Args:
        file: the model's name.
        operators: what became of them, by name; empty where the file could not be read as far as that.
        inputs: of the model; empty where it cannot be built.
        outputs: likewise.
        parameters: constants of the graph as read, one by one.
        estimate: what it costs, None where it cannot be built.
        problems: all that stands in the way.
        notes: what a firmware has otherwise than the file.
    """

    file: str
    operators: tuple[OperatorUse, ...] = ()
    inputs: tuple[ModelPort, ...] = ()
    outputs: tuple[ModelPort, ...] = ()
    parameters: int | None = None
    estimate: Estimate | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As `mcuq inspect --json` prints it."""
        found = self.estimate
        estimate = None if found is None else dataclasses.asdict(found)
        if found is not None and estimate is not None:
            estimate |= {"flash_bytes": found.flash_bytes, "ram_bytes": found.ram_bytes}
        return {
            "file": self.file,
            "can_be_built": not self.problems,
            "operators": [dataclasses.asdict(each) for each in self.operators],
            "inputs": [dataclasses.asdict(each) for each in self.inputs],
            "outputs": [dataclasses.asdict(each) for each in self.outputs],
            "parameters": self.parameters,
            "estimate": estimate,
            "notes": list(self.notes),
            "problems": [dataclasses.asdict(each) for each in self.problems],
        }


def inspect_model(path: Path, target: str, input_shapes: Mapping[str, Shape]) -> ModelReport:
    """Look at a model file.

    Args:
        path: a model file.
        target: a core or a board.
        input_shapes: of inputs whose shape the file leaves open, by name.

    Returns:
        What was found; problems of the model are in it.

    Raises:
        McuqError: O002 or T005 for the target, O012 or O014 for the path.
    """
    load_target(target)
    file = open_model(path)
    try:
        model = file.read(input_shapes)
    except ModelRefused as error:
        return ModelReport(path.name, error.operators, problems=error.problems)
    except McuqError as error:
        return ModelReport(path.name, problems=error.problems)
    report = ModelReport(
        path.name,
        model.operators,
        tuple(ModelPort.of(port) for port in model.graph.inputs),
        tuple(ModelPort.of(port) for port in model.graph.outputs),
        sum(elem_count(array.shape) for array in model.graph.constants.values()),
        notes=model.notes,
    )
    try:
        program = _sketch(model)
    except McuqError as error:
        return dataclasses.replace(report, problems=error.problems)
    return _estimated(report, program, target)


def _sketch(model: Model) -> Program:
    """The program with ranges of one sample of noise; no channel is dropped for what noise leaves unused."""
    options = QuantOptions(samples=1)
    program = compile_model(calibrate_model(model, None, options), options).program
    return dataclasses.replace(program, keeps_channels=True)


def _estimated(report: ModelReport, program: Program, target: str) -> ModelReport:
    """The report with what the program costs, also where it does not fit the target's memory."""
    problems: tuple[Problem, ...] = ()
    try:
        plan = plan_program(program, target)
    except McuqError as error:
        problems = error.problems
        if problems[0].code != "T001":
            return dataclasses.replace(report, problems=problems)
        plan = plan_program(program, load_target(target).core.name)
    return dataclasses.replace(report, estimate=_estimate(plan, target), problems=problems)


def _estimate(plan: Plan, target: str) -> Estimate:
    board, size = load_target(target).board, sizes(plan)
    code = None if plan.costs is None else plan.costs.code_bytes
    cycles = None if plan.costs is None else plan.costs.run_cycles
    is_timed = board is not None and cycles is not None
    return Estimate(
        target=target,
        layers=len(plan.program.steps),
        macs=size["macs"],
        constant_bytes=size["weights_bytes"],
        code_bytes=code,
        arena_bytes=size["arena_bytes"],
        io_bytes=size["input_bytes"] + size["output_bytes"] + size.get("state_bytes", 0),
        cycles=cycles,
        milliseconds=1e3 * cycles / board.clock_hz if is_timed and board and cycles else None,
    )
