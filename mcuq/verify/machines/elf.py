"""Reading images: what has to be loaded where, and which function an address belongs to."""

from __future__ import annotations

import bisect
import dataclasses
from pathlib import Path

from mcuq.errors import McuqError, fail


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """A function of an image: its name and its addresses."""

    name: str
    start: int
    bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Elf:
    """The parts of an ELF file that mcuq uses.

    Args:
        entry: the address of the first instruction.
        segments: load address and contents.
        code: address and contents of the executable sections.
        functions: by address.
        marks: addresses from which the contents are code ("$t", "$x") or data ("$d"), by address.
        symbols: the value of every named global symbol.
    """

    entry: int
    segments: tuple[tuple[int, bytes], ...]
    code: tuple[tuple[int, bytes], ...]
    functions: tuple[Function, ...]
    marks: tuple[tuple[int, str], ...]
    symbols: dict[str, int]

    def function_at(self, address: int) -> Function | None:
        """The function that holds an address."""
        index = bisect.bisect_right(self.functions, address, key=lambda each: each.start) - 1
        if index < 0:
            return None
        found = self.functions[index]
        return found if address < found.start + max(found.bytes, 2) else None

    def describe(self, address: int) -> str:
        """An address for people: `pc 0x00000123 in 'main'`."""
        found = self.function_at(address)
        return f"pc {address:#010x} in " + (f"'{found.name}'" if found else "no function")


def read_elf(path: Path) -> Elf:
    """Read an image.

    Raises:
        McuqError: T002 when pyelftools is not installed.
    """
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise missing_package("pyelftools") from error
    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        symbols = [(each.name, each["st_value"], each) for each in (table.iter_symbols() if table else ())]
        is_arm = elf["e_machine"] == "EM_ARM"
        functions = {
            # Bit 0 of a Thumb function's address is not part of it.
            value & ~int(is_arm): Function(name, value & ~int(is_arm), each["st_size"])
            for name, value, each in symbols
            if each["st_info"]["type"] == "STT_FUNC"
        }
        segments = tuple(
            (each["p_paddr"], each.data())
            for each in elf.iter_segments()
            if each["p_type"] == "PT_LOAD" and each["p_filesz"]
        )
        code = tuple(
            (each["sh_addr"], each.data())
            for each in elf.iter_sections()
            if each["sh_type"] == "SHT_PROGBITS" and each["sh_flags"] & 4 and each["sh_size"]
        )
        return Elf(
            entry=elf["e_entry"],
            segments=segments,
            code=code,
            functions=tuple(functions[start] for start in sorted(functions)),
            marks=tuple(sorted((value, name[:2]) for name, value, _ in symbols if name[:2] in _MARKS)),
            symbols={name: value for name, value, each in symbols if each["st_info"]["bind"] == "STB_GLOBAL"},
        )


_MARKS = ("$t", "$d", "$x")


def missing_package(name: str) -> McuqError:
    """The error for a Python package of the extra `verify` that is not installed."""
    return fail(
        "T002",
        f"the Python package '{name}' is not installed",
        where="emulation",
        why="it is part of the extra 'verify'",
        fix='pip install "mcuq[verify]"',
    )
