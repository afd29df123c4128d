"""Build random graphs and hold every value of every step against the simulator."""

from __future__ import annotations

import collections
import dataclasses
import json
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx

from mcuq.calibrate.data import Samples
from mcuq.codegen.emit import emit_firmware
from mcuq.errors import McuqError
from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.directory import write_files
from mcuq.pipeline.planning import eliminate_for, plan_program
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program, trace_plan, trace_program
from mcuq.targets import load_target
from mcuq.verify.inputs import standard_inputs
from tests.random_graphs import floats
from tests.random_graphs.generate import Recipe
from tests.random_graphs.harness import Result, Unit, producers, run_units
from tests.random_graphs.widths import mix_widths

BUILD_TARGET = "cortex-m4"
SANITIZERS = ("address", "undefined")
# What a valid model may be refused for, and why that is no failure.
ALLOWED = {
    "M004": "a form that the documentation excludes: a pad with minus infinity, an output that is an input",
    "O008": "a state that becomes infinite or undefined in the course of a sequence",
    "M010": "a transpose that no pass can move and no kernel computes",
    "Q001": "a function that is undefined for codes that its input can have",
    "Q002": "a bias too large for its layer's accumulator",
    "Q003": "an output whose range is too small for its inputs'",
}


@dataclasses.dataclass
class Outcome:
    """What became of one graph.

    Args:
        seed: of the recipe.
        status: "ok", "refused" or "failed".
        detail: the code of a refusal, the message of a failure.
        compared: values of steps and outputs that agreed with the simulator.
        sqnr_db: the worst output against the float model, None where it says nothing.
        is_benign: whether it should say something.
        float_error: canonical graph against model, relative to each output's largest value.
        operators: how often each occurs in the model.
        steps: how often each kind of step occurs in the program.
        is_mixed: whether single tensors and layers had widths of their own.
    """

    seed: int
    status: str = "ok"
    detail: str = ""
    compared: int = 0
    sqnr_db: float | None = None
    is_benign: bool = False
    float_error: float = 0.0
    operators: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    steps: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    is_mixed: bool = False


# Functions that make little of much, or much of little.
UNEVEN = {
    "ai.onnx.ml.Binarizer",
    "Ceil",
    "Exp",
    "Floor",
    "Hardmax",
    "Log",
    "OneHot",
    "Pow",
    "Reciprocal",
    "Round",
    "Sign",
    "Sqrt",
    "ThresholdedRelu",
}


def operator(node: onnx.NodeProto) -> str:
    """Its name, with its domain where that is not ONNX's own."""
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


class Mismatch(AssertionError):
    """A value that should be equal is not."""


def check_group(recipes: Sequence[Recipe], folder: Path | None = None) -> list[Outcome]:
    """Build and run some graphs together.

    Args:
        recipes: with one target and different seeds.
        folder: where models and firmware stay; by default they are deleted.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="mcuq-random-") as temporary:
            return check_group(recipes, Path(temporary))
    outcomes = {recipe.seed: Outcome(recipe.seed) for recipe in recipes}
    built: list[tuple[Recipe, Unit]] = []
    for recipe in recipes:
        outcome = outcomes[recipe.seed]
        outcome.operators.update(operator(node) for node in recipe.model.graph.node)
        outcome.is_benign = recipe.is_benign and not UNEVEN & outcome.operators.keys()
        if unit := _guard(outcome, lambda r=recipe, o=outcome: _build(r, o, folder), may_refuse=True):
            built.append((recipe, unit))
    _run_together(built, outcomes, folder)
    return list(outcomes.values())


def _guard(outcome: Outcome, action: Callable[[], Unit | None], *, may_refuse: bool = False) -> Unit | None:
    """Run an action and note how it fails."""
    try:
        return action()
    except McuqError as error:
        codes = sorted({problem.code for problem in error.problems})
        is_allowed = may_refuse and all(code in ALLOWED for code in codes)
        outcome.status, outcome.detail = ("refused", codes[0]) if is_allowed else ("failed", str(error))
    except Mismatch as error:
        outcome.status, outcome.detail = "failed", str(error)
    except Exception:
        outcome.status, outcome.detail = "failed", traceback.format_exc(limit=-9)
    return None


def _run_together(built: Sequence[tuple[Recipe, Unit]], outcomes: dict[int, Outcome], folder: Path) -> None:
    """Run all in one program; one by one where that fails, to know which is to blame."""
    if not built:
        return
    try:
        counts = _run_all(built, folder / "group")
    except Exception:
        if len(built) == 1:
            outcome = outcomes[built[0][0].seed]
            _guard(outcome, lambda: _rethrow(built, folder / "alone"))
            return
        for pair in built:
            _run_together([pair], outcomes, folder / f"only_{pair[1].name}")
        return
    for (recipe, _), count in zip(built, counts, strict=True):
        outcomes[recipe.seed].compared += count


def _rethrow(built: Sequence[tuple[Recipe, Unit]], folder: Path) -> None:
    _run_all(built, folder)
    raise Mismatch("it failed, and passed when it was run again")


def _build(recipe: Recipe, outcome: Outcome, folder: Path) -> Unit:
    """Build one graph's firmware and check what needs no C."""
    name = f"g{recipe.seed}"
    path = folder / f"{name}.onnx"
    path.write_bytes(recipe.model.SerializeToString())
    samples = None if recipe.data is None else Samples.from_arrays(recipe.data)
    calibration = None if samples is None else CalibrationData(samples)
    options = mix_widths(recipe.seed, path, recipe.options) if recipe.is_mixed else recipe.options
    outcome.is_mixed = recipe.is_mixed
    result = build(
        path,
        BUILD_TARGET,
        calibration=calibration,
        output=folder / f"{name}_mcuq",
        name=name,
        verify="none",
        options=options,
        encodings=_encodings(recipe, folder),
    )
    program = result.plan.program
    _check_elimination(result.plan)
    outcome.steps.update(step.op.kind for step in program.steps)
    stored = result.files[f"{name}.mcuq.npz"]
    if program_to_npz(program_from_npz(stored, name, STEP_OPS)) != stored:
        raise Mismatch("the stored program reads back as another one")
    codes = None
    _compare_float(recipe, outcome, path, program)
    if samples is not None:
        few = samples.take(range(min(len(samples), 3)))
        codes = quantize_inputs(program, {key: few.array(key) for key in few.names})
    inputs = standard_inputs(program, codes, 2 if codes is not None else 4)
    return Unit(name, result.directory, result.plan, inputs, _simulate(result.plan, inputs))


def _encodings(recipe: Recipe, folder: Path) -> Path | None:
    if recipe.encodings is None:
        return None
    path = folder / f"g{recipe.seed}.encodings"
    path.write_text(json.dumps(recipe.encodings), "utf-8")
    return path


def _check_elimination(plan: Plan) -> None:
    """Every channel that was not dropped has the codes that it had; layers in strips are compared whole."""
    if plan.stored.keeps_channels:
        return
    found = eliminate_for(plan.stored, load_target(plan.target))
    inputs = standard_inputs(plan.stored, None, 6)
    pairs = zip(trace_program(plan.stored, inputs), trace_program(found.program, inputs), strict=True)
    for (_, step, befores), (_, _, afters) in pairs:
        for tensor, before, after in zip(step.outputs, befores, afters, strict=True):
            kept = found.kept[tensor]
            if not np.array_equal(before[..., kept] if before.ndim > 1 else before, after):
                raise Mismatch(f"step {step.name!r} differs without the channels that were dropped")


def _simulate(plan: Plan, inputs: tuple[np.ndarray, ...]) -> dict[Result, np.ndarray]:
    """Every step's output; the same in planned memory, and within the limits that proofs rely on."""
    program = plan.program
    expected: dict[Result, np.ndarray] = {}
    for index, step, ys in trace_program(program, inputs):
        for number, (y, (lo, hi)) in enumerate(zip(ys, step.op.code_ranges(), strict=True)):
            expected[index, number] = y
            if y.size and not (lo <= y.min() and y.max() <= hi):
                raise Mismatch(f"step {step.name!r} gives {y.min()} to {y.max()}, not {lo} to {hi}")
    for index, step, ys in trace_plan(plan, inputs):
        for number, y in enumerate(ys):
            if not np.array_equal(expected[index, number], y):
                raise Mismatch(f"step {step.name!r} gives other values in the planned memory")
    found = producers(program)
    for port, y in zip(program.outputs, simulate_program(program, inputs), strict=True):
        if not np.array_equal(expected[found[program.storage(port.tensor)]].reshape(y.shape), y):
            raise Mismatch(f"output {port.name!r} differs from the step that computes it")
    return expected


def _compare_float(recipe: Recipe, outcome: Outcome, path: Path, program: Program) -> None:
    """Hold the canonical graph and the integers against what onnxruntime makes of the model itself."""
    samples = Samples.from_arrays(_some_data(recipe, recipe.data or {}))
    outcome.float_error, wrong = floats.difference(recipe.model, path, samples)
    if wrong:
        raise Mismatch(wrong)
    if recipe.data is not None and not recipe.options.state:
        outcome.sqnr_db = floats.signal_to_noise(recipe.model, samples, program)


def _some_data(recipe: Recipe, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Data for every input, drawn for those that have none."""
    rng, count = np.random.default_rng(recipe.seed), len(next(iter(data.values()), "ab"))
    shapes = {x.name: [d.dim_value for d in x.type.tensor_type.shape.dim] for x in recipe.model.graph.input}
    drawn = {n: rng.normal(size=(count, *shape)).astype(np.float32) for n, shape in shapes.items()}
    return {**drawn, **data}


def _run_all(built: Sequence[tuple[Recipe, Unit]], folder: Path) -> list[int]:
    """Compare host and emulated core with the simulator; values compared per unit."""
    recipe, units = built[0][0], [unit for _, unit in built]
    counts = [0] * len(units)
    runs: list[tuple[Sequence[Unit], str, str, bool, Sequence[str]]] = [
        (units, "host", "-O1", True, SANITIZERS)
    ]
    for target in recipe.targets:
        foreign = units if target == BUILD_TARGET else [_retarget(u, target, folder) for u in units]
        runs += [(foreign, target, recipe.opt, is_traced, ()) for is_traced in (True, False)]
    for number, (each, on, opt, is_traced, sanitize) in enumerate(runs):
        place = folder / f"run{number}"
        outputs = run_units(each, on, place, opt=opt, is_traced=is_traced, sanitize=sanitize)
        for index, (unit, raw) in enumerate(zip(each, outputs, strict=True)):
            counts[index] += _compare(unit, raw, on, is_traced=is_traced)
    return counts


def _retarget(unit: Unit, target: str, folder: Path) -> Unit:
    """The stored program built for another core."""
    stored = (unit.directory / f"{unit.name}.mcuq.npz").read_bytes()
    plan = plan_program(program_from_npz(stored, unit.name, STEP_OPS), target)
    directory = folder / f"{unit.name}_{target}"
    write_files(directory, emit_firmware(plan, unit.name, load_target(target).core.isa))
    # Other channels may have been dropped than for the host.
    expected = _simulate(plan, unit.inputs)
    return dataclasses.replace(unit, plan=plan, directory=directory, expected=expected)


def _compare(unit: Unit, raw: bytes, on: str, *, is_traced: bool) -> int:
    """How many values agree.

    Raises:
        Mismatch: where one does not.
    """
    columns = unit.columns(is_traced=is_traced)
    wanted = np.concatenate([column.view(np.uint8) for column in columns], axis=1)
    found = np.frombuffer(raw, np.uint8).reshape(wanted.shape)
    if np.array_equal(wanted, found):
        return sum(column.size for column in columns)
    ends = np.cumsum([column.view(np.uint8).shape[1] for column in columns])
    sample = int(np.argmax((wanted != found).any(axis=1)))
    position = int(np.searchsorted(ends, np.argmax(wanted[sample] != found[sample]), side="right"))
    results = unit.results(is_traced=is_traced)
    what = "an input or output"
    if position < len(results):
        index = results[position][0]
        step, call = unit.plan.program.steps[index], unit.plan.calls[index]
        what = f"step {position} {step.name!r} ({call.kernel}, {dict(call.fields)})"
    expected = columns[position][sample]
    part = found[sample, ends[position] - expected.nbytes : ends[position]].tobytes()
    values = np.frombuffer(part, expected.dtype)
    first = int(np.argmax(expected != values))
    raise Mismatch(
        f"{what} differs on {on}, sample {sample}, element {first}: expected {expected[first]}, "
        f"found {values[first]}; {int((expected != values).sum())} of {expected.size} differ"
    )
