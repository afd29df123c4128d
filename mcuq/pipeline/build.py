"""The main job: a model becomes a verified firmware directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import Progress
from mcuq.codegen.emit import emit_firmware
from mcuq.codegen.manifest import with_budget
from mcuq.codegen.names import check_name, default_name
from mcuq.errors import McuqError, fail
from mcuq.files import scratch_folder
from mcuq.frontend import open_model
from mcuq.interchange.carried import carried_notes, carried_program
from mcuq.ir.encodings import Note
from mcuq.ir.kernel_set import KernelSet
from mcuq.ir.plan import Plan
from mcuq.ir.program import Optimize, Program
from mcuq.ir.types import Array
from mcuq.options import QuantOptions
from mcuq.pipeline.budget import BuildBudget, KeptLimit, check_budget
from mcuq.pipeline.calibrate import Imported, calibrate_model, data_warnings, given_samples
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.directory import check_replaceable, publish, write_files
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.library_times import measure_library
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import STORED_SUFFIX, load_program
from mcuq.pipeline.stream import apply_stream, hops_of
from mcuq.quantize.report import WeightReport
from mcuq.quantize.weight_widths import narrowed_layers
from mcuq.simulator.ports import quantize_inputs
from mcuq.stream.stream import stream_record
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.report import VerifyReport

VerifyOn = Literal["host", "emulator", "none"]

# Real samples verified at build time; an emulated core is hundreds of times slower than the host.
_SAMPLES = {"host": 32, "emulator": 4}


@dataclasses.dataclass(frozen=True)
class BuildResult:
    """What a build made.

    Args:
        directory: the firmware directory.
        name: its C name.
        plan: what it computes and where.
        files: all its files.
        report: of the verification, None when there was none.
        weights: what adjusting the weights did, None where they were not.
        warnings: what the firmware has otherwise than the model file, what is suspicious about the data, and
            which budget was compared with something else than it limits.
        imported: what became of every parameter that came with the model or in a file.
    """

    directory: Path
    name: str
    plan: Plan
    files: dict[str, bytes]
    report: VerifyReport | None
    weights: WeightReport | None = None
    warnings: tuple[str, ...] = ()
    imported: tuple[Note, ...] = ()


def build(
    model: Path,
    target: str,
    *,
    calibration: CalibrationData | None = None,
    output: Path | None = None,
    name: str | None = None,
    verify: VerifyOn = "host",
    options: QuantOptions | None = None,
    progress: Progress | None = None,
    ranges: Path | None = None,
    encodings: Path | None = None,
    budget: BuildBudget | None = None,
    place: str | None = None,
    cmsis_nn: Path | None = None,
) -> BuildResult:
    """Compile a model to a firmware directory, proven before it is written.

    Args:
        model: an ONNX or TensorFlow Lite file or a stored program (`.mcuq.npz`).
        target: a core or a board, or the path of a file of one (.toml).
        calibration: samples to measure ranges on; without them ranges come from synthetic inputs.
        output: the firmware directory; by default `./<name>_mcuq`.
        name: prefix of C symbols; by default the file's stem.
        verify: where the firmware is compared with the simulator before it is written.
        options: how to quantize.
        progress: called as calibration goes on.
        ranges: ranges of `mcuq calibrate`, instead of measuring them.
        encodings: parameters of another tool for tensors and weights, by the model's names.
        budget: what the firmware may need at most.
        place: where constants, arena and kernels lie, by names of the board's memories (docs/targets.md).
        cmsis_nn: where that library is, to prove and to measure firmware that calls it; default: see
            `find_library`.

    Raises:
        McuqError: for every refusal; nothing is written then. V001 where firmware and simulator differ, T001
            and T007 where the firmware needs more than its board has or it may.
    """
    name = default_name(model) if name is None else check_name(name)
    directory = Path(f"{name}_mcuq") if output is None else output
    options = options or QuantOptions()
    resolved = load_target(target, options.flash).placed(place)
    check_replaceable(directory)
    if model.name.endswith(STORED_SUFFIX):
        _check_settled(options, model)
        found = _Subject(load_program(model))
    else:
        found = _compile_file(model, calibration, options, progress, ranges, encodings)
    program = apply_build_options(apply_stream(found.program, options), options)
    program = measure_library(program, resolved, name, cmsis_nn)
    plan = plan_program(program, resolved, is_checked=False)
    files = emit_firmware(plan, name, resolved.core.isa)
    kept = check_budget(plan, resolved, budget or BuildBudget(), name, files, found.narrowed, cmsis_nn)
    files |= _with_limits(files, name, kept)
    samples = None if found.given is None or verify == "none" else _first_codes(program, found.given, verify)
    report = None if verify == "none" else _verify(plan, name, files, verify, samples, cmsis_nn)
    publish(directory, files)
    warnings = (*found.warnings, *(text for each in kept for text in each.warnings()))
    return BuildResult(directory, name, plan, files, report, found.weights, warnings, found.imported)


def _with_limits(files: Mapping[str, bytes], name: str, kept: Sequence[KeptLimit]) -> dict[str, bytes]:
    """The manifest with the limits that the build keeps to."""
    path = f"{name}.mcuq.json"
    return {path: with_budget(files[path], [each.to_json() for each in kept])}


def _check_settled(options: QuantOptions, model: Path) -> None:
    """A stored program is tied already, or has no ports to tie, and its outputs have their types."""
    asked = {
        "--state": bool(options.state or options.state_initial or options.state_pairs),
        "--output-type": bool(options.asked_types),
    }
    for option in [name for name, is_asked in asked.items() if is_asked]:
        what = "state" if option == "--state" else "outputs' types"
        raise fail(
            "O013",
            "two options contradict each other",
            where=f"{option} and {model.name}",
            why=f"the integers of a stored program are settled, and with them its {what}",
            fix="give the model that it was built from",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Subject:
    """What is built: a program, what is told about it, and real samples to verify it with.

    `narrowed` names the layers that `--weight-bits 4` would give four bits; None of what is settled.
    """

    program: Program
    weights: WeightReport | None = None
    warnings: tuple[str, ...] = ()
    imported: tuple[Note, ...] = ()
    given: Samples | None = None
    narrowed: frozenset[str] | None = None


def _compile_file(
    model: Path,
    calibration: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None,
    ranges: Path | None,
    encodings: Path | None,
) -> _Subject:
    """The program that encodings carry, or that of the model."""
    file = open_model(model)
    carried = carried_program(file, encodings, options)
    if carried is not None:
        return _Subject(carried, imported=carried_notes(carried), narrowed=frozenset())
    source = file.read(options.input_shapes)
    del file  # what nothing asks for any more is as large as the model
    notes = source.notes
    calibrated = calibrate_model(source, calibration, options, progress, ranges, encodings)
    del source
    compiled = compile_best(calibrated, options, progress)
    warnings = (*notes, *data_warnings(calibrated))
    given = given_samples(calibrated)
    # The file says of what widths its weights are.
    is_open = not isinstance(calibrated, Imported)
    narrowed = narrowed_layers(compiled.calibrated.graph, options) if is_open else frozenset()
    return _Subject(compiled.program, compiled.weights, warnings, compiled.imported, given, narrowed)


def apply_build_options(program: Program, options: QuantOptions) -> Program:
    """The program with what options say of its firmware; what they leave open stays."""
    if options.eliminate_channels is not None:
        program = dataclasses.replace(program, keeps_channels=not options.eliminate_channels)
    if options.consume_input is not None:
        program = dataclasses.replace(program, consumes_inputs=options.consume_input)
    if options.optimize is not None:
        program = dataclasses.replace(program, optimize=Optimize(options.optimize))
    if options.max_recompute is not None:
        program = dataclasses.replace(program, max_recompute=float(options.max_recompute))
    if options.kernels is not None:
        program = dataclasses.replace(program, kernels=KernelSet(options.kernels), library_times=None)
    return program


def _first_codes(program: Program, samples: Samples, on: Literal["host", "emulator"]) -> tuple[Array, ...]:
    """The codes of the first samples; of a stream, those of the first windows' hops."""
    count, record = _SAMPLES[on], stream_record(program)
    if record is None:
        chosen = samples.take(range(min(len(samples), count)))
        return quantize_inputs(program, {key: chosen.array(key) for key in chosen.names})
    runs = -(-record.window // record.hop)
    chosen = samples.take(range(min(len(samples), -(-count // runs))))
    windows = {key: chosen.array(key) for key in chosen.names}
    hops = [quantize_inputs(program, hop) for hop in hops_of(record, windows, runs)]
    # A window's hops one after the other.
    return tuple(
        np.stack(codes, axis=1).reshape(-1, *codes[0].shape[1:])[:count] for codes in zip(*hops, strict=True)
    )


def _verify(
    plan: Plan,
    name: str,
    files: dict[str, bytes],
    on: Literal["host", "emulator"],
    samples: tuple[Array, ...] | None,
    cmsis_nn: Path | None,
) -> VerifyReport:
    """What a verification found.

    Raises:
        McuqError: V001 where firmware and simulator differ, and as `verify_firmware`.
    """
    random = 1 if on == "emulator" else 4
    if samples is None:
        random = _SAMPLES[on]
    inputs = standard_inputs(plan.program, samples, random)
    with scratch_folder("build") as folder:
        write_files(folder, files)
        report = verify_firmware(folder, plan, name, inputs, on, cmsis_nn=cmsis_nn)
    if report.first_difference is not None:
        raise McuqError(report.first_difference.problem(report.machine))
    return report
