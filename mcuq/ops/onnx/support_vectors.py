"""Support vector regression of ai.onnx.ml: kernels of support vectors as layers and tables."""

from __future__ import annotations

import numpy as np

from mcuq.ir.expression import Expression, X
from mcuq.ir.types import Float64
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.arithmetic import Add
from mcuq.ops.linear import Linear
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.functions import apply
from mcuq.ops.table import Table

_AGAIN = "export the model again"


def read_svm_regressor(ctx: ImportContext, node: OnnxNode) -> None:
    """SVMRegressor: linear as a layer; RBF and SIGMOID as layers with a table between."""
    x = ctx.activation(node.input(0))
    shape, kernel = ctx.shape(x), node.get_string("kernel_type", "LINEAR")
    if node.get_string("post_transform", "NONE") != "NONE" or node.get_int("one_class", 0):
        raise unsupported("it has a post_transform or one class", "export scores alone")
    if len(shape) != 2:
        raise Refused("M006", f"its input has shape {shape}", _AGAIN)
    coefficients, vectors = _vectors(node, shape[1])
    rho = node.get_floats("rho") or (0.0,)
    if len(rho) != 1:
        raise Refused("M002", f"it has {len(rho)} numbers in rho", _AGAIN)
    if kernel == "LINEAR":
        weights = coefficients @ vectors
        _linear(ctx, x, weights[None], np.array(rho), node.output)
        return
    if kernel not in ("RBF", "SIGMOID"):
        raise unsupported(
            f"its kernel is {quoted(kernel)}: sums of its powers cancel, which codes of 8 bits do not hold",
            "use LINEAR, RBF or SIGMOID",
        )
    gamma, coef0 = (*(node.get_floats("kernel_params") or ()), 0.0, 0.0)[:2]
    if kernel == "RBF":
        products = _distances(ctx, x, vectors, gamma, node.output)
        function: Expression = apply("exp", apply("min", X, 0.0))
    else:
        name = ctx.temporary(node.output, "products")
        bias = np.full(len(vectors), coef0)
        products = _linear(ctx, x, gamma * vectors, bias, name, is_helper=True)
        function = apply("tanh", X)
    kernels = ctx.emit(Table(function), (products,), ctx.temporary(node.output, "kernels"), is_helper=True)
    _linear(ctx, kernels, coefficients[None], np.array(rho), node.output)


def _vectors(node: OnnxNode, features: int) -> tuple[Float64, Float64]:
    """Coefficients `[n]` and support vectors `[n, features]`; the weights themselves are one vector."""
    coefficients = np.array(node.get_floats("coefficients") or ())
    vectors = np.array(node.get_floats("support_vectors") or ())
    count = node.get_int("n_supports", 0)
    if count == 0 and node.get_string("kernel_type", "LINEAR") == "LINEAR":
        count, coefficients, vectors = 1, np.ones(1), coefficients
    if count < 1 or coefficients.size != count or vectors.size != count * features:
        why = f"{count} vectors, {coefficients.size} coefficients and {vectors.size} numbers do not fit"
        raise Refused("M006", f"{why} {features} features", _AGAIN)
    return coefficients, vectors.reshape(count, features)


def _distances(ctx: ImportContext, x: str, vectors: Float64, gamma: float, output: str) -> str:
    """Add `-gamma |x - v|^2` for every vector: of the mean of vectors, so that sums are small."""
    centre = vectors.mean(axis=0)
    near = vectors - centre
    roles = ("centred", "squares", "of squares", "of products", "distances")
    names = [ctx.temporary(output, role) for role in roles]
    centred = _linear(ctx, x, np.eye(len(centre)), -centre, names[0], is_helper=True)
    squares = ctx.emit(Table(apply("mul", X, X)), (centred,), names[1], is_helper=True)
    constant = -gamma * np.square(near).sum(axis=1)
    first = _linear(ctx, squares, np.full(near.shape, -gamma), constant, names[2], is_helper=True)
    second = _linear(ctx, centred, 2 * gamma * near, np.zeros(len(near)), names[3], is_helper=True)
    return ctx.emit(Add(), (first, second), names[4], is_helper=True)


def _linear(
    ctx: ImportContext, x: str, weights: Float64, bias: Float64, output: str, *, is_helper: bool = False
) -> str:
    w = ctx.store(weights.astype(np.float32), f"{output} [weights]")
    b = ctx.store(bias.astype(np.float32), f"{output} [bias]")
    return ctx.emit(Linear(), (x, w, b), output, is_helper=is_helper)


FAMILY = Family(readers=(Reader(read_svm_regressor, ("ai.onnx.ml.SVMRegressor",)),))
