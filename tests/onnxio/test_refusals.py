"""Models that break the standard, are hostile, or need what is not supported: code, place and reason."""

import numpy as np
import onnx
import pytest
from onnx import helper
from small_models import FLOAT, Net, check_model, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize

from .refusals import refusal, refusals

IMAGE = (1, 3, 8, 8)


def test_cycle(tmp_path):
    net = Net(17, x=IMAGE)
    net.add("Add", "x", "b", outputs=["a"], name="first")
    net.add("Relu", "a", outputs=["b"], name="second")
    assert "'first'" in refusal(net.model("b"), tmp_path, "M007").why


def test_dangling_names_all_at_once(tmp_path):
    net = Net(17, x=IMAGE)
    net.add("Add", "x", "nothing", outputs=["a"])
    net.add("Add", "a", "nobody", outputs=["b"])
    found = refusals(net.model("b", "nowhere"), tmp_path)
    assert [problem.code for problem in found] == ["M007"] * 3
    assert ["nothing" in found[0].why, "nobody" in found[1].why, "nowhere" in found[2].where] == [True] * 3


@pytest.mark.parametrize("names", [("y", "y"), ("x", "z"), ("c0", "z")])
def test_names_that_stand_for_two_things(tmp_path, names):
    net = Net(17, x=IMAGE)
    net.const(np.ones(3))
    for name in names:
        net.add("Relu", "x", outputs=[name])
    assert f"'{names[0]}'" in refusal(net.model(names[1]), tmp_path, "M007").where


def test_duplicate_initializers_inputs_and_outputs(tmp_path):
    net = Net(17, x=IMAGE)
    net.add("Relu", "x", outputs=["y"])
    net.const(np.ones(3), "c")
    net.const(np.ones(3), "c")
    net.inputs *= 2
    assert [problem.code for problem in refusals(net.model("y", "y"), tmp_path)] == ["M007"] * 3


def test_nodes_in_any_order(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Relu", net.conv("x", 3, 4, (3, 3)))
    model = net.model(y)
    model.graph.node.insert(0, model.graph.node[1])
    del model.graph.node[2]
    assert len(canonicalize(read(save(model, tmp_path)).graph).nodes) == 1


def test_unsupported_operators_and_forms_all_at_once(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Xor", "x", "x", name="a")
    y = net.add("Bernoulli", y, name="b")
    y = net.add("Det", net.add("Bernoulli", y, name="c"), name="d")
    y = net.add("Frobnicate", y, domain="com.acme", name="e")
    z = net.add("Conv", "x", net.add("Relu", "x"), name="f")
    found = {p.title: p for p in refusals(net.model(y, z), tmp_path)}
    assert {p.code for p in found.values()} == {"M003", "M004"}
    assert "2 nodes: 'b', 'c'" in found["operator 'Bernoulli' is not supported"].where
    assert "operator 'com.acme.Frobnicate' is not supported" in found
    assert "#6 Conv 'f'" in found["operator 'Conv' is used in an unsupported form"].where


def test_forms_behind_an_unsupported_operator_are_still_checked(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Det2", net.add("Bernoulli", "x"), domain="com.acme")
    z = net.add("AveragePool", net.add("Bernoulli", "x"), kernel_shape=[2, 2], pads=[2, 0, 0, 0])
    codes = [problem.code for problem in refusals(net.model(y, z), tmp_path)]
    assert sorted(codes) == ["M003", "M003", "M004"]


def one(op_type, *inputs, shape=IMAGE, opset=17, extra=None, **attrs):
    def build():
        net = Net(opset, x=shape, **({"z": extra} if extra else {}))
        names = [each if isinstance(each, str) else net.const(each) for each in inputs]
        return net.model(net.add(op_type, *(names or ["x"]), **attrs))

    return build


ONES = np.ones((4, 3, 3, 3), np.float32)
FORMS = {
    "conv of computed weights": one("Conv", "x", "z", extra=(4, 3, 3, 3)),
    "conv 4-D": one("Conv", "x", np.ones((2, 3, 1, 1, 1, 1)), shape=(1, 3, 4, 4, 4, 4)),
    "conv of integers": one("Conv", "x", ONES.astype(np.int32)),
    "pool of padding": one("MaxPool", kernel_shape=[2, 2], pads=[2, 0, 0, 0]),
    "pool 4-D": one("MaxPool", shape=(1, 3, 4, 4, 4, 4), kernel_shape=[2, 2, 2, 2]),
    "pad that crops": one("Pad", "x", np.array([0, 0, -1, 0, 0, 0, 0, 0])),
    "reshape to a computed shape": one("Reshape", "x", "z", extra=(2,)),
    "cast": one("Cast", to=onnx.TensorProto.INT16),
    "batchnorm training": one("BatchNormalization", "x", *[np.ones(3)] * 4, training_mode=1),
    "constant input": one("Elu", np.ones((1, 3))),
}


@pytest.mark.parametrize("name", FORMS)
def test_unsupported_form(tmp_path, name):
    problem = refusal(FORMS[name](), tmp_path, "M004")
    assert problem.where.startswith("net.onnx, node #0 ")


BROKEN = {
    "kernel_shape": one("Conv", "x", ONES, kernel_shape=[5, 5]),
    "group 0": one("Conv", "x", ONES, group=0),
    "strides": one("Conv", "x", ONES, strides=[1]),
    "stride 0": one("Conv", "x", ONES, strides=[0, 1]),
    "negative pads": one("Conv", "x", ONES, pads=[-1, 0, 0, 0]),
    "auto_pad": one("Conv", "x", ONES, auto_pad="SOMEHOW"),
    "attribute type": one("Conv", "x", ONES, strides="two"),
    "no kernel": one("MaxPool"),
    "perm": one("Flatten", axis=7),
    "axes": one("Squeeze", "x", np.array([9])),
    "axes twice": one("ReduceMean", opset=13, axes=[2, 2]),
    "shape": one("Reshape", "x", np.array([-1, -1])),
    "float shape": one("Reshape", "x", np.array([1.0, 2.0], np.float32)),
    "too few inputs": one("Add"),
    "pads": one("Pad", "x", np.array([1, 1])),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_standard(tmp_path, name):
    refusal(BROKEN[name](), tmp_path, "M002")


@pytest.mark.parametrize("name", ["stride 0", "group 0", "blocksize 0"])
def test_onnx_is_not_asked_to_divide_by_zero(tmp_path, monkeypatch, name):
    """Its older versions end the process."""
    asked = []
    monkeypatch.setattr(onnx.shape_inference, "infer_node_outputs", lambda *_, **__: asked.append(1) or {})
    models = {
        **BROKEN,
        "group 0": one("Conv", "x", ONES, group=0),
        "blocksize 0": one("DepthToSpace", blocksize=0),
    }
    refusals(models[name](), tmp_path)
    assert asked == []


MISFITS = {
    "channels": one("Conv", "x", np.ones((4, 5, 3, 3))),
    "groups": one("Conv", "x", ONES, group=2),
    "bias": one("Conv", "x", ONES, np.ones(5)),
    "kernel": one("Conv", "x", np.ones((4, 3, 9, 9))),
    "rank": one("Conv", "x", np.ones((4, 3, 3))),
    "empty": one("Conv", "x", np.ones((0, 3, 3, 3))),
    "gemm": one("Gemm", "x", np.ones((5, 2)), shape=(1, 4)),
    "gemm rank": one("Gemm", "x", np.ones((8, 2))),
    "matmul": one("MatMul", "x", np.ones((5, 2))),
    "batchnorm": one("BatchNormalization", "x", *[np.ones(4)] * 4),
    "reshape": one("Reshape", "x", np.array([5, -1])),
    "reshape size": one("Reshape", "x", np.array([5, 5])),
    "reshape zero": one("Reshape", "x", np.array([1, 3, 8, 8, 0])),
    "squeeze": one("Squeeze", "x", np.array([1])),
    "transpose": one("Transpose", perm=[0, 1, 2]),
}


@pytest.mark.parametrize("name", MISFITS)
def test_misfitting_shapes(tmp_path, name):
    refusal(MISFITS[name](), tmp_path, "M006")


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 3, "h", 8), "'h'"), ((1, 3, 0, 8), "0"), ((0, 3, 8, 8), "0"), ((-1, 3), "-1")]
)
def test_dynamic_shapes(tmp_path, shape, size):
    problem = refusal(one("Relu", shape=shape)(), tmp_path, "M006")
    assert problem.where == "net.onnx, input 'x'"
    assert problem.why.endswith(f"has size {size}")
    assert "--input-shape 'x=" in problem.fix


def test_symbolic_batch_is_one(tmp_path):
    graph = check_model(one("Relu", shape=("batch", 3, 4, 4))(), tmp_path)
    assert graph.inputs[0].model_shape == (1, 3, 4, 4)


def test_declared_output_shape(tmp_path):
    net = Net(17, x=IMAGE)
    problem = refusal(net.model(net.add("Relu", "x"), shape=(1, 3, 8, 9)), tmp_path, "M006")
    assert problem.why == "found (1, 3, 8, 8), declared [1, 3, 8, 9]"


def test_input_without_shape(tmp_path):
    model = one("Relu")()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    refusal(model, tmp_path, "M006")


@pytest.mark.parametrize("kind", [onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64])
def test_input_of_another_type(tmp_path, kind):
    model = one("Relu")()
    model.graph.input[0].type.tensor_type.elem_type = kind
    refusal(model, tmp_path, "M004")


def test_input_that_is_no_tensor(tmp_path):
    model = one("Relu")()
    tensor = helper.make_tensor_type_proto(FLOAT, (1,))
    model.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(tensor))
    refusal(model, tmp_path, "M004")


def test_model_without_input_or_output(tmp_path):
    net = Net(17)
    model = net.model(net.add("Relu", net.const(np.ones(3)), name="r"))
    refusal(model, tmp_path, "M004")
    model = one("Relu")()
    del model.graph.output[:]
    refusal(model, tmp_path, "M002")


def test_constant_output(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Relu", "x")
    refusal(net.model(y, net.add("Identity", net.const(np.ones(3)))), tmp_path, "M004")


def test_second_output_in_use(tmp_path):
    net = Net(17, x=IMAGE)
    net.add("MaxPool", "x", outputs=["y", "indices"], kernel_shape=[2, 2])
    assert "'indices'" in refusal(net.model("y", "indices"), tmp_path, "M004").why


def test_second_output_unused(tmp_path):
    net = Net(17, x=IMAGE)
    net.add("MaxPool", "x", outputs=["y", "indices"], kernel_shape=[2, 2])
    check_model(net.model("y"), tmp_path)


def test_weights_that_are_not_finite_all_at_once(tmp_path):
    net = Net(17, x=IMAGE)
    weights, bias = np.ones((4, 3, 3, 3)), np.ones(4)
    weights[1, 2, 0, 1], bias[3] = np.nan, np.inf
    y = net.add("Conv", "x", net.const(weights, "layer/w"), net.const(bias, "layer/b"), name="layer")
    found = refusals(net.model(y), tmp_path)
    assert [problem.code for problem in found] == ["M005", "M005"]
    assert found[0].title == "tensor 'layer/w' is not finite"
    assert found[0].why == "1 of its 108 values are NaN or infinite, the first at [1, 2, 0, 1]"
    assert "'layer/b'" in found[1].where


@pytest.mark.parametrize(
    "build",
    [
        one("Div", "x", np.float32(0)),
        one("Mul", "x", np.float32(np.inf)),
        one("Clip", "x", np.float32(np.nan)),
        one("BatchNormalization", "x", *[np.ones(3)] * 3, np.full(3, -1.0)),
        one("Pad", "x", np.array([0, 0, 1, 0, 0, 0, 0, 0]), np.float32(np.inf)),
        one("Relu", "c", name="r"),
    ],
)
def test_values_that_are_not_finite(tmp_path, build):
    model = build()
    if model.graph.node[0].op_type == "Relu":
        net = Net(17, x=IMAGE)
        constant = net.add("Constant", value=onnx.numpy_helper.from_array(np.array([1, np.nan, 2], "f")))
        model = net.model(net.add("Add", "x", constant))
    refusal(model, tmp_path, "M005")


def test_unused_initializers_are_not_read(tmp_path):
    net = Net(17, x=IMAGE)
    net.const(np.array([np.nan, np.inf]), "nobody reads this")
    check_model(net.model(net.add("Relu", "x")), tmp_path)


HUGE = {
    "input": one("Relu", shape=(1, 3, 1 << 20, 1 << 20)),
    "pads": one("Conv", "x", ONES, pads=[1 << 40] * 4),
    "pad": one("Pad", "x", np.array([0, 0, 1 << 40, 0, 0, 0, 0, 0])),
    "conv": one("Conv", "x", np.ones((64, 3, 1, 1)), shape=(1, 3, 4000, 5000)),
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_tensors(tmp_path, name):
    refusal(HUGE[name](), tmp_path, "M011")


def test_names_of_attributes_that_are_not_text(tmp_path):
    net = Net(17, x=IMAGE)
    model = net.model(net.conv("x", 3, 4, (3, 3), group=1))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString().replace(b"group", b"grou\xef"))
    with pytest.raises(McuqError, match="M001"):
        read(tmp_path / "net.onnx")


def test_gemm_of_constants_is_refused(tmp_path):
    net = Net(x=(2, 3))
    y = net.add("Gemm", net.random(2, 4), net.random(4, 3), "x")
    assert "is a constant" in refusal(net.model(y), tmp_path, "M004").why
