"""Kernels on an emulated Cortex-M4, called from here, with every buffer beside memory that does not exist."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcuq.resources import targets_dir
from mcuq.targets import load_target
from mcuq.verify.machines.elf import read_elf
from mcuq.verify.toolchain import find_toolchain
from tests.kernels.isolated.cases import Case, array_bytes
from tests.kernels.isolated.source import Program, include_dirs, write_program

_PAGE = 0x1000
_CODE, _SLOTS, _SLOT = 0x00010000, 0x20000000, 0x00200000
_STACK_BYTES = 0x4000
_SECONDS = 5
# What registers hold that belong to the caller.
_CALLERS = 0xC0DE0000
# Linked where the emulator maps it; kept whole.
_SCRIPT = """
mcuq_reset = 0x10000;
SECTIONS
{
    .text 0x10000 : { KEEP(*(.text*)) KEEP(*(.rodata*)) }
    .data : { KEEP(*(.data*)) KEEP(*(.bss*)) KEEP(*(COMMON)) }
    /DISCARD/ : { *(.ARM.exidx*) *(.comment) *(.ARM.attributes) }
}
"""


class Emulator:
    """Programs of kernels in one emulated core."""

    def __init__(self, programs: Sequence[Program], folder: Path, core: str = "cortex-m4", opt: str = "-O2"):
        self._kernels: list[tuple[str, ...]] = []
        self._elf = read_elf(self._build(programs, folder, core, opt))
        sizes = [_sizes(each) for program in programs for each in program.cases]
        self._bytes = -(-max(max(size) for size in sizes) // _PAGE) * _PAGE
        assert self._bytes < _SLOT
        self._uc = self._new_core(core, max(map(len, sizes)) + 1)

    def _build(self, programs: Sequence[Program], folder: Path, core: str, opt: str) -> Path:
        toolchain = find_toolchain(load_target(core).core)
        objects = []
        support = targets_dir() / "support"
        freestanding = [support / "freestanding", support / "include"]
        for number, program in enumerate(programs):
            path, kernels = write_program(program, number, folder / f"p{number}")
            self._kernels.append(kernels)
            includes = [*include_dirs(path.parent), *freestanding]
            objects += toolchain.compile([path], workdir=path.parent, include_dirs=includes, opt=opt)
        flags = ["-fno-builtin"] + (
            ["-fno-tree-loop-distribute-patterns"] if toolchain.flavour == "gcc" else []
        )
        objects += toolchain.compile(
            [support / "memory.c"], workdir=folder, include_dirs=[*freestanding, support], extra_flags=flags
        )
        script = folder / "isolated.ld"
        script.write_text(_SCRIPT, "utf-8")
        return toolchain.link(objects, folder / "isolated.elf", script=script)

    def _new_core(self, core: str, slots: int):
        import unicorn
        from unicorn import arm_const as arm

        self._arm = arm
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(getattr(arm, f"UC_CPU_{load_target(core).core.unicorn_cpu}"))
        end = max(address + len(data) for address, data in self._elf.segments)
        code_only = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        uc.mem_map(_CODE, -(-(end - _CODE) // _PAGE) * _PAGE + _PAGE, code_only)
        for address, data in self._elf.segments:
            uc.mem_write(address, data)
        self._back = -(-end // _PAGE) * _PAGE
        data_only = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        for slot in range(slots):
            uc.mem_map(_SLOTS + slot * _SLOT, self._bytes, data_only)
        self._stack = _SLOTS - _SLOT
        uc.mem_map(self._stack, _STACK_BYTES, data_only)
        registers = [getattr(arm, f"UC_ARM_REG_R{number}") for number in range(12)]
        self._arguments, self._constants = registers[:4], registers[4:]
        return uc

    def run(self, number: int, each: Case) -> str | None:
        """What is wrong with a program's kernel in a case, or None.

        Buffers end where memory ends, and begin where it begins the second time, with other garbage.
        """
        for sample in range(len(each.expected)):
            for is_at_end, garbage in ((True, 0xA7), (False, 0x18)):
                problem = self._run(number, each, sample, is_at_end, garbage)
                if problem is not None:
                    side = "ends" if is_at_end else "begins"
                    return f"{each}, sample {sample}, memory {side} with the buffers: {problem}"
        return None

    def _run(self, number: int, each: Case, sample: int, is_at_end: bool, garbage: int) -> str | None:
        import unicorn

        uc, arm = self._uc, self._arm
        x = [row[sample].tobytes() for row in each.inputs]
        expected = each.expected[sample].tobytes()
        kernel, contents = self._contents(number, each)
        addresses: list[int] = []

        def put(data: bytes, align: int) -> int:
            begin = _SLOTS + len(addresses) * _SLOT
            at = begin + (((self._bytes - len(data)) & -align) if is_at_end else 0)
            uc.mem_write(at, data)
            addresses.append(at)
            return at

        arrays = [put(data, 4) for data in contents]
        inputs = [put(data, 1) for data in x]
        y = put(bytes([garbage ^ 0x3C]) * len(expected), 1 if len(expected) == _elems(each) else 4)
        scratch = put(bytes([garbage]) * each.call.scratch_bytes, 4)
        params = put(self._params(kernel, each, arrays), 4)
        listed = put(struct.pack(f"<{len(inputs)}I", *inputs), 4)
        call = self._word(kernel + 8)
        uc.reg_write(arm.UC_ARM_REG_SP, self._stack + _STACK_BYTES)
        uc.reg_write(arm.UC_ARM_REG_LR, self._back | 1)
        for register, value in zip(self._arguments, (params, listed, y, scratch), strict=True):
            uc.reg_write(register, value)
        for index, register in enumerate(self._constants):
            uc.reg_write(register, _CALLERS + index)
        try:
            uc.emu_start(call | 1, self._back, timeout=_SECONDS * 10**6)
        except unicorn.UcError as error:
            pc = uc.reg_read(arm.UC_ARM_REG_PC)
            return f"{error}, {self._elf.describe(pc)}"
        return self._judge(y, expected, x, inputs)

    def _judge(self, y: int, expected: bytes, x: Sequence[bytes], inputs: Sequence[int]) -> str | None:
        uc, arm = self._uc, self._arm
        if uc.reg_read(arm.UC_ARM_REG_PC) & ~1 != self._back:
            return "it does not come to an end"
        if uc.reg_read(arm.UC_ARM_REG_SP) != self._stack + _STACK_BYTES:
            return "the stack is not as it was"
        if any(uc.reg_read(r) != _CALLERS + i for i, r in enumerate(self._constants)):
            return "a register that belongs to the caller is not as it was"
        if any(bytes(uc.mem_read(at, len(data))) != data for at, data in zip(inputs, x, strict=True)):
            return "an input is not as it was"
        found = np.frombuffer(bytes(uc.mem_read(y, len(expected))), np.int8)
        differs = np.flatnonzero(found != np.frombuffer(expected, np.int8))
        if len(differs):
            first = int(differs[0])
            wanted = np.frombuffer(expected, np.int8)[first]
            return f"{len(differs)} differ, the first at {first}: expected {wanted}, found {found[first]}"
        return None

    def _contents(self, number: int, each: Case) -> tuple[int, list[bytes]]:
        index = self._kernels[number].index(each.call.kernel)
        kernel = self._elf.symbols[f"isolated_program_{number}"] + 12 * index
        return kernel, [array_bytes(array.values) for array in each.call.arrays]

    def _params(self, kernel: int, each: Case, arrays: Sequence[int]) -> bytes:
        data = bytearray(self._word(kernel))
        values = [value & 0xFFFFFFFF for _, value in each.call.fields] + list(arrays)
        table = self._uc.mem_read(self._word(kernel + 4), 4 * len(values))
        for offset, value in zip(struct.unpack(f"<{len(values)}I", table), values, strict=True):
            struct.pack_into("<I", data, offset, value)
        return bytes(data)

    def _word(self, address: int) -> int:
        return struct.unpack("<I", self._uc.mem_read(address, 4))[0]


def _elems(each: Case) -> int:
    """How many elements an output has: as many as bytes, or a quarter of them."""
    return each.expected.shape[1] // (4 if "argmax" in each.call.kernel else 1)


def _sizes(each: Case) -> list[int]:
    """Bytes of all buffers of a case: arrays, inputs, output, scratch, parameters, list of inputs."""
    sizes = [array.values.nbytes for array in each.call.arrays]
    sizes += [x.shape[1] for x in each.inputs]
    return [*sizes, each.expected.shape[1], each.call.scratch_bytes, 4 * len(each.call.fields) + 64, 64]
