"""The stated figures of kernels are those of the compiler and of the profiler."""

import pytest

from mcuq.ir.program import Optimize
from mcuq.kernels.cost_terms import TERMS
from mcuq.kernels.costs import UNIT, load_costs
from mcuq.kernels.select import VARIANTS
from mcuq.kernels.variant import StepShapes
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
    found = measured_costs.code_bytes(kernels, tmp_path, opt, core)
    for kernel in kernels:
        files = costs.kernel_files(kernel)
        measured = sum(found[file] for file in files)
        rel = 0.15 if core == measured_costs.CORE else 0.25
        assert costs.code_bytes(files, optimize) == pytest.approx(measured, rel=rel, abs=16), kernel


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
        for variant in VARIANTS[isa]:
            by_step.setdefault(variant.step_op, set()).add(variant.kernel)
    for kernels in by_step.values():
        assert len(kernels) == 1 or kernels <= set(TERMS)


def test_counts_are_whole_and_not_negative():
    for example in random_examples(90, 3):
        site = StepShapes(example.shapes, example.op.infer(*example.shapes))
        for variant in (variant for isa in measured_costs.ISA for variant in VARIANTS[isa]):
            if variant.step_op is type(example.op) and variant.refuse(example.op, site) is None:
                counts = TERMS[variant.kernel](example.op, site)
                assert all(type(count) is int and count >= 0 for count in counts.values()), variant.kernel
