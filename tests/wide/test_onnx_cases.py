"""ONNX's own test cases of every operator that is read, all the way to integers."""

import re
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mcuq.errors import McuqError
from mcuq.onnxio.registry import IMPORTERS

from .wide import check_wide

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # some cases compute NaN and infinity on purpose
    from onnx.backend.test.case.node import collect_testcases

    CASES = {case.name: case for case in collect_testcases(None)}

FLOAT = onnx.TensorProto.FLOAT
JOINS = {"Add", "Concat", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum"}
POSITIVE = {"Div", "Log", "Pow", "Reciprocal", "Sqrt"}
# Forms that are refused, and which onnxruntime does not run.
REFUSED = re.compile(
    "select_last_index|pool_3d|averagepool_2d_dilations|training_mode|test_cast_|logsoftmax(?!.*expanded)"
    "|dropout.*mask|matmul_(3d|4d|bcast|1d_3d)$|with_argmax|pow(_example|_types.*|_bcast_array)?$"
    "|prelu_(example|broadcast)$|empty_set|allowzero_reordered|resize.*(linear|cubic|crop)"
    "|start_out_of_bounds|zero_size"
)
NOT_RUN = re.compile("swiglu|swish_")


def fix_inputs(case):
    """The case's model with its tensors as inputs and everything else stored; None for other models."""
    graph = case.model.graph
    types = {node.op_type for node in graph.node}
    if not types <= {*IMPORTERS, "Constant"} - {"DequantizeLinear", "QuantizeLinear"}:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    for value, array in zip(graph.input, case.data_sets[0][0], strict=False):
        if not isinstance(array, np.ndarray):
            return None
        is_tensor = value.type.tensor_type.elem_type == FLOAT and (not model.graph.input or types & JOINS)
        if is_tensor:
            model.graph.input.append(value)
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model if len(model.graph.input) else None


MODELS = {name: fix_inputs(case) for name, case in CASES.items() if not NOT_RUN.search(name)}
MODELS = {name: model for name, model in MODELS.items() if model is not None}


def test_cases_are_found():
    assert len(MODELS) > 300


@pytest.mark.parametrize("name", [name for name in MODELS if not REFUSED.search(name)])
def test_case(name, tmp_path):
    is_positive = {node.op_type for node in MODELS[name].graph.node} & POSITIVE
    check_wide(MODELS[name], tmp_path, 0.2 if is_positive else -2.0, 2.0, 15.0)


@pytest.mark.parametrize("name", [name for name in MODELS if REFUSED.search(name)])
def test_case_is_refused(name, tmp_path):
    with pytest.raises(McuqError) as caught:
        check_wide(MODELS[name], tmp_path)
    assert {problem.code for problem in caught.value.problems} <= {"M004", "M006"}
