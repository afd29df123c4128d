"""Two models in one firmware: no symbol collides, nothing is shared, both stay bit-exact."""

import re

import numpy as np
import pytest

from mcuq.ir.integer import Rounding
from mcuq.pipeline.firmware import open_firmware
from mcuq.simulator.simulate import simulate_program
from mcuq.targets import load_target
from mcuq.verify.image import build_image, support_include_dirs
from mcuq.verify.inputs import random_codes
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.tools import require, require_compiler

# Runs digits and net in turn, in arenas of their own that lie side by side.
MAIN = """
#include <string.h>
#include "digits.h"
#include "mcuq_harness_io.h"
#include "net.h"

static int64_t arenas[(DIGITS_ARENA_BYTES + 7) / 8 + (NET_ARENA_BYTES + 7) / 8];
static int8_t image[DIGITS_IMAGE_ELEMS], probabilities[DIGITS_PROBABILITIES_ELEMS];
%s

int main(void)
{
    net_io io = {%s};
    void *second = &arenas[(DIGITS_ARENA_BYTES + 7) / 8];
    while (mcuq_io_read(image, sizeof image) == sizeof image) {
%s
        if ((digits_infer(image, probabilities, arenas) != DIGITS_OK) || (net_run(&io, second) != NET_OK)) {
            return 1;
        }
        (void)mcuq_io_write(probabilities, sizeof probabilities);
%s
    }
    return 0;
}
"""
SAMPLES = 4


@pytest.fixture
def two_models(firmware, tmp_path):
    """Digits, a model of other steps under the other contract of rounding, and a program that runs both."""
    tested = contract(Rounding.SINGLE, "cortex-m4", ("portable",), 2, seed=4)
    plan = tested.plan
    write_firmware(tmp_path / "net", plan)
    ports = (*plan.program.inputs, *plan.program.outputs)
    types = {port.name: plan.program.tensors[port.tensor].quant.dtype.value for port in ports}
    sizes = {port.name: f"NET_{port.name.upper()}_ELEMS" for port in ports}
    buffers = "\n".join(f"static {types[name]}_t {name}[{sizes[name]}];" for name in types)
    reads = [f"        (void)mcuq_io_read({port.name}, sizeof {port.name});" for port in plan.program.inputs]
    writes = [
        f"        (void)mcuq_io_write({port.name}, sizeof {port.name});" for port in plan.program.outputs
    ]
    main = tmp_path / "main.c"
    main.write_text(MAIN % (buffers, ", ".join(types), "\n".join(reads), "\n".join(writes)))
    return firmware, tmp_path / "net", plan.program, main


def sources(firmware):
    return sorted((firmware / "src").glob("*.c"))


@pytest.mark.parametrize("target", ["host", "cortex-m4"])
def test_two_models_run_in_turn(two_models, tmp_path, target):
    digits, net, program, main = two_models
    core = load_target(target).core
    require_compiler(core, "gcc")
    if not core.is_host:
        require("unicorn")
    # Kernel files of one name differ between the two: each source finds those in its own folder.
    image = build_image(
        core,
        find_toolchain(core),
        [main, *sources(digits), *sources(net)],
        workdir=tmp_path / "image",
        include_dirs=[digits / "include", net / "include"],
    )
    first = open_firmware(digits).plan.program
    inputs = [random_codes(p, SAMPLES, seed=1) for p in (first, program)]
    stdin = b"".join(x[i].tobytes() for i in range(SAMPLES) for xs in inputs for x in xs)
    outputs = [simulate_program(p, xs) for p, xs in zip((first, program), inputs, strict=True)]
    expected = b"".join(y[i].tobytes() for i in range(SAMPLES) for ys in outputs for y in ys)
    run = run_image(image, stdin, "host" if core.is_host else "unicorn")
    assert run.exit_code == 0
    np.testing.assert_array_equal(np.frombuffer(expected, np.int8), np.frombuffer(run.output, np.int8))


# What freestanding code may ask of its surroundings: the two functions of <string.h>, and the compiler's own.
# No function of floating point is among them.
OUTSIDE = re.compile(
    r"mem(cpy|set)|_GLOBAL_OFFSET_TABLE_|__gnu_thumb1_case_\w+|__(u?div|mul|ashr|ashl|lshr)[ds]i3"
    r"|__aeabi_(mem(cpy|set|clr)[48]?|u?[il]div(mod)?|lmul|l[la]s[lr]|llsl)"
)


def symbols(path):
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        return [(s.name, s["st_info"]["bind"], s["st_shndx"]) for s in table.iter_symbols() if s.name]


def writable_bytes(path):
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        sections = list(ELFFile(stream).iter_sections())
        return {s.name: s["sh_size"] for s in sections if s["sh_flags"] & SH_FLAGS.SHF_WRITE and s["sh_size"]}


@pytest.mark.parametrize("opt", ["-O0", "-O2"])
@pytest.mark.parametrize("target", ["host", "cortex-m4", "cortex-m0plus"])
def test_objects_own_their_symbols_and_no_memory(two_models, tmp_path, target, opt):
    require("pyelftools")
    core = load_target(target).core
    require_compiler(core, "gcc")
    # The digits example was built for a core with DSP instructions.
    defines = {"MCUQ_C_FORMS": ""} if target == "cortex-m0plus" else {}
    for firmware, name in zip(two_models[:2], ("digits", "net"), strict=True):
        workdir = tmp_path / name
        workdir.mkdir(exist_ok=True)
        include = [firmware / "include", *support_include_dirs(core)]
        objects = find_toolchain(core).compile(
            sources(firmware), workdir=workdir, include_dirs=include, opt=opt, defines=defines
        )
        found = [symbol for path in objects for symbol in symbols(path)]
        shared = {symbol for symbol, bind, section in found if bind != "STB_LOCAL" and section != "SHN_UNDEF"}
        missing = {symbol for symbol, _, section in found if section == "SHN_UNDEF"} - shared
        assert f"{name}_run" in shared
        assert {symbol for symbol in shared if not symbol.startswith(f"{name}_")} == set()
        assert {symbol for symbol in missing if not OUTSIDE.fullmatch(symbol)} == set()
        for path in objects:
            # Position-independent code relocates constant pointers when it is loaded, and protects them then.
            extra = {key for key in writable_bytes(path) if not key.startswith(".data.rel.ro")}
            assert extra == set(), path.name
            assert core.is_host or not writable_bytes(path)
