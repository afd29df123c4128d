"""The generated self-test as a program for the host and for emulated cores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain

MAIN = """
#include <string.h>
#include "mcuq_harness_io.h"
#include "{name}_arena.h"
#include "{name}_selftest.h"

int main(void)
{{
    {name}_selftest_result result;
    const int failed = {name}_selftest({name}_arena, &result);
    size_t length = 0;
    while (result.layer[length] != 0) {{
        length++;
    }}
    int8_t place[2];
    place[0] = (int8_t)result.vector;
    place[1] = (int8_t)result.step;
    (void)mcuq_io_write(place, sizeof place);
    (void)mcuq_io_write(result.layer, length);
    return failed;
}}
"""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the self-test returned, and the place it named: -1 and "" where nothing differs."""

    failed: int
    vector: int
    step: int
    layer: str


def run_selftest(firmware: Path, workdir: Path, name: str, target: str) -> Outcome:
    """Build a firmware directory with its self-test and run it."""
    core = load_target(target).core
    workdir.mkdir()
    main = workdir / "main.c"
    main.write_text(MAIN.format(name=name), "utf-8")
    selftest = [path for path in sorted((firmware / "selftest").glob("*.c")) if path.name != "main.c"]
    image = build_image(
        core,
        find_toolchain(core),
        [main, *selftest, *sorted((firmware / "src").glob("*.c"))],
        workdir=workdir / "image",
        include_dirs=[firmware / part for part in ("include", "src", "selftest")],
        defines={f"{name.upper()}_TRACE": ""},
        warnings=True,
    )
    run = run_image(image, b"", "host" if core.is_host else "unicorn")
    vector, step = (int.from_bytes(run.output[i : i + 1], "little", signed=True) for i in (0, 1))
    return Outcome(run.exit_code, vector, step, run.output[2:].decode())
