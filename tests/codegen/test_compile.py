"""Everything that is generated compiles without one warning, wherever it may go."""

import shutil
import subprocess

import pytest

from mcuq.ir.integer import Rounding
from mcuq.targets import load_target
from mcuq.verify.image import support_include_dirs
from mcuq.verify.toolchain import WARNINGS, find_toolchain
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.kernels.special import accepted, makers
from tests.tools import require, require_compiler

LEVELS = ("-O0", "-Os", "-O2", "-O3")
CPP_WARNINGS = [flag for flag in WARNINGS if flag != "-Wstrict-prototypes"]
PUBLIC = ("net.h", "net_quantize.h", "net_arena.h")
USE = """
int64_t *use_arena(void);
int64_t *use_arena(void) { return net_arena; }
"""


@pytest.fixture(scope="module")
def every_kernel(tmp_path_factory):
    """Firmware with some steps of every kernel, by contract of rounding."""
    folder = tmp_path_factory.mktemp("every_kernel")
    return {
        rounding: write_firmware(
            folder / rounding.value, contract(rounding, "host", ("portable",), 2, seed=9).plan
        )
        for rounding in Rounding
    }


@pytest.fixture(scope="module")
def every_dsp_kernel(tmp_path_factory):
    """Firmware with some steps of every kernel that is made for cores with DSP instructions."""
    isa = load_target("cortex-m4").core.isa
    more = [example for kernel in makers() for example in accepted(kernel, 1)]
    tested = contract(Rounding.DOUBLE, "cortex-m4", isa, 10, seed=1, only_isa=isa[0], more=more)
    return write_firmware(tmp_path_factory.mktemp("every_dsp_kernel"), tested.plan)


def compile_all(firmware, workdir, core, kind, opt, flags=()):
    sources = sorted(firmware.rglob("*.c"))
    if not core.is_host:
        # The self-test as a program prints: it needs a C library.
        sources = [path for path in sources if path.name != "main.c"]
    assert len(sources) >= 4
    workdir.mkdir()
    include = [firmware / part for part in ("include", "src", "selftest")]
    find_toolchain(core, kind).compile(
        sources,
        workdir=workdir,
        include_dirs=[*include, *support_include_dirs(core)],
        defines={"NET_TRACE": ""},
        opt=opt,
        extra_flags=flags,
        warnings=True,
    )


@pytest.mark.parametrize(
    ("core", "rounding"),
    [("host", Rounding.SINGLE), *((core, Rounding.DOUBLE) for core in ("host", "cortex-m4", "rv32imc"))],
)
def test_firmware_compiles_with_gcc_at_every_level(every_kernel, tmp_path, core, rounding):
    core = load_target(core).core
    require_compiler(core, "gcc")
    for opt in LEVELS:
        compile_all(every_kernel[rounding], tmp_path / opt, core, "gcc", opt)


@pytest.mark.parametrize("core", ["host", "cortex-m0plus"])
def test_firmware_compiles_with_zig_at_every_level(every_kernel, tmp_path, core):
    core = load_target(core).core
    require_compiler(core, "zig")
    for opt in LEVELS:
        compile_all(every_kernel[Rounding.DOUBLE], tmp_path / opt, core, "zig", opt)


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", ["host", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_dsp_kernels_compile_at_every_level(every_dsp_kernel, tmp_path, core, kind):
    core = load_target(core).core
    require_compiler(core, kind)
    for opt in LEVELS:
        compile_all(every_dsp_kernel, tmp_path / opt, core, kind, opt)


def test_dsp_kernels_compile_without_words_at_any_address(every_dsp_kernel, tmp_path):
    core = load_target("cortex-m4").core
    require_compiler(core, "gcc")
    for opt in LEVELS:
        compile_all(every_dsp_kernel, tmp_path / opt, core, "gcc", opt, ["-mno-unaligned-access"])


@pytest.mark.parametrize("opt", LEVELS)
@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_public_headers_compile_as_cpp11(every_kernel, tmp_path, kind, opt):
    if kind == "gcc":
        require("g++")
        command = [shutil.which("g++")]
    else:
        require_compiler(load_target("host").core, "zig")
        command = [find_toolchain(load_target("host").core, "zig").command[0], "c++"]
    source = tmp_path / "use.cpp"
    source.write_text("".join(f'#include "{name}"\n' for name in PUBLIC) + USE)
    include = every_kernel[Rounding.DOUBLE] / "include"
    flags = ["-std=c++11", opt, *CPP_WARNINGS, f"-I{include}", "-DNET_TRACE"]
    done = subprocess.run(
        [*command, *flags, "-c", str(source), "-o", str(tmp_path / "use.o")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_public_header_stands_alone(every_kernel, tmp_path):
    require("cc")
    core = load_target("host").core
    sources = []
    for name in PUBLIC:
        path = tmp_path / f"{name}.c"
        path.write_text(f'#include "{name}"\n#include "{name}"\n' + (USE if "arena" in name else "int x;\n"))
        sources.append(path)
    include = every_kernel[Rounding.DOUBLE] / "include"
    flags = [flag for flag in WARNINGS if flag != "-Wstrict-prototypes"]
    find_toolchain(core).compile(
        sources, workdir=tmp_path, include_dirs=[include], extra_flags=[*flags, "-Wno-missing-prototypes"]
    )


def test_firmware_builds_with_cmake(firmware, tmp_path):
    require("cmake")
    require("cc")
    build = tmp_path / "build"
    for command in (
        ["cmake", "-S", firmware, "-B", build, "-DDIGITS_SELFTEST=ON", "-DCMAKE_C_FLAGS=-DMCUQ_C_FORMS"],
        ["cmake", "--build", build],
        [build / "digits_selftest"],
    ):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "digits: 2 vectors, 8 steps, all as proven\n"
