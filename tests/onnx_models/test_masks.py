"""Truth values: comparisons, choices, and masks of attention."""

import math

import numpy as np
import pytest
from onnx import TensorProto

from mcuq.api import build, verify
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize
from tests.small_models import Net, save

from .checked import check_built

BOOL, INT64, FLOAT = TensorProto.BOOL, TensorProto.INT64, TensorProto.FLOAT
RELATIONS = ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"]
HEADS, WORDS, WIDTH = 2, 12, 8


def number(net, truth):
    """Truth values as a float32 output."""
    return net.add("Cast", truth, to=FLOAT)


@pytest.mark.parametrize("relation", RELATIONS[:4])
@pytest.mark.parametrize("is_left", [False, True])
def test_relations_to_a_number_are_tables(relation, is_left, tmp_path):
    net = Net(17, x=(1, 200))
    operands = ["x", net.const(0.37)]
    y = number(net, net.add(relation, *operands[:: -1 if is_left else 1]))
    built = check_built(net.model(y), tmp_path, least_db=19)
    assert built.steps() == ["table"]


def test_equal_to_a_number_is_the_nearest_code(tmp_path):
    """Zeros that a rectifier makes, and all that has the code of the number."""
    net = Net(17, x=(1, 200))
    x = net.add("Relu", "x")
    outputs = [net.add("Equal", x, net.const(each)) for each in (0.0, 1.0, -1.0, 50.0)]
    built = check_built(net.model(*(number(net, each) for each in outputs)), tmp_path, least_db=-400)
    zeros, ones, below, above = built.found.values()
    assert 0.4 < zeros.mean() < 0.6 and 0 < ones.mean() < 0.01 and not below.any() and not above.any()


@pytest.mark.parametrize("relation", RELATIONS[:4])
@pytest.mark.parametrize("shapes", [((2, 90), (2, 90)), ((1, 9, 40), (9, 1)), ((30,), (8, 1))])
def test_relations_of_tensors(relation, shapes, tmp_path):
    net = Net(17, a=shapes[0], b=shapes[1])
    built = check_built(net.model(number(net, net.add(relation, "a", "b"))), tmp_path, least_db=15)
    assert built.steps() == ["compare"]


@pytest.mark.parametrize("relation", RELATIONS)
def test_whole_numbers_are_compared_exactly(relation, tmp_path):
    """Of two inputs, of an input and a list of numbers, and of a number."""
    net = Net(17)
    a, b = net.input("a", TensorProto.INT8, 5, 1), net.input("b", TensorProto.UINT8, 1, 6)
    ids = net.input("ids", INT64, 1, 5)
    a, b = (net.add("Cast", each, to=FLOAT) for each in (a, b))
    row = net.const(np.arange(40, dtype=np.float32))
    outputs = [net.add(relation, *each) for each in ((b, a), (a, row), (ids, net.const(np.array(3))))]
    built = check_built(net.model(*(number(net, each) for each in outputs)), tmp_path)
    for name, expected in built.expected.items():
        np.testing.assert_array_equal(expected, built.found[name])


def test_lengths_become_masks(tmp_path):
    """Numbers of calibrated scale meet a list of numbers at the codes that both have."""
    net = Net(17)
    length = net.add("Cast", net.input("length", INT64, 4, 1), to=FLOAT)
    mask = net.add("Less", net.const(np.arange(6, dtype=np.float32)), length)
    built = check_built(net.model(number(net, mask)), tmp_path)
    for name, expected in built.expected.items():
        np.testing.assert_array_equal(expected, built.found[name])


def test_functions_of_truth_values_are_exact(tmp_path):
    net = Net(17)
    a, b, c = (
        net.input(name, BOOL, *shape) for name, shape in zip("abc", ((3, 4, 5), (4, 1), (5,)), strict=True)
    )
    outputs = [net.add(op_type, a, b) for op_type in ("And", "Or", "Xor", "Equal")]
    outputs += [net.add("Not", outputs[0]), net.add("And", net.add("Not", c), outputs[1])]
    outputs += [a, net.add("Cast", b, to=INT64)]
    built = check_built(net.model(*(number(net, each) for each in outputs)), tmp_path)
    for name, expected in built.expected.items():
        np.testing.assert_array_equal(expected, built.found[name])


def test_numbers_of_truth_values(tmp_path):
    """Cast, sign, magnitude and sum of masks, and products with them."""
    net = Net(17, x=(1, 6, 8))
    mask = net.add("Cast", net.add("Greater", "x", net.const(0.2)), to=FLOAT)
    outputs = [
        net.add("Sign", mask),
        net.add("Abs", net.add("Sub", net.const(1.0), mask)),
        net.add("Mul", "x", mask),
    ]
    outputs.append(net.add("ReduceSum", mask, net.const(np.array([2])), keepdims=0))
    kept = net.add("Cast", net.add("Cast", net.add("Relu", "x"), to=BOOL), to=FLOAT)
    check_built(net.model(*outputs, kept), tmp_path, least_db=17)


@pytest.mark.parametrize("shape", [(6, 8), (1, 6, 1), (8,), (1,)])
def test_choices_with_constant_conditions(shape, tmp_path):
    net = Net(17, x=(1, 6, 8), y=(1, 6, 8))
    kept = net.const(net.rng.random(shape) < 0.6)
    outputs = [net.add("Where", kept, "x", "y"), net.add("Where", kept, "x", net.const(0.0))]
    outputs += [net.add("Where", kept, net.random(6, 8), "y")]
    check_built(net.model(*outputs), tmp_path, least_db=30)


def test_choices_with_computed_conditions(tmp_path):
    net = Net(17, x=(1, 6, 8), y=(1, 6, 8), z=(1, 6, 1))
    condition = net.input("c", BOOL, 1, 1, 8)
    larger = net.add("Greater", "x", "y")
    both = net.add("And", condition, net.add("Less", "z", net.const(0.5)))
    outputs = [net.add("Where", larger, "x", "y"), net.add("Where", both, "x", net.const(-0.5))]
    outputs.append(net.add("Where", net.add("Not", condition), net.const(1.0), "z"))
    path = save(net.model(*outputs), tmp_path)
    check_built(net.model(*outputs), tmp_path, least_db=25)
    result = build(path, "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None


def attention(mask):
    """Heads of attention with a mask between scores and softmax; `mask(net, scores)` is what it reads."""
    net = Net(17, x=(1, WORDS, WIDTH))
    q, k, v = (
        net.add(
            "Transpose",
            net.add("Reshape", net.add("MatMul", "x", net.random(WIDTH, WIDTH)), split),
            perm=perm,
        )
        for split, perm in zip(
            [net.const(np.array([1, WORDS, HEADS, WIDTH // HEADS]))] * 3,
            ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]),
            strict=True,
        )
    )
    scores = net.add("Div", net.add("MatMul", q, k), net.const(math.sqrt(WIDTH / HEADS) * 3))
    p = net.add("Softmax", mask(net, scores), axis=-1)
    y = net.add("Transpose", net.add("MatMul", p, v), perm=[0, 2, 1, 3])
    y = net.add("Reshape", y, net.const(np.array([1, WORDS, WIDTH])))
    return net, p, net.add("MatMul", y, net.random(WIDTH, WIDTH))


CAUSAL = np.tril(np.ones((1, 1, WORDS, WORDS), bool))
LOWEST = float(np.finfo(np.float32).min)


def where(fill, is_inverted=False):
    def mask(net, scores):
        kept = net.const(is_inverted != CAUSAL)
        operands = [scores, net.const(np.array(fill, np.float32))]
        return net.add("Where", kept, *operands[:: -1 if is_inverted else 1])

    return mask


def added(fill, rest=0.0):
    def mask(net, scores):
        slopes = rest * np.arange(WORDS, dtype=np.float32)
        return net.add(
            "Add", scores, net.const(np.where(CAUSAL, slopes, np.float32(fill)).astype(np.float32))
        )

    return mask


def padding(fill, kind=BOOL):
    """A mask that is an input of the model, as exporters of encoders write it."""

    def mask(net, scores):
        kept = net.input("kept", kind, 1, 1, 1, WORDS)
        if kind != FLOAT:
            kept = net.add("Cast", kept, to=FLOAT)
        return net.add("Add", scores, net.add("Mul", net.add("Sub", net.const(1.0), kept), net.const(fill)))

    return mask


def chosen(net, scores):
    """A mask that is an input and the causal one together."""
    kept = net.add("And", net.const(CAUSAL), net.input("kept", BOOL, 1, 1, 1, WORDS))
    return net.add("Where", kept, scores, net.const(np.array(-np.inf, np.float32)))


def twice(net, scores):
    return added(-1e9)(net, where(LOWEST)(net, scores))


MASKS = {
    "where -1e9": where(-1e9),
    "where -inf": where(-np.inf),
    "where inverted": where(LOWEST, True),
    "added -1e4": added(-1e4),
    "added -inf": added(-np.inf),
    "added -inf to slopes": added(-np.inf, -0.1),
    "padding": padding(-1e4),
    "padding of numbers": padding(LOWEST, FLOAT),
    "twice": twice,
}


@pytest.mark.parametrize("name", MASKS)
def test_masked_attention_is_as_good_as_attention(name, tmp_path):
    """What a mask hides has no share, and takes no codes from the scores."""
    net, p, y = attention(MASKS[name])
    lo = 0.0 if name == "padding of numbers" else -1.0
    if name == "padding of numbers":
        kept = net.add("Cast", net.input("bits", BOOL, 1, 1, 1, WORDS), to=FLOAT)
        for node in net.nodes:
            node.input[:] = [kept if each == "kept" else each for each in node.input]
        net.nodes.insert(0, net.nodes.pop())
        net.inputs = [each for each in net.inputs if each.name != "kept"]
    built = check_built(net.model(p, y), tmp_path, lo, 1.0, 30.0)
    assert "masked_softmax" in built.steps() and "select" not in built.steps()
    hidden = built.expected[p] == 0
    assert hidden.any() and not built.found[p][hidden].any()


def test_attention_without_mask_has_the_same_noise(tmp_path):
    net, p, y = attention(lambda net, scores: scores)
    check_built(net.model(p, y), tmp_path, -1.0, 1.0, 30.0)


def test_masks_that_are_inputs_and_constants_together(tmp_path):
    net, p, y = attention(chosen)
    path = save(net.model(p, y), tmp_path)
    feeds = {
        "x": np.random.default_rng(0).normal(size=(20, 1, WORDS, WIDTH)).astype(np.float32),
        "kept": np.arange(WORDS).reshape(1, 1, 1, 1, WORDS).repeat(20, 0) < 7,
    }
    result = build(path, "host", calibration=feeds, output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None
    assert {step.op.kind for step in result.plan.program.steps} >= {"logic", "masked_softmax"}
    # Also where nothing is kept.
    feeds["kept"] = feeds["kept"] & False
    assert verify(tmp_path / "out", inputs=feeds).first_difference is None


@pytest.mark.parametrize("name", ["where -1e9", "added -inf to slopes", "padding"])
def test_masked_attention_in_c(name, tmp_path):
    net, p, y = attention(MASKS[name])
    result = build(save(net.model(p, y), tmp_path), "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None


def refused(net, output, folder):
    with pytest.raises(McuqError) as caught:
        canonicalize(read(save(net.model(output), folder)).graph)
    (problem,) = caught.value.problems
    return problem


def test_minus_infinity_elsewhere(tmp_path):
    for op_type in ("Where", "Add"):
        net = Net(17, x=(1, 4, 6))
        kept = net.rng.random((4, 6)) < 0.5
        if op_type == "Where":
            y = net.add("Where", net.const(kept), "x", net.const(np.array(-np.inf, np.float32)))
        else:
            y = net.add("Add", "x", net.const(np.where(kept, 0.0, -np.inf).astype(np.float32)))
        problem = refused(net, net.add("Sigmoid", y), tmp_path)
        assert problem.code == "M004" and "softmax" in problem.title


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_constants_that_are_no_numbers(value, tmp_path):
    net = Net(17, x=(1, 4))
    array = net.const(np.array([1, 2, 3, value], np.float32))
    assert refused(net, net.add("Where", net.const(np.ones(4, bool)), "x", array), tmp_path).code == "M005"


def test_conditions_that_are_no_truth_values(tmp_path):
    net = Net(17, x=(1, 4), y=(1, 4))
    assert refused(net, net.add("Where", "x", "x", "y"), tmp_path).code == "M004"
    net = Net(17, x=(1, 4), y=(1, 4))
    condition = net.const(np.ones(4, np.float32))
    assert refused(net, net.add("Where", condition, "x", "y"), tmp_path).code == "M002"
    net = Net(17, x=(1, 4), y=(1, 4))
    assert (
        refused(net, net.add("Where", net.const(np.ones((3, 1, 3), bool)), "x", "y"), tmp_path).code == "M006"
    )
