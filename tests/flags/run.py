"""A model in one cell: compile it so, run it on the emulated core, compare every value of every layer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.errors import McuqError
from mcuq.ir.plan import Plan
from mcuq.ir.types import Array
from mcuq.resources import targets_dir
from mcuq.verify.firmware import compare_outputs, harness_input
from mcuq.verify.image import build_image
from mcuq.verify.machines import MachineName, run_image
from mcuq.verify.toolchain import Toolchain
from tests.flags.cells import OPTIONS, Cell, core_of
from tests.flags.compilers import lacks_option, toolchain_of

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


def machine_of(cell: Cell) -> MachineName:
    """QEMU where words have to fault off multiples of 4, else Unicorn; for the host itself."""
    if cell.core == "host":
        return "host"
    return "qemu" if cell.asked.is_strict else "unicorn"


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
    if cell.option not in OPTIONS and lacks_option(cell, toolchain_of(cell, core_of(cell)), folder):
        return Result("none", 0, "not its option")
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
    option, core = cell.asked, core_of(cell)
    toolchain, model = toolchain_of(cell, core), model_view(plan, name, ())
    work = folder / ("traced" if is_traced else "plain")
    (work / "hooks").mkdir(parents=True)
    harness = work / "harness.c"
    harness.write_bytes(render("verify/harness.c.j2", model=model))
    hooks = [] if core.is_host else _hooks(cell, toolchain, work / "hooks")
    main = {} if core.is_host else {"main": "mcuq_flags_main"}
    image = build_image(
        core,
        toolchain,
        [harness, *(firmware / f"src/{name}{part}.c" for part in ("", "_weights"))],
        workdir=work,
        stack_bytes=STACK_BYTES,
        more_objects=hooks,
        link_flags=option.link_flags,
        include_dirs=[firmware / "include", firmware / "src"],
        defines={**main, **({f"{model.macro}_TRACE": "1"} if is_traced else {})},
        opt=option.opt,
        extra_flags=option.flags,
    )
    run = run_image(image, harness_input(plan.program, inputs), machine_of(cell), TIMEOUT_S)
    if run.exit_code != 0:
        raise Exit(EXIT_CODES.get(run.exit_code, f"the exit code is {run.exit_code}"))
    return run.output


def _hooks(cell: Cell, toolchain: Toolchain, folder: Path) -> list[Path]:
    """What the options ask for beside the model; it keeps the register of the base free."""
    kept = ["-ffixed-r9"] if cell.asked.has_base else []
    return toolchain.compile(
        [HOOKS],
        workdir=folder,
        include_dirs=[targets_dir() / "support"],
        defines=_hook_defines(cell),
        extra_flags=["-fno-builtin", *kept],
    )


def _hook_defines(cell: Cell) -> dict[str, str]:
    option = cell.asked
    names = {
        "TRAP_UNALIGNED": option.is_strict,
        "HAS_HOOKS": option.has_hooks,
        "HAS_BASE": option.has_base,
    }
    return {name: "" for name, is_set in names.items() if is_set}
