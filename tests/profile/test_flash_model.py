"""The model of flash behind tools/flash_model.py, on code whose misses can be counted by hand."""

import dataclasses
import sys

import pytest

import mcuq
from mcuq.profile.profile import profile_firmware
from mcuq.profile.silicon import Silicon
from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.toolchain import find_toolchain
from tests.project.source import ROOT
from tests.tools import require

MODEL = ROOT / "firmware_examples/digits/model.onnx"
# Each body runs twice, each time between two marks: r0 points to 1 KB of constants, r1 to data in RAM.
PROGRAM = """
#include <stdint.h>
typedef void run(const void *constants, const void *data);
void mcuq_profile_start(void);
void mcuq_profile_stop(void);
void mcuq_profile_mark(void);
__attribute__((noinline)) void mcuq_profile_start(void) {{ __asm__ volatile("nop"); }}
__attribute__((noinline)) void mcuq_profile_stop(void) {{ __asm__ volatile("nop\\n nop"); }}
__attribute__((noinline)) void mcuq_profile_mark(void) {{ __asm__ volatile("nop\\n nop\\n nop"); }}
const uint32_t constants[{count}][256] __attribute__((aligned(32))) = {{ {{ 1 }} }};
uint32_t data[256] __attribute__((aligned(32)));
__asm__(".syntax unified\\n.text\\n{code}");
{declarations}
static run *const bodies[] = {{ {names} }};
int main(void)
{{
    mcuq_profile_start();
    for (int i = 0; i < 2 * {count}; i++) {{
        run *const body = bodies[i / 2];
        mcuq_profile_mark();
        body(constants[i / 2], data);
        mcuq_profile_mark();
    }}
    mcuq_profile_stop();
    return 0;
}}
"""
WIDE = "add.w r2, r2, #1"
BODIES = {
    "empty": [],
    "short_code": ["nop"] * 320,
    "long_code": ["nop"] * 416,
    "large_code": ["nop"] * 1024,
    "few_constants": ["movs r3, #24", "nop", "1: ldr r2, [r0], #8", "subs r3, #1", "bne 1b"],
    "many_constants": ["movs r3, #128", "nop", "1: ldr r2, [r0], #8", "subs r3, #1", "bne 1b"],
    "unaligned": [f"ldr.w r2, [r1, #{at}]" for at in (0, 2, 5)] + ["ldrh.w r2, [r1, #1]"],
    "wide_even": [WIDE] * 4,
    "wide_odd": ["nop", *[WIDE] * 4],
    "wide_target": ["b 1f", "nop", "nop", f"1: {WIDE}"],
}
PLAIN_64, PREFETCH_64, PLAIN_128, PREFETCH_128 = range(4)
COLD, WARM = range(2)


@pytest.fixture
def flash(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from mcu import flash

    return flash


@pytest.fixture(scope="module")
def extra(tmp_path_factory):
    """What the first and the second run of each body take beyond zero wait, by memory; the latter without
    what calls it.
    """
    require("unicorn")
    sys.path.insert(0, str(ROOT / "tools"))
    from mcu.flash import run_on_silicon

    folder, core = tmp_path_factory.mktemp("flash"), load_target("cortex-m4").core
    code = [
        line
        for name, body in BODIES.items()
        for line in (".p2align 5", f".global {name}", ".thumb_func", f"{name}:", *body, "bx lr")
    ]
    source = folder / "main.c"
    text = PROGRAM.format(
        count=len(BODIES),
        code="\\n".join(code) + "\\n",
        declarations="\n".join(f"run {name};" for name in BODIES),
        names=", ".join(BODIES),
    )
    source.write_text(text, "utf-8")
    image = build_image(core, find_toolchain(core), [source], workdir=folder, opt="-O2")
    found = run_on_silicon(image, b"", 4 * len(BODIES) + 1, folder)
    stalls = [[a - b for a, b in zip(cycles, found.ideal, strict=True)] for cycles in found.cycles]
    return {
        name: [(each[4 * number + 1], each[4 * number + 3] - each[3]) for each in stalls]
        for number, name in enumerate(BODIES)
    }


def test_code_that_fits_the_cache_is_read_once(extra):
    """96 more nops are 24 reads of 8 bytes or 12 of 16; each, in sequence, is asked for two cycles early."""
    short, long = extra["short_code"], extra["long_code"]
    assert long[PLAIN_64][COLD] - short[PLAIN_64][COLD] == 24 * 3
    assert long[PLAIN_128][COLD] - short[PLAIN_128][COLD] == 12 * 3
    assert [cycles[WARM] for cycles in long] == [0, 0, 0, 0]


def test_code_larger_than_the_cache_is_read_again(extra):
    found = extra["large_code"]
    assert 256 * 3 <= found[PLAIN_64][WARM] < 256 * 3 + 30
    assert 128 * 3 <= found[PLAIN_128][WARM] < 128 * 3 + 30


def test_prefetch_hides_what_executes_longer_than_it_reads(extra):
    """Nops of 16 bytes last eight cycles and a read six; nops of 8 bytes last four."""
    found = extra["large_code"]
    assert found[PREFETCH_128][WARM] < 30
    assert 256 * 2 <= found[PREFETCH_64][WARM] < found[PLAIN_64][WARM]


def test_constants_that_fit_the_cache_are_read_once(extra):
    found = extra["few_constants"]
    assert 24 * 5 <= found[PLAIN_64][COLD] < 24 * 5 + 20
    assert 12 * 5 <= found[PLAIN_128][COLD] < 12 * 5 + 20
    assert [cycles[WARM] for cycles in found] == [0, 0, 0, 0]


def test_constants_larger_than_the_cache_are_read_again(extra):
    found = extra["many_constants"]
    assert [cycles[WARM] for cycles in found] == [128 * 5, 128 * 5, 64 * 5, 64 * 5]


def test_data_in_ram_costs_nothing_unless_it_is_unaligned(extra):
    assert [cycles[WARM] for cycles in extra["unaligned"]] == [1 + 2 + 1] * 4


def test_wide_instructions_at_odd_halfwords_cost_a_cycle(extra):
    """The third in sequence, and a branch's target."""
    for name, cycles in {"wide_even": 0, "wide_odd": 1, "wide_target": 1}.items():
        assert [each[WARM] for each in extra[name]] == [cycles] * 4, name


def test_without_wait_states_a_program_takes_what_the_profile_says(flash, tmp_path):
    require("unicorn")
    mcuq.build(MODEL, "cortex-m4", output=tmp_path / "digits", name="digits", verify="none")
    firmware = mcuq.open_firmware(tmp_path / "digits")
    profile = profile_firmware(firmware.directory, firmware.plan, firmware.name)
    found = flash.measure_silicon(firmware, tmp_path / "flash")
    assert profile.cycles == sum(found.ideal)
    assert len(found.totals) == 4
    assert all(cycles > profile.cycles for cycles in found.totals)
    assert found.totals[PLAIN_128] < found.totals[PLAIN_64]


def test_tables_hold_published_latencies_against_modelled_silicon(flash):
    from mcu.tables import library_silicon_table, silicon_table

    silicon = Silicon((4_000_000,), ((8_000_000,), (9_000_000,), (6_000_000,), (5_000_000,)))
    *_, row = silicon_table({"kws": silicon})
    assert row.endswith("| 5,184,000 | 0.58 .. 1.04 |")
    *_, row = library_silicon_table({"kws": {"-O2": dataclasses.replace(silicon, ideal=(1, 2))}})
    assert row.startswith("| KWS DS-CNN | -O2 | 3 |")
    assert row.endswith("| 11.98 M / 9.84 M |")


def test_calibration_says_in_words_how_far_the_model_is_off(flash):
    from mcu.calibration import calibration_lines, comparable_cycles

    # One stack dropped channels of that network.
    assert comparable_cycles("vww") == (36_144_000,)
    assert comparable_cycles("kws") == (11_976_000, 9_840_000)
    half, level, double = (tuple((each,) for each in [cycles] * 4) for cycles in (18, 36, 72))
    unit = 1_004_000
    silicon = {
        option: Silicon((1,), tuple((cycles * unit,) for (cycles,) in modes))
        for option, modes in {"-O2": half, "-Ofast": double}.items()
    }
    text = "\n".join(calibration_lines({"vww": silicon}))
    assert "over 2 pairs" in text
    ends = "from 50.0% too low (VWW MobileNetV1) to 100.0% too high (VWW MobileNetV1)"
    assert f"- 64 bit: {ends}, mean 25.0% too high, mean size 75.0%." in text
    assert f"- 128 bit, prefetch: {ends}, mean" in text
    joined = " ".join(text.split())
    assert "underestimates in every mode VWW MobileNetV1 with -O2 (mean 50.0% too low)." in joined
    assert "overestimates in every mode VWW MobileNetV1 with -Ofast (mean 100.0% too high)." in joined
    assert "Above one" not in joined
    # Equal in one mode and below in the others is neither.
    mixed = Silicon((1,), tuple((cycles * unit,) for (cycles,) in (level[0], *half[1:])))
    joined = " ".join(" ".join(calibration_lines({"vww": {"-O2": mixed}})).split())
    assert "below another is what it says of VWW MobileNetV1 with -O2 (mean 37.5% too low)." in joined
    assert "underestimates" not in joined


def test_calibration_says_nothing_without_the_library(flash):
    from mcu.calibration import calibration_lines

    assert list(calibration_lines({"vww": {}})) == []
