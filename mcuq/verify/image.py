"""Programs for the host and for emulated cores.

The caller's sources hold `int main(void)`; they may include `mcuq_harness_io.h` and, on all cores,
`string.h`. Startup code, I/O and (for emulated cores) the four memory functions are added here.
"""

from __future__ import annotations

import dataclasses
import functools
import string
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcuq.errors import McuqError
from mcuq.files import scratch_folder
from mcuq.memories import AddressRange, Memory
from mcuq.resources import targets_dir
from mcuq.targets import Core, Machine
from mcuq.verify.toolchain import CompileOptions, Toolchain

if TYPE_CHECKING:
    from typing_extensions import Unpack

# Emulated programs need little; a microbit has 16 KB of RAM in all.
STACK_BYTES = 2048
# What programs of very many steps took with their harness: a machine that leaves as much comes first.
_AMPLE_STACK_BYTES = 6144


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """A linked program.

    Args:
        path: the executable, an ELF file for emulated cores.
        core: what it runs on.
        toolchain: what made it.
        machine: the memories it is linked for (cut to the budget, if there was one); None on the host.
    """

    path: Path
    core: Core
    toolchain: Toolchain
    machine: Machine | None


def build_image(
    core: Core,
    toolchain: Toolchain,
    sources: Sequence[Path],
    *,
    workdir: Path,
    machine: str | None = None,
    flash_bytes: int | None = None,
    ram_bytes: int | None = None,
    stack_bytes: int = STACK_BYTES,
    more_objects: Sequence[Path] = (),
    link_flags: Sequence[str] = (),
    **options: Unpack[CompileOptions],
) -> Image:
    """Compile and link a program that can be run with `mcuq.verify.machines.run_image`.

    Args:
        core: what to build for.
        toolchain: a compiler for that core.
        sources: C files.
        workdir: a folder for objects and image; made if needed.
        machine: which of the core's machines; by default the first that is large enough.
        flash_bytes: the most that code and constants may take.
        ram_bytes: the most that data and stack may take.
        stack_bytes: what has to be left for the stack.
        more_objects: to link as well.
        link_flags: more options for the linker.
        **options: for `sources`, see `mcuq.verify.toolchain.CompileOptions`.

    Raises:
        McuqError: as `Toolchain.compile` and `Toolchain.link`; T001 when a memory is too small.
    """
    assert toolchain.core == core, (toolchain.core.name, core.name)
    workdir.mkdir(parents=True, exist_ok=True)
    sanitize = options.get("sanitize", ())
    options["include_dirs"] = [*options.get("include_dirs", ()), *support_include_dirs(core)]
    objects = toolchain.compile(sources, workdir=workdir, **options)
    objects += [*more_objects, *_write_support(core, toolchain, workdir / "support")]
    path = workdir / "image.elf"
    if core.is_host:
        path = path.with_suffix(".exe" if sys.platform == "win32" else ".out")
        toolchain.link(objects, path, sanitize=sanitize, extra_flags=link_flags)
        return Image(path, core, toolchain, None)
    machines = (core.machine(machine),) if machine else core.machines
    cut = [_cut(each, flash_bytes, ram_bytes) for each in machines]
    link = functools.partial(toolchain.link, objects, path, extra_flags=link_flags)
    return Image(path, core, toolchain, _link_first_that_fits(link, path, cut, stack_bytes))


def support_include_dirs(core: Core) -> tuple[Path, ...]:
    """Where `mcuq_harness_io.h` is, and `string.h` for cores without a C library."""
    support = targets_dir() / "support"
    return (support / "include",) if core.is_host else (support / "include", support / "freestanding")


def _write_support(core: Core, toolchain: Toolchain, workdir: Path) -> list[Path]:
    workdir.mkdir(exist_ok=True)
    paths = []
    for name, data in _compiled_support(core, toolchain):
        paths.append(workdir / name)
        paths[-1].write_bytes(data)
    return paths


@functools.lru_cache(maxsize=64)
def _compiled_support(core: Core, toolchain: Toolchain) -> tuple[tuple[str, bytes], ...]:
    """Names and contents of the objects that every image of a core has: compiled once a process."""
    with scratch_folder("support") as workdir:
        return tuple((path.name, path.read_bytes()) for path in _compile_support(core, toolchain, workdir))


def _compile_support(core: Core, toolchain: Toolchain, workdir: Path) -> list[Path]:
    folder = targets_dir() / "support"
    includes = [*support_include_dirs(core), folder]
    if core.is_host:
        return toolchain.compile([folder / "io_host.c"], workdir=workdir, include_dirs=includes)
    sources = [folder / f"startup_{core.arch}.c", folder / "io_semihosting.c", folder / "memory.c"]
    # Or the loops of memcpy become calls of memcpy.
    flags = ["-fno-builtin"]
    if toolchain.flavour == "gcc":
        flags.append("-fno-tree-loop-distribute-patterns")
    return toolchain.compile(sources, workdir=workdir, include_dirs=includes, extra_flags=flags)


def _link_first_that_fits(
    link: Callable[..., Path], path: Path, machines: Sequence[Machine], stack_bytes: int
) -> Machine:
    attempts = [
        (machine, least)
        for least in (max(_AMPLE_STACK_BYTES, stack_bytes), stack_bytes)
        for machine in machines
    ]
    for attempt in attempts:
        script = path.with_suffix(".ld")
        script.write_text(linker_script(*attempt), "utf-8")
        try:
            link(script=script)
        except McuqError as error:
            if error.problems[0].code != "T001" or attempt is attempts[-1]:
                raise
        else:
            return attempt[0]
    raise AssertionError("a core for emulation has a machine")


def linker_script(machine: Machine, stack_bytes: int = STACK_BYTES) -> str:
    """The linker script for a machine's memories.

    Args:
        machine: the memories.
        stack_bytes: what has to be left for the stack.
    """
    template = string.Template((targets_dir() / "support" / "image.ld.in").read_text("utf-8"))
    boot, flash, ram = machine.boot, machine.flash, machine.ram
    own = next((_region(each) for each in machine.memories if each.range == boot), "BOOT")
    has_boot = boot.origin != flash.origin
    line = f"BOOT (rx) : ORIGIN = {boot.origin:#010x}, LENGTH = {boot.bytes:#x}"
    return template.substitute(
        boot_line=line if has_boot and own == "BOOT" else "",
        boot=own if has_boot else "FLASH",
        placed_regions="\n    ".join(map(_region_line, machine.memories)),
        placed_sections="\n    ".join(map(_placed_sections, machine.memories)),
        placed_table="\n        ".join(map(_placed_entry, machine.memories)),
        flash_origin=f"{flash.origin:#010x}",
        flash_bytes=f"{flash.bytes:#x}",
        flash_power_of_two=f"{1 << (flash.bytes - 1).bit_length():#x}",
        ram_origin=f"{ram.origin:#010x}",
        ram_bytes=f"{ram.bytes:#x}",
        stack_bytes=str(stack_bytes),
    )


def _region(memory: Memory) -> str:
    return f"MEM_{memory.name.upper()}"


def _region_line(memory: Memory) -> str:
    origin, size = memory.range.origin, memory.range.bytes
    return f"{_region(memory)} (rwx) : ORIGIN = {origin:#010x}, LENGTH = {size:#x}"


def _placed_sections(memory: Memory) -> str:
    """What is placed in a memory by name: copied from flash, and data behind it."""
    name, region = memory.name, _region(memory)
    copied = f"{{ *(.text.mcuq.{name} .rodata.mcuq.{name}) . = ALIGN(8); }} > {region} AT> FLASH"
    data = f"{{ *(.bss.mcuq.{name}) . = ALIGN(8); }} > {region}"
    return f".mcuq_{name} : ALIGN(8) {copied}\n    .mcuq_{name}_data (NOLOAD) : ALIGN(8) {data}"


def _placed_entry(memory: Memory) -> str:
    """What startup code has to know of it: `mcuq_placed_memory` in startup.h."""
    copied, data = f".mcuq_{memory.name}", f".mcuq_{memory.name}_data"
    words = (f"LOADADDR({copied})", f"ADDR({copied})", f"SIZEOF({copied})", f"SIZEOF({data})")
    numbers = (f"{memory.range.origin:#010x}", f"{memory.range.bytes:#x}")
    return " ".join(f"LONG({each});" for each in (*words, *numbers))


def _cut(machine: Machine, flash_bytes: int | None, ram_bytes: int | None) -> Machine:
    def cut(region: AddressRange, limit: int | None) -> AddressRange:
        return region if limit is None else AddressRange(region.origin, min(region.bytes, limit))

    flash = cut(machine.flash, flash_bytes)
    boot = flash if machine.boot == machine.flash else machine.boot
    return dataclasses.replace(machine, boot=boot, flash=flash, ram=cut(machine.ram, ram_bytes))
