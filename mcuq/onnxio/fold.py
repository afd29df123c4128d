"""Constant folding with onnx's own reference evaluator, under a limit on what it may allocate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mcuq.ir.types import Array, Shape, elem_count, freeze
from mcuq.onnxio.node import OnnxNode, make_node
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.onnxio.tensors import MAX_ELEMS, Budget, check_finite, to_array

# Attributes that shapes are divided by.
_DIVISORS = frozenset({"blocksize", "group", "num_outputs", "strides"})
# Operators whose value follows from attributes, or from the shape or the type of an input.
EVALUATED = frozenset(["CastLike", "Constant", "EyeLike", "Shape", "Size"])
# Operators that exporters leave between constants; all others need their operands at run time anyway.
FOLDABLE = frozenset(
    [
        "Abs",
        "Acos",
        "Acosh",
        "Add",
        "And",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "Cast",
        "Ceil",
        "Clip",
        "Concat",
        "ConstantOfShape",
        "Cos",
        "Cosh",
        "CumSum",
        "DequantizeLinear",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "GatherElements",
        "GatherND",
        "Greater",
        "GreaterOrEqual",
        "Identity",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "Mean",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "OneHot",
        "Or",
        "Pad",
        "Pow",
        "Range",
        "Reciprocal",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "Relu",
        "Reshape",
        "Round",
        "ScatterND",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Slice",
        "Softmax",
        "Softplus",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Tan",
        "Tanh",
        "Tile",
        "Transpose",
        "Trilu",
        "Unsqueeze",
        "Where",
        "Xor",
    ]
)


class Folder:
    """Evaluates nodes whose inputs are all constants.

    Args:
        opset: version of ONNX's own operators.
        ir_version: of the file.
        folder: the model's folder, for external data.
        budget: what the results may take.
    """

    def __init__(self, opset: int, ir_version: int, folder: Path, budget: Budget) -> None:
        """Start with nothing folded."""
        self._opset = helper.make_opsetid("", opset)
        self._ir_version = ir_version
        self._folder = folder
        self._budget = budget

    def fold(self, node: OnnxNode, constants: Mapping[str, Array]) -> dict[str, Array] | None:
        """The outputs of a node by name, or None where it does not fold.

        Args:
            node: any node.
            constants: the constants it reads, by name.

        Raises:
            Refused: M002, M005 or M011.
        """
        if node.op_type == "Constant":
            return {node.output: self._constant(node)}
        if node.op_type not in FOLDABLE or any(name and name not in constants for name in node.inputs):
            return None
        operands = {name: constants[name] for name in node.inputs if name}
        self._check_size(node, operands)
        return self._evaluate(node, operands)

    def fold_shape(self, node: OnnxNode, shape: Shape, dtype: np.dtype[np.generic]) -> dict[str, Array]:
        """The output of Shape, Size and EyeLike for an input of known shape and type.

        Raises:
            Refused: M002 or M011.
        """
        if node.op_type == "Size":
            return {node.output: freeze(np.array(math.prod(shape), np.int64))}
        if node.op_type == "EyeLike":
            self._budget.take(elem_count(shape))
            return self._evaluate(node, {node.inputs[0]: np.zeros(shape, dtype)})
        part = shape[node.get_int("start", 0) : node.get_int("end", len(shape))]
        return {node.output: freeze(np.array(part, np.int64))}

    def fold_type(self, node: OnnxNode, array: Array, dtype: np.dtype[np.generic]) -> dict[str, Array]:
        """The output of CastLike for a constant and a tensor of known type.

        Raises:
            Refused: M002, M005 or M011.
        """
        self._budget.take(array.size)
        kind = helper.np_dtype_to_tensor_dtype(dtype)
        cast = helper.make_node("Cast", [node.inputs[0]], [node.output], to=kind)
        return self._evaluate(make_node(node.index, cast), {node.inputs[0]: array})

    def _constant(self, node: OnnxNode) -> Array:
        """The value of a Constant node in any of its attribute forms."""
        value = node.attribute("value")
        if value is not None:
            copy = onnx.TensorProto()
            copy.CopyFrom(value.t)
            copy.name = node.output
            return to_array(copy, self._folder)
        for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
            found = node.attribute(name)
            if found is not None:
                return freeze(np.array(found.f if name == "value_float" else found.i, dtype))
        for name, dtype in (("value_floats", np.float32), ("value_ints", np.int64)):
            found = node.attribute(name)
            if found is not None:
                array = np.array(found.floats if name == "value_floats" else found.ints, dtype)
                check_finite(array, node.output)
                return freeze(array)
        raise Refused("M004", "the constant is text or sparse", "store the constant as a dense tensor")

    def _check_size(self, node: OnnxNode, operands: Mapping[str, Array]) -> None:
        """Take the outputs from the budget before they are computed; their shapes come from onnx."""
        tensors = {name: numpy_helper.from_array(array, name) for name, array in operands.items()}
        types = {
            name: helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
            for name, tensor in tensors.items()
        }
        for output in infer_types(node, types, tensors, self._opset, self._ir_version).values():
            shape = static_shape(output)
            if shape is None or elem_count(shape) > MAX_ELEMS:
                raise Refused(
                    "M011",
                    f"the constant it computes has shape {shape}, the limit is {MAX_ELEMS:_} elements",
                    "compile a smaller model",
                )
            self._budget.take(elem_count(shape))

    def _evaluate(self, node: OnnxNode, operands: Mapping[str, Array]) -> dict[str, Array]:
        outputs = [name for name in node.outputs if name]
        graph = helper.make_graph(
            [node.proto],
            "fold",
            [_value(name, array) for name, array in operands.items()],
            [onnx.ValueInfoProto(name=name) for name in outputs],
        )
        model = helper.make_model(graph, opset_imports=[self._opset], ir_version=self._ir_version)
        try:
            with np.errstate(all="ignore"):
                results = ReferenceEvaluator(model).run(None, dict(operands))
        except Exception as error:  # the evaluator raises whatever its Python code raises
            raise Refused(
                "M002",
                f"its constant inputs do not fit it: {error}".splitlines()[0],
                "export the model again",
            ) from error
        folded = {name: freeze(np.asarray(result)) for name, result in zip(outputs, results, strict=True)}
        for name, array in folded.items():
            check_finite(array, name)
        return folded


def _value(name: str, array: Array) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape)


def infer_types(
    node: OnnxNode,
    types: Mapping[str, onnx.TypeProto],
    constants: Mapping[str, onnx.TensorProto],
    opset: onnx.OperatorSetIdProto,
    ir_version: int,
) -> dict[str, onnx.TypeProto]:
    """Types of a node's outputs as onnx infers them.

    Raises:
        Refused: M002 where onnx says that the node breaks the standard.
    """
    if node.get_int("num_outputs", len(node.outputs)) != len(node.outputs):
        # onnx would write beyond its list of outputs and end the process.
        raise Refused("M002", f"num_outputs is not {len(node.outputs)}", "export the model again")
    for each in node.proto.attribute:
        values = [*each.ints] if each.type == onnx.AttributeProto.INTS else [each.i]
        if each.name in _DIVISORS and min(values, default=1) < 1:
            # onnx before 1.22 would divide by it and end the process.
            raise Refused("M002", f"its {each.name} {values} is not positive", "export the model again")
        if each.name == "axis" and not -(2**31) <= each.i < 2**31:
            # onnx would cut it to 32 bits, count from a negative one and end the process.
            raise Refused("M002", f"its axis is {each.i}", "export the model again")
    try:
        schema = onnx.defs.get_schema(node.proto.op_type, opset.version, "")
        found = onnx.shape_inference.infer_node_outputs(
            schema, node.proto, dict(types), dict(constants), opset_imports=[opset], ir_version=ir_version
        )
    except Exception as error:  # raised from C++ with several types
        why = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise Refused("M002", f"onnx says: {quoted(why, 300)[1:-1]}", "export the model again") from error
    return {str(name): value for name, value in found.items()}


def static_shape(value: onnx.TypeProto) -> Shape | None:
    """The shape of a tensor type, None where it is not fully known."""
    if not value.HasField("tensor_type") or not value.tensor_type.HasField("shape"):
        return None
    dims = value.tensor_type.shape.dim
    return tuple(int(dim.dim_value) for dim in dims) if all(d.HasField("dim_value") for d in dims) else None


__all__ = ["EVALUATED", "FOLDABLE", "Folder", "infer_types", "static_shape"]
