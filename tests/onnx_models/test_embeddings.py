"""Inputs of integers: rows of tables, columns of categories, pixels and numbers that are cast."""

import numpy as np
import pytest
from onnx import TensorProto

from mcuq.api import build, evaluate, verify
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.interchange.program import layer_scales
from mcuq.ir.types import DType
from mcuq.ops.onnx.write import write_qdq
from mcuq.options import QuantOptions
from mcuq.simulator.ports import dequantize_outputs
from mcuq.simulator.simulate import simulate_program
from tests.small_models import Net, run, save

from .checked import check_built

KINDS = [TensorProto.INT64, TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8]


def bag_of_words(rows, kind=TensorProto.INT64, words=12, width=16):
    net = Net(17)
    ids = net.input("ids", kind, 1, words)
    if kind in (TensorProto.INT8, TensorProto.UINT8):
        ids = net.add("Cast", ids, to=TensorProto.INT64)
    rows = net.add("Gather", net.random(rows, width), ids)
    mean = net.add("ReduceMean", rows, axes=[1], keepdims=0)
    return net.model(net.add("Gemm", mean, net.random(width, 4), net.random(4)))


def tagger(rows=40, words=7, width=8, hidden=6):
    """What exporters make of `Embedding`, `LSTM` and a linear layer for each word."""
    net = Net(17)
    ids = net.input("ids", TensorProto.INT64, 1, words)
    x = net.add("Transpose", net.add("Gather", net.random(rows, width), ids), perm=[1, 0, 2])
    weights = [
        net.const(net.rng.normal(size=shape) * 0.3)
        for shape in ((1, 4 * hidden, width), (1, 4 * hidden, hidden), (1, 8 * hidden))
    ]
    y = net.add("LSTM", x, *weights, hidden_size=hidden)
    y = net.add("Transpose", net.add("Squeeze", y, net.const(np.array([1]))), perm=[1, 0, 2])
    scores = net.add("Add", net.add("MatMul", y, net.random(hidden, 5)), net.random(5))
    return net.model(scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [100, 1000])
def test_bag_of_words(rows, kind, tmp_path):
    built = check_built(bag_of_words(rows, kind), tmp_path, least_db=25.0)
    (port,) = built.plan.program.inputs
    expected = DType.INT8 if rows == 100 or kind == TensorProto.INT8 else DType.INT32
    assert built.plan.program.tensors[port.tensor].quant.dtype is expected
    assert built.steps() == ["gather", "mean", "linear"]


def test_tagger_is_the_same_in_c_and_near_the_model(tmp_path):
    path, ids = save(tagger(), tmp_path), tmp_path / "ids.npy"
    np.save(ids, np.random.default_rng(0).integers(0, 40, (60, 7)))
    result = build(path, "host", calibration=ids, output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None
    (score,) = evaluate(tmp_path / "out", path, ids).outputs.values()
    assert score.sqnr_db > 20 and score.agreement > 0.9
    given = {"ids": np.array([[-40, -1, 0, 39, 2, 3, 4]])}
    assert verify(tmp_path / "out", inputs=given).first_difference is None


def test_indices_beyond_the_table_are_limited_alike_everywhere(tmp_path):
    """What is no row becomes the nearest one in the simulator and in C; without data, too."""
    path = save(bag_of_words(200), tmp_path)
    result = build(path, "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None
    program = result.plan.program
    wild = [-(2**31), -201, -200, -1, 0, 1, 199, 200, 2**31 - 1, 5, 6, 7]
    tame = [0, 0, 0, 199, 0, 1, 199, 199, 199, 5, 6, 7]
    found, expected = (
        simulate_program(program, [np.array([ids], np.int32)[None]])[0] for ids in (wild, tame)
    )
    np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_rows_along_any_axis(axis, shape, tmp_path):
    net = Net(17)
    y = net.add("Gather", net.random(5, 4, 3), net.input("i", TensorProto.INT64, *shape), axis=axis)
    built = check_built(net.model(y), tmp_path, least_db=30.0)
    assert built.steps() == ["gather"]


@pytest.mark.parametrize("rows", [20, 3000])
def test_columns_of_categories(rows, tmp_path):
    """Each column of a table of categories chooses from a table of its own."""
    net = Net(17)
    x = net.input("x", TensorProto.INT64, 1, 3)
    first = net.add("Slice", x, *(net.const(np.array([each])) for each in (0, 1, 1)))
    second = net.add("Gather", x, net.const(np.array(1)), axis=1)
    third = net.add("Gather", x, net.const(np.array([2])), axis=1)
    tables = [net.random(rows, 4), net.random(rows, 3), net.random(rows, 5)]
    parts = [
        net.add("Flatten", net.add("Gather", table, each), axis=1)
        for table, each in zip(tables, (first, second, third), strict=True)
    ]
    y = net.add("Gemm", net.add("Concat", *parts, axis=1), net.random(12, 6), net.random(6))
    model = net.model(net.add("Relu", y))
    built = check_built(model, tmp_path, least_db=25.0)
    assert "slice" in built.steps()
    result = build(save(model, tmp_path), "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None


def test_pixels_are_codes(tmp_path):
    """An image of bytes that the graph scales: the firmware takes the bytes less 128, and no step for it."""
    net = Net(17)
    x = net.add("Cast", net.input("x", TensorProto.UINT8, 1, 3, 6, 6), to=TensorProto.FLOAT)
    x = net.add("Div", net.add("Sub", x, net.const(127.5)), net.const(58.0))
    built = check_built(net.model(net.conv(x, 3, 4, (3, 3))), tmp_path, least_db=30.0)
    (port,) = built.plan.program.inputs
    quant = built.plan.program.tensors[port.tensor].quant
    assert (quant.scale, quant.zero_point, quant.dtype) == ((1.0,), -128, DType.INT8)
    assert built.steps() == ["conv2d"]


@pytest.mark.parametrize("kind", [*KINDS, TensorProto.INT16, TensorProto.UINT16, TensorProto.BOOL])
def test_numbers_that_are_cast(kind, tmp_path):
    net = Net(17)
    x = net.add("Cast", net.input("x", kind, 1, 8), to=TensorProto.FLOAT)
    built = check_built(net.model(net.add("Gemm", x, net.random(8, 4))), tmp_path, least_db=30.0)
    assert built.steps() == ["linear"]


def test_rows_by_the_index_of_the_largest(tmp_path):
    net = Net(17, x=(1, 9))
    best = net.add("ArgMax", net.add("Gemm", "x", net.random(9, 6)), axis=1)
    model = net.model(net.add("Gather", net.random(6, 4), best))
    assert check_built(model, tmp_path, least_db=10.0).steps() == ["linear", "argmax", "gather"]


def refused(net, output, folder):
    with pytest.raises(McuqError) as caught:
        read(save(net.model(output), folder))
    (problem,) = caught.value.problems
    return problem


def test_an_input_that_is_an_index_and_a_number(tmp_path):
    net = Net(17)
    ids = net.input("ids", TensorProto.INT32, 1, 4)
    rows = net.add("ReduceMean", net.add("Gather", net.random(9, 4), ids), axes=[2], keepdims=0)
    both = net.add("Add", rows, net.add("Cast", ids, to=TensorProto.FLOAT))
    problem = refused(net, both, tmp_path)
    assert problem.code == "M004" and "index and a number" in problem.title


def test_arithmetic_with_integers(tmp_path):
    net = Net(17)
    ids = net.input("ids", TensorProto.INT64, 1, 4)
    assert refused(net, net.add("Add", ids, net.const(np.array(1))), tmp_path).code == "M004"


@pytest.mark.parametrize("table", [np.ones((4, 3), np.int64), np.ones((0, 3), np.float32)])
def test_tables_that_are_none(table, tmp_path):
    net = Net(17)
    y = net.add("Gather", net.const(table), net.input("i", TensorProto.INT64, 2))
    assert refused(net, y, tmp_path).code in ("M004", "M006")


def test_rows_that_are_computed(tmp_path):
    net = Net(17, x=(3, 4))
    y = net.add("Gather", "x", net.input("i", TensorProto.INT64, 2))
    assert refused(net, y, tmp_path).code == "M004"


def test_inputs_of_other_types(tmp_path):
    for kind in (TensorProto.DOUBLE, TensorProto.STRING, TensorProto.COMPLEX64):
        net = Net(17)
        assert refused(net, net.add("Cast", net.input("x", kind, 2), to=1), tmp_path).code == "M004"


def test_an_index_has_no_range(tmp_path):
    path = save(bag_of_words(30), tmp_path)
    with pytest.raises(McuqError, match="O001"):
        build(path, "host", options=QuantOptions(input_ranges={"ids": (0.0, 1.0)}), verify="none")


@pytest.mark.parametrize("rows", [30, 1000])
def test_exported_lookup_gives_the_codes_of_the_firmware(rows, tmp_path):
    """Also for indices that are no rows; the model reads back as it was."""
    program = check_built(bag_of_words(rows), tmp_path).plan.program
    model = write_qdq(program, {index: each.scale for index, each in layer_scales(program).items()})
    kind = program.tensors[program.inputs[0].tensor].quant.dtype
    wild = np.array([[-rows - 1, -rows, -1, 0, rows - 1, rows, 2, 3, 4, 5, 6, 7]]).clip(kind.qmin, kind.qmax)
    found = run(model, {"ids": wild.astype(np.int32 if kind is DType.INT32 else np.float32)})
    expected = dequantize_outputs(program, simulate_program(program, [wild[None].astype(kind.numpy)]))
    for name, array in expected.items():
        step = program.tensors[program.outputs[0].tensor].quant.step
        np.testing.assert_allclose(found[name], array[0], atol=step * 1.01)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_of_integers(axis, tmp_path):
    net = Net(17)
    indices = net.input("i", TensorProto.INT64, 2, 3)
    depth, values = net.const(np.array(5)), net.const(np.array([-1.0, 2.0]))
    y = net.add("OneHot", indices, depth, values, axis=axis)
    built = check_built(net.model(y), tmp_path)
    assert np.array_equal(built.expected[y] > 0, built.found[y] > 0)


@pytest.mark.parametrize(("opset", "axis"), [(17, 0), (17, 1), (17, -1), (11, 1), (11, 2)])
def test_hard_max_of_any_axis(opset, axis, tmp_path):
    net = Net(opset, x=(2, 3, 4))
    y = net.add("Hardmax", "x", axis=axis)
    built = check_built(net.model(y), tmp_path, least_db=8.0)
    assert set(np.unique(built.found[y])) == {0.0, 1.0}


@pytest.mark.parametrize(("depth", "code"), [(0, "M004"), (-3, "M004"), (10**9, "M004"), (np.nan, "M005")])
def test_one_hot_of_absurd_depth(depth, code, tmp_path):
    net = Net(17)
    indices = net.input("i", TensorProto.INT64, 3)
    y = net.add("OneHot", indices, net.const(np.array(depth)), net.const(np.array([0.0, 1.0])))
    with pytest.raises(McuqError, match=code):
        read(save(net.model(y), tmp_path))
