"""Random graphs: the compiled C gives, for every value of every step, what the simulator gives."""

import functools

import numpy as np
import onnx
import pytest

from mcuq.targets import load_target
from tests.random_graphs import layers, shaping
from tests.random_graphs.__main__ import MAX_REFUSED, blocks, check_seeds
from tests.random_graphs.cases import CASES
from tests.random_graphs.check import check_group, operator
from tests.random_graphs.drawing import UNDRAWN, draws, known
from tests.random_graphs.generate import MAX_NODES, OPSETS, draw_actions, draw_input, generate, planned_nodes
from tests.random_graphs.net import Net
from tests.tools import require, require_compiler, require_machine

GRAPHS = 30
DRAWN = 600
SEEDS = list(blocks(0, GRAPHS))


def _require_tools(target):
    core = load_target(target).core
    require_machine(core, "qemu" if core.unicorn_cpu is None else "unicorn")
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
    assert sum(each.status == "refused" for each in outcomes) <= 1 + MAX_REFUSED * len(outcomes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_graphs_that_failed_once_are_bit_exact(case):
    recipe = case()
    for target in recipe.targets:
        _require_tools(target)
    outcome = check_group([recipe])[0]
    assert outcome.status == "ok", outcome.detail


@pytest.mark.parametrize("seed", range(30))
def test_generated_models_are_valid_and_the_same_again(seed):
    recipe = generate(seed)
    onnx.checker.check_model(recipe.model, full_check=True)
    assert recipe.model.SerializeToString() == generate(seed).model.SerializeToString()


def _operators(nodes):
    return {operator(node) for node in nodes}


@functools.cache
def _drawn_by(each):
    """Operators that one way to draw draws, on as many small models as it takes for what it says."""
    found = set()
    for seed in range(DRAWN):
        rng = np.random.default_rng(seed)
        opset = OPSETS[-1] if seed % 3 else OPSETS[seed // 3 % len(OPSETS)]
        net = Net(opset, "plain", ["gaussian"], is_wild=bool(seed % 2))
        draw_input(net, rng, 1)
        for action in (layers.activation, shaping.global_pool)[: seed % 3]:
            action(net, rng)
        before = len(net.nodes)
        if each.action(net, rng):
            found |= _operators(net.nodes[before:])
        if found and each.needs <= found:
            break
    return found


@pytest.mark.parametrize("each", draws(), ids=lambda each: each.action.__name__)
def test_every_way_to_draw_draws_what_it_says(each):
    found = _drawn_by(each)
    assert found
    assert sorted(each.needs - found) == []


def test_every_operator_that_is_read_is_drawn():
    """A new operator gets a line in the `DRAWS` of a file here, or a reason in `UNDRAWN`."""
    drawn = set().union(*(_drawn_by(each) for each in draws()))
    assert sorted(known() - drawn - UNDRAWN.keys()) == []
    assert not UNDRAWN.keys() & drawn


@pytest.mark.parametrize("seed", range(10))
def test_a_model_of_fewer_nodes_is_the_beginning_of_the_larger(seed):
    planned = planned_nodes(seed)
    assert 1 <= planned <= MAX_NODES
    larger, _ = draw_actions(seed)
    smaller, _ = draw_actions(seed, nodes=(planned + 1) // 2)
    assert smaller.nodes == larger.nodes[: len(smaller.nodes)]
    # Outputs and states are chosen of what is there, and may add nodes behind it.
    for net, nodes in ((larger, None), (smaller, (planned + 1) // 2)):
        assert list(generate(seed, nodes=nodes).model.graph.node)[: len(net.nodes)] == net.nodes


def test_left_out_actions_leave_a_valid_model():
    onnx.checker.check_model(generate(3, skip=frozenset(range(MAX_NODES))).model, full_check=True)
