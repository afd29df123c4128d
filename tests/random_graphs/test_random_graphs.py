"""Random graphs: the compiled C gives, for every value of every step, what the simulator gives."""

import onnx
import pytest

from mcuq.targets import load_target
from tests.random_graphs.__main__ import MAX_REFUSED, blocks, check_seeds
from tests.random_graphs.cases import CASES
from tests.random_graphs.check import check_group
from tests.random_graphs.generate import MAX_NODES, generate, planned_nodes
from tests.tools import require, require_compiler, require_machine

GRAPHS = 50
SEEDS = list(blocks(0, GRAPHS))


def _require_tools(target):
    core = load_target(target).core
    require_machine(core, "unicorn")
    require("cc")
    require_compiler(core, "zig" if core.arch != "arm" else "gcc")


def _seeds_id(seeds):
    return f"seeds {seeds[0]}-{seeds[-1]}"


@pytest.mark.parametrize("seeds", SEEDS, ids=_seeds_id)
def test_random_graphs_are_bit_exact(seeds):
    """Again, and smaller: `python -m tests.random_graphs --graphs 1 --seed SEED`."""
    outcomes = check_seeds(seeds)
    failures = [f"seed {each.seed}: {each.detail}" for each in outcomes if each.status == "failed"]
    assert not failures, "\n".join(failures)
    assert sum(each.status == "refused" for each in outcomes) <= 3 * MAX_REFUSED * len(outcomes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_graphs_that_failed_once_are_bit_exact(case):
    outcome = check_group([case()])[0]
    assert outcome.status == "ok", outcome.detail


@pytest.mark.parametrize("seed", range(30))
def test_generated_models_are_valid_and_the_same_again(seed):
    recipe = generate(seed)
    onnx.checker.check_model(recipe.model, full_check=True)
    assert recipe.model.SerializeToString() == generate(seed).model.SerializeToString()


@pytest.mark.parametrize("seed", range(10))
def test_a_model_of_fewer_nodes_is_the_beginning_of_the_larger(seed):
    planned = planned_nodes(seed)
    assert 1 <= planned <= MAX_NODES
    larger = generate(seed).model.graph.node
    smaller = generate(seed, nodes=(planned + 1) // 2).model.graph.node
    assert list(larger[: len(smaller) - 1]) == list(smaller[:-1])


def test_left_out_actions_leave_a_valid_model():
    onnx.checker.check_model(generate(3, skip=frozenset(range(MAX_NODES))).model, full_check=True)
