"""Where images run: the host, Unicorn in this process, QEMU."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mcuq.errors import McuqError, fail
from mcuq.targets import Core
from mcuq.verify.image import Image
from mcuq.verify.machines import host, qemu, unicorn
from mcuq.verify.machines.common import Observer, Plugin, Run

__all__ = ["MachineName", "Observer", "Plugin", "Run", "emulator", "run_image"]

MachineName: TypeAlias = Literal["host", "unicorn", "qemu"]


def run_image(
    image: Image,
    stdin_bytes: bytes,
    machine: MachineName,
    timeout_s: float = 60.0,
    *,
    count_instructions: bool = False,
    observer: Observer | None = None,
    plugin: Plugin | None = None,
) -> Run:
    """Run a program to its end.

    Args:
        image: from `mcuq.verify.image.build_image`.
        stdin_bytes: what `mcuq_io_read` reads.
        machine: where to run it.
        timeout_s: the longest it may take.
        count_instructions: whether to count what is executed; Unicorn only, and some thirty times slower.
        observer: what watches the core while it runs; Unicorn only.
        plugin: what QEMU loads to watch it; QEMU only.

    Returns:
        Exit code and output; an exit code other than 0 is no error here.

    Raises:
        McuqError: V003 when it crashes or takes too long, T002 when the machine is not installed or
            loads no plugins, O013 when the machine cannot run the image.
    """
    if image.core.is_host != (machine == "host"):
        raise _cannot_run(image, machine)
    if machine == "host":
        return host.run(image, stdin_bytes, timeout_s)
    if machine == "qemu":
        return qemu.run(image, stdin_bytes, timeout_s, plugin)
    if image.core.unicorn_cpu is None:
        raise _cannot_run(image, machine)
    return unicorn.run(
        image, stdin_bytes, timeout_s, count_instructions=count_instructions, observer=observer
    )


def emulator(core: Core) -> MachineName:
    """The machine that runs a core's programs: Unicorn, which pip alone provides, where it has the core."""
    return "qemu" if core.unicorn_cpu is None else "unicorn"


def _cannot_run(image: Image, machine: MachineName) -> McuqError:
    able = ["host"] if image.core.is_host else ["qemu"]
    if image.core.unicorn_cpu is not None:
        able.append("unicorn")
    return fail(
        "O013",
        f"'{machine}' cannot run programs for '{image.core.name}'",
        where=image.path.name,
        why=f"core '{image.core.name}' runs on: {', '.join(able)}",
        fix="choose one of these",
    )
