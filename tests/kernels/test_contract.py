"""Every kernel variant computes, bit for bit, what its operator's step defines."""

from random import Random

import pytest

from mcuq.ir.integer import Rounding
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.ops.registry import STEP_OPS
from tests.kernels.armv7em.examples import deep_tail
from tests.kernels.contract import Overlaps, check_contract, contract
from tests.kernels.isolated.cases import isa_of
from tests.kernels.machines import contract_core, emulated_cores, where_it_runs
from tests.kernels.special import accepted, makers
from tests.kernels.walks import kernels_with_walks
from tests.tools import is_thorough, require, thorough

PORTABLE = ("portable",)
TO_THE_BYTE = Overlaps(alignment=1)
# Levels that programs for cores are compiled with; both contracts have the same kernels, but for one file.
LEVELS = {Rounding.DOUBLE: "-O2", Rounding.SINGLE: "-Os"}
# Cores with many examples; what the others add is their compiler's options and their emulation.
THOROUGH = {contract_core(isa) for isa in instruction_sets()}


@pytest.mark.parametrize("rounding", list(Rounding))
def test_portable_kernels_compute_their_steps_on_the_host_under_sanitizers(tmp_path, rounding):
    require("cc")
    tested = contract(rounding, "host", PORTABLE, thorough(8), overlaps=TO_THE_BYTE)
    check_contract(tmp_path, tested, "host", sanitize=("address", "undefined"), opt="-O0")


@pytest.mark.parametrize("isa", sorted({*instruction_sets()} - {*PORTABLE}))
def test_special_kernels_compute_their_steps_in_c_under_sanitizers(tmp_path, isa):
    """Their instructions have a form in C, so that the host finds what an emulator lets pass."""
    require("cc")
    count = thorough(20)
    tested = contract(
        Rounding.DOUBLE, "host", (isa, *PORTABLE), count, only_isa=isa, seed=5, overlaps=TO_THE_BYTE
    )
    check_contract(tmp_path, tested, "host", sanitize=("address", "undefined"), opt="-O0")


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("core", emulated_cores(), ids=lambda core: core.name)
def test_kernels_compute_their_steps_on_an_emulated_core(tmp_path, core, rounding):
    where = where_it_runs(core)
    count = thorough(5 if core in THOROUGH else 2)
    tested = contract(rounding, core.name, core.isa, count, seed=1)
    check_contract(tmp_path, tested, where, opt=LEVELS[rounding])


@pytest.mark.parametrize("kernel", sorted(makers()))
def test_special_kernels_compute_the_shapes_they_are_made_for(tmp_path, kernel):
    """On the emulated core in assembly, and on the host in C; in `make contract` others take them too."""
    require("cc")  # zig has no address sanitizer
    isa = isa_of(kernel)
    core = contract_core(isa)
    more = accepted(kernel, thorough(6))
    only = None if is_thorough() else kernel
    for target, on, opt, sanitize, overlaps in (
        (core.name, where_it_runs(core), "-O2", (), Overlaps()),
        ("host", "host", "-O0", ("address", "undefined"), TO_THE_BYTE),
    ):
        tested = contract(
            Rounding.DOUBLE, target, core.isa, 0, only_isa=isa, more=more, overlaps=overlaps, kernel=only
        )
        assert tested.variants[kernel] >= len(more)
        check_contract(tmp_path / on, tested, on, opt=opt, sanitize=sanitize)


@pytest.mark.slow
def test_pixels_left_over_of_four_are_computed_from_no_garbage(tmp_path):
    """Each in a program of its own, whose scratch holds the harness's garbage: its sums would overflow."""
    require("cc")
    kernel = "mcuq_conv2d_s8_gemm"
    isa = isa_of(kernel)
    tested = 0
    for seed in range(4):
        more = [deep_tail(Random(seed))]
        one = contract(Rounding.DOUBLE, "host", (isa, *PORTABLE), 0, only_isa=isa, more=more)
        tested += one.variants[kernel]
        check_contract(tmp_path / str(seed), one, "host", opt="-O0", sanitize=("undefined",))
    assert tested == 4


@pytest.mark.slow
@pytest.mark.parametrize("opt", ["-Os", "-O3"])
@pytest.mark.parametrize("rounding", list(Rounding))
def test_kernels_compute_many_more_steps(tmp_path, rounding, opt):
    require("cc")
    for seed in range(2, 2 + thorough(1)):
        tested = contract(rounding, "host", instruction_sets(), 10, seed=seed)
        check_contract(tmp_path / str(seed), tested, "host", opt=opt)


@pytest.mark.parametrize("isa", instruction_sets())
def test_examples_reach_every_variant(isa):
    more = [example for kernel in makers() for example in accepted(kernel, 1)]
    used = contract(Rounding.DOUBLE, "host", PORTABLE, 10, seed=1, only_isa=isa, more=more).variants
    assert {variant.kernel for variant in isa_variants(isa)} == {
        kernel for kernel, steps in used.items() if steps
    }


def test_portable_kernels_compute_every_step():
    assert set(STEP_OPS.values()) == {variant.step_op for variant in isa_variants("portable")}


@pytest.mark.slow
def test_outputs_one_step_further_over_inputs_than_promised_are_wrong(tmp_path):
    """No kernel promises less than it could, and these examples tell it from one that promises more."""
    require("cc")
    too_far = Overlaps(alignment=1, is_too_far=True)
    assert {"mcuq_conv2d_s8_paired", "mcuq_depthwise_conv2d_s8_3x3"} <= {*kernels_with_walks()}
    for kernel, examples in kernels_with_walks().items():
        isa = isa_of(kernel)
        one = contract(
            Rounding.DOUBLE,
            "host",
            tuple(dict.fromkeys((isa, *PORTABLE))),
            0,
            only_isa=isa,
            more=examples,
            overlaps=too_far,
            kernel=kernel,
        )
        with pytest.raises(AssertionError, match=f"'{kernel} .* over 0'"):
            check_contract(tmp_path / kernel, one, "host")
