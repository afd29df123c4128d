"""What docs/ops.md says of opsets, on operators of one input without attributes."""

import onnx
import pytest
from onnx import TensorProto, helper

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.onnxio.load import OLDEST_OPSET
from mcuq.ops.onnx.registry import readers
from tests.project.source import ROOT

# They need a constant, an attribute, or codes.
NOT_ALONE = {
    *("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Where", "Xor"),
    *(
        "CastLike",
        "CenterCropPad",
        "Compress",
        "CumSum",
        "Einsum",
        "GatherElements",
        "GatherND",
        "Mod",
        "OneHot",
    ),
    *("ReverseSequence", "Scatter", "ScatterElements", "ScatterND"),
    *("GroupNormalization", "InstanceNormalization", "LayerNormalization", "RMSNormalization"),
    *(
        "ArgMax",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "Conv",
        "ConvTranspose",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
    ),
    *(
        "Expand",
        "Gather",
        "Gemm",
        "If",
        "MatMul",
        "MaxPool",
        "Mul",
        "PRelu",
        "Pad",
        "Pow",
        "Reshape",
        "Resize",
        "Slice",
    ),
    *(
        "SpaceToDepth",
        "Split",
        "Sub",
        "Tile",
        "TopK",
        "Unsqueeze",
        "Upsample",
        "Add",
        "Concat",
        "LSTM",
        "GRU",
        "RNN",
    ),
}


def history(op_type):
    schemas = onnx.defs.get_all_schemas_with_history()
    return [each for each in schemas if each.name == op_type and each.domain == ""]


def model_of(op_type, opset):
    node = helper.make_node(op_type, ["x"], ["y"])
    shapes = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 2, 4, 4]), ("y", None))
    }
    graph = helper.make_graph([node], "net", [shapes["x"]], [shapes["y"]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize(
    "op_type", sorted(name for name in readers().supported if name not in NOT_ALONE and "." not in name)
)
def test_operator_is_read_in_every_version_from_the_oldest_on(tmp_path, op_type):
    versions = sorted(each.since_version for each in history(op_type))
    first = max(versions[0], OLDEST_OPSET)
    newest = onnx.defs.onnx_opset_version()
    path = tmp_path / "model.onnx"
    for opset in sorted({first, newest, *(each for each in versions if each >= first)}):
        path.write_bytes(model_of(op_type, opset).SerializeToString())
        assert read(path).graph.outputs


def test_opset_6_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of("Relu", OLDEST_OPSET - 1).SerializeToString())
    with pytest.raises(McuqError, match="M004"):
        read(path)


def test_page_says_from_which_opset_on():
    text = (ROOT / "docs/ops.md").read_text("utf-8")
    for op_type, versions in {
        "Conv": "7 on",
        "Gelu": "20 on",
        "Upsample": "7 to 9",
        "Resize": "10 on",
    }.items():
        assert f"| `{op_type}` | {versions} |" in text
    assert "opset 1 " not in text
    assert "| `Shape` | folded |" in text
    assert "| `NonZero` | no | the size" in text
