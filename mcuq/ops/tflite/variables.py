"""Variables: what keeps its value from run to run and becomes state of the firmware."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Float32, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.move import Reshape
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor, check_scales

_AS_STATE = "make it an input and an output of the model, and name both with --state"


def _key(node: TfliteNode) -> tuple[str, str]:
    """Container and name of a handle's variable."""
    return node.text("VarHandleOptions", "Container"), node.text("VarHandleOptions", "SharedName")


def read_var_handle(ctx: TfliteContext, node: TfliteNode) -> None:
    """Handle of a variable, for READ_VARIABLE and ASSIGN_VARIABLE."""
    key, name = _key(node), node.output.name
    ctx.resource_names.setdefault(key, name)
    ctx.resources[name] = key


def _resource(ctx: TfliteContext, node: TfliteNode) -> tuple[str, str]:
    """Container and name of the variable that an operator names.

    Raises:
        Refused: M002.
    """
    handle = node.input(0)
    if handle.name not in ctx.resources:
        raise Refused("M002", f"{quoted(handle.name)} is no handle of a variable", CONVERT_AGAIN)
    return ctx.resources[handle.name]


def read_read_variable(ctx: TfliteContext, node: TfliteNode) -> None:
    """Value of a variable: that of the run before, at first what CALL_ONCE assigned or zeros."""
    key, y = _resource(ctx, node), node.output
    name, quant = ctx.resource_names[key], ctx.quant(y)
    if quant is None and y.kind != "FLOAT32":
        raise unsupported(f"its value has type {y.kind}", "convert with float32 or int8 variables")
    value = ctx.held.get(name)
    if value is None:
        zeros = np.zeros(y.shape, np.float32)
        value = ctx.remembered(name, y.shape, ctx.first_values.get(key, freeze(zeros)), quant)
    first = ctx.first_values.get(key)
    if ctx.shape(value) != y.shape or (first is not None and first.shape != y.shape):
        raise Refused("M006", f"its value has shape {ctx.shape(value)}, expected {y.shape}", CONVERT_AGAIN)
    if quant is not None and ctx.quants.get(value) != quant:
        raise unsupported(
            "it is read with other parameters than it has", "quantize a variable alike everywhere"
        )
    ctx.emit(Reshape(y.shape), (value,), y.name, is_helper=True)


def read_assign_variable(ctx: TfliteContext, node: TfliteNode) -> None:
    """New value of a variable, which the next run finds."""
    name, x = ctx.resource_names[_resource(ctx, node)], node.input(1)
    if x.is_constant or x.name in ctx.values:
        raise unsupported(
            f"{quoted(x.name)} is constant", "assign constants in the graph that is called once"
        )
    value = ctx.x(x)
    if name not in ctx.variables:
        ctx.held[name] = value
        return
    if ctx.shape(value) != ctx.shape(name):
        raise Refused("M006", f"its value {ctx.shape(value)} goes to {ctx.shape(name)}", CONVERT_AGAIN)
    if ctx.has_codes and ctx.quants.get(value) != ctx.quants.get(name):
        raise unsupported("its value has other parameters than it", "quantize a variable alike everywhere")
    ctx.remember(name, value)


def read_call_once(ctx: TfliteContext, node: TfliteNode) -> None:
    """Call of a graph that assigns constants to variables: their values in the first run."""
    index = node.integer("CallOnceOptions", "InitSubgraphIndex")
    if not 1 <= index <= len(ctx.graphs):
        raise Refused("M002", f"it calls graph {index} of {1 + len(ctx.graphs)}", CONVERT_AGAIN)
    if ctx.variables or ctx.held:
        raise unsupported("it stands behind what reads or assigns variables", _AS_STATE)
    handles: dict[str, tuple[str, str]] = {}
    for each in ctx.graphs[index - 1].nodes:
        if each.kind == "VAR_HANDLE":
            handles[each.output.name] = _key(each)
        elif each.kind == "ASSIGN_VARIABLE" and each.input(0).name in handles:
            ctx.first_values[handles[each.input(0).name]] = _real(ctx, each.input(1))
        else:
            raise unsupported(f"its graph has operator {quoted(each.kind)}", _AS_STATE)


def _real(ctx: TfliteContext, tensor: TfliteTensor) -> Float32:
    """Real values of a constant.

    Raises:
        Refused: M002, M004, M005 or Q005.
    """
    if not tensor.is_constant or tensor.refusal or tensor.is_variable:
        raise unsupported(f"its graph computes {quoted(tensor.name)}", _AS_STATE)
    stored = tensor.values()
    ctx.budget.take(stored.size)
    if stored.dtype.kind == "f":
        return freeze(stored.astype(np.float32))
    quant = tensor.quant()
    check_scales(tensor)
    codes = stored.astype(np.int64) + tensor.move - quant.zero_point
    return freeze(codes.astype(np.float32) * np.float32(quant.step))


FAMILY = (
    TfliteReader(read_assign_variable, ("ASSIGN_VARIABLE",), Codes.EXACT),
    TfliteReader(read_call_once, ("CALL_ONCE",), Codes.EXACT),
    TfliteReader(read_read_variable, ("READ_VARIABLE",), Codes.EXACT),
    TfliteReader(read_var_handle, ("VAR_HANDLE",), Codes.EXACT),
)
