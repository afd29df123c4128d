"""The stack that a model takes in one cell, painted, beside what its header promises."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.codegen.model_view import model_view
from mcuq.ir.plan import Plan
from mcuq.profile.profile import build_profiled
from mcuq.resources import targets_dir
from mcuq.verify.machines import run_image
from tests.flags.cells import Cell, core_of
from tests.flags.compilers import Borrowing, toolchain_of
from tests.flags.run import HOOKS, TIMEOUT_S, Result


class WithMemory(Borrowing):
    """With Clang's names for the functions of memory."""

    def link(self, objects, output, **kwargs):
        """As `Toolchain.link`."""
        folder = output.parent / "names"
        folder.mkdir(exist_ok=True)
        names = self.compile(
            [HOOKS],
            workdir=folder,
            include_dirs=[targets_dir() / "support"],
            defines={"NO_MAIN": ""},
            extra_flags=["-fno-builtin"],
        )
        return super().link([*objects, *names], output, **kwargs)


def paint_cell(cell: Cell, firmware: Path, plan: Plan, name: str, folder: Path) -> Result:
    """Run a model once on a painted stack, and hold what it wrote to against the header's bound.

    Args:
        cell: how to compile it; only its level counts.
        firmware: its folder.
        plan: what it was built from.
        name: its name in C.
        folder: for what is made on the way.
    """
    model = model_view(plan, name, ())
    toolchain = toolchain_of(cell, core_of(cell))
    if toolchain.flavour == "clang":
        toolchain = WithMemory(
            **{it.name: getattr(toolchain, it.name) for it in dataclasses.fields(toolchain)}
        )
    image = build_profiled(firmware, model, toolchain, folder, is_traced=False, opt=cell.asked.opt)
    tensors = plan.program.tensors
    stdin = bytes(sum(tensors[port.tensor].size_bytes for port in plan.program.inputs))
    run = run_image(image, stdin, "unicorn", TIMEOUT_S)
    painted, bound = int.from_bytes(run.output, "little"), model.stack_bytes
    assert run.exit_code == 0
    assert bound is not None
    return Result("held" if 0 < painted <= bound else "exceeded", 0, f"{painted:,} of {bound:,}")
