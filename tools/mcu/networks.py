"""Building a network for several cores and kernels, and measuring each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
from zoo import Entry, load_data

import mcuq
from mcu.drawn import draw_network
from mcuq.ir.plan import Plan
from mcuq.ops.weighted import WeightedParams
from mcuq.options import QuantOptions
from mcuq.pipeline.firmware import Firmware
from mcuq.profile.profile import profile_firmware
from mcuq.profile.result import LayerCost, Profile

CORE = "cortex-m4"
# Where the published results were measured.
BOARD = "nucleo-l4r5zi"
# A core whose instruction set has no kernels of its own.
PORTABLE_CORE = "cortex-m3"


@dataclasses.dataclass(frozen=True)
class Measured:
    """A network on a core, with one choice of kernels.

    Args:
        plan: what was built.
        profile: what it costs.
    """

    plan: Plan
    profile: Profile

    @property
    def cycles(self) -> int:
        """Of the whole run."""
        assert self.profile.cycles is not None
        return self.profile.cycles

    def by_step(self) -> dict[int, LayerCost]:
        """The layers by the program's step, whatever order the plan runs them in."""
        return dict(zip(self.plan.memory.order, self.profile.layers, strict=True))


def build_network(entry: Entry, folder: Path, options: QuantOptions | None = None) -> Firmware:
    """The network for the Cortex-M4, with default options or others, calibrated where there is data."""
    data = load_data(entry)
    calibration = None
    if data is not None:
        calibration = folder / f"{entry.name}.npy"
        np.save(calibration, data.cal_x)
    output = folder / f"{entry.name}-{CORE}"
    mcuq.build(
        entry.path,
        CORE,
        calibration=calibration,
        output=output,
        name=entry.name,
        verify="none",
        options=options,
    )
    return mcuq.open_firmware(output)


def build_drawn(seed: int, folder: Path) -> Firmware:
    """The random network of a seed, likewise."""
    drawn = draw_network(seed)
    path = folder / f"{drawn.name}.onnx"
    onnx.save(drawn.model, path)
    output = folder / drawn.name
    mcuq.build(path, CORE, calibration=drawn.data, output=output, name=drawn.name, verify="none")
    return mcuq.open_firmware(output)


def measure(firmware: Firmware) -> Measured:
    """Profile a firmware on the core it was built for, with the compiler that `mcuq profile` takes."""
    profile = profile_firmware(firmware.directory, firmware.plan, firmware.name)
    return Measured(firmware.plan, profile)


def build_portable(firmware: Firmware, folder: Path) -> Firmware:
    """The same program with the kernels in plain C."""
    stored = firmware.directory / f"{firmware.name}.mcuq.npz"
    output = folder / f"{firmware.name}-{PORTABLE_CORE}"
    mcuq.build(stored, PORTABLE_CORE, output=output, name=firmware.name, verify="none")
    return mcuq.open_firmware(output)


def build_for_board(firmware: Firmware, folder: Path) -> Firmware:
    """The same program for the board of the published results, whose flash decides what waits in RAM."""
    stored = firmware.directory / f"{firmware.name}.mcuq.npz"
    output = folder / f"{firmware.name}-{BOARD}"
    mcuq.build(stored, BOARD, output=output, name=firmware.name, verify="none")
    return mcuq.open_firmware(output)


def on_core(firmware: Firmware, core: str) -> Firmware:
    """The same C, to be compiled for another core."""
    return dataclasses.replace(firmware, plan=dataclasses.replace(firmware.plan, target=core))


def weighted(plan: Plan) -> list[WeightedParams]:
    """The parameters of the layers with weights."""
    found = (getattr(step.op, "params", None) for step in plan.program.steps)
    return [params for params in found if isinstance(params, WeightedParams)]


def live_parameters(plan: Plan) -> int:
    """How many int8 weights the program has, without the channels that were dropped."""
    return sum(params.weights.size for params in weighted(plan))


def output_channels(plan: Plan) -> int:
    """Of all layers with weights."""
    return sum(len(params.weights) for params in weighted(plan))
