"""Estimated cycles of a basic block, from a table per core."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mcuq.resources import target_tables
from mcuq.verify.machines.elf import missing_package

if TYPE_CHECKING:
    from capstone import CsInsn

    Instruction: TypeAlias = CsInsn
else:
    Instruction: TypeAlias = Any

_LOADS = frozenset({"ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "vldr"})
_STORES = frozenset({"str", "strb", "strh", "vstr"})
_MULTIPLE = frozenset({"push", "pop", "ldm", "stm", "ldmdb", "stmdb", "vpush", "vpop", "vldmia", "vstmia"})
_DIRECT = frozenset({"b", "bl", "cbz", "cbnz"})
_INDIRECT = frozenset({"bx", "blx"})
_CONDITIONS = ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")


@dataclasses.dataclass(frozen=True)
class CycleModel:
    """The table of a core.

    Args:
        note: how far to trust it.
        costs: cycles by the names of the table.
        instructions: cycles of single instructions.
    """

    note: str
    costs: Mapping[str, int]
    instructions: Mapping[str, int]


def load_cycle_model(core: str) -> CycleModel | None:
    """The table of a core, None where none is validated."""
    for table in target_tables("cycles/*.toml"):
        if core in table["cores"]:
            costs = {key: value for key, value in table.items() if isinstance(value, int)}
            return CycleModel(table["note"], costs, {**table["instructions"], **table.get(core, {})})
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class BlockCost:
    """A block's price.

    Args:
        instructions: how many it has.
        cycles: when it falls through.
        refill: on top when its conditional branch is taken.
    """

    instructions: int
    cycles: int
    refill: int


@functools.cache
def _decoder() -> Any:  # noqa: ANN401 - capstone has no types
    try:
        import capstone
    except ImportError as error:
        raise missing_package("capstone") from error
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.detail = True
    return decoder


@dataclasses.dataclass(frozen=True, slots=True)
class InstructionCost:
    """One instruction's price behind those before it in its block.

    Args:
        size_bytes: its length.
        cycles: when the next instruction follows.
        refill: on top when it is a taken branch.
        is_jump: whether it always is one, also to the address behind it.
    """

    size_bytes: int
    cycles: int
    refill: int
    is_jump: bool


def block_cost(code: bytes, address: int, model: CycleModel) -> BlockCost:
    """Price a block of Thumb code.

    Args:
        code: its bytes.
        address: where it lies.
        model: the core's table.
    """
    costs = list(instruction_costs(code, address, model))
    cycles = sum(cost.cycles + (cost.refill if cost.is_jump else 0) for cost in costs)
    return BlockCost(len(costs), cycles, costs[-1].refill if costs and not costs[-1].is_jump else 0)


def instruction_costs(code: bytes, address: int, model: CycleModel) -> Iterator[InstructionCost]:
    """Price each instruction of a block of Thumb code.

    Args:
        code: its bytes.
        address: where it lies.
        model: the core's table.
    """
    loaded: frozenset[int] = frozenset()  # registers that the instruction before loaded
    computed: frozenset[int] = frozenset()  # registers that the instruction before computed
    is_behind_load = False
    for each in _decoder().disasm(code, address):
        name = _base_name(each)
        if name in _LOADS or name in _STORES:
            addresses = frozenset(_address_registers(each))
            cycles = _access(name, addresses, loaded, computed, is_behind_load, model)
            is_load = name in _LOADS and not _writes_pc(each)
            refill = model.costs["refill_indirect"] if name in _LOADS and _writes_pc(each) else 0
            yield InstructionCost(each.size, cycles, refill, refill > 0 and _always_jumps(each))
            loaded = _written(each) - addresses if is_load else frozenset()
            computed, is_behind_load = frozenset(), is_load
            continue
        refill = _refill(name, each, model)
        is_jump = refill > 0 and _always_jumps(each)
        yield InstructionCost(each.size, _cost(name, each, model), refill, is_jump)
        computed = _written(each) if name not in _MULTIPLE else frozenset()
        loaded, is_behind_load = frozenset(), False


def _access(
    name: str,
    addresses: frozenset[int],
    loaded: frozenset[int],
    computed: frozenset[int],
    is_behind_load: bool,
    model: CycleModel,
) -> int:
    cost = model.costs["load"] if name in _LOADS else model.costs["store"]
    if is_behind_load and not loaded & addresses:
        cost = min(cost, model.costs["load_pipelined"])
    return cost + (model.costs["address_wait"] if computed & addresses else 0)


def _cost(name: str, each: Instruction, model: CycleModel) -> int:
    if name in _MULTIPLE:
        return model.costs["multiple"] + _register_count(name, each)
    if name in ("ldrd", "strd"):
        return model.costs["load_double"]
    if name in ("tbb", "tbh"):
        return model.costs["table_branch"]
    return model.instructions.get(name, model.costs["default"])


def _always_jumps(each: Instruction) -> bool:
    return not 1 <= each.cc <= len(_CONDITIONS) and _base_name(each) not in ("cbz", "cbnz")


def _refill(name: str, each: Instruction, model: CycleModel) -> int:
    if name in _DIRECT:
        return model.costs["refill_direct"]
    if name in _INDIRECT or name in ("tbb", "tbh") or _writes_pc(each):
        return model.costs["refill_indirect"]
    return 0


def _base_name(each: Instruction) -> str:
    name = str(each.mnemonic).split(".", 1)[0]
    if name.endswith(("ia", "fd")) and name[:3] in ("ldm", "stm"):
        name = name[:3]
    # Inside an IT block, and for conditional branches, the condition is part of the mnemonic.
    if 1 <= each.cc <= len(_CONDITIONS) and name.endswith(_CONDITIONS[each.cc - 1]):
        name = name[:-2]
    return name


def _operands(each: Instruction, kind: int) -> Iterator[Any]:
    return (operand for operand in each.operands if operand.type == kind)


def _address_registers(each: Instruction) -> Iterator[int]:
    from capstone.arm import ARM_OP_MEM

    for operand in _operands(each, ARM_OP_MEM):
        yield operand.mem.base
        if operand.mem.index:
            yield operand.mem.index


def _register_count(name: str, each: Instruction) -> int:
    from capstone.arm import ARM_OP_REG

    registers = len(list(_operands(each, ARM_OP_REG)))
    return registers if name in ("push", "pop", "vpush", "vpop") else registers - 1


def _written(each: Instruction) -> frozenset[int]:
    from capstone.arm import ARM_REG_CPSR

    return frozenset(each.regs_access()[1]) - {ARM_REG_CPSR, 0}


def _writes_pc(each: Instruction) -> bool:
    from capstone.arm import ARM_REG_PC

    return ARM_REG_PC in each.regs_access()[1]
