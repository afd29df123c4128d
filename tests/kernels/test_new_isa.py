"""A new instruction set is tested, chosen and measured by being there: no table anywhere names it."""

import pytest

from mcuq.ir.integer import Rounding
from mcuq.kernels.core import core_kernels
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.ops.conv import ConvStep
from mcuq.ops.unary import ClipStep
from mcuq.pipeline.planning import choose_and_place
from mcuq.targets import load_target
from tests.builders import ProgramBuilder
from tests.kernels import stub_isa
from tests.kernels.contract import check_contract, contract
from tests.kernels.machines import contract_core, emulated_cores, where_it_runs
from tests.kernels.measured_costs import IsaCosts, fit, measure_time
from tests.ops.examples import examples
from tests.tools import require_compiler


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    yield stub_isa.install(tmp_path, monkeypatch)
    stub_isa.uninstall()


def _program():
    builder = ProgramBuilder()
    builder.output(builder.step(ClipStep(-5, 100), builder.input((1, 4, 4, 8))))
    return builder.program()


def test_new_instruction_set_is_found(kernels):
    assert stub_isa.ISA in instruction_sets()
    assert [variant.kernel for variant in isa_variants(stub_isa.ISA)] == [stub_isa.KERNEL]
    assert {core.name for core in emulated_cores(stub_isa.ISA)} == {stub_isa.CORE, stub_isa.CORE_WITHOUT}


def test_new_instruction_set_is_held_to_the_contract_where_qemu_runs_it(tmp_path, kernels):
    core = load_target(stub_isa.CORE).core
    assert core in emulated_cores()
    assert core.unicorn_cpu is None
    require_compiler(core, "gcc")
    where = where_it_runs(core)
    assert where == "qemu"
    tested = contract(Rounding.DOUBLE, core.name, core.isa, 12, kinds=["clip"], only_isa=stub_isa.ISA)
    assert tested.variants[stub_isa.KERNEL] > 0
    check_contract(tmp_path / "right", tested, where)
    file = f"src/{stub_isa.KERNEL}.h"
    source = (kernels / f"{stub_isa.KERNEL}.h").read_text("utf-8")
    wrong = source.replace("p->lo", "(p->lo + 1)")
    assert wrong != source
    with pytest.raises(AssertionError, match=stub_isa.KERNEL):
        check_contract(tmp_path / "wrong", tested, where, replace={file: wrong.encode()})


def test_time_of_a_new_instruction_set_is_measured_where_its_core_runs(tmp_path, kernels):
    core = load_target(stub_isa.CORE).core
    require_compiler(core, "gcc")
    where_it_runs(core)
    unit, found = measure_time(core, examples("clip", 3, Rounding.DOUBLE), tmp_path / "firmware")
    assert unit == "instructions"
    assert found.keys() == {stub_isa.KERNEL}
    coefficients, _ = fit(found[stub_isa.KERNEL])
    costs = IsaCosts.read(stub_isa.ISA)
    costs.times[unit][core.name] = {stub_isa.KERNEL: coefficients}
    assert f"[instructions.{core.name}.{stub_isa.KERNEL}]" in [*costs.lines()]


def test_new_instruction_set_has_a_core_for_many_examples(kernels):
    assert contract_core(stub_isa.ISA).name in (stub_isa.CORE, stub_isa.CORE_WITHOUT)


def test_kernel_of_a_new_instruction_set_is_chosen_before_the_portable_one(kernels):
    """Nothing was measured on its core: the order of instruction sets decides, and no figure is made up."""
    target = load_target(stub_isa.CORE)
    found = choose_and_place(_program(), target, core_kernels(target.core))
    (call,) = found.calls
    assert call.kernel == stub_isa.KERNEL
    assert (found.costs.cycles, found.costs.code_bytes) == (None, None)
    ((other, reason),) = ((each.kernel, each.reason) for each in call.refused)
    assert other == "mcuq_clip_s8"
    assert reason.startswith(f"follows {stub_isa.KERNEL} in the order of kernels")
    assert "was not measured on stub-core" in reason


def test_core_that_lacks_what_a_kernel_needs_takes_another(kernels):
    target = load_target(stub_isa.CORE_WITHOUT)
    (call,) = choose_and_place(_program(), target, core_kernels(target.core)).calls
    assert call.kernel == "mcuq_clip_s8"
    (refused,) = call.refused
    assert refused.kernel == stub_isa.KERNEL
    assert refused.reason == "it needs mve, which stub-core-without has not"


def test_variants_say_which_multiple_of_channels_they_like(kernels):
    stub, without, m4 = (
        core_kernels(load_target(name).core) for name in (stub_isa.CORE, stub_isa.CORE_WITHOUT, "cortex-m4")
    )
    clip = ClipStep(-5, 100)
    assert [each.channel_multiple(clip) for each in (stub, without, m4)] == [3, 1, 1]
    conv = object.__new__(ConvStep)  # its class decides
    assert [each.channel_multiple(conv) for each in (stub, without, m4)] == [1, 1, 4]
