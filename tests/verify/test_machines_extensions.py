"""Instructions that only some cores have: compiled from intrinsics, and executed."""

import struct

import pytest

from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines import run_image
from mcuq.verify.machines.disassembly import mnemonics
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require, require_compiler, require_machine

DSP = """
#include <stdint.h>
#include <arm_acle.h>
#include "mcuq_harness_io.h"
int main(void)
{
    int32_t x[3] = {0, 0, 0};
    mcuq_io_read(x, sizeof x);
    x[0] = __smlad(x[0], x[1], x[2]);
    mcuq_io_write(x, 4);
    return 0;
}
"""
MVE = """
#include <stdint.h>
#include <arm_mve.h>
#include "mcuq_harness_io.h"
int main(void)
{
    int16_t x[6] = {0, 0, 0, 0, 0, 0};
    int32_t sum;
    mcuq_io_read(x, sizeof x);
    sum = x[4];
    sum = vmladavaq_p_s16(sum, vld1q_s16(x), vdupq_n_s16(x[1]), vctp16q(3));
    mcuq_io_write(&sum, sizeof sum);
    return 0;
}
"""
RUNS = [
    (f"cortex-{core}", compiler, machine, DSP)
    for core in ("m4", "m7", "m33", "m55")
    for compiler in ("gcc", "zig")
    for machine in ("unicorn", "qemu")
    if core != "m55" or machine == "qemu"
] + [("cortex-m55", compiler, "qemu", MVE) for compiler in ("gcc", "zig")]


@pytest.mark.parametrize(
    ("core_name", "compiler", "machine", "program"),
    RUNS,
    ids=["-".join([*run[:3], "mve" if run[3] == MVE else "dsp"]) for run in RUNS],
)
def test_machines_run_extensions(tmp_path, core_name, compiler, machine, program):
    core = load_target(core_name).core
    require_compiler(core, compiler)
    require_machine(core, machine)
    require("capstone")
    source = tmp_path / "extension.c"
    source.write_text(program, "utf-8")
    toolchain = find_toolchain(core, compiler)
    image = build_image(core, toolchain, [source], workdir=tmp_path, warnings=True)
    values = struct.pack("<6h", 2, -3, 4, 5, 700, 0)
    # The product of two halfwords each plus x[2]; x[4] plus the first three elements times the second.
    expected = 2 * 4 - 3 * 5 + 700 if program == DSP else 700 + (2 - 3 + 4) * -3
    assert struct.pack("<i", expected) == run_image(image, values, machine, 20).output
    # Capstone does not know the vector instructions.
    assert ("?" if program == MVE else "smlad") in mnemonics(image)
