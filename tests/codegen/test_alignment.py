"""Codes lie at any address; what needs more says so by a macro and a return code."""

import pytest

from mcuq.errors import McuqError
from mcuq.ops.argmax import ArgMaxStep
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.image import build_image
from mcuq.verify.inputs import random_codes
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.builders import ProgramBuilder, portable_calls, stacked_plan, write_firmware
from tests.tools import require_compiler, require_machine

# Writes what net_run returned for both buffers and the arena at all addresses modulo 8.
MAIN = """
#include "mcuq_harness_io.h"
#include "net.h"

static int64_t arena[(NET_ARENA_BYTES / 8) + 2], x[4], y[4];

int main(void)
{
    for (int i = 0; i < 8; i++) {
        const net_io input = {&((int8_t *)x)[i], (int32_t *)y};
        const net_io output = {(int8_t *)x, (int32_t *)(void *)&((int8_t *)y)[i]};
        int8_t codes[3];
        codes[0] = (int8_t)net_run(&input, arena);
        codes[1] = (int8_t)net_run(&output, arena);
        codes[2] = (int8_t)net_run(&input, &((int8_t *)arena)[i]);
        (void)mcuq_io_write(codes, sizeof codes);
    }
    return (NET_IN0_ALIGNMENT * 10) + NET_OUT0_ALIGNMENT;
}
"""
OK, REFUSED = 0, 2


def indices_plan(target):
    """Codes in, one index out."""
    builder = ProgramBuilder()
    builder.output(builder.step(ArgMaxStep(), builder.input((2, 5))))
    program = builder.program()
    return stacked_plan(program, portable_calls(program), target)


@pytest.mark.parametrize(
    ("target", "machine"), [("host", "host"), ("cortex-m4", "unicorn"), ("cortex-m0plus", "qemu")]
)
def test_run_refuses_what_is_not_aligned(tmp_path, target, machine):
    core = load_target(target).core
    require_compiler(core, "gcc")
    require_machine(core, machine)
    firmware = write_firmware(tmp_path / "net", indices_plan(target))
    main = tmp_path / "main.c"
    main.write_text(MAIN)
    image = build_image(
        core,
        find_toolchain(core),
        [main, *sorted((firmware / "src").glob("*.c"))],
        workdir=tmp_path / "work",
        include_dirs=[firmware / "include"],
    )
    run = run_image(image, b"", machine)
    codes = [(OK, OK if i % 4 == 0 else REFUSED, OK if i == 0 else REFUSED) for i in range(8)]
    assert (14, bytes(code for three in codes for code in three)) == (run.exit_code, run.output)


def test_verification_begins_buffers_at_every_address(tmp_path):
    plan = indices_plan("cortex-m0plus")
    core = load_target(plan.target).core
    require_compiler(core, "gcc")
    require_machine(core, "qemu")
    firmware = write_firmware(tmp_path / "net", plan)
    source = firmware / "src/net.c"
    text = source.read_text("utf-8")
    begin = "    int8_t *const work" if "work = " in text else "\n    /* 00"
    # A word read from the input, as no kernel of this core may do: it faults but at multiples of 4.
    wrong = "    if (*(const volatile int32_t *)(const void *)io->in0 == 1) {\n        return 9;\n    }\n"
    assert text.count(begin) == 1
    source.write_text(text.replace(begin, wrong + begin), "utf-8")

    def verify(samples):
        return verify_firmware(firmware, plan, "net", random_codes(plan.program, samples), "qemu")

    assert verify(1).first_difference is None
    with pytest.raises(McuqError, match=r"fault|alignment|unaligned") as caught:
        verify(2)
    assert [problem.code for problem in caught.value.problems] == ["V003"]
