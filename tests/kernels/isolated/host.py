"""Kernels on the host: under sanitizers, or under valgrind with memory that nobody initialized."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain
from tests.kernels.isolated.cases import encode
from tests.kernels.isolated.source import FOLDER, Program, include_dirs, write_program

SANITIZERS = ("address", "undefined")
VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--exit-on-first-error=yes")
_SANITIZED = 99


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Args:
        status: 0 where everything agreed; see isolated.c. 99 for a sanitizer's or valgrind's finding.
        case: the number of the last case.
        sample: its last sample.
        text: what was said.
    """

    status: int
    case: int
    sample: int
    text: str = ""

    @property
    def is_right(self):
        return self.status == 0


def run_on_host(
    programs: Sequence[Program],
    folder: Path,
    *,
    sanitize: Sequence[str] = SANITIZERS,
    opt: str = "-O1",
    under: Sequence[str] = (),
    seconds: int = 60,
) -> list[Outcome]:
    """Compile and link all programs together, then run each in processes of its own.

    Args:
        under: a command to run it under; memory is left uninitialized then.
    """
    toolchain = find_toolchain(load_target("host").core)
    jobs: list[str] = []
    objects: list[Path] = []
    files: dict[int, Path] = {}

    def build(number: int) -> list[Path]:
        place = folder / f"p{number}"
        includes = include_dirs(place)
        options = {"include_dirs": includes, "opt": opt, "sanitize": sanitize}
        return toolchain.compile([place / "program.c"], workdir=place, **options)

    for number, program in enumerate(programs):
        _, kernels = write_program(program, number, folder / f"p{number}")
        key = id(program.cases)
        if key not in files:
            files[key] = folder / f"cases_{len(files)}"
            files[key].write_bytes(encode(program.cases, kernels))
        jobs += [str(number), str(files[key])]
    with ThreadPoolExecutor(2) as pool:
        objects = [path for paths in pool.map(build, range(len(programs))) for path in paths]
    main = folder / "programs.c"
    main.write_text(_table(len(programs)), "utf-8")
    objects += toolchain.compile([main], workdir=folder, include_dirs=[FOLDER], sanitize=sanitize)
    objects += toolchain.compile([FOLDER / "isolated.c"], workdir=folder / "p0", sanitize=sanitize)
    path = toolchain.link(objects, folder / "isolated.out", sanitize=sanitize)
    mode = "uninitialised" if under else "poison"
    return _run([*under, str(path), mode, str(seconds), *jobs])


def _table(count: int) -> str:
    lines = ['#include "isolated.h"']
    lines += [f"extern const isolated_kernel isolated_program_{i}[];" for i in range(count)]
    lines.append("extern const isolated_kernel *const isolated_programs[];")
    names = ", ".join(f"isolated_program_{i}" for i in range(count))
    return "\n".join([*lines, f"const isolated_kernel *const isolated_programs[] = {{{names}}};"]) + "\n"


def _run(command: Sequence[str]) -> list[Outcome]:
    exits = f"exitcode={_SANITIZED}:detect_leaks=0"
    environment = dict(os.environ, ASAN_OPTIONS=exits, UBSAN_OPTIONS=exits)
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said
    lines = done.stdout.decode().splitlines()
    return [Outcome(*map(int, line.split()), said if len(lines) == 1 else "") for line in lines]
