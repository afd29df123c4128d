"""What variants declare, and where they stand: one package per instruction set, beside its folder of C."""

import ast

import pytest

from mcuq.kernels.registry import instruction_sets, isa_variants, libraries
from mcuq.resources import targets_dir
from mcuq.targets import FEATURES, list_targets
from tests.project.source import PACKAGE

VARIANTS = [(isa, variant) for isa in instruction_sets() for variant in isa_variants(isa)]
IDS = [f"{isa}-{variant.__name__}" for isa, variant in VARIANTS]
# Families of operators whose kernels fill a module of their own.
PARTS = {("conv", "depthwise")}


def test_instruction_sets_are_packages_and_folders_of_the_same_names():
    folders = {path.parent.name for path in targets_dir().glob("*/kernels")}
    assert folders == {*instruction_sets(), *libraries()}
    assert {*instruction_sets()} == {isa for target in list_targets() for isa in target.core.isa}


@pytest.mark.parametrize(("isa", "variant"), VARIANTS, ids=IDS)
def test_variant_declares_what_the_choice_asks(isa, variant):
    assert (targets_dir() / isa / "kernels" / f"{variant.kernel}.h").is_file()
    assert {*variant.needs} <= {*FEATURES}
    assert variant.channel_multiple >= 1


@pytest.mark.parametrize(("isa", "variant"), VARIANTS, ids=IDS)
def test_variant_stands_in_the_module_of_its_operators_family(isa, variant):
    family = variant.step_op.__module__.rpartition(".")[2]
    module = variant.__module__.rpartition(".")[2]
    assert module == family or (family, module) in PARTS


@pytest.mark.parametrize("isa", instruction_sets())
def test_variants_of_one_step_stand_in_one_module(isa):
    """Their order in `VARIANTS` is the declared order."""
    modules = {}
    for variant in isa_variants(isa):
        modules.setdefault(variant.step_op, set()).add(variant.__module__)
    assert {len(each) for each in modules.values()} == {1}


def _constants(path):
    return {
        (node.value, node.lineno)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool)
    }


def test_nothing_outside_an_instruction_set_names_it():
    """Neither as a module nor as a text: what depends on one is declared by its variants."""
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE).parts
        if where[0] == "kernels" and len(where) > 2:
            continue
        text = path.read_text("utf-8")
        for isa in instruction_sets():
            assert f"kernels.{isa}" not in text, path
            assert isa not in {value for value, _ in _constants(path)}, path


@pytest.mark.parametrize("path", ["pipeline/planning.py", "eliminate"])
def test_planning_and_elimination_know_no_multiple_of_channels(path):
    place = PACKAGE / path
    for each in place.rglob("*.py") if place.is_dir() else [place]:
        assert 4 not in {value for value, _ in _constants(each)}, each
        assert not {*FEATURES} & {value for value, _ in _constants(each)}, each
