"""Build models for every core, board and aim and verify every step, on the host, Unicorn and QEMU.

    python tools/sweep.py [--only NAME] [--workers 1] [--output FILE]

Prints one row per run and exits with 1 when anything differs. What it runs of a model is `runs_of`.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from mcu.networks import build_drawn, build_network
from zoo import DIGITS, FOUR, SIX, ZOO, Data, Entry, load_data

import mcuq
from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.errors import McuqError
from mcuq.ir.program import Optimize
from mcuq.kernels.core import core_kernels
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.options import OptimizeFor, QuantOptions
from mcuq.pipeline.firmware import Firmware
from mcuq.simulator.ports import quantize_inputs
from mcuq.targets import Target, list_targets, load_target
from mcuq.verify.firmware import Where, verify_firmware
from mcuq.verify.image import build_image
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.machines.disassembly import disassemble, outside_v6m
from mcuq.verify.toolchain import Kind, find_toolchain

Model: TypeAlias = Entry | int  # an integer is the seed of a random network

HEADER = """# Verification of real models

Written by `make sweep`: each model is built for a core or a board and for an aim of `--optimize`, and every
value of every step is compared with the simulator. Samples are real where there is data, otherwise random;
one random sample and the two extremes (all codes -128, all codes 127) are always added. Models called drawn
are random networks of layers that real ones lack. What does not fit a board is not built for it (T001). The
disassembly rows look at v6-M builds.

"""
KERNELS = """Kernels that ran; those that no model takes are held to their steps by
`tests/kernels/test_contract.py` alone, and by `make fuzz`."""
SMALL = ("digits", "hello_world", "micro_speech", "mnist")
# Which random networks: together they take most kernels that the real ones do not take.
DRAWN = tuple(range(4))
MODELS: tuple[Model, ...] = (DIGITS, *SIX, *ZOO, *DRAWN)
AIMS: tuple[OptimizeFor, ...] = tuple(each.value for each in Optimize)


@dataclasses.dataclass(frozen=True)
class Run:
    """One verification: for what, where, with which compiler, and how many real (or random) samples."""

    target: str
    on: Where
    samples: int
    compiler: Kind = "auto"
    opt: str = "-O2"
    optimize: OptimizeFor = "balanced"


def name_of(model: Model) -> str:
    """Its C name."""
    return model.name if isinstance(model, Entry) else f"drawn{model}"


def runs_of(model: Model) -> Iterator[Run]:
    """All that are run of a model.

    All real models for the plainest core, the one with most kernels measured, and the host; digits, the four
    of MLPerf Tiny and random ones for every core and aim; digits and the four for every board.
    """
    every = list_targets()
    cores = [each for each in every if each.board is None and not each.core.is_host]
    is_whole = model == DIGITS or model in FOUR
    if isinstance(model, Entry):
        yield from _base_runs()
    if is_whole or model in DRAWN:
        for core in cores:
            yield from (
                Run(core.name, machine_of(core), 1, opt=opt_of(aim), optimize=aim)
                for aim in AIMS
                if not (isinstance(model, Entry) and aim == "balanced" and core.name in BASE_CORES)
            )
    if is_whole:
        for board in (each for each in every if each.board is not None):
            aims: tuple[OptimizeFor, ...] = ("balanced", "speed") if board.flash_mode else ("balanced",)
            yield from (Run(board.name, machine_of(board), 1, optimize=aim) for aim in aims)
    if model in FOUR:
        yield from (Run(core.name, "qemu", 2) for core in cores if machine_of(core) != "qemu")
    elif isinstance(model, Entry) and model.name in SMALL:
        yield Run("cortex-m0plus", "qemu", 2)
    if model == DIGITS:
        yield from _compiler_runs()


BASE_CORES = ("cortex-m4", "cortex-m0plus")


def _base_runs() -> Iterator[Run]:
    for target in (*BASE_CORES, "host"):
        yield Run(target, "host", 32)
        if target != "host":
            yield Run(target, "emulator", 4)


def _compiler_runs() -> Iterator[Run]:
    for target, on in (("host", "host"), ("cortex-m4", "emulator")):
        for compiler in ("gcc", "zig"):
            yield from (Run(target, on, 2, compiler, opt) for opt in ("-O0", "-Os", "-O2", "-O3"))


def machine_of(target: Target) -> Where:
    """Unicorn where it has the core, and counts it the same; otherwise QEMU."""
    return "qemu" if target.core.unicorn_cpu is None else "emulator"


def opt_of(aim: OptimizeFor) -> str:
    """How firmware for an aim is compiled."""
    return "-Os" if aim == "size" else "-O2"


def build(stored: Path, name: str, run: Run, folder: Path) -> Firmware:
    """The firmware of a run, from a stored program.

    Raises:
        McuqError: T001 where it does not fit the board.
    """
    directory = folder / f"{run.target}-{run.optimize}"
    if not directory.exists():
        options = QuantOptions(optimize=run.optimize)
        mcuq.build(stored, run.target, output=directory, name=name, verify="none", options=options)
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
    where = f"{run.target} | {run.optimize} | {report.machine} | {compiler} | {run.opt}"
    row = f"| {firmware.name} | {where} | {report.samples} | {report.values_compared:,} | {result} |"
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
    where = "cortex-m0plus | balanced | disassembly | | -O2"
    return f"| {firmware.name} | {where} | | {len(instructions):,} | {result} |", not foreign


@dataclasses.dataclass(frozen=True)
class Found:
    """What came of a model.

    Args:
        rows: one per run.
        is_good: whether nothing differs.
        kernels: that ran, by core.
    """

    rows: Sequence[str]
    is_good: bool
    kernels: Mapping[str, set[str]]


def sweep(model: Model, runs: Sequence[Run] | None = None) -> Found:
    """Build a model once, and verify it in all its runs, by default those of `runs_of`."""
    lines, is_good = [], True
    kernels: dict[str, set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory(prefix="mcuq-sweep-") as folder_name:
        folder = Path(folder_name)
        data = load_data(model) if isinstance(model, Entry) else None
        first = build_network(model, folder) if isinstance(model, Entry) else build_drawn(model, folder)
        stored = first.directory / f"{first.name}.mcuq.npz"
        for run in runs_of(model) if runs is None else runs:
            try:
                firmware = build(stored, first.name, run, folder)
            except McuqError as error:
                codes = " ".join(each.code for each in error.problems)
                is_good &= codes == "T001"
                lines.append(f"| {first.name} | {run.target} | {run.optimize} | | | | | | {codes} |")
                continue
            kernels[load_target(run.target).core.name] |= {call.kernel for call in firmware.plan.calls}
            row, agrees = verify(firmware, run, data)
            lines.append(row)
            is_good &= agrees
        if model in FOUR and runs is None:
            row, agrees = check_v6m(
                build(stored, first.name, Run("cortex-m0plus", "host", 1), folder), folder
            )
            lines.append(row)
            is_good &= agrees
    return Found(lines, is_good, kernels)


def kernel_rows(found: Sequence[Found]) -> Iterator[str]:
    """Which kernels of every instruction set ran, and which of them the models do not take, by core."""
    yield "| core | instruction set | kernels that ran | kernels that no model takes there |"
    yield "|---|---|---|---|"
    cores = (each.core for each in list_targets() if each.board is None)
    for core in cores:
        ran = set().union(*(each.kernels.get(core.name, set()) for each in found))
        kernels = core_kernels(core)
        for isa in (isa for isa in core.isa if isa in instruction_sets()):
            able = {each.kernel for each in isa_variants(isa) if kernels.missing(each) is None}
            missed = ", ".join(f"`{each}`" for each in sorted(able - ran))
            yield f"| {core.name} | {isa} | {len(able & ran)} of {len(able)} | {missed} |"


def other_sections(document: Path) -> str:
    """What stands behind the tables: sections with titles or between marks of their own."""
    text = document.read_text("utf-8") if document.exists() else ""
    begins = [text.find(sign) for sign in ("\n## ", "\n<!-- begin: ")]
    begin = min((each for each in begins if each >= 0), default=len(text))
    return text[begin:]


def main() -> None:
    """Print the table; write it to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="one model")
    parser.add_argument("--workers", type=int, default=1, help="processes, each of a model")
    parser.add_argument("--output", type=Path, help="also write the tables here")
    options = parser.parse_args()
    models = [each for each in MODELS if options.only in (None, name_of(each))]
    lines = [
        "| model | built for | optimize | run on | compiler | opt | samples | values compared | result |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    found = []
    with multiprocessing.Pool(options.workers) as pool:
        for each in pool.imap(sweep, models):
            print("\n".join(each.rows), flush=True)
            found.append(each)
            lines += each.rows
    behind = ["", KERNELS, "", *kernel_rows(found)]
    print("\n".join(behind))
    lines += behind
    if options.output is not None:
        others = other_sections(options.output)
        options.output.write_text(HEADER + "\n".join(lines) + "\n" + others, "utf-8")
    sys.exit(0 if all(each.is_good for each in found) else 1)


if __name__ == "__main__":
    main()
