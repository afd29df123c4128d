"""Generated C, compiled for what it was not made for, says so and how to mend it, instead of being slow."""

import pytest

from mcuq.errors import McuqError
from mcuq.ir.integer import Rounding
from mcuq.targets import load_target
from mcuq.verify.image import support_include_dirs
from mcuq.verify.toolchain import find_toolchain
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.tools import require_compiler

OTHER_CORE = (
    "mcuq: built for Cortex-M4, M7, M33 or M55, compiled for a core without Thumb-2 and DSP instructions"
)
OTHER_COMPILER = "mcuq: DSP kernels need GCC, Clang or Arm Compiler 6"
BIG_ENDIAN = "mcuq: constants are packed and results proven for little-endian cores"
NOT_C99 = "mcuq: these files are C99"
NO_DSP = ("-mcpu=cortex-m33+nodsp", "-mfloat-abi=soft", "-mfpu=auto")
ARM_STATE = ("-mcpu=cortex-a7", "-marm", "-mfpu=auto")


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    """Firmware of portable kernels alone, with some steps of each."""
    plan = contract(Rounding.DOUBLE, "host", ("portable",), 1, seed=4).plan
    return write_firmware(tmp_path_factory.mktemp("portable"), plan)


def compile_sources(firmware, tmp_path, core, kind="gcc", *flags):
    """Compile `src` of a firmware folder for a core, with options after all others."""
    target = load_target(core).core
    require_compiler(target, kind)
    sources = sorted((firmware / "src").glob("*.c"))
    assert len(sources) == 2
    return find_toolchain(target, kind).compile(
        sources,
        workdir=tmp_path,
        include_dirs=[firmware / "include", firmware / "src", *support_include_dirs(target)],
        extra_flags=flags,
        warnings=not flags,
    )


def refusal(firmware, tmp_path, core, kind="gcc", *flags):
    with pytest.raises(McuqError) as caught:
        compile_sources(firmware, tmp_path, core, kind, *flags)
    assert {problem.code for problem in caught.value.problems} == {"T003"}
    return str(caught.value)


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3"])
def test_dsp_firmware_refuses_a_core_without_dsp(digits, tmp_path, core, kind):
    text = refusal(digits.firmware, tmp_path, core, kind)
    assert OTHER_CORE in text
    assert "build with --target for this core" in text
    assert "define MCUQ_C_FORMS" in text
    assert "do what the message says" in text


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_dsp_firmware_refuses_the_host_but_for_its_c_forms(digits, tmp_path, kind):
    assert OTHER_CORE in refusal(digits.firmware, tmp_path, "host", kind, "-UMCUQ_C_FORMS")
    assert len(compile_sources(digits.firmware, tmp_path, "host", kind)) == 2


@pytest.mark.parametrize("flags", [NO_DSP, ARM_STATE], ids=["without-dsp", "arm-state"])
def test_dsp_firmware_refuses_what_lacks_an_option_of_the_core(digits, tmp_path, flags):
    assert OTHER_CORE in refusal(digits.firmware, tmp_path, "cortex-m33", "gcc", *flags)


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_dsp_firmware_of_one_core_compiles_for_all_that_have_dsp(digits, tmp_path, core, kind):
    assert len(compile_sources(digits.firmware, tmp_path, core, kind)) == 2


def test_vector_firmware_refuses_cores_without_vectors(tmp_path):
    isa = ("armv81m", "portable")
    plan = contract(Rounding.DOUBLE, "cortex-m55", isa, 1, only_isa=isa[0], seed=4).plan
    firmware = write_firmware(tmp_path / "vectors", plan, isa=isa)
    text = refusal(firmware, tmp_path, "cortex-m4")
    assert "mcuq: built for Cortex-M55, compiled for a core without vector instructions (MVE)" in text
    assert "define MCUQ_C_FORMS" in text
    for kind in ("gcc", "zig"):
        assert len(compile_sources(firmware, tmp_path, "cortex-m55", kind)) == 2
    assert len(compile_sources(firmware, tmp_path, "host")) == 2


@pytest.mark.parametrize("flags", [("-U__GNUC__",), ("-U__GNUC__", "-D__ICCARM__=1"), ("-D__CC_ARM=1",)])
def test_dsp_firmware_refuses_compilers_without_its_extensions(digits, tmp_path, flags):
    text = refusal(digits.firmware, tmp_path, "cortex-m4", "gcc", *flags)
    assert OTHER_COMPILER in text
    assert "--target cortex-m3" in text


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "rv32imc", "host"])
def test_portable_firmware_compiles_for_any_core_and_compiler(portable, tmp_path, core):
    assert len(compile_sources(portable, tmp_path, core)) == 2
    if core != "host":
        assert len(compile_sources(portable, tmp_path, core, "gcc", "-U__GNUC__")) == 2
    else:
        assert len(compile_sources(portable, tmp_path, core, "gcc", "-UMCUQ_C_FORMS")) == 2


@pytest.mark.parametrize("is_portable", [True, False])
def test_firmware_refuses_big_endian(digits, portable, tmp_path, is_portable):
    firmware = portable if is_portable else digits.firmware
    assert BIG_ENDIAN in refusal(firmware, tmp_path, "cortex-m4", "gcc", "-mbig-endian")


@pytest.mark.parametrize("is_portable", [True, False])
def test_firmware_refuses_what_is_older_than_c99(digits, portable, tmp_path, is_portable):
    firmware = portable if is_portable else digits.firmware
    assert NOT_C99 in refusal(firmware, tmp_path, "cortex-m4", "gcc", "-std=gnu90")
