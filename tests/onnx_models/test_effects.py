"""What readers say of values and codes holds for ONNX's own test cases, computed by onnx."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mcuq.onnxio.importers.effect import Values
from mcuq.onnxio.node import make_node
from mcuq.ops.onnx.registry import readers

from .onnx_cases import REFUSED, collect

SCALE, ZERO = np.float32(0.25), -11  # real zero is a code


def own(op_type, inputs, **constants):
    """A model of one node; onnx's cases of these operators take no float32, or leave limits out."""
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 3, 4])
    stored = [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    node = helper.make_node(op_type, inputs, ["y"])
    graph = helper.make_graph([node], "own", [x], [helper.make_value_info("y", onnx.TypeProto())], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


PADS = [0, 1, 0, 0, 2, 1]
MODELS = {
    name: model
    for name, model in collect().items()
    if len(model.graph.node) == 1 and not REFUSED.search(name)
} | {
    "clip": own("Clip", ["x", "lo", "hi"], lo=np.float32(-3), hi=np.float32(2)),
    "clip_below": own("Clip", ["x", "lo"], lo=np.float32(-3)),
    "clip_above": own("Clip", ["x", "", "hi"], hi=np.float32(2)),
    "pad": own("Pad", ["x", "pads"], pads=PADS),
    "pad_value": own("Pad", ["x", "pads", "value"], pads=PADS, value=np.float32(2)),
}


def effect_of(proto):
    return readers().effect(make_node(0, proto))


def cases(is_wanted):
    """Names of cases whose reader says something that a test is about."""
    return [name for name in MODELS if is_wanted(effect_of(MODELS[name].graph.node[0]))]


def real_of(codes):
    return (codes.astype(np.float32) - ZERO) * SCALE


class Case:
    """One node with codes for its float inputs, and for its limits where it has such."""

    def __init__(self, name):
        model = MODELS[name]
        self.proto = onnx.NodeProto()
        self.proto.CopyFrom(model.graph.node[0])
        self.opset = model.opset_import
        self.effect = effect_of(self.proto)
        rng = np.random.default_rng(0)
        self.codes = {
            value.name: rng.integers(-100, 100, [dim.dim_value for dim in value.type.tensor_type.shape.dim])
            for value in model.graph.input
        }
        self.constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        inputs = list(self.proto.input)
        for position, code in self.effect.codes.items():
            is_given = position < len(inputs) and inputs[position]
            if not is_given and code is None:
                continue
            inputs += [""] * (position + 1 - len(inputs))
            inputs[position] = inputs[position] or "left out"
            # Of Clip -20 and 20.
            given = np.array(20 * (2 * position - 3) if is_given else code)
            self.codes[inputs[position]] = given
            self.constants.pop(inputs[position], None)
        del self.proto.input[:]
        self.proto.input.extend(inputs)

    def run(self, values):
        feeds = {**self.constants, **values}
        graph = helper.make_graph(
            [self.proto],
            "case",
            [helper.make_value_info(name, onnx.TypeProto()) for name in feeds],
            [helper.make_value_info(name, onnx.TypeProto()) for name in self.proto.output],
        )
        return ReferenceEvaluator(helper.make_model(graph, opset_imports=self.opset)).run(None, feeds)


@pytest.mark.parametrize("name", cases(lambda effect: effect.values is not Values.COMPUTED))
def test_values_are_those_that_are_read(name):
    case = Case(name)
    read = np.concatenate([np.ravel(real_of(each)) for each in case.codes.values()])
    result = case.run({name: real_of(codes) for name, codes in case.codes.items()})[0].ravel()
    # Relu and borders add real zero, which every scale has.
    assert set(result) <= {*read, 0.0}
    if case.effect.values is Values.VIEWED:
        np.testing.assert_array_equal(np.sort(read), np.sort(result))


@pytest.mark.parametrize("name", cases(lambda effect: effect.takes_codes))
def test_codes_are_treated_like_real_values(name):
    case = Case(name)
    expected = case.run({name: real_of(codes) for name, codes in case.codes.items()})[0]
    # As float32: onnx marks borders of pools by NaN.
    found = case.run({name: codes.astype(np.float32) for name, codes in case.codes.items()})[0]
    np.testing.assert_array_equal(expected, real_of(found))
