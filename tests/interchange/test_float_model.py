"""Programs as float models: real weights, nothing rounded on the way."""

import numpy as np
import onnx

from mcuq.interchange.program import layer_scales
from mcuq.ops.onnx.write import write_float
from tests.interchange.models import compile_with, samples, small_model
from tests.interchange.test_export import compiled, vision_net
from tests.small_models import run


def float_model(program):
    return write_float(program, {index: each.scale for index, each in layer_scales(program).items()})


def test_float_model_has_real_weights_and_the_names_of_the_program(tmp_path):
    program = compile_with(small_model(tmp_path), data=samples()).program
    found = float_model(program)
    model = onnx.load_from_string(found.data)
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    assert {"Conv", "Relu", "MaxPool", "Transpose", "Reshape", "Gemm"} == {
        node.op_type for node in model.graph.node
    }
    for index, (name, axis) in found.weights.items():
        params = program.steps[index].op.params
        scale = np.array(layer_scales(program)[index].scale)
        rows = np.moveaxis(stored[name], axis, 0).reshape(len(scale), -1)
        codes = params.weights.transpose(0, 3, 1, 2) if params.weights.ndim == 4 else params.weights
        np.testing.assert_array_equal(np.float32(codes.reshape(rows.shape) * scale[:, None]), rows)
    for index, tensor in enumerate(program.tensors):
        assert tensor.name in found.tensors[index] or tensor.name.endswith("]")


def test_float_model_keeps_lookups_of_functions_and_says_so(tmp_path):
    program, values = compiled(vision_net(), ["y", "p"], tmp_path)
    found = float_model(program)
    onnx.checker.check_model(onnx.load_from_string(found.data), full_check=True)
    assert found.lookups == ("node_8",)
    (step,) = [each for each in program.steps if each.name == "node_8"]
    assert program.tensors[step.output].name == "hardswish_8"
    y = run(found.data, {"image": values["image"][0]})["y"]
    expected = run(vision_net().model("y", "p").SerializeToString(), {"image": values["image"][0]})["y"]
    assert np.corrcoef(y.reshape(-1), expected.reshape(-1))[0, 1] > 0.99
