"""Forms that the table of importers does not show: each is tried on a tiny model."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize

# Per feature: the operator, shapes of its inputs (an array for a constant), its output's shape, attributes.
_PROBES: dict[str, tuple[str, list[object], list[int], dict[str, object]]] = {
    "product of tensors": ("Mul", [[1, 3, 2, 2], [1, 3, 2, 2]], [1, 3, 2, 2], {}),
    "broadcasting": ("Add", [[1, 3, 2, 2], [1, 3, 1, 1]], [1, 3, 2, 2], {}),
    "full constant": ("Mul", [[2, 6], np.arange(12, dtype=np.float32).reshape(2, 6)], [2, 6], {}),
    "device transpose": ("Transpose", [[2, 6]], [6, 2], {"perm": [1, 0]}),
}


@functools.cache
def supported_features() -> frozenset[str]:
    """The features whose model is not refused."""
    return frozenset(name for name in _PROBES if _is_supported(name))


def _is_supported(name: str) -> bool:
    op_type, given, shape, attrs = _PROBES[name]
    inputs, constants, nodes, names = [], [], [], []
    for index, each in enumerate(given):
        names.append(f"x{index}")
        if isinstance(each, np.ndarray):
            constants.append(numpy_helper.from_array(each, names[-1]))
            continue
        inputs.append(helper.make_tensor_value_info(f"in{index}", TensorProto.FLOAT, each))
        # A computed operand: inputs and outputs can be turned without an operation.
        nodes.append(helper.make_node("Softmax", [f"in{index}"], [names[-1]], axis=-1))
    nodes.append(helper.make_node(op_type, names, ["y"], **attrs))
    nodes.append(helper.make_node("Softmax", ["y"], ["z"], axis=-1))
    output = helper.make_tensor_value_info("z", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "probe", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            canonicalize(read(path).graph)
        except McuqError:
            return False
    return True
