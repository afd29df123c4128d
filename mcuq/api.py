"""The Python API: what the command line does, with arrays as well as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcuq.calibrate.data import InputSpec, Samples
from mcuq.calibrate.images import Preprocessing
from mcuq.ir.program import Program
from mcuq.ir.types import Array, Float32, Int8
from mcuq.options import QuantOptions
from mcuq.packages.emit import PackageInfo
from mcuq.packages.layouts import PackageFormat
from mcuq.pipeline.budget import BuildBudget
from mcuq.pipeline.build import BuildResult, VerifyOn
from mcuq.pipeline.build import build as _build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.evaluate import Evaluation, Metric
from mcuq.pipeline.evaluate import evaluate as _evaluate
from mcuq.pipeline.firmware import Firmware
from mcuq.pipeline.firmware import open_firmware as _open_firmware
from mcuq.pipeline.lock import check_lock, write_lock
from mcuq.pipeline.package import DEFAULT_INFO, PackageResult, package_firmware
from mcuq.pipeline.trust import source_folder
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from mcuq.verify.firmware import Where, verify_firmware
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.report import VerifyReport

Data = str | Path | Mapping[str, Array]


def build(
    model: str | Path,
    target: str,
    *,
    calibration: Data | None = None,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    name: str | None = None,
    verify: VerifyOn = "host",
    options: QuantOptions | None = None,
    encodings: str | Path | None = None,
    preprocessing: Preprocessing | None = None,
    budget: BuildBudget | None = None,
    place: str | None = None,
    cmsis_nn: str | Path | None = None,
) -> BuildResult:
    """Compile a model to a firmware directory; see `mcuq.pipeline.build.build`.

    Args:
        model: an ONNX or TensorFlow Lite file or a stored program.
        target: a core or a board, or the path of a file of one (.toml).
        calibration: a file, a folder, or arrays by input name, in the model's layout: real values
            `[n, *shape]`, where a batch axis of 1 may be left out.
        labels: classes of the samples, for stratified sampling.
        output: the firmware directory.
        name: prefix of C symbols.
        verify: where the firmware is proven before it is written.
        options: how to quantize.
        encodings: a file with parameters of another tool.
        preprocessing: how the images of a folder become values.
        budget: what the firmware may need at most.
        place: where constants, arena and kernels lie, by names of the board's memories.
        cmsis_nn: where that library is, to prove firmware that calls it; default: see `find_library`.

    Raises:
        McuqError: for every refusal; nothing is written then.
    """
    data = None
    if calibration is not None:
        images = preprocessing or Preprocessing()
        data = CalibrationData(_source(calibration), None if labels is None else Path(labels), images)
    return _build(
        Path(model),
        target,
        calibration=data,
        output=None if output is None else Path(output),
        name=name,
        verify=verify,
        options=options,
        encodings=None if encodings is None else Path(encodings),
        budget=budget,
        place=place,
        cmsis_nn=None if cmsis_nn is None else Path(cmsis_nn),
    )


def _source(data: Data) -> Path | Samples:
    return Samples.from_arrays(data) if isinstance(data, Mapping) else Path(data)


def _codes(program: Program, inputs: Mapping[str, Array]) -> tuple[Int8, ...]:
    """The codes of real inputs, `[n, *device shape]` per port."""
    specs = [InputSpec(port.name, port.model_shape) for port in program.inputs]
    samples = Samples.from_arrays(inputs).fit(specs)
    return quantize_inputs(program, {name: samples.array(name) for name in samples.names})


def open_firmware(directory: str | Path) -> Firmware:
    """Read a firmware directory back.

    Raises:
        McuqError: O011, M009.
    """
    return _open_firmware(Path(directory))


def quantize(firmware: Firmware, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
    """The codes that the firmware takes for real values.

    Args:
        firmware: from `open_firmware`.
        inputs: real values `[n, *model shape]` by input name; a batch axis of 1 may be left out.

    Returns:
        Codes `[n, *device shape]` per input, in the order of the model.

    Raises:
        McuqError: O005 to O008 for arrays that do not fit.
    """
    return _codes(firmware.plan.program, inputs)


def simulate(firmware: Firmware, inputs: Mapping[str, Array]) -> dict[str, Float32]:
    """What the firmware computes, as real values.

    Args:
        firmware: from `open_firmware`.
        inputs: real values `[n, *model shape]` by input name; a batch axis of 1 may be left out.

    Returns:
        float32 `[n, *model shape]` by output name.

    Raises:
        McuqError: O005 to O008 for arrays that do not fit.
    """
    program = firmware.plan.program
    return dequantize_outputs(program, simulate_program(program, _codes(program, inputs)))


def verify(
    directory: str | Path,
    on: Where = "host",
    samples: int = 32,
    inputs: Mapping[str, Array] | None = None,
    trust: bool = False,
    cmsis_nn: str | Path | None = None,
) -> VerifyReport:
    """Compare every value of every step of a firmware directory with the simulator.

    This compiles its C and runs it with your rights.

    Args:
        directory: the firmware directory.
        on: the host, or the core: on the emulator that has it, Unicorn before QEMU, or on QEMU.
        samples: random samples where there are no inputs; the extremes are always added.
        inputs: as for `simulate`.
        trust: compile and run C that differs from the manifest's checksums.
        cmsis_nn: where that library is, for firmware that calls it; by default where the environment says.

    Raises:
        McuqError: V004 for such C without `trust`, O011, M009, and as `verify_firmware`.
    """
    firmware = open_firmware(directory)
    program = firmware.plan.program
    codes = None if inputs is None else _codes(program, inputs)
    codes = standard_inputs(program, codes, samples if codes is None else 1)
    with source_folder(firmware.sources, trust) as folder:
        library = None if cmsis_nn is None else Path(cmsis_nn)
        return verify_firmware(folder, firmware.plan, firmware.name, codes, on, cmsis_nn=library)


def evaluate(
    directory: str | Path,
    model: str | Path,
    inputs: Data,
    labels: str | Path | None = None,
    metric: Metric | None = None,
    preprocessing: Preprocessing | None = None,
) -> Evaluation:
    """The quality of the integers beside that of the float model; see `mcuq.pipeline.evaluate.evaluate`."""
    truth = None if labels is None else Path(labels)
    source = _source(inputs)
    return _evaluate(Path(directory), Path(model), source, truth, metric, preprocessing=preprocessing)


def package(
    directory: str | Path,
    package_format: PackageFormat,
    output: str | Path | None = None,
    info: PackageInfo = DEFAULT_INFO,
) -> PackageResult:
    """Write a firmware directory as a library; see `mcuq.pipeline.package.package_firmware`."""
    return package_firmware(Path(directory), package_format, None if output is None else Path(output), info)


def lock(directory: str | Path, output: str | Path | None = None, trust: bool = False) -> Path:
    """Write the lock of a firmware directory and return its path; `trust` as in `verify`."""
    return write_lock(Path(directory), None if output is None else Path(output), trust)


def check(path: str | Path, trust: bool = False) -> None:
    """Build again from the stored program and compare with a lock; `trust` as in `verify`.

    Raises:
        McuqError: V002 with everything that moved.
    """
    check_lock(Path(path), trust)
