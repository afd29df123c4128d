"""Flash of a minimal application: one call of the model is linked and nothing else, and counted by part."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mcuq.codegen.render import render
from mcuq.codegen.view import ModelView
from mcuq.verify.image import Image, support_include_dirs
from mcuq.verify.machines.elf import missing_package

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

    ElfFile: TypeAlias = ELFFile
else:
    ElfFile: TypeAlias = Any

_ALLOCATED = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Flash:
    """Bytes in flash by where they come from; their sum is what a model adds to an application.

    Args:
        code: the model's function and its kernels, with the constants inside of them.
        weights: constant arrays.
        parameters: structs of the kernels' parameters that the compiler has not put into the code, with what
            aligns them and the arrays.
        library: helpers of the compiler, libgcc or compiler-rt.
        memory_functions: memcpy and its kin, here mcuq's own; those of a C library differ.
    """

    code: int
    weights: int
    parameters: int
    library: int
    memory_functions: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.code + self.weights + self.parameters + self.library + self.memory_functions


def measure_flash(image: Image, model: ModelView, include_dir: Path, weights_bytes: int, opt: str) -> Flash:
    """Link the least application from an image's objects, without its harness and startup code, and count it.

    Args:
        image: made from `src/<name>.c` and `src/<name>_weights.c`, and something else that calls the model.
        model: names, for the application's source.
        include_dir: where the model's header is.
        weights_bytes: of all constant arrays.
        opt: how the application is compiled.

    Raises:
        McuqError: T001 and T003 as the linker says, T002 when pyelftools is not installed.
    """
    built = image.path.parent
    folder = built / "minimal"
    folder.mkdir()
    source = folder / "application.c"
    source.write_bytes(render("profile/application.c.j2", model=model))
    toolchain = image.toolchain
    includes = [include_dir, *support_include_dirs(image.core)]
    objects = {
        "application": toolchain.compile([source], workdir=folder, include_dirs=includes, opt=opt)[0],
        "code": next(built.glob(f"*_{model.name}.o")),
        "constants": next(built.glob(f"*_{model.name}_weights.o")),
        "memory": next((built / "support").glob("*_memory.o")),
    }
    path = folder / "application.elf"
    # Of a library that the model calls: it counts as what the compiler's brings along.
    called = sorted((built / "library").glob("*.o"))
    toolchain.link([*objects.values(), *called], path, script=image.path.with_suffix(".ld"))
    owners = {name: part for part, each in objects.items() for name in _defined(each)}
    # The model's own source defines them beside the calls; a compiler may divide one and number its parts.
    is_parameters = re.compile(rf"{model.name}_p\d+_").match
    found = dict.fromkeys(("application", "code", "constants", "memory", "library"), 0)
    for name, size in _extents(path):
        owner = owners.get(name, "library")
        found["constants" if owner == "code" and is_parameters(name) else owner] += size
    return Flash(
        code=found["code"],
        weights=weights_bytes,
        parameters=found["constants"] - weights_bytes,
        library=found["library"],
        memory_functions=found["memory"],
    )


def _open(stream: Any) -> ElfFile:  # noqa: ANN401 - pyelftools has no types
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise missing_package("pyelftools") from error
    return ELFFile(stream)


def _defined(path: Path) -> list[str]:
    """The functions and objects that an object file defines."""
    with path.open("rb") as stream:
        table = _open(stream).get_section_by_name(".symtab")
        return [each.name for each in table.iter_symbols() if _is_named(each)]


def _is_named(symbol: Mapping[str, Any]) -> bool:
    return symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT") and symbol["st_shndx"] != "SHN_UNDEF"


def _extents(path: Path) -> Iterator[tuple[str, int]]:
    """Every symbol in flash with the bytes up to the next, so that literals and padding count with it."""
    with path.open("rb") as stream:
        elf = _open(stream)
        is_arm = elf["e_machine"] == "EM_ARM"
        symbols = [each for each in elf.get_section_by_name(".symtab").iter_symbols() if _is_named(each)]
        for number, section in enumerate(elf.iter_sections()):
            if section["sh_type"] != "SHT_PROGBITS" or not section["sh_flags"] & _ALLOCATED:
                continue
            # Bit 0 of a Thumb function's address is not part of it.
            starts = {
                each["st_value"] & ~int(is_arm and each["st_info"]["type"] == "STT_FUNC"): each.name
                for each in symbols
                if each["st_shndx"] == number
            }
            # What stands before the first symbol has none of its own.
            starts.setdefault(section["sh_addr"], starts[min(starts)] if starts else "")
            places = sorted(starts)
            ends = [*places[1:], section["sh_addr"] + section["sh_size"]]
            for start, end in zip(places, ends, strict=True):
                yield starts[start], end - start
