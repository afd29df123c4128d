"""The Python API: what the command line does, with arrays as well as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcuq.calibrate.data import Samples
from mcuq.ir.types import Array, Float32
from mcuq.options import QuantOptions
from mcuq.pipeline.build import BuildResult, VerifyOn
from mcuq.pipeline.build import build as _build
from mcuq.pipeline.evaluate import Evaluation, Metric
from mcuq.pipeline.evaluate import evaluate as _evaluate
from mcuq.pipeline.firmware import Firmware
from mcuq.pipeline.firmware import open_firmware as _open_firmware
from mcuq.pipeline.lock import check_lock, write_lock
from mcuq.pipeline.model import CalibrationData
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
) -> BuildResult:
    """Compile a model to a firmware directory; see `mcuq.pipeline.build.build`.

    Args:
        model: an ONNX file or a stored program.
        target: a core or a board.
        calibration: a file, a folder, or float32 arrays `[n, *shape]` by input name, in the model's layout.
        labels: classes of the samples, for stratified sampling.
        output: the firmware directory.
        name: prefix of C symbols.
        verify: where the firmware is proven before it is written.
        options: how to quantize.
        encodings: a file with parameters of another tool.

    Raises:
        McuqError: for every refusal; nothing is written then.
    """
    data = None
    if calibration is not None:
        source = Samples.from_arrays(calibration) if isinstance(calibration, Mapping) else Path(calibration)
        data = CalibrationData(source, None if labels is None else Path(labels))
    return _build(
        Path(model),
        target,
        calibration=data,
        output=None if output is None else Path(output),
        name=name,
        verify=verify,
        options=options,
        encodings=None if encodings is None else Path(encodings),
    )


def open_firmware(directory: str | Path) -> Firmware:
    """Read a firmware directory back.

    Raises:
        McuqError: O011, M009.
    """
    return _open_firmware(Path(directory))


def simulate(firmware: Firmware, inputs: Mapping[str, Float32]) -> dict[str, Float32]:
    """What the firmware computes, as real values.

    Args:
        firmware: from `open_firmware`.
        inputs: float32 `[n, *model shape]` by input name.

    Returns:
        float32 `[n, *model shape]` by output name.
    """
    program = firmware.plan.program
    return dequantize_outputs(program, simulate_program(program, quantize_inputs(program, inputs)))


def verify(
    directory: str | Path, on: Where = "host", samples: int = 32, inputs: Mapping[str, Float32] | None = None
) -> VerifyReport:
    """Compare every value of every step of a firmware directory with the simulator.

    Args:
        directory: the firmware directory.
        on: the host, the core on Unicorn, or on QEMU.
        samples: random samples where there are no inputs; the extremes are always added.
        inputs: float32 `[n, *model shape]` by input name.
    """
    firmware = open_firmware(directory)
    program = firmware.plan.program
    codes = None if inputs is None else quantize_inputs(program, inputs)
    codes = standard_inputs(program, codes, samples if codes is None else 1)
    return verify_firmware(firmware.directory, firmware.plan, firmware.name, codes, on)


def evaluate(
    directory: str | Path,
    model: str | Path,
    inputs: str | Path,
    labels: str | Path | None = None,
    metric: Metric | None = None,
) -> Evaluation:
    """The quality of the integers beside that of the float model; see `mcuq.pipeline.evaluate.evaluate`."""
    truth = None if labels is None else Path(labels)
    return _evaluate(Path(directory), Path(model), Path(inputs), truth, metric)


def lock(directory: str | Path, output: str | Path | None = None) -> Path:
    """Write the lock of a firmware directory and return its path."""
    return write_lock(Path(directory), None if output is None else Path(output))


def check(path: str | Path) -> None:
    """Build again from the stored program and compare with a lock.

    Raises:
        McuqError: V002 with everything that moved.
    """
    check_lock(Path(path))
