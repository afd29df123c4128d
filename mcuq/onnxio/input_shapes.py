"""Shapes that the user gives for inputs whose shape the file leaves open."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from mcuq.ir.types import Shape
from mcuq.onnxio.refusal import Problems, listed, quoted

WHERE = "--input-shape"


def set_input_shapes(graph: onnx.GraphProto, shapes: Mapping[str, Shape], problems: Problems) -> None:
    """Write shapes into the inputs of a graph.

    Args:
        graph: as stored; changed.
        shapes: by name of the input.
        problems: O001 where there is no such input, or the file says another size.
    """
    inputs = {str(value.name): value.type.tensor_type for value in graph.input}
    for name, shape in shapes.items():
        if name not in inputs:
            why = f"its inputs are {listed(list(inputs))}"
            problems.add("O001", f"the model has no input {quoted(name)}", WHERE, why, "name one of these")
            continue
        kind = inputs[name]
        if kind.HasField("shape") and not _fits(kind.shape, shape):
            problems.add(
                "O001",
                f"input {quoted(name)} cannot have this shape",
                WHERE,
                f"found {_listed(shape)}, the model says {describe(kind.shape)}",
                "only sizes that the model leaves open can be chosen",
            )
            continue
        del kind.shape.dim[:]
        for size in shape:
            kind.shape.dim.add().dim_value = size


def describe(shape: onnx.TensorShapeProto) -> str:
    """A declared shape as an option would have it, symbols where sizes are open."""
    return ",".join(
        str(dim.dim_value) if dim.dim_value > 0 else str(dim.dim_param) or "?" for dim in shape.dim
    )


def _listed(shape: Shape) -> str:
    return ",".join(map(str, shape))


def _fits(declared: onnx.TensorShapeProto, shape: Shape) -> bool:
    dims = declared.dim
    return len(dims) == len(shape) and all(
        dim.dim_value <= 0 or dim.dim_value == size for dim, size in zip(dims, shape, strict=True)
    )
