"""Generated code computes the same under any option of a compiler; `make flags` runs more of them."""

import dataclasses

import pytest

from mcuq.codegen.model_view import model_view
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.firmware import open_firmware
from mcuq.targets import load_target
from mcuq.verify.inputs import random_codes
from tests.flags.cells import ASKED, OPTIONS, Cell, cells, core_of
from tests.flags.compilers import toolchain_of, versions, versions_for
from tests.flags.run import Result, machine_of, run_cell
from tests.flags.stack import paint_cell
from tests.flags.table import SECTIONS, table, write_section
from tests.tools import optional, require, require_compiler, require_machine

SAMPLE = (
    Cell("cortex-m4", "gcc", "-O0"),
    Cell("cortex-m4", "gcc", "-Og"),
    Cell("cortex-m4", "gcc", "-flto"),
    Cell("cortex-m4", "gcc", "-fstack-protector-all"),
    Cell("cortex-m4", "gcc", "-finstrument-functions"),
    Cell("cortex-m4", "gcc", "-pg"),
    Cell("cortex-m4", "gcc", "-mfloat-abi=soft"),
    Cell("cortex-m4", "gcc", "-ftrapv"),
    Cell("cortex-m4", "gcc", "-mno-unaligned-access"),
    Cell("cortex-m4", "zig", "-finstrument-functions"),
    Cell("cortex-m4", "zig", "-mno-unaligned-access"),
    Cell("cortex-m4", "clang", "-fstack-protector-all"),
    Cell("cortex-m4", "gcc", "-fPIC -msingle-pic-base"),
    Cell("cortex-m4", "gcc", "-mpure-code"),
)


def need(cell):
    """Go on only where the tools of a cell are installed."""
    core = core_of(cell)
    if cell.compiler == "clang":
        require("clang")
    require_compiler(core, "zig" if cell.compiler == "zig" else "gcc")
    require_machine(core, machine_of(cell))


def run_digits(cell, digits, folder, firmware=None):
    firmware = firmware or digits.firmware
    opened = open_firmware(digits.firmware)
    inputs = random_codes(opened.plan.program, 4)
    return run_cell(cell, firmware, opened.plan, "digits", inputs, folder)


@pytest.mark.slow
@pytest.mark.parametrize("cell", SAMPLE, ids=lambda cell: f"{cell.compiler}{cell.option}")
def test_digits_compute_the_same_under(cell, digits, tmp_path):
    need(cell)
    result = run_digits(cell, digits, tmp_path)
    assert (result.status, result.detail) == ("same", "")
    assert result.compared > 10_000


@pytest.mark.slow
def test_compiler_that_is_not_gnu_computes_the_same(digits, tmp_path):
    optional("tcc")
    firmware = tmp_path / "firmware"
    data = CalibrationData(digits.calibration)
    build(digits.model, "host", calibration=data, output=firmware, name="digits", verify="none")
    opened = open_firmware(firmware)
    inputs = random_codes(opened.plan.program, 4)
    cell = Cell("host", "tcc", "-O2")
    result = run_cell(cell, firmware, opened.plan, "digits", inputs, tmp_path)
    assert (result.status, result.detail) == ("same", "")
    assert result.compared > 10_000


@pytest.mark.slow
def test_base_of_data_that_nobody_sets_is_seen(digits, tmp_path, monkeypatch):
    cell = Cell("cortex-m4", "gcc", "-fPIC -msingle-pic-base")
    need(cell)
    monkeypatch.setattr("tests.flags.run._hook_defines", lambda _: {})
    assert run_digits(cell, digits, tmp_path).status in ("failed", "differs")


@pytest.mark.slow
def test_option_that_a_compiler_lacks_is_no_result(digits, tmp_path):
    cell = Cell("cortex-m4", "clang", "-fPIC -msingle-pic-base")
    need(cell)
    assert run_digits(cell, digits, tmp_path) == Result("none", 0, "not its option")


@pytest.mark.slow
@pytest.mark.parametrize(("bound", "status"), [(None, "held"), (64, "exceeded")])
def test_painted_stack_is_held_against_the_bound(digits, tmp_path, monkeypatch, bound, status):
    cell = Cell("cortex-m4", "clang", "-O2")
    need(cell)
    plan = open_firmware(digits.firmware).plan
    if bound is not None:
        view = dataclasses.replace(model_view(plan, "digits", ()), stack_bytes=bound)
        monkeypatch.setattr("tests.flags.stack.model_view", lambda *_: view)
    assert paint_cell(cell, digits.firmware, plan, "digits", tmp_path).status == status


def test_compilers_have_versions_and_cores():
    names = versions()
    assert versions_for("cortex-m4") == [name for name, it in names.items() if it.is_for_arm]
    assert versions_for("host") == [name for name, it in names.items() if it.is_for_host]
    for core in ("cortex-m4", "host"):
        for name in versions_for(core):
            made = toolchain_of(Cell(core, name, "-O2"), load_target(core).core)
            version = name.partition("-")[2]
            assert version in made.version
            assert made.command[0] == names[name].path


def broken(firmware, name, old, new):
    path = firmware / "src" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return firmware


@pytest.mark.slow
def test_value_kept_in_a_register_that_hooks_change_is_seen(digits, firmware, tmp_path):
    """A routine that takes an argument from its register without telling the compiler, as naked ones do."""
    cell = Cell("cortex-m4", "gcc", "-finstrument-functions")
    need(cell)
    broken(
        firmware,
        "mcuq_gemm_4x2_x.h",
        "MCUQ_REGISTER(mcuq_word *, r0, to);",
        'register mcuq_word *r0 __asm__("r0");',
    )
    assert run_digits(cell, digits, tmp_path / "work", firmware).status in ("failed", "differs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "place", "put", "status", "text"),
    [
        ("-mno-unaligned-access", "defined(__ARM_FEATURE_UNALIGNED)", "1", "failed", "unaligned access"),
        ("-O2", "defined(__thumb2__)", "0", "refused", "mcuq: built for Cortex-M4"),
    ],
    ids=["word at any address", "error of ours"],
)
def test_fault_or_refusal_is_told_with_its_reason(
    digits, firmware, tmp_path, option, place, put, status, text
):
    cell = Cell("cortex-m4", "gcc", option)
    need(cell)
    broken(firmware, "mcuq_dsp.h", place, put)
    result = run_digits(cell, digits, tmp_path / "work", firmware)
    assert result.status == status
    assert text in result.detail


def test_cells_cover_every_option_and_say_what_is_missing():
    every = cells()
    assert len(set(every)) == len(every) == 2 * 3 * len(OPTIONS)
    assert Cell("cortex-m0plus", "gcc", "-mfloat-abi=hard").missing == "no FPU"
    assert Cell("cortex-m4", "gcc", "-mfloat-abi=hard").missing is None
    assert {cell for cell in SAMPLE if cell.missing} == set()
    assert len(cells(("cortex-m4", "host"), ("clang-22",), "compilers")) == 2 * len(ASKED)
    assert Cell("host", "clang-22", "-mpure-code").missing == "Arm only"
    assert Cell("cortex-m4", "zig-0.15.2", "-mpure-code").missing is None


def test_core_of_a_cell_has_one_choice_of_floats():
    soft = core_of(Cell("cortex-m4", "zig", "-mfloat-abi=soft"))
    assert "-mcpu=cortex_m4" in soft.zig_flags
    assert [flag for flag in soft.gcc_flags if "float-abi" in flag] == ["-mfloat-abi=soft"]
    strict = core_of(Cell("cortex-m4", "zig", "-mno-unaligned-access"))
    assert "-mcpu=cortex_m4+vfp4d16sp+strict_align" in strict.zig_flags


def test_section_is_replaced_and_its_surroundings_stay(tmp_path):
    rows = [("digits", Cell("cortex-m4", "gcc", option), Result("same", 5, "")) for option in ("-O0", "-O2")]
    rows.append(("digits", Cell("cortex-m4", "zig", "-O0"), Result("differs", 5, "a layer")))
    assert table(rows)[2:] == [
        "| `-O0` | 0 | differs |",
        "| `-O2` | 0 |  |",
        "",
        "3 runs, 2 of them without a difference; 15 values compared.",
    ]
    assert table(rows, is_by_compiler=True)[:4] == [
        "| compiler | `-O0` | `-O2` |",
        "|---|---|---|",
        "| cortex-m4, gcc | 0 | 0 |",
        "| cortex-m4, zig | differs |  |",
    ]
    path = tmp_path / "page.md"
    begin, end = SECTIONS["flags"].begin, SECTIONS["flags"].end
    path.write_text(f"# Page\n\n{begin}\nof before\n{end}\n\n<!-- begin: other -->\nkept\n", "utf-8")
    write_section(path, rows)
    once = path.read_text("utf-8")
    write_section(path, rows)
    assert once == path.read_text("utf-8")
    assert once.startswith(f"# Page\n\n{begin}\n")
    assert once.endswith(f"{end}\n\n<!-- begin: other -->\nkept\n")
    assert "of before" not in once
