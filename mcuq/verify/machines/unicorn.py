"""Running images on Unicorn, in this process: the machine that pip alone provides.

Unicorn is not strict: it executes instructions that the core does not have (see
`mcuq.verify.machines.disassembly`) and unaligned accesses that would fault. It has no interrupt
controller either: exceptions arrive in a hook, and the program's own handlers never run. The memories,
however, are exactly those of the image, and the flash cannot be written.
"""

from __future__ import annotations

import dataclasses
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from mcuq.memories import AddressRange
from mcuq.targets import Core, Machine
from mcuq.verify.image import Image
from mcuq.verify.machines.common import INPUT_FILE, OUTPUT_FILE, Observer, Run, crash, timed_out
from mcuq.verify.machines.elf import Elf, missing_package, read_elf

# Private peripheral bus of M-class cores: CPACR and CFSR lie in it. Unicorn keeps it as plain memory.
_SYSTEM = AddressRange(0xE0000000, 0x00100000)
_PAGE = 0x1000
_NEVER_REACHED = 0xFFFFFFFE

_ARM_BREAKPOINT = 7
_BKPT_AB = b"\xab\xbe"
_ARM_EXCEPTIONS = {1: "undefined instruction", 3: "jump to unmapped address", 17: "FPU is not enabled"}
_RISCV_EXCEPTIONS = {1: "fetch refused", 2: "illegal instruction", 5: "load refused", 7: "store refused"}

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
    def hook_add(
        self, kind: int, callback: Callable[..., object], user: object = ..., begin: int = ..., end: int = ...
    ) -> int: ...
    def hook_del(self, hook: int) -> None: ...
    def emu_start(self, begin: int, until: int, timeout: int) -> None: ...
    def emu_stop(self) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class _Registers:
    """Unicorn's numbers of the registers that an architecture uses for these ends."""

    pc: int
    sp: int
    link: int
    operation: int
    parameters: int


def run(
    image: Image,
    stdin_bytes: bytes,
    timeout_s: float,
    *,
    count_instructions: bool,
    observer: Observer | None = None,
) -> Run:
    """Run a program; see `mcuq.verify.machines.run_image`."""
    try:
        import unicorn
    except ImportError as error:
        raise missing_package("unicorn") from error
    uc, registers = _new_core(image.core)
    emulation = _Emulation(uc, registers, image, stdin_bytes)
    counts = emulation.count_blocks() if count_instructions else None
    if observer is not None:
        observer.attach(uc)
    start = time.perf_counter()
    try:
        emulation.run(timeout_s)
    except unicorn.UcError as error:
        raise crash(image, "Unicorn", emulation.describe(emulation.fault or str(error))) from error
    finally:
        emulation.close()
    seconds = time.perf_counter() - start
    if emulation.fault is not None:
        raise crash(image, "Unicorn", emulation.describe(emulation.fault))
    if emulation.exit_code is None:
        raise timed_out(image, "Unicorn", timeout_s, emulation.place())
    instructions = None if counts is None else _instructions(uc, counts, image.core)
    return Run(emulation.exit_code & 0xFF, bytes(emulation.output), seconds, instructions)


def _new_core(core: Core) -> tuple[_Uc, _Registers]:
    import unicorn
    from unicorn import arm_const as arm
    from unicorn import riscv_const as riscv

    if core.arch == "arm":
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(getattr(arm, f"UC_CPU_{core.unicorn_cpu}"))
        names = ("PC", "SP", "LR", "R0", "R1")
        registers = _Registers(*(getattr(arm, f"UC_ARM_REG_{name}") for name in names))
    else:
        uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        uc.ctl_set_cpu_model(getattr(riscv, f"UC_CPU_{core.unicorn_cpu}"))
        names = ("PC", "SP", "RA", "A0", "A1")
        registers = _Registers(*(getattr(riscv, f"UC_RISCV_REG_{name}") for name in names))
    return cast(_Uc, uc), registers


class _Emulation:
    """One program in one emulated core, with its semihosting calls served from memory."""

    def __init__(self, uc: _Uc, registers: _Registers, image: Image, stdin_bytes: bytes) -> None:
        assert image.machine is not None
        self.output = bytearray()
        self.exit_code: int | None = None
        self.fault: str | None = None
        self._uc = uc
        self._registers = registers
        self._machine: Machine = image.machine
        self._elf: Elf = read_elf(image.path)
        self._is_arm = image.core.arch == "arm"
        self._input = memoryview(stdin_bytes)
        self._position = 0
        self._hooks: list[int] = []
        self._map()
        self._add_hooks()

    def run(self, timeout_s: float) -> None:
        """Start as after reset; return when the program ends, faults or has had its time."""
        entry = self._machine.boot.origin
        if self._is_arm:
            stack, entry = struct.unpack("<II", self._uc.mem_read(entry, 8))
            self._uc.reg_write(self._registers.sp, stack)
            entry |= 1
        self._uc.emu_start(entry, _NEVER_REACHED, timeout=int(timeout_s * 1e6))

    def close(self) -> None:
        """Let go of the hooks: they refer back to this object, and a core holds much memory."""
        for hook in self._hooks:
            self._uc.hook_del(hook)
        self._hooks.clear()

    def place(self) -> str:
        """Where the program is."""
        return self._elf.describe(self._read(self._registers.pc))

    def describe(self, what: str) -> str:
        """A fault and where it happened; after a wild jump the link register tells more."""
        pc, link = self._read(self._registers.pc), self._read(self._registers.link) & ~1
        caller = self._elf.function_at(link) if self._elf.function_at(pc) is None else None
        return f"{what}, {self.place()}" + (f", called from '{caller.name}'" if caller else "")

    def count_blocks(self) -> Mapping[tuple[int, int], int]:
        """Count from now on how often each block (address, bytes) is executed."""
        import unicorn

        counts: dict[tuple[int, int], int] = {}

        def on_block(_uc: object, address: int, size: int, _data: object) -> None:
            counts[address, size] = counts.get((address, size), 0) + 1

        self._hooks.append(self._uc.hook_add(unicorn.UC_HOOK_BLOCK, on_block))
        return counts

    def _map(self) -> None:
        from unicorn import UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE

        machine = self._machine
        read_only, data = UC_PROT_READ | UC_PROT_EXEC, UC_PROT_READ | UC_PROT_WRITE
        regions = {machine.boot: read_only, machine.flash: read_only, machine.ram: data}
        regions |= {each.range: read_only | data for each in machine.memories}
        if self._is_arm:
            regions[_SYSTEM] = data
        for region, protection in regions.items():
            self._uc.mem_map(region.origin, -(-region.bytes // _PAGE) * _PAGE, protection)
        for address, contents in self._elf.segments:
            self._uc.mem_write(address, contents)

    def _add_hooks(self) -> None:
        import unicorn

        self._hooks.append(self._uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception))
        self._hooks.append(self._uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid_access))
        if not self._is_arm:
            # Unicorn takes ebreak for an invalid instruction; the hook comes before it.
            ebreak = self._elf.symbols["mcuq_semihosting"] + 4
            self._hooks.append(self._uc.hook_add(unicorn.UC_HOOK_CODE, self._on_ebreak, None, ebreak, ebreak))

    def _read(self, register: int) -> int:
        return self._uc.reg_read(register) & 0xFFFFFFFF

    def _stop(self, fault: str) -> int:
        self.fault = self.fault or fault
        self._uc.emu_stop()
        return _FAILED

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
        pc = self._read(self._registers.pc) & ~1
        if self._is_arm and number == _ARM_BREAKPOINT and bytes(self._uc.mem_read(pc, 2)) == _BKPT_AB:
            self._serve((pc + 2) | 1)
        else:
            names = _ARM_EXCEPTIONS if self._is_arm else _RISCV_EXCEPTIONS
            self._stop(names.get(number, f"exception {number}"))

    def _on_ebreak(self, _uc: object, address: int, _size: int, _data: object) -> None:
        self._serve(address + 4)

    def _serve(self, resume: int) -> None:
        """Carry out one semihosting call and go on behind it."""
        registers = self._registers
        result = self._call(self._read(registers.operation), self._read(registers.parameters))
        if self.exit_code is None and self.fault is None:
            self._uc.reg_write(registers.operation, result)
            self._uc.reg_write(registers.pc, resume)

    def _call(self, operation: int, block: int) -> int:
        if operation == _SYS_EXIT_EXTENDED:
            _, self.exit_code = self._words(block, 2)
            self._uc.emu_stop()
            return 0
        if operation == _SYS_OPEN:
            address, _, size = self._words(block, 3)
            name = bytes(self._uc.mem_read(address, size)).decode("ascii", "replace")
            return {INPUT_FILE: _INPUT, OUTPUT_FILE: _OUTPUT}.get(name, _FAILED)
        if operation in (_SYS_READ, _SYS_WRITE):
            handle, address, size = self._words(block, 3)
            if handle == _INPUT and operation == _SYS_READ:
                return self._read_input(address, size)
            if handle == _OUTPUT and operation == _SYS_WRITE:
                self.output += self._uc.mem_read(address, size)
                return 0
        return self._stop(f"semihosting call {operation:#x}, which mcuq does not serve")

    def _words(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self._uc.mem_read(address, 4 * count))

    def _read_input(self, address: int, size: int) -> int:
        data = self._input[self._position : self._position + size]
        # Unicorn's own writes pass every protection.
        writable = (self._machine.ram, *(each.range for each in self._machine.memories))
        if data and not any(each.holds(address, len(data)) for each in writable):
            return self._stop(f"input read to address {address:#010x} ({len(data)} bytes), not all in RAM")
        self._uc.mem_write(address, bytes(data))
        self._position += len(data)
        return size - len(data)


def _instructions(uc: _Uc, counts: Mapping[tuple[int, int], int], core: Core) -> int:
    count = count_thumb if core.arch == "arm" else count_rvc
    total = 0
    for (address, size), times in counts.items():
        total += times * count(struct.unpack(f"<{size // 2}H", uc.mem_read(address, size)))
    return total


def count_thumb(halfwords: Sequence[int]) -> int:
    """How many Thumb instructions these halfwords are.

    >>> count_thumb([0x4770, 0xF000, 0xF800])
    2
    """
    # The first halfword of a 32-bit instruction starts with 11101, 11110 or 11111.
    return _count(halfwords, lambda first: first >= 0xE800)


def count_rvc(halfwords: Sequence[int]) -> int:
    """How many RISC-V instructions, some of them compressed, these halfwords are.

    >>> count_rvc([0x8082, 0x0013, 0x0000])
    2
    """
    return _count(halfwords, lambda first: first & 3 == 3)


def _count(halfwords: Sequence[int], is_long: Callable[[int], bool]) -> int:
    count = index = 0
    while index < len(halfwords):
        index += 2 if is_long(halfwords[index]) else 1
        count += 1
    return count
