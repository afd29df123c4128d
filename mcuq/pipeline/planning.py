"""From a program to a plan for a target."""

from __future__ import annotations

from mcuq.eliminate.eliminate import Elimination, eliminate_channels
from mcuq.errors import fail
from mcuq.ir.plan import DroppedChannels, Plan
from mcuq.ir.program import Program, StepOp
from mcuq.memory.check import check_memory
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.pipeline.choosing import choose_kernels
from mcuq.targets import Target, load_target


def plan_program(program: Program, target_name: str) -> Plan:
    """Drop channels, choose kernels, place every tensor, and prove the memory map.

    Args:
        program: the model in integers.
        target_name: a core or a board.

    Raises:
        McuqError: O002 unknown target, T004 no kernel, T001 the model does not fit the board.
    """
    target = load_target(target_name)
    whole = program
    dropped: tuple[DroppedChannels, ...] = ()
    if not whole.keeps_channels:
        found = eliminate_for(whole, target)
        program, dropped = found.program, found.dropped
    chosen = choose_kernels(program, target)
    check_memory(program, [call.scratch_bytes for call in chosen.calls], chosen.memory)
    plan = Plan(program, target.name, chosen.calls, chosen.memory, whole, dropped, chosen.costs)
    _check_fits(plan, target)
    return plan


def eliminate_for(program: Program, target: Target) -> Elimination:
    """Drop channels as far as that is good for the kernels of a target."""
    has_dsp = "armv7em" in target.core.isa
    return eliminate_channels(program, _dsp_multiple if has_dsp else lambda _: 1)


def _dsp_multiple(op: StepOp) -> int:
    """Of how many channels kernels for DSP instructions want a multiple; measured with `mcuq profile`.

    Depthwise convolutions of other numbers fall back to a kernel that takes ten times as long. Dense ones
    read and write words: a 3x3 of 16 channels costs what one of 13 does, and less than one of 14 or 15.
    """
    return 4 if isinstance(op, ConvStep | DepthwiseStep) else 1


def _check_fits(plan: Plan, target: Target) -> None:
    """Refuse what cannot fit whatever else the firmware holds: constants in flash, buffers in RAM."""
    program = plan.program
    ports = (*program.inputs, *program.outputs)
    ram = plan.memory.arena_bytes + sum(program.tensors[port.tensor].size_bytes for port in ports)
    flash = sum(array.values.nbytes for call in plan.calls for array in call.arrays)
    for what, needed, available in (("flash", flash, target.flash_bytes), ("RAM", ram, target.ram_bytes)):
        if available is not None and needed > available:
            raise fail(
                "T001",
                f"the model does not fit the {what} of '{target.name}'",
                where=f"target '{target.name}'",
                why=f"it needs {needed:_} bytes without code and stack, {available:_} are available",
                fix="choose a larger part, or a smaller model",
            )
