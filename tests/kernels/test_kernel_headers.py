"""Every kernel file states its contract and keeps to the rules of generated C."""

import re

import pytest

from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.resources import targets_dir
from tests.kernels.isolated.cases import isa_of
from tests.kernels.walks import kernels_with_walks

VARIANTS = [(isa, variant) for isa in instruction_sets() for variant in isa_variants(isa)]
KERNELS = sorted({(isa, variant.kernel) for isa, variant in VARIANTS})
# Elements of two sizes (`_s8_s16`) never share memory: the planner asks for as many bytes.
IN_PLACE = sorted(
    {
        (isa, variant.kernel)
        for isa, variant in VARIANTS
        if variant.step_op.in_place_inputs and not re.search(r"_s(8_s16|16_s8)$", variant.kernel)
    }
)
FILES = sorted(targets_dir().glob("*/kernels/*.h"))
# One file for both contracts, chosen when the firmware is written.
# What kernels share: their names begin with the project's alone.
SHARED = ("mcuq_cmsis_nn", "mcuq_common", "mcuq_dsp", "mcuq_halves_dsp", "mcuq_wide")
INTERCHANGEABLE = {
    f"{stem}_{rounding}": stem
    for stem in ("mcuq_requantize", "mcuq_cmsis_nn_rounding")
    for rounding in ("double", "single")
}


def header(kernel, isa="portable"):
    return (targets_dir() / isa / "kernels" / f"{kernel}.h").read_text("utf-8")


def code(text):
    """The text without comments and what the preprocessor says to a reader."""
    return re.sub(r"/\*.*?\*/|^#error .*$", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("isa", "kernel"), KERNELS)
def test_kernel_states_shapes_formula_and_overlap(isa, kernel):
    text = header(kernel, isa)
    assert re.search(r"^#define MCUQ_KERNEL", text, re.MULTILINE) is None
    # A struct of its own, or a name for one that several kernels share.
    assert re.search(rf"^(\}}|typedef \w+) {kernel}_params;", text, re.MULTILINE)
    contract = re.search(rf"/\*((?:(?!\*/).)*)\*/\s*MCUQ_CALLED void {kernel}\(", text, re.DOTALL)
    assert contract is not None, "the function has no contract above it"
    assert "Shapes: " in text
    assert re.search(r"y(\[\w+\])* = ", contract.group(1)), "the contract has no formula"
    if re.search(r"\b(a|b|x)(\[\])?[,)]", text[contract.end() :].split("{")[0]):
        assert "overlap" in contract.group(1)


@pytest.mark.parametrize(("isa", "kernel"), IN_PLACE)
def test_kernel_that_works_in_place_promises_it_to_the_compiler(isa, kernel):
    signature = re.search(rf"void {kernel}\(([^)]*)\)", header(kernel, isa)).group(1)
    assert "restrict" not in signature
    assert re.search(r"y may be (x|state|a or b|an operand)", header(kernel, isa))


def test_kernel_whose_output_may_lie_over_its_input_promises_it_to_the_compiler():
    for kernel in kernels_with_walks():
        text = header(kernel, isa_of(kernel))
        signature = re.search(rf"void {kernel}\(([^)]*)\)", text).group(1)
        assert "restrict" not in signature, kernel
        assert re.search(r"y may\s+\*?\s*overlap\s+\*?\s*x", text), kernel


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_kernel_file_has_a_guard_of_its_name_and_no_forbidden_constructs(path):
    text = path.read_text("utf-8")
    stem = INTERCHANGEABLE.get(path.stem, path.stem)
    assert f"#ifndef {stem.upper()}_H\n#define {stem.upper()}_H\n" in text
    found = re.findall(r"\b(malloc|free|goto|float|double|printf|alloca|while \(1\))\b", code(text))
    assert found == []
    for line in text.splitlines():
        assert len(line) <= 120


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_kernel_file_defines_only_static_names_of_its_own(path):
    text = code(path.read_text("utf-8"))
    stem = INTERCHANGEABLE.get(path.stem, path.stem)
    for line in re.findall(r"^\w[^;{=]*\)\s*\n?\{", text, re.MULTILINE):
        assert re.match(r"(static inline|MCUQ_KERNEL|MCUQ_CALLED|MCUQ_INLINE) ", line), line
        name = re.search(r"(\w+)\(", line).group(1)
        assert name.startswith("mcuq_" if stem in SHARED else stem), name
