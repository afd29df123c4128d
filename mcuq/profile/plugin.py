"""Counting instructions on QEMU, for cores that Unicorn does not count: by a plugin compiled for the host."""

from __future__ import annotations

import struct
from pathlib import Path

from mcuq.errors import McuqError
from mcuq.profile.counter import StepMarks, compile_observer
from mcuq.resources import targets_dir
from mcuq.verify.image import Image
from mcuq.verify.machines import Plugin, Run, run_image

# What a plugin says of itself: QEMU 4.2 to 8 take 1, later ones 2.
_VERSIONS = (1, 2)


def count_on_qemu(
    image: Image, stdin: bytes, marks: StepMarks, layers: int, workdir: Path, timeout_s: float
) -> tuple[Run, list[int]]:
    """Run a program and count the instructions of each layer.

    Args:
        image: the program.
        stdin: what it reads.
        marks: addresses that steer the count.
        layers: how many; what is behind the last mark counts with the last.
        workdir: a folder for the plugin; made here.
        timeout_s: the longest it may take.

    Returns:
        What the program did, and the counts; zeros where it did not reach the end of the last layer.

    Raises:
        McuqError: T002 without QEMU, a QEMU that loads plugins, or a host compiler; V003 for a crash.
    """
    for version in _VERSIONS:
        plugin = _compile(version, workdir / str(version), marks, layers)
        try:
            run = run_image(image, stdin, "qemu", timeout_s, plugin=plugin)
        except McuqError as error:
            if version == _VERSIONS[-1] or "version" not in str(error):
                raise
            continue
        counts = Path(plugin.arguments["path"])
        data = counts.read_bytes() if counts.exists() else bytes(8 * layers)
        return run, list(struct.unpack(f"={layers}Q", data))
    raise AssertionError("the last version returns or raises")


def _compile(version: int, workdir: Path, marks: StepMarks, layers: int) -> Plugin:
    source = targets_dir() / "support" / "qemu_counter.c"
    library = compile_observer(source, workdir, {"MCUQ_PLUGIN_VERSION": str(version)})
    return Plugin(
        library,
        {
            "start": hex(marks.start),
            "mark": hex(marks.mark),
            "stop": hex(marks.stop),
            "layers": str(layers),
            "path": str((workdir / "counts.bin").resolve()),
        },
    )
