"""ONNX's own test cases of the operators that are read."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node as cases

from mcuq.ops.onnx.registry import readers

RELATIONS = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
JOINS = {"Add", "Concat", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum", "Where", *RELATIONS}
LOGIC = {"And", "Not", "Or", "Where", "Xor"}
# Names of cases that are refused.
REFUSED = re.compile(
    "convtranspose_3d|training_mode|test_cast_(?!FLOAT_to_(FLOAT16|DOUBLE)$)"
    "|dropout.*mask|with_argmax|test_pow$|pow_types_int|mod_float_edge_cases"
    "|empty_set|allowzero_reordered"
    "|start_out_of_bounds|zero_size|where_long"
)


def collect() -> dict[str, onnx.ModelProto]:
    """Models with tensors as inputs and everything else stored."""
    wanted = {op_type.lower() for op_type in readers()} | {"batchnorm"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases compute NaN and infinity on purpose
        for module in pkgutil.iter_modules(cases.__path__):
            if module.name in wanted:
                importlib.import_module(f"{cases.__name__}.{module.name}")
    models = {case.name: fix_inputs(case) for case in cases._NodeTestCases}
    return {name: model for name, model in models.items() if model is not None}


def fix_inputs(case) -> onnx.ModelProto | None:
    """The case's model with its tensors as inputs and everything else stored; None for other operators."""
    graph = case.model.graph
    types = {node.op_type for node in graph.node}
    if not types <= {*readers(), "Constant"} - {"DequantizeLinear", "QuantizeLinear"}:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    for value, array in zip(graph.input, case.data_sets[0][0], strict=False):
        if not isinstance(array, np.ndarray):
            return None
        is_float = value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        is_truth = array.dtype.kind == "b" and types & LOGIC
        is_compared = array.dtype.kind in "iu" and types & RELATIONS
        if is_truth or is_compared or (is_float and (not model.graph.input or types & JOINS)):
            model.graph.input.append(value)
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model if len(model.graph.input) else None
