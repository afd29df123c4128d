"""Running images on Unicorn, in this process: the machine that pip alone provides.

Unicorn executes instructions its core does not have (`mcuq.verify.machines.disassembly` looks for
those) and has no interrupt controller: exceptions arrive in a hook, and the program never sees them.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from mcuq.targets import Core, Machine, Region
from mcuq.verify.image import Image
from mcuq.verify.machines.common import INPUT_FILE, OUTPUT_FILE, Run, crash, timed_out
from mcuq.verify.machines.elf import Elf, missing_package, read_elf

# Private peripheral bus of M-class cores: CPACR and CFSR lie in it. Unicorn keeps it as plain memory.
_SYSTEM = Region(0xE0000000, 0x00100000)
_PAGE = 0x1000
_EXCP_BKPT = 7
_BKPT_AB = b"\xab\xbe"
_EXCEPTIONS = {
    1: "undefined instruction",
    3: "instruction fetch fault",
    4: "data fault",
    17: "no coprocessor",
}

_SYS_OPEN, _SYS_WRITE, _SYS_READ, _SYS_EXIT_EXTENDED = 0x01, 0x05, 0x06, 0x20
_INPUT, _OUTPUT = 1, 2
_FAILED = 0xFFFFFFFF


class _Uc(Protocol):
    """The part of `unicorn.Uc` used here."""

    def mem_map(self, address: int, size: int, perms: int) -> None: ...
    def mem_read(self, address: int, size: int) -> bytearray: ...
    def mem_write(self, address: int, data: bytes) -> None: ...
    def reg_read(self, register: int) -> int: ...
    def reg_write(self, register: int, value: int) -> None: ...
    def hook_add(self, kind: int, callback: Callable[..., object]) -> int: ...
    def emu_start(self, begin: int, until: int, timeout: int) -> None: ...
    def emu_stop(self) -> None: ...


def run(image: Image, stdin_bytes: bytes, timeout_s: float, *, count_instructions: bool) -> Run:
    """Run a program; see `mcuq.verify.machines.run_image`."""
    try:
        import unicorn
    except ImportError as error:
        raise missing_package("unicorn") from error
    assert image.machine is not None
    emulation = _Emulation(_new_core(image.core), image.machine, read_elf(image.path), stdin_bytes)
    counter = _count_blocks(emulation.uc) if count_instructions else None
    start = time.perf_counter()
    try:
        emulation.run(timeout_s)
    except unicorn.UcError as error:
        raise crash(image, "Unicorn", emulation.describe(str(error))) from error
    seconds = time.perf_counter() - start
    if emulation.fault is not None:
        raise crash(image, "Unicorn", emulation.describe(emulation.fault))
    if emulation.exit_code is None:
        raise timed_out(image, "Unicorn", timeout_s, emulation.place())
    instructions = None if counter is None else _instructions(emulation.uc, counter)
    return Run(emulation.exit_code & 0xFF, bytes(emulation.output), seconds, instructions)


def _new_core(core: Core) -> _Uc:
    import unicorn
    from unicorn import arm_const

    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{core.unicorn_cpu}"))
    return cast(_Uc, uc)


class _Emulation:
    """One program in one emulated core, with its semihosting calls served from memory."""

    def __init__(self, uc: _Uc, machine: Machine, elf: Elf, stdin_bytes: bytes) -> None:
        self.uc = uc
        self.output = bytearray()
        self.exit_code: int | None = None
        self.fault: str | None = None
        self._machine = machine
        self._elf = elf
        self._input = memoryview(stdin_bytes)
        self._position = 0
        self._map()
        self._hook()

    def run(self, timeout_s: float) -> None:
        """Start at the reset vector and return when the program ends, faults or has had its time."""
        from unicorn import arm_const

        stack, entry = struct.unpack("<II", self.uc.mem_read(self._machine.boot.origin, 8))
        self.uc.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self.uc.emu_start(entry | 1, 0xFFFFFFFE, timeout=int(timeout_s * 1e6))

    def place(self) -> str:
        """Where the program is."""
        return self._elf.describe(self._register("PC"))

    def describe(self, what: str) -> str:
        """A fault and where it happened."""
        caller = self._elf.function_at(self._register("LR") & ~1)
        return f"{what}, {self.place()}" + (f", called from '{caller.name}'" if caller else "")

    def _map(self) -> None:
        from unicorn import UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE

        machine = self._machine
        read_only, data = UC_PROT_READ | UC_PROT_EXEC, UC_PROT_READ | UC_PROT_WRITE
        regions = {machine.boot: read_only, machine.flash: read_only, machine.ram: data, _SYSTEM: data}
        for region, protection in regions.items():
            self.uc.mem_map(region.origin, -(-region.bytes // _PAGE) * _PAGE, protection)
        for address, contents in self._elf.segments:
            self.uc.mem_write(address, contents)

    def _hook(self) -> None:
        import unicorn

        self.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid_access)

    def _register(self, name: str) -> int:
        from unicorn import arm_const

        return self.uc.reg_read(getattr(arm_const, f"UC_ARM_REG_{name}"))

    def _stop(self, fault: str) -> None:
        self.fault = fault
        self.uc.emu_stop()

    def _on_invalid_access(self, _uc: object, kind: int, address: int, size: int, *_rest: object) -> bool:
        import unicorn

        kinds = {
            unicorn.UC_MEM_WRITE_UNMAPPED: "store to unmapped address",
            unicorn.UC_MEM_READ_UNMAPPED: "load from unmapped address",
            unicorn.UC_MEM_FETCH_UNMAPPED: "jump to unmapped address",
            unicorn.UC_MEM_WRITE_PROT: "store to read-only address",
            unicorn.UC_MEM_FETCH_PROT: "jump to data at address",
        }
        self._stop(f"{kinds.get(kind, 'invalid access to address')} {address:#010x} ({size} bytes)")
        return False

    def _on_exception(self, _uc: object, number: int, _data: object) -> None:
        from unicorn import arm_const

        pc = self._register("PC")
        if number != _EXCP_BKPT or bytes(self.uc.mem_read(pc & ~1, 2)) != _BKPT_AB:
            self._stop(_EXCEPTIONS.get(number, f"exception {number}"))
            return
        result = self._serve(self._register("R0"), self._register("R1"))
        if self.exit_code is None and self.fault is None:
            self.uc.reg_write(arm_const.UC_ARM_REG_R0, result & _FAILED)
            self.uc.reg_write(arm_const.UC_ARM_REG_PC, (pc + 2) | 1)

    def _serve(self, operation: int, block: int) -> int:
        """Carry out one semihosting call; returns what the program finds in r0."""
        if operation == _SYS_EXIT_EXTENDED:
            _, self.exit_code = self._words(block, 2)
            self.uc.emu_stop()
            return 0
        if operation == _SYS_OPEN:
            address, _, size = self._words(block, 3)
            name = bytes(self.uc.mem_read(address, size)).decode("ascii", "replace")
            return {INPUT_FILE: _INPUT, OUTPUT_FILE: _OUTPUT}.get(name, _FAILED)
        if operation in (_SYS_READ, _SYS_WRITE):
            handle, address, size = self._words(block, 3)
            if handle == _INPUT and operation == _SYS_READ:
                return self._read(address, size)
            if handle == _OUTPUT and operation == _SYS_WRITE:
                self.output += self.uc.mem_read(address, size)
                return 0
        self._stop(f"semihosting call {operation:#x}, which mcuq does not serve")
        return _FAILED

    def _words(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self.uc.mem_read(address, 4 * count))

    def _read(self, address: int, size: int) -> int:
        data = self._input[self._position : self._position + size]
        # Unicorn's own writes pass every protection.
        if data and not self._machine.ram.holds(address, len(data)):
            self._stop(f"input read to address {address:#010x} ({len(data)} bytes), outside of the RAM")
            return _FAILED
        self.uc.mem_write(address, bytes(data))
        self._position += len(data)
        return size - len(data)


def _count_blocks(uc: _Uc) -> dict[tuple[int, int], int]:
    import unicorn

    counts: dict[tuple[int, int], int] = {}

    def on_block(_uc: object, address: int, size: int, _data: object) -> None:
        counts[address, size] = counts.get((address, size), 0) + 1

    uc.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
    return counts


def _instructions(uc: _Uc, counts: Mapping[tuple[int, int], int]) -> int:
    total = 0
    for (address, size), times in counts.items():
        halfwords = struct.unpack(f"<{size // 2}H", uc.mem_read(address, size))
        total += times * count_thumb(halfwords)
    return total


def count_thumb(halfwords: Sequence[int]) -> int:
    """How many Thumb instructions these halfwords are.

    >>> count_thumb([0x4770, 0xF000, 0xF800])
    2
    """
    count = index = 0
    while index < len(halfwords):
        # The first halfword of a 32-bit instruction starts with 11101, 11110 or 11111.
        index += 2 if halfwords[index] >= 0xE800 else 1
        count += 1
    return count
