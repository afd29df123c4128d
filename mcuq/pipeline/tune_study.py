"""What every evaluation of a search starts from, and what an evaluation is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import numpy as np

from mcuq.analyze.measures import agreement, power
from mcuq.calibrate.config import config_sha256
from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import Listener
from mcuq.calibrate.store import TensorStore
from mcuq.codegen.manifest import sizes
from mcuq.errors import McuqError
from mcuq.ir.graph import Graph
from mcuq.ir.integer import dequantize_array
from mcuq.ir.plan import KernelCosts, Plan
from mcuq.ir.program import Program
from mcuq.ir.store import program_to_npz
from mcuq.ir.types import Float32, elem_count
from mcuq.kernels.costs import load_costs
from mcuq.options import QuantOptions
from mcuq.pipeline.build import apply_build_options
from mcuq.pipeline.calibrate import Measured, Record, config_record
from mcuq.pipeline.compile import Compiled
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.measure import ChannelTruth
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.ranging import ranges_of
from mcuq.pipeline.stream import apply_stream
from mcuq.quantize.equalize.judged import judged_tensors
from mcuq.quantize.reference import Reference
from mcuq.resources import code_sha256
from mcuq.settings import has_ranges
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import samples_together, trace_program
from mcuq.targets import load_target
from mcuq.tune.database import Answer
from mcuq.tune.figures import Figures
from mcuq.tune.moves import MoveSet, with_moves

# Of a multiply-accumulate, or an output, of a kernel in plain C: what the slowest take.
_UNMEASURED_CYCLES = 25


@dataclasses.dataclass(frozen=True, eq=False)
class JudgingSamples:
    """Samples that nothing was fitted to, and what the float model gives for them.

    Args:
        inputs: by name, `[n, *model shape]`.
        judged: logits rather than probabilities, `[n, *device shape]` by tensor.
        outputs: `[n, *device shape]` by tensor of an output port.
    """

    inputs: Mapping[str, Float32]
    judged: Mapping[str, Float32]
    outputs: Mapping[str, Float32]

    @property
    def count(self) -> int:
        """How many samples."""
        return len(next(iter(self.inputs.values())))

    def sha256(self) -> str:
        """Hash of all values."""
        digest = hashlib.sha256()
        for part in (self.inputs, self.judged, self.outputs):
            for name, array in part.items():
                digest.update(repr((name, array.shape)).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def hold_out(graph: Graph, samples: Samples) -> JudgingSamples:
    """Run the float model over held-out samples.

    Args:
        graph: stage CANONICAL.
        samples: values of its inputs in the model's layout.
    """
    judged = judged_tensors(graph)
    outputs = tuple(dict.fromkeys(port.tensor for port in graph.outputs))
    names = tuple(dict.fromkeys((*judged, *outputs)))
    found: dict[str, list[Float32]] = {name: [] for name in names}

    def keep(values: Mapping[str, Float32]) -> None:
        for name, parts in found.items():
            parts.append(values[name].copy())

    FloatRun(graph, names).listen(samples, [Listener(names, keep)])
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    return JudgingSamples(
        {name: samples.array(name) for name in samples.names},
        {name: whole[name] for name in judged},
        {name: whole[name] for name in outputs},
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """All that an evaluation needs: small enough to be sent to other processes.

    Args:
        graph: stage CANONICAL.
        stores: of its calibrated tensors.
        reference: what weights are fitted to, None where they are rounded to nearest.
        model_sha256: hash of the model file.
        recorded: what the program records of the data, as option pairs.
        options: of the build that moves start from.
        target: a core or a board.
        held_out: what builds are judged by.
        samples: that calibrated, by name of the input, `[n, *model shape]`; each build equalizes on them.
        channels: what equalization is judged by, None where it is not tried.
        rates: cycles for each unit of work of kernels that have no model, as profiled.
        methods: of ranges, that were chosen for single tensors.
    """

    graph: Graph
    stores: Mapping[str, TensorStore]
    reference: Reference | None
    model_sha256: str
    recorded: Record
    options: QuantOptions
    target: str
    held_out: JudgingSamples
    samples: Mapping[str, Float32]
    channels: ChannelTruth | None = None
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    methods: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def key(self) -> str:
        """Hash of all that an evaluation depends on besides the candidate."""
        parts = {
            "versions": [code_sha256(), np.__version__],
            "model": self.model_sha256,
            "options": self.options.record(),
            "build": [
                self.options.rounding,
                self.options.eliminate_channels,
                self.options.consume_input,
                self.options.optimize,
                self.options.flash,
            ],
            "config": config_sha256(self.options.overrides),
            "data": self.recorded,
            "target": self.target,
            "held out": self.held_out.sha256(),
            "rates": sorted((kernel, rate.hex()) for kernel, rate in self.rates.items()),
            "ranges": [
                (name, store.lo.hex(), store.hi.hex(), store.count) for name, store in self.stores.items()
            ],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def options_of(self, candidate: MoveSet) -> QuantOptions:
        """The options of the build that a candidate stands for."""
        return with_moves(self.options, candidate)


def evaluate_candidate(study: Study, candidate: MoveSet) -> Answer:
    """Compile a candidate as `mcuq build` would, simulate it, and plan its memory."""
    try:
        compiled = compile_candidate(study, candidate)
        figures, _ = judge(study, compiled, study.options_of(candidate))
    except McuqError as error:
        first = error.problems[0]
        return Answer(None, f"{first.code}: {first.title}; {first.where}; {first.why}")
    return Answer(figures)


def compile_candidate(study: Study, candidate: MoveSet) -> Compiled:
    """The program of a candidate: to the last bit that which `mcuq build` makes of its settings.

    Raises:
        McuqError: as a build.
    """
    options = study.options_of(candidate)
    # As a build does, which does not ask for what it does not need.
    is_fixed = has_ranges(options.overrides)
    calibrated = Measured(
        study.graph,
        ranges_of(study.graph, study.stores, options, study.methods),
        study.model_sha256,
        (*study.recorded, *config_record(study.graph, options)),
        Samples.of_values(study.samples),
        study.reference,
        None if is_fixed else study.channels,
    )
    return compile_best(calibrated, options)


def judge(study: Study, compiled: Compiled, options: QuantOptions) -> tuple[Figures, Plan]:
    """What a program costs and how good it is, and its plan.

    Where a board has no room for it, it is planned for the board's core.

    Raises:
        McuqError: as a build, but for T001.
    """
    program = apply_build_options(apply_stream(compiled.program, options), options)
    plan, fits = _plan(program, study.target, options.flash)
    noise, agrees = _quality(compiled.by_sample, study.held_out)
    costs, size = plan.costs, sizes(plan)
    assert costs is not None
    known = costs.known_cycles
    figures = Figures(
        flash_bytes=_flash_bytes(plan, costs),
        ram_bytes=ram_bytes(size),
        cycles=None if known is None else known + costs.missed_cycles + _unmeasured_cycles(plan, study.rates),
        agreement=agrees,
        noise=noise,
        program_sha256=hashlib.sha256(program_to_npz(program)).hexdigest(),
        fits=fits,
    )
    return figures, plan


def _flash_bytes(plan: Plan, costs: KernelCosts) -> int | None:
    """Constants and code; a kernel that was not measured counts as the largest. None where none was."""
    known = load_costs(plan.resolved.core.name)
    if costs.flash_bytes is not None or not known.code:
        return costs.flash_bytes
    files = {file for call in plan.calls for file in known.kernel_files(call.kernel)}
    return costs.constant_bytes + known.code_sizes(costs.optimize).bound(files)


def _unmeasured_cycles(plan: Plan, rates: Mapping[str, float]) -> int:
    """Of steps whose kernels have no model on the core: by what was profiled, or a guess that is high."""
    return sum(
        round(rates.get(kernel, _UNMEASURED_CYCLES) * work) for kernel, work in unmeasured_work(plan).values()
    )


def unmeasured_work(plan: Plan) -> dict[int, tuple[str, int]]:
    """Steps whose kernels have no model on the core: kernel and work, by index.

    Work is multiply-accumulates, or outputs where there are more of them.
    """
    known = load_costs(plan.resolved.core.name).coefficients
    found = {}
    for index, (step, call) in enumerate(zip(plan.program.steps, plan.calls, strict=True)):
        if call.kernel not in known:
            shape = plan.program.tensors[step.output].shape
            found[index] = call.kernel, max(step.op.macs(shape), elem_count(shape))
    return found


def ram_bytes(size: Mapping[str, int]) -> int:
    """Arena, buffers of inputs and outputs, and state.

    Args:
        size: of `mcuq.codegen.manifest.sizes`.
    """
    parts = ("arena_bytes", "input_bytes", "output_bytes", "state_bytes")
    return sum(size.get(part, 0) for part in parts)


def _plan(program: Program, target: str, flash: str | None) -> tuple[Plan, bool]:
    try:
        return plan_program(program, target, flash), True
    except McuqError as error:
        if any(problem.code != "T001" for problem in error.problems):
            raise
        return plan_program(program, load_target(target, flash).core.name), False


def _quality(program: Program, held_out: JudgingSamples) -> tuple[float, float | None]:
    """Noise of the judged tensors relative to their power, summed, and agreement of the first output.

    Agreement is that of what the firmware returns; where this is one element, as of an argmax, of what that
    reads.
    """
    wanted = {**held_out.judged, **held_out.outputs}
    found = _values(program, held_out, wanted)
    noise = 0.0
    for name, real in held_out.judged.items():
        noise += power(real.astype(np.float64) - found[name]) / max(power(real), 1e-300)
    output, judged = next(iter(held_out.outputs)), next(iter(held_out.judged))
    agrees = agreement(held_out.outputs[output], found[output])
    if agrees is None:
        agrees = agreement(held_out.judged[judged], found[judged])
    return noise, agrees


def _values(program: Program, held_out: JudgingSamples, wanted: Mapping[str, Float32]) -> dict[str, Float32]:
    """What the integers give for tensors of the float model, in their shapes."""
    codes = quantize_inputs(program, dict(held_out.inputs))
    # A reshaped tensor is no step's output, but lies in the memory of one.
    names: dict[int, list[str]] = {}
    for each in program.tensors:
        if each.name in wanted:
            names.setdefault(each.storage, []).append(each.name)
    parts: dict[str, list[Float32]] = {name: [] for name in wanted}
    # An output may be an input as it is.
    for port, x in zip(program.inputs, codes, strict=True):
        quant = program.tensors[port.tensor].quant
        for name in names.get(program.storage(port.tensor), ()):
            values = dequantize_array(x, quant.step, quant.zero_point)
            parts[name].append(values.reshape(len(x), *wanted[name].shape[1:]))
    together = samples_together(program)
    for start in range(0, held_out.count, together):
        chunk = [array[start : start + together] for array in codes]
        for _, step, ys in trace_program(program, chunk):
            for tensor, y in zip(step.outputs, ys, strict=True):
                quant = program.tensors[tensor].quant
                for name in names.get(program.storage(tensor), ()):
                    values = dequantize_array(y, quant.step, quant.zero_point)
                    parts[name].append(values.reshape(len(y), *wanted[name].shape[1:]))
    return {name: np.concatenate(each) for name, each in parts.items()}
