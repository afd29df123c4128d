"""The silicon of the published results: an STM32L4R5 at 120 MHz, and what firmware takes on a model of it."""

from __future__ import annotations

from pathlib import Path

from mcu.networks import BOARD
from mcuq.codegen.model_view import model_view
from mcuq.codegen.selftest import selftest_inputs
from mcuq.flash_modes import FlashMode
from mcuq.pipeline.firmware import Firmware
from mcuq.profile.cycles import load_cycle_model
from mcuq.profile.layers import count_layers
from mcuq.profile.profile import build_profiled
from mcuq.profile.silicon import Silicon
from mcuq.targets import load_target
from mcuq.verify.image import Image
from mcuq.verify.toolchain import find_toolchain


def silicon_modes() -> tuple[FlashMode, ...]:
    """How that board's flash can be set up."""
    board = load_target(BOARD).board
    assert board is not None
    return board.flash_modes


def mode_title(mode: FlashMode) -> str:
    """What a mode is called in a table."""
    return f"{8 * mode.read_bytes} bit{', prefetch' if mode.has_prefetch else ''}"


def run_on_silicon(
    image: Image, stdin: bytes, layers: int, folder: Path, *, constants: tuple[str, int] | None = None
) -> Silicon:
    """Cycles of a program whose marks are those of templates/profile/harness.c.j2, in every mode.

    Args:
        image: the program.
        stdin: what it reads.
        layers: marks and one.
        folder: for the counters.
        constants: a variable and its bytes, which the modelled flash holds although RAM does.
    """
    model = load_cycle_model(image.core.name)
    counted = count_layers(image, stdin, layers, model, folder, memories=silicon_modes(), constants=constants)
    assert counted.silicon is not None
    return counted.silicon


def measure_silicon(firmware: Firmware, folder: Path) -> Silicon:
    """One run of a firmware for the Cortex-M4, all layers in one sum.

    Args:
        firmware: what to run.
        folder: for the program.
    """
    plan = firmware.plan
    folder.mkdir(parents=True, exist_ok=True)
    image = build_profiled(
        firmware.directory,
        model_view(plan, firmware.name, ()),
        find_toolchain(load_target(plan.target).core),
        folder,
        is_traced=False,
        opt="-O2",
    )
    stdin = b"".join(x.tobytes() for x in selftest_inputs(plan.program, 1))
    return run_on_silicon(image, stdin, 1, folder / "counters")
