"""What instructions an image is made of: no emulator checks that the core has them all."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Sequence

from mcuq.verify.image import Image
from mcuq.verify.machines.elf import Elf, missing_package, read_elf

# Armv6-M Architecture Reference Manual (DDI 0419), A5.3: all its 32-bit instructions.
_V6M_LONG = frozenset({"bl", "dmb", "dsb", "isb", "mrs", "msr", "udf.w"})
# 16-bit instructions that came with Armv7-M; IT shows as it, itt, ite, ...
_V7M_SHORT = frozenset({"cbz", "cbnz"})


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of an image.

    Args:
        address: where it is.
        bytes: its length.
        mnemonic: lower case, with its suffixes; "?" for what cannot be decoded.
        operands: as the disassembler prints them.
        function: the function that holds it, "?" if there is none.
    """

    address: int
    bytes: int
    mnemonic: str
    operands: str
    function: str

    def __str__(self) -> str:
        """For messages: `smlad r0, r1, r2, r3 at 0x00000124 in 'dot'`."""
        return f"{self.mnemonic} {self.operands} at {self.address:#010x} in '{self.function}'"


def disassemble(image: Image) -> tuple[Instruction, ...]:
    """All instructions of an emulated core's image; data between them is left out.

    Raises:
        McuqError: T002 when capstone or pyelftools is not installed.
    """
    assert not image.core.is_host, "host programs are not looked into"
    elf = read_elf(image.path)
    found: list[Instruction] = []
    for address, contents in elf.code:
        for start, end in _code_ranges(elf, address, address + len(contents)):
            code = contents[start - address : end - address]
            found += _decode(elf, start, code, is_arm=image.core.arch == "arm")
    return tuple(found)


def mnemonics(image: Image) -> frozenset[str]:
    """The mnemonics that occur in an image."""
    return frozenset(each.mnemonic for each in disassemble(image))


def outside_v6m(instructions: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """Those of the instructions that an Armv6-M core (Cortex-M0, M0+) does not have."""
    return tuple(each for each in instructions if not _is_v6m(each))


def _is_v6m(each: Instruction) -> bool:
    if each.mnemonic == "?":
        return False
    if each.bytes == 4:
        return each.mnemonic in _V6M_LONG
    is_it = each.mnemonic.startswith("it") and set(each.mnemonic[2:]) <= {"t", "e"}
    return each.mnemonic not in _V7M_SHORT and not is_it


def _code_ranges(elf: Elf, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a section that the mapping symbols call code; all of it where there are none."""
    # Data carries no symbol of its own before the first mark, and sections begin with one.
    first = bisect.bisect_left(elf.marks, (start, ""))
    marks = [(address, kind) for address, kind in elf.marks[first:] if address < end]
    if not marks or marks[0][0] > start:
        marks.insert(0, (start, "$t"))
    limits = [address for address, _ in marks[1:]] + [end]
    for (address, kind), limit in zip(marks, limits, strict=True):
        if kind != "$d" and limit > address:
            yield address, limit


def _decode(elf: Elf, address: int, code: bytes, *, is_arm: bool) -> Iterator[Instruction]:
    try:
        import capstone
    except ImportError as error:
        raise missing_package("capstone") from error
    if is_arm:
        decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    else:
        decoder = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
    while code:
        size = 0
        for at, length, mnemonic, operands in decoder.disasm_lite(code, address):
            yield Instruction(at, length, mnemonic, operands, _function(elf, at))
            size += length
        if size < len(code):
            # Capstone stops at what it does not know; go on behind it.
            unknown = code[size : size + 4]
            length = min(len(unknown), _length(unknown, is_arm))
            yield Instruction(
                address + size, length, "?", unknown[:length].hex(), _function(elf, address + size)
            )
            size += length
        code, address = code[size:], address + size


def _length(code: bytes, is_arm: bool) -> int:
    first = int.from_bytes(code[:2], "little")
    return 4 if (first >= 0xE800 if is_arm else first & 3 == 3) else 2


def _function(elf: Elf, address: int) -> str:
    found = elf.function_at(address)
    return found.name if found else "?"
