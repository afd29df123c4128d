"""The stated figures of kernels are those of the compiler and of the profiler."""

import pytest

from mcuq.ir.integer import Rounding
from mcuq.ir.program import Optimize
from mcuq.kernels.costs import PARTS, load_costs
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.kernels.variant import StepShapes, Variant, for_step
from mcuq.targets import load_target
from tests.kernels.cost_examples import random_examples
from tests.kernels.machines import cost_core, emulated_cores, where_it_runs
from tests.kernels.measured_costs import (
    CODE_ABS,
    CODE_REL,
    IsaCosts,
    code_bytes,
    costs_file,
    fit,
    kernel_names,
    measure_time,
)
from tests.ops.examples import GENERATORS, all_examples
from tests.tools import require, require_compiler

STATED = {isa: IsaCosts.read(isa) for isa in instruction_sets()}
CODE_CORES = sorted({core for costs in STATED.values() for core in costs.code_cores})
TIMED = sorted({core for costs in STATED.values() for cores in costs.times.values() for core in cores})


def _name(core):
    return core.name


@pytest.mark.parametrize("isa", instruction_sets())
def test_files_are_as_the_tool_writes_them(isa):
    assert "\n".join(STATED[isa].lines()) + "\n" == costs_file(isa).read_text("utf-8")


@pytest.mark.parametrize(("optimize", "opt"), [(Optimize.BALANCED, "-O2"), (Optimize.SIZE, "-Os")])
@pytest.mark.parametrize("name", CODE_CORES)
def test_stated_bytes_are_those_of_the_compiler(tmp_path, name, optimize, opt):
    core = load_target(name).core
    require_compiler(core, "gcc")
    require("pyelftools")
    kernels = {
        kernel: isa for isa in core.isa if name in STATED[isa].code_cores for kernel in kernel_names(isa)
    }
    costs = load_costs(name)
    stated = costs.code_sizes(optimize)
    found = code_bytes(kernels, tmp_path, opt, core)
    for kernel, isa in kernels.items():
        files = costs.kernel_files(kernel)
        if name not in STATED["portable"].code_cores:
            files = [
                file for file in files if file in STATED[isa].code
            ]  # of the others nobody knows it there
        rel = 0.15 if core == cost_core(isa) else CODE_REL
        measured = sum(found[file] for file in files)
        known = stated.known(files)
        assert known is not None, f"{kernel} was never measured: make measure-kernels"
        assert known == pytest.approx(measured, rel=rel, abs=CODE_ABS), kernel


@pytest.mark.parametrize("name", TIMED)
def test_modelled_time_is_that_of_the_profiler(tmp_path, name):
    """On shapes that the coefficients were not fitted to."""
    core = load_target(name).core
    require_compiler(core, "gcc")
    where_it_runs(core)
    costs = load_costs(name)
    unit, found = measure_time(core, random_examples(3, 2), tmp_path)
    assert unit == costs.unit
    for kernel, samples in found.items():
        modelled = sum(costs.time(kernel, counts) for counts, _ in samples)
        assert modelled == pytest.approx(sum(time for _, time in samples), rel=0.15), kernel


@pytest.mark.parametrize("core", [each for each in emulated_cores() if each.unicorn_cpu is None], ids=_name)
def test_time_can_be_measured_where_only_qemu_runs_a_core(tmp_path, core):
    require_compiler(core, "gcc")
    where_it_runs(core)
    unit, found = measure_time(core, random_examples(1, 2), tmp_path)
    assert unit == "instructions"
    assert {"mcuq_conv2d_s8_paired", "mcuq_conv2d_s8", "mcuq_linear_s8_paired"} <= found.keys()
    for samples in found.values():
        coefficients, _ = fit(samples)
        assert sum(coefficients.values()) > PARTS


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_variants_that_take_one_step_all_have_a_model(kind):
    """Where there is a choice, it is made by figures."""
    variants = [variant for isa in instruction_sets() for variant in isa_variants(isa)]
    for example in all_examples(kind, 20, Rounding.SINGLE, 1):
        shapes = StepShapes.of(example.op, example.shapes, example.types)
        taking = [each for each in for_step(variants, example.op, shapes) if each.refusal() is None]
        is_modelled = all(type(each).terms is not Variant.terms for each in taking)
        assert len(taking) == 1 or is_modelled, [each.kernel for each in taking]


def test_counts_are_whole_and_not_negative():
    for example in random_examples(10, 3):
        shapes = StepShapes.of(example.op, example.shapes, example.types)
        variants = [variant for isa in instruction_sets() for variant in isa_variants(isa)]
        for variant in for_step(variants, example.op, shapes):
            if variant.refusal() is None:
                counts = variant.terms().values()
                assert all(type(count) is int and count >= 0 for count in counts), variant.kernel
