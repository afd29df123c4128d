"""Generated C for compilers that are not here, by what they predefine: C99 alone where they are not GNU."""

import re
import subprocess

import pytest

from mcuq.ir.integer import Rounding
from mcuq.targets import load_target
from mcuq.verify.image import support_include_dirs
from mcuq.verify.toolchain import WARNINGS, find_toolchain
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.tools import optional, require, require_compiler

# What the manuals say that each predefines. IAR's compilers know neither __GNUC__ nor __clang__.
IAR_ARM = ("-U__GNUC__", "-U__clang__", "-D__ICCARM__=1", "-D__IAR_SYSTEMS_ICC__=9", "-D__VER__=9040001")
IAR_RISCV = ("-U__GNUC__", "-U__clang__", "-D__ICCRISCV__=1", "-D__IAR_SYSTEMS_ICC__=9", "-D__VER__=3030001")
ARMCLANG = ("-D__ARMCC_VERSION=6220000", "-D__arm=1", "-D__thumb=1", "-D__TARGET_ARCH_ARM=0")
EXTENSION = re.compile(
    r"\(\s*\{|\b(?:_*asm_*|_*attribute_*|_*typeof_*|_*builtin_\w+|__extension__|__restrict\w*|__inline\w*"
    r"|__declspec|_Pragma|__label__|__alignof\w*|_Static_assert|_Generic|_Alignas|_Atomic)\b"
)
# As a C library declares them: the support files for tests have macros of builtins in their place.
STRING = """#include <stddef.h>
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
"""
CPP_STANDARDS = ("98", "03", "11", "14", "17", "20", "2b")
CONTRACTS = (
    ("host", Rounding.SINGLE),
    *((core, Rounding.DOUBLE) for core in ("host", "cortex-m0plus", "rv32imc")),
)


@pytest.fixture(scope="module", params=CONTRACTS)
def without_dsp(request, tmp_path_factory):
    """Firmware with a step of every kernel that is for a core without DSP and vector instructions."""
    core, rounding = request.param
    isa = load_target(core).core.isa
    plan = contract(rounding, core, isa, 1, seed=3).plan
    folder = tmp_path_factory.mktemp("without_dsp")
    return load_target(core).core, write_firmware(folder / "net", plan, isa=isa)


def include_flags(core, firmware):
    folders = (firmware / "include", firmware / "src", *support_include_dirs(core))
    return [f"-I{folder}" for folder in folders]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def own_text(preprocessed):
    """What the preprocessor made of the firmware's own files; the compiler's headers are its own affair."""
    lines, is_own = [], False
    for line in preprocessed.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            is_own = "/net/" in marker[1]
        elif is_own:
            lines.append(line)
    return "\n".join(lines)


def iar_of(core):
    return IAR_RISCV if core.arch == "riscv32" else IAR_ARM


def test_iar_sees_c99_without_one_extension(without_dsp, tmp_path):
    core, firmware = without_dsp
    require_compiler(core, "gcc")
    chain = find_toolchain(core, "gcc")
    command = [*chain.command, *chain.core_flags, "-std=c99", "-ffreestanding", "-DNET_TRACE"]
    (tmp_path / "string.h").write_text(STRING)
    command += [f"-I{tmp_path}", *include_flags(core, firmware), *iar_of(core)]
    for source in sorted(firmware.rglob("src/*.c")):
        done = run([*command, "-E", str(source)])
        assert (done.returncode, done.stderr) == (0, "")
        text = own_text(done.stdout)
        assert "mcuq_clamp" in text
        assert EXTENSION.findall(text) == []
        strict = ["-O0", "-pedantic-errors", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]
        done = run([*command, *strict, "-c", str(source), "-o", str(tmp_path / "it.o")])
        assert (done.returncode, done.stderr) == (0, "")


def test_extensions_are_found_where_they_are(without_dsp):
    core, firmware = without_dsp
    require_compiler(core, "gcc")
    chain = find_toolchain(core, "gcc")
    command = [
        *chain.command,
        *chain.core_flags,
        "-std=c99",
        "-ffreestanding",
        *include_flags(core, firmware),
    ]
    found = set(EXTENSION.findall(own_text(run([*command, "-E", str(firmware / "src" / "net.c")]).stdout)))
    assert "__attribute__" in found
    assert ("__asm__" in found) == (core.name in ("cortex-m0plus", "rv32imc"))


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
def test_arm_compiler_6_gets_the_same_code_as_clang(tmp_path, core):
    target = load_target(core).core
    require_compiler(target, "zig")
    plan = contract(Rounding.DOUBLE, core, target.isa, 1, only_isa=target.isa[0], seed=3).plan
    firmware = write_firmware(tmp_path / "net", plan, isa=target.isa)
    sources = sorted((firmware / "src").glob("*.c"))
    objects = []
    for name, flags in (("clang", ()), ("armclang", ARMCLANG)):
        workdir = tmp_path / name
        workdir.mkdir()
        made = find_toolchain(target, "zig").compile(
            sources,
            workdir=workdir,
            include_dirs=[firmware / "include", firmware / "src", *support_include_dirs(target)],
            opt="-O1",
            extra_flags=flags,
            warnings=True,
        )
        objects.append([path.read_bytes() for path in made])
    assert objects[0] == objects[1]


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_assembler_of_an_older_clang_takes_every_routine(tmp_path, core):
    """Zig brings the newest; those of Clang 13 to 16 take fewer spellings of an instruction."""
    optional("clang")
    target = load_target(core).core
    plan = contract(Rounding.DOUBLE, core, target.isa, 1, only_isa=target.isa[0], seed=3).plan
    firmware = write_firmware(tmp_path / "net", plan, isa=target.isa)
    command = ["clang", "--target=arm-none-eabi", *target.gcc_flags, "-std=c99", "-ffreestanding"]
    command += [*WARNINGS, *include_flags(target, firmware), "-c", str(firmware / "src" / "net.c")]
    done = run([*command, "-o", str(tmp_path / "it.o")])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    """The same for a computer."""
    plan = contract(Rounding.DOUBLE, "host", ("portable",), 1, seed=3).plan
    return write_firmware(tmp_path_factory.mktemp("portable") / "net", plan)


def check_sources(firmware, command):
    sources = sorted(firmware.rglob("src/*.c"))
    assert len(sources) == 2
    for source in sources:
        done = run([*command, *include_flags(load_target("host").core, firmware), str(source)])
        assert (done.returncode, done.stderr) == (0, "")


def test_compiler_that_is_not_gnu_compiles_without_a_warning(portable, tmp_path):
    """TCC predefines no __GNUC__: for a computer it takes what IAR gets for a core."""
    optional("tcc")
    output = str(tmp_path / "it.o")
    check_sources(portable, ["tcc", "-std=c99", "-Wall", "-Werror", "-o", output, "-c"])


@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c2x", "gnu99", "gnu17"])
def test_sources_are_in_every_standard_since_c99(portable, standard):
    require("cc")
    check_sources(portable, ["cc", f"-std={standard}", "-O0", "-fsyntax-only", "-pedantic-errors", *WARNINGS])


@pytest.mark.parametrize("compiler", ["g++", "clang"])
def test_public_headers_are_in_every_standard_of_cpp(portable, tmp_path, compiler):
    if compiler == "clang":
        optional("clang")
    else:
        require("g++")
    source = tmp_path / "use.cpp"
    names = ("net.h", "net_quantize.h", "net_arena.h")
    source.write_text("".join(f'#include "{name}"\n' for name in names) + "int64_t *a = net_arena;\n")
    for standard in CPP_STANDARDS:
        # long long, which stdint.h has, came with C++11.
        flags = [f"-std=c++{standard}", "-pedantic-errors", "-Wall", "-Wextra", "-Wno-long-long", "-Werror"]
        done = run([compiler, "-x", "c++", *flags, f"-I{portable / 'include'}", "-fsyntax-only", str(source)])
        assert (done.returncode, done.stderr) == (0, "")
