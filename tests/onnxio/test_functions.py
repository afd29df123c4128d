from onnx import helper
from small_models import Net, check_model, kinds

from .refusals import refusal

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]


def function(name, nodes):
    return helper.make_function("local", name, ["a"], ["b"], nodes, OPSETS)


def call(name, x, y):
    return helper.make_node(name, [x], [y], domain="local")


def net_of(*functions):
    net = Net(17, x=(1, 3, 4, 4))
    net.functions = list(functions)
    return net.model(net.add(functions[0].name, "x", domain="local"))


def test_functions_are_inlined(tmp_path):
    inner = function("inner", [helper.make_node("Relu", ["a"], ["b"])])
    outer = function(
        "outer", [call("inner", "a", "c"), helper.make_node("MaxPool", ["c"], ["b"], kernel_shape=[2, 2])]
    )
    assert kinds(check_model(net_of(outer, inner), tmp_path)) == ["clip", "max_pool"]


def test_functions_that_call_themselves(tmp_path):
    first = function("first", [call("second", "a", "b")])
    second = function("second", [call("first", "a", "b")])
    assert refusal(net_of(first, second), tmp_path, "M007").title == "a function calls itself"


def test_functions_that_explode(tmp_path):
    chain = [function(f"f{i}", [call(f"f{i + 1}", "a", "c"), call(f"f{i + 1}", "c", "b")]) for i in range(60)]
    chain.append(function("f60", [helper.make_node("Relu", ["a"], ["b"])]))
    assert str(2**60) in refusal(net_of(*chain), tmp_path, "M011").why


def test_functions_with_unsupported_bodies(tmp_path):
    mish = function("mish", [helper.make_node("Det", ["a"], ["b"])])
    assert "'Det'" in refusal(net_of(mish), tmp_path, "M003").title
