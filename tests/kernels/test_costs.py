"""The stated figures of kernels are those of the compiler and of the profiler."""

import pytest

from mcuq.ir.program import Optimize
from mcuq.kernels.costs import UNIT, load_costs
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import StepShapes, Variant, for_step
from tests.kernels import measured_costs
from tests.kernels.cost_examples import random_examples
from tests.tools import require


@pytest.mark.parametrize(("optimize", "opt"), [(Optimize.BALANCED, "-O2"), (Optimize.SIZE, "-Os")])
@pytest.mark.parametrize("core", sorted({*measured_costs.CODE_CORES["portable"]}))
def test_stated_bytes_are_those_of_the_compiler(tmp_path, core, optimize, opt):
    require("arm-none-eabi-gcc")
    require("pyelftools")
    names = measured_costs.kernel_names()
    kernels = [one for isa in names if core in measured_costs.CODE_CORES[isa] for one in names[isa]]
    costs = load_costs(core)
    stated = costs.code_sizes(optimize)
    found = measured_costs.code_bytes(kernels, tmp_path, opt, core)
    for kernel in kernels:
        files = costs.kernel_files(kernel)
        measured = sum(found[file] for file in files)
        rel = 0.15 if core == measured_costs.CORE else 0.25
        assert stated.known(files) == pytest.approx(measured, rel=rel, abs=16), kernel


def test_modelled_cycles_are_those_of_the_profiler(tmp_path):
    """On shapes that the coefficients were not fitted to."""
    require("arm-none-eabi-gcc")
    require("unicorn")
    coefficients = load_costs(measured_costs.CORE).coefficients
    for kernel, samples in measured_costs.measure_cycles(random_examples(27, 2), tmp_path).items():
        modelled = sum(
            sum(count * coefficients[kernel][name] for name, count in counts.items()) // UNIT
            for counts, _ in samples
        )
        assert modelled == pytest.approx(sum(cycles for _, cycles in samples), rel=0.15), kernel


def test_variants_of_one_step_all_have_a_model():
    """Where there is a choice, it is made by figures."""
    by_step = {}
    for isa in measured_costs.ISA:
        for variant in isa_variants(isa):
            by_step.setdefault(variant.step_op, []).append(variant)
    for variants in by_step.values():
        assert len(variants) == 1 or all(variant.terms is not Variant.terms for variant in variants)


def test_counts_are_whole_and_not_negative():
    for example in random_examples(90, 3):
        shapes = StepShapes.of(example.op, example.shapes)
        variants = [variant for isa in measured_costs.ISA for variant in isa_variants(isa)]
        for variant in for_step(variants, example.op, shapes):
            if variant.refusal() is None:
                counts = variant.terms().values()
                assert all(type(count) is int and count >= 0 for count in counts), variant.kernel
