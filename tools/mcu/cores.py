"""Convolutions on every core: our instructions beside CMSIS-NN's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import mcuq
from mcu.anchors import CORE_BARS
from mcu.cmsis_nn import build_bench, measure_layers
from mcu.library import Library
from mcu.networks import measure
from mcu.tables import OPTS, table, verdict
from mcuq.ir.program import Program
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.pipeline.firmware import Firmware
from mcuq.targets import load_target
from mcuq.verify.image import Image


@dataclasses.dataclass(frozen=True)
class CoreResult:
    """What a network's convolutions and depthwise convolutions execute on a core.

    Args:
        core: its name.
        network: whose layers.
        macs: multiply-accumulates of these layers, as we run them.
        ours: instructions with the kernels that a build for the core chooses.
        whole: of our whole run, all layers.
        library: CMSIS-NN's by compiler option, without dropping channels; none where it was not measured.
    """

    core: str
    network: str
    macs: int
    ours: int
    whole: int
    library: Mapping[str, int]


def convolutions(program: Program) -> list[int]:
    """The steps that count; a network may have none."""
    return [i for i, step in enumerate(program.steps) if isinstance(step.op, (ConvStep, DepthwiseStep))]


def measure_cores(
    firmware: Mapping[str, Firmware], library: Library | None, folder: Path
) -> Iterator[CoreResult]:
    """Build each network for each core, and measure both there.

    Args:
        firmware: by name, for any core: their stored programs are built again.
        library: CMSIS-NN, None where it is not at hand.
        folder: for what is built.
    """
    for core in CORE_BARS:
        images: dict[str, Image] = {}
        if library is not None and load_target(core).core.arch == "arm":
            images = {opt: build_bench(library, core, opt, folder / f"{core}{opt}") for opt in OPTS}
        for name, each in firmware.items():
            if convolutions(each.plan.program):
                yield _measure(name, each, core, images, folder)


def _measure(
    name: str, firmware: Firmware, core: str, images: Mapping[str, Image], folder: Path
) -> CoreResult:
    stored = firmware.directory / f"{firmware.name}.mcuq.npz"
    output = folder / f"{name}-on-{core}"
    mcuq.build(stored, core, output=output, name=firmware.name, verify="none")
    found = measure(mcuq.open_firmware(output))
    layers = found.by_step()
    counted = [layers[index] for index in convolutions(found.plan.program)]
    whole = found.plan.stored
    theirs = {}
    for opt, image in images.items():
        each = measure_layers(image, whole, folder / "counter")
        theirs[opt] = sum(each[index][0] for index in convolutions(whole) if index in each)
    return CoreResult(
        core,
        name,
        macs=sum(layer.macs for layer in counted),
        ours=sum(layer.instructions for layer in counted),
        whole=found.profile.instructions,
        library=theirs,
    )


def cores_section(results: Iterable[CoreResult]) -> Iterator[str]:
    """All cores in one table."""
    yield from (
        "## Convolutions on other cores",
        "",
        "Instructions that the convolution and depthwise layers execute, counted by the emulator; beside the",
        "Cortex-M4 no model of cycles is validated. CMSIS-NN runs all channels, ours those that are left.",
        "",
    )
    rows = []
    for each in results:
        theirs = [f"{each.library[opt]:,}" if opt in each.library else "-" for opt in OPTS]
        best = min(each.library.values(), default=None)
        must, aim = CORE_BARS[each.core].get(each.network, (None, None))
        rows.append(
            (
                each.core,
                each.network,
                f"{each.ours:,}",
                f"{each.ours / each.macs:.2f}",
                f"{each.whole:,}",
                *theirs,
                "-" if best is None else f"{each.ours / best:.2f}",
                "-" if must is None else verdict(each.ours, must),
                "-" if aim is None else verdict(each.ours, aim),
            )
        )
    titles = ("core", "network", "instructions", "per MAC", "whole run")
    yield from table((*titles, *(f"CMSIS-NN {opt}" for opt in OPTS), "ours / theirs", "must", "aim"), rows)
    yield ""
