"""What every operator owes its readers and its users."""

import dataclasses
import inspect

import pytest

from mcuq.ir.program import SeveralOutputsStep, StepOp
from mcuq.ops.registry import GRAPH_OPS, STEP_OPS

MEMBERS = ("infer", "code_range", "run")
SEVERAL = ("infer_outputs", "code_ranges", "run_outputs")


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_states_its_definition_shapes_and_range(kind):
    op = STEP_OPS[kind]
    assert inspect.getdoc(op), "no definition"
    members = SEVERAL if issubclass(op, SeveralOutputsStep) else MEMBERS
    for member in members:
        stated = getattr(op, member)
        assert stated is not getattr(StepOp, member), f"{member} is the base's"
        assert stated.__doc__, f"{member} has no docstring"
    shapes = getattr(op, members[-1]).__doc__
    assert "[samples" in shapes or "[1, " in shapes, "run does not state its shapes"


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_is_a_frozen_value_registered_under_its_kind(kind):
    op = STEP_OPS[kind]
    assert kind == op.kind
    assert issubclass(op, StepOp)
    assert op.__dataclass_params__.frozen
    assert not hasattr(op, "__dict__") or "__slots__" in op.__dict__


@pytest.mark.parametrize("kind", sorted(GRAPH_OPS))
def test_graph_operator_states_what_it_computes(kind):
    op = GRAPH_OPS[kind]
    assert kind == op.kind
    assert inspect.getdoc(op)
    assert op.infer.__doc__
    assert dataclasses.is_dataclass(op)
    least, most = op.arity
    assert 0 <= least <= most


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_no_step_of_the_package_is_missing_from_the_registry():
    # By kind: slotted dataclasses leave a twin without slots behind.
    steps = [sub for sub in subclasses(StepOp) if sub.__module__.startswith("mcuq.")]
    assert {sub.kind for sub in steps if "kind" in sub.__dict__} == set(STEP_OPS)
