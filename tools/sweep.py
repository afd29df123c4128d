"""Build every real model for several cores and verify every step, on the host, Unicorn and QEMU.

    python tools/sweep.py [--only NAME] [--output FILE]

Prints one row per run and exits with 1 when anything differs. What it runs is listed in `RUNS`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from zoo import DIGITS, FOUR, SIX, ZOO, Data, Entry, load_data

import mcuq
from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.pipeline.firmware import Firmware
from mcuq.simulator.ports import quantize_inputs
from mcuq.targets import load_target
from mcuq.verify.firmware import Where, verify_firmware
from mcuq.verify.image import build_image
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.machines.disassembly import disassemble, outside_v6m
from mcuq.verify.toolchain import Kind, find_toolchain

SMALL = tuple(
    entry for entry in (DIGITS, *ZOO) if entry.name in ("digits", "hello_world", "micro_speech", "mnist")
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One verification: where, with which compiler, and how many real (or random) samples."""

    target: str
    on: Where
    samples: int
    compiler: Kind = "auto"
    opt: str = "-O2"


HEADER = """# Verification of real models

Written by `make sweep`: each model is built for a core, and every value of every step is compared with the
simulator. Samples are real where there is data, otherwise random; one random sample and the two extremes (all
codes -128, all codes 127) are always added. The disassembly rows look at v6-M builds.

"""
BASE_RUNS = tuple(
    Run(target, on, samples)
    for target in ("cortex-m4", "cortex-m0plus", "host")
    for on, samples in (("host", 32), ("emulator", 4))
    if not (target == "host" and on == "emulator")
)
QEMU_CORES = ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc", "cortex-m0plus")
RUNS: tuple[tuple[tuple[Entry, ...], tuple[Run, ...]], ...] = (
    ((DIGITS, *SIX, *ZOO), BASE_RUNS),
    (SMALL, (Run("cortex-m0plus", "qemu", 2),)),
    (FOUR, tuple(Run(core, "qemu", 2) for core in QEMU_CORES)),
    ((DIGITS,), tuple(Run(core, "emulator", 2) for core in ("cortex-m3", "cortex-m7", "cortex-m33"))),
    (
        (DIGITS,),
        tuple(
            Run(target, on, 2, compiler, opt)
            for target, on in (("host", "host"), ("cortex-m4", "emulator"))
            for compiler in ("gcc", "zig")
            for opt in ("-O0", "-Os", "-O2", "-O3")
        ),
    ),
)


def build(entry: Entry, target: str, folder: Path, data: Data | None) -> Firmware:
    """The firmware of a model for a target, calibrated where there is data."""
    directory = folder / f"{entry.name}-{target}"
    if not directory.exists():
        calibration = None
        if data is not None:
            np.save(folder / f"{entry.name}.npy", data.cal_x)
            calibration = folder / f"{entry.name}.npy"
        mcuq.build(
            entry.path, target, calibration=calibration, output=directory, name=entry.name, verify="none"
        )
    return mcuq.open_firmware(directory)


def verify(firmware: Firmware, run: Run, data: Data | None) -> tuple[str, bool]:
    """The row of one run, and whether everything agreed."""
    program = firmware.plan.program
    codes = None
    if data is not None:
        port = program.inputs[0]
        values = data.eval_x[: run.samples].reshape(-1, *port.model_shape)
        codes = quantize_inputs(program, {port.name: values})
    inputs = standard_inputs(program, codes, run.samples if codes is None else 1)
    report = verify_firmware(
        firmware.directory, firmware.plan, firmware.name, inputs, run.on, compiler=run.compiler, opt=run.opt
    )
    difference = report.first_difference
    result = "0 differ" if difference is None else f"DIFFERS at {difference.layer} {difference.element}"
    compiler = report.toolchain.split(" (")[0]
    row = (
        f"| {firmware.name} | {run.target} | {report.machine} | {compiler} | {run.opt} | {report.samples} "
        f"| {report.values_compared:,} | {result} |"
    )
    return row, difference is None


def check_v6m(firmware: Firmware, folder: Path) -> tuple[str, bool]:
    """Whether the v6-M image of a model holds v6-M instructions only."""
    core = load_target("cortex-m0plus").core
    toolchain = find_toolchain(core)
    harness = folder / "harness.c"
    harness.write_bytes(render("verify/harness.c.j2", model=model_view(firmware.plan, firmware.name, ())))
    sources = [harness, *(firmware.directory / f"src/{firmware.name}{part}.c" for part in ("", "_weights"))]
    includes = [firmware.directory / "include", firmware.directory / "src"]
    image = build_image(core, toolchain, sources, workdir=folder / "v6m", include_dirs=includes)
    instructions = disassemble(image)
    foreign = outside_v6m(instructions)
    result = "v6-M only" if not foreign else f"{len(foreign)} others, as {foreign[0]}"
    return (
        f"| {firmware.name} | cortex-m0plus | disassembly | -O2 | | {len(instructions):,} | {result} |",
        not foreign,
    )


def rows(only: str | None) -> Iterator[tuple[str, bool]]:
    """All rows, one after the other."""
    with tempfile.TemporaryDirectory(prefix="mcuq-sweep-") as name:
        folder = Path(name)
        for entries, runs in RUNS:
            for entry in entries:
                if only is not None and entry.name != only:
                    continue
                data = load_data(entry)
                for run in runs:
                    yield verify(build(entry, run.target, folder, data), run, data)
        for entry in FOUR:
            if only is None or entry.name == only:
                yield check_v6m(build(entry, "cortex-m0plus", folder, load_data(entry)), folder)


def other_sections(document: Path) -> str:
    """What other tools wrote behind the table: sections between marks of their own."""
    text = document.read_text("utf-8") if document.exists() else ""
    begin = text.find("<!-- begin: ")
    return "" if begin < 0 else "\n" + text[begin:]


def main() -> None:
    """Print the table; write it to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="one model")
    parser.add_argument("--output", type=Path, help="also write the table here")
    options = parser.parse_args()
    lines = [
        "| model | built for | run on | compiler | opt | samples | values compared | result |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    is_good = True
    for row, agrees in rows(options.only):
        print(row, flush=True)
        lines.append(row)
        is_good &= agrees
    if options.output is not None:
        others = other_sections(options.output)
        options.output.write_text(HEADER + "\n".join(lines) + "\n" + others, "utf-8")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
