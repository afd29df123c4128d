"""Running images on QEMU, in a process of its own: the stricter machine, and the only one for some cores."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from mcuq.cleanup import child
from mcuq.errors import McuqError, fail
from mcuq.files import scratch_folder
from mcuq.targets import Arch
from mcuq.verify.image import Image
from mcuq.verify.machines.common import INPUT_FILE, OUTPUT_FILE, Plugin, Run, crash, timed_out
from mcuq.verify.machines.elf import read_elf

_PROGRAMS: dict[Arch, tuple[str, str]] = {
    "arm": ("qemu-system-arm", "qemu-system-arm"),
    "riscv32": ("qemu-system-riscv32", "qemu-system-misc"),
}
# What the program and QEMU's warnings print, and what QEMU's monitor prints.
_ERROR_FILE, _MONITOR_FILE = "stderr.txt", "monitor.txt"
_FAULT = re.compile(r"mcuq-fault(.*)")
_FATAL = re.compile(r"qemu-system-\w+: (?!warning)|qemu: fatal:")
_GRACE_S = 5.0
_NO_FRAME = 0xFFFFFFFF  # printed as the PC when the stack pointer left the stack
# Bits of the Configurable Fault Status Register and values of mcause that say something about the program.
_CFSR = {
    0: "jump to memory that is not executable",
    1: "access to memory that is not the program's",
    8: "jump to unmapped memory",
    9: "access to unmapped memory",
    16: "undefined instruction",
    17: "jump to an even address",
    18: "invalid exception return",
    19: "FPU or vector unit is not enabled",
    24: "unaligned access",
    25: "division by zero",
}
_MCAUSE = {
    1: "jump to memory that is not executable",
    2: "illegal instruction",
    3: "breakpoint",
    5: "load refused",
    7: "store refused",
}
_PC = re.compile(r"(?:R15=| pc[ =])\s*(?:0x)?([0-9a-f]{8})")


def run(image: Image, stdin_bytes: bytes, timeout_s: float, plugin: Plugin | None = None) -> Run:
    """Run a program; see `mcuq.verify.machines.run_image`."""
    assert image.machine is not None
    command = [
        *(_program(image), "-M", image.machine.qemu),
        *(["-bios", "none"] if image.core.arch == "riscv32" else []),
        *("-display", "none", "-serial", "none", "-parallel", "none", "-nic", "none", "-monitor", "stdio"),
        "-semihosting-config",
        f"enable=on,target=native,arg={image.path.stem},arg={INPUT_FILE},arg={OUTPUT_FILE}",
        *("-kernel", str(image.path.resolve())),
        *([] if plugin is None else ["-plugin", _plugin_option(plugin)]),
    ]
    with scratch_folder("run") as folder:
        (folder / INPUT_FILE).write_bytes(stdin_bytes)
        start = time.perf_counter()
        code = _wait(command, folder, timeout_s)
        seconds = time.perf_counter() - start
        text = (folder / _ERROR_FILE).read_text("utf-8", "replace")
        if code is None:
            monitor = (folder / _MONITOR_FILE).read_text("utf-8", "replace")
            raise timed_out(image, "QEMU", timeout_s, _place(image, monitor))
        if plugin is not None and code == 1 and "plugin" in text.lower():
            raise _no_plugins(image, text)
        fault = _FAULT.search(text)
        if fault is not None:
            raise crash(image, "QEMU", _explain(image, fault[1]))
        if code < 0 or _FATAL.search(text):
            raise crash(
                image, "QEMU", f"QEMU ended with code {code}, {_place(image, text)}\n    {text.strip()}"
            )
        sink = folder / OUTPUT_FILE
        return Run(code, sink.read_bytes() if sink.exists() else b"", seconds)


def _wait(command: Sequence[str], folder: Path, timeout_s: float) -> int | None:
    """Run QEMU with what it prints in files; returns its exit code, None after the timeout."""
    late = threading.Event()
    with (
        (folder / _ERROR_FILE).open("wb") as errors,
        (folder / _MONITOR_FILE).open("wb") as answers,
        child(command, cwd=folder, stdin=subprocess.PIPE, stdout=answers, stderr=errors) as process,
    ):

        def ask() -> None:
            late.set()
            # QEMU's monitor listens: it can say where the program is. The pipe may be gone by now.
            with contextlib.suppress(OSError, ValueError):
                os.write(monitor, b"info registers\nquit\n")

        assert process.stdin is not None
        monitor = process.stdin.fileno()
        # Timers and a wait without limit, because a wait with a limit polls and loses 20 ms on average.
        timers = [threading.Timer(timeout_s, ask), threading.Timer(timeout_s + _GRACE_S, process.kill)]
        try:
            for timer in timers:
                timer.start()
            code = process.wait()
        finally:
            for timer in timers:
                timer.cancel()
        for timer in timers:
            timer.join()
        return None if late.is_set() else code


def _explain(image: Image, printed: str) -> str:
    """A fault in words, from the registers that the program's fault handler printed."""
    values = {name: int(value, 16) for name, value in re.findall(r"(\w+)=0x([0-9a-f]{8})", printed)}
    status = values.get("cfsr", 0)
    reasons = [text for bit, text in _CFSR.items() if status >> bit & 1]
    if not status and "mcause" not in values:
        reasons.append("hard fault")
    if "mcause" in values:
        reasons.append(_MCAUSE.get(values["mcause"], "trap"))
    address = values.get("mmfar" if status & 0x80 else "bfar" if status & 0x8000 else "mtval")
    if address:
        reasons.append(f"address {address:#010x}")
    elf = read_elf(image.path)
    pc = values.get("pc", _NO_FRAME)
    reasons.append("the stack has overflowed" if pc == _NO_FRAME else elf.describe(pc))
    caller = elf.function_at(values.get("lr", 0) & ~1)
    if caller is not None and elf.function_at(pc) is None:
        reasons.append(f"called from '{caller.name}'")
    return f"{', '.join(reasons)}; registers{printed}"


def _place(image: Image, text: str) -> str:
    found = _PC.search(text)
    return "pc unknown" if found is None else read_elf(image.path).describe(int(found[1], 16) & ~1)


def _plugin_option(plugin: Plugin) -> str:
    parts = [str(plugin.library.resolve()), *(f"{name}={value}" for name, value in plugin.arguments.items())]
    return ",".join(part.replace(",", ",,") for part in parts)


def _no_plugins(image: Image, text: str) -> McuqError:
    return fail(
        "T002",
        "this QEMU loads no plugin that counts",
        where=f"target '{image.core.name}'",
        why=f"{_PROGRAMS[image.core.arch][0]} says: {text.strip()}",
        fix="install a QEMU that was built with plugins (--enable-plugins; Debian's and Ubuntu's are)",
    )


def _program(image: Image) -> str:
    name, package = _PROGRAMS[image.core.arch]
    path = shutil.which(name)
    if path is None:
        raise fail(
            "T002",
            f"'{name}' is not installed",
            where=f"target '{image.core.name}'",
            why="it is not on PATH",
            fix=f"on Debian and Ubuntu: apt install {package}"
            + ("" if image.core.unicorn_cpu is None else "; or verify on 'emulator'"),
        )
    return path
