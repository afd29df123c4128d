"""What instructions do to the stack pointer and to the flow of control, read from their text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from mcuq.verify.machines.disassembly import Instruction

_CONDITIONS = ("eq", "ne", "hs", "lo", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_ARM_JUMPS = frozenset({"b", "bl", "blx", "cbz", "cbnz", *(f"b{each}" for each in _CONDITIONS)})
_RISCV_JUMPS = frozenset(
    {"j", "jal", "beqz", "bnez", "blez", "bgez", "bltz", "bgtz"}
    | {"beq", "bne", "blt", "bge", "bltu", "bgeu", "ble", "bgt", "bleu", "bgtu"}
)
_ENDS = frozenset({"b", "bx", "tbb", "tbh", "udf", "j", "jr", "ret"})
_NUMBER = r"-?(?:0x[0-9a-f]+|\d+)"


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """One instruction's part in it.

    Args:
        address: of the instruction.
        taken: bytes that it takes from the stack, negative for those that it gives back.
        target: where it may jump or call, None where that is nowhere or unknown.
        is_end: whether the instruction behind is not reached from here.
    """

    address: int
    taken: int
    target: int | None
    is_end: bool


def read_flow(body: Iterable[Instruction]) -> Iterator[Flow]:
    """Read the instructions of one function, for Thumb or RISC-V.

    Args:
        body: by address.
    """
    pages: dict[str, int] = {}  # RISC-V: what registers got by auipc
    for each in body:
        name = each.mnemonic.removeprefix("c.").split(".", 1)[0]
        writes_pc = name in ("pop", "ldm", "ldr", "mov") and _writes_pc(name, each.operands)
        yield Flow(each.address, _taken(name, each), _target(name, each, pages), name in _ENDS or writes_pc)


def _writes_pc(name: str, operands: str) -> bool:
    if name in ("pop", "ldm"):
        return bool(re.search(r"\bpc\}", operands))
    return operands.startswith("pc,")


def _target(name: str, each: Instruction, pages: dict[str, int]) -> int | None:
    numbers = re.findall(rf"{_NUMBER}$", each.operands)
    value = int(numbers[0], 0) if numbers else None
    if name in _ARM_JUMPS and "#" in each.operands:
        return value
    if name in _RISCV_JUMPS and value is not None:
        return each.address + value
    register = each.operands.split(",", 1)[0]
    if name == "auipc" and value is not None:
        pages[register] = (each.address + (value << 12)) & 0xFFFFFFFF
    elif name in ("jalr", "jr") and value is not None:
        used = re.findall(r"[a-z]+\d*", re.sub(r"-?\b0x[0-9a-f]+", "", each.operands))[-1:]
        base = pages.get(used[0]) if used else None
        return None if base is None else base + value
    return None


def _taken(name: str, each: Instruction) -> int:
    operands = each.operands
    sign = {"push": 1, "vpush": 1, "pop": -1, "vpop": -1}.get(name)
    if sign is not None:
        return sign * sum(_list_bytes(part) for part in operands.strip("{}").split(","))
    found = re.fullmatch(rf"sp, (?:sp, )?#?({_NUMBER})", operands)
    if found and name in ("sub", "subw", "add", "addw", "addi", "addi16sp"):
        return int(found[1], 0) * (1 if name.startswith("sub") else -1)
    found = re.search(rf"\[sp, #({_NUMBER})\]!", operands) or re.search(rf"\[sp\], #({_NUMBER})$", operands)
    if found:
        return -int(found[1], 0)
    found = re.fullmatch(r"sp!, \{(.*)\}", operands)
    if found and name in ("stmdb", "ldm", "vstmdb", "vldmia"):
        size = sum(_list_bytes(part) for part in found[1].split(","))
        return size if name in ("stmdb", "vstmdb") else -size
    return 0


def _list_bytes(part: str) -> int:
    first, _, last = part.strip().partition("-")
    width = 8 if first.startswith("d") else 4
    return width * (int(last[1:]) - int(first[1:]) + 1 if last else 1)
