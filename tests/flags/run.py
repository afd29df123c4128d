"""A model in one cell: compile it so, run it on the emulated core, compare every value of every layer."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.errors import McuqError
from mcuq.ir.plan import Plan
from mcuq.ir.types import Array
from mcuq.resources import targets_dir
from mcuq.targets import Core
from mcuq.verify.firmware import compare_outputs, harness_input
from mcuq.verify.image import build_image
from mcuq.verify.machines import MachineName, run_image
from mcuq.verify.toolchain import Toolchain, find_toolchain
from tests.flags.cells import OPTIONS, Cell, core_of

HOOKS = Path(__file__).with_name("hooks.c")
STACK_BYTES = 4096
TIMEOUT_S = 300.0
EXIT_CODES = {
    97: "no hook was called",
    98: "a guard of the stack was overwritten",
    99: "an overflow was trapped",
}


@dataclasses.dataclass(frozen=True)
class Result:
    """What a cell gave.

    Args:
        status: "same", "differs", "failed", "refused" (an #error of ours), or "none" where it has no meaning.
        compared: how many values.
        detail: the first difference, or what went wrong.
    """

    status: str
    compared: int
    detail: str


class Clang(Toolchain):
    """Clang as it is installed on Linux: it compiles for all cores, and leaves linking to GCC."""

    def link(self, *args, **kwargs):
        """As `Toolchain.link`."""
        return find_toolchain(self.core, "gcc").link(*args, **kwargs)


def toolchain_of(cell: Cell, core: Core) -> Toolchain:
    """The compiler of a cell.

    Raises:
        McuqError: T002 where it is not installed.
    """
    if cell.compiler != "clang":
        return find_toolchain(core, cell.compiler)
    path = shutil.which("clang")
    assert path is not None
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    # Other than GCC, version 14 allows no unaligned words to cores without an operating system by itself.
    command = (
        path,
        "--target=arm-none-eabi",
        *(["-munaligned-access"] if cell.core != "cortex-m0plus" else []),
    )
    return Clang("clang", done.stdout.splitlines()[0], "clang", command, core)


def machine_of(cell: Cell) -> MachineName:
    """QEMU where words have to fault off multiples of 4, else Unicorn."""
    return "qemu" if OPTIONS[cell.option].is_strict else "unicorn"


def run_cell(
    cell: Cell, firmware: Path, plan: Plan, name: str, inputs: Sequence[Array], folder: Path
) -> Result:
    """Compile and run a model with trace and without, and compare.

    Args:
        cell: how to compile it.
        firmware: its folder.
        plan: what it was built from.
        name: its name in C.
        inputs: codes per input port.
        folder: for what is made on the way.
    """
    if cell.missing is not None:
        return Result("none", 0, cell.missing)
    try:
        outputs = [_run(cell, firmware, plan, name, inputs, folder, is_traced) for is_traced in (True, False)]
    except McuqError as error:
        text = str(error)
        ours = re.search(r'#error "?(mcuq: .*)|error: (mcuq: .*)', text)
        return Result("refused", 0, ours.group(0)) if ours else Result("failed", 0, _reason(error))
    except Exit as error:
        return Result("failed", 0, str(error))
    difference, compared = compare_outputs(plan, inputs, *outputs)
    if difference is None:
        return Result("same", compared, "")
    return Result(
        "differs",
        compared,
        f"{difference.layer}, {difference.differing} values of sample {difference.sample}",
    )


class Exit(Exception):
    """The program ended with a code of its own."""


def _reason(error: McuqError) -> str:
    problem = error.problems[0]
    return f"{problem.code} {problem.why}"


def _run(
    cell: Cell,
    firmware: Path,
    plan: Plan,
    name: str,
    inputs: Sequence[Array],
    folder: Path,
    is_traced: bool,
) -> bytes:
    option, core = OPTIONS[cell.option], core_of(cell)
    toolchain, model = toolchain_of(cell, core), model_view(plan, name, ())
    work = folder / ("traced" if is_traced else "plain")
    (work / "hooks").mkdir(parents=True)
    harness = work / "harness.c"
    harness.write_bytes(render("verify/harness.c.j2", model=model))
    hooks = toolchain.compile(
        [HOOKS],
        workdir=work / "hooks",
        include_dirs=[targets_dir() / "support"],
        defines=_hook_defines(cell),
        extra_flags=["-fno-builtin"],
    )
    image = build_image(
        core,
        toolchain,
        [harness, *(firmware / f"src/{name}{part}.c" for part in ("", "_weights"))],
        workdir=work,
        stack_bytes=STACK_BYTES,
        more_objects=hooks,
        link_flags=option.link_flags,
        include_dirs=[firmware / "include", firmware / "src"],
        defines={"main": "mcuq_flags_main", **({f"{model.macro}_TRACE": "1"} if is_traced else {})},
        opt=option.opt,
        extra_flags=option.flags,
    )
    run = run_image(image, harness_input(plan.program, inputs), machine_of(cell), TIMEOUT_S)
    if run.exit_code != 0:
        raise Exit(EXIT_CODES.get(run.exit_code, f"the exit code is {run.exit_code}"))
    return run.output


def _hook_defines(cell: Cell) -> dict[str, str]:
    option = OPTIONS[cell.option]
    names = {"TRAP_UNALIGNED": option.is_strict, "HAS_HOOKS": option.has_hooks}
    return {name: "" for name, is_set in names.items() if is_set}
