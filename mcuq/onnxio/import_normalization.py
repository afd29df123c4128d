"""BatchNormalization."""

from __future__ import annotations

import numpy as np

from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.emit_affine import emit_affine
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported


def import_batch_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """BatchNormalization at inference, in float64: a = gamma / sqrt(var + eps), b = beta - mean a."""
    x = ctx.activation(node.input(0))
    if node.get_int("training_mode", 0):
        raise unsupported("it is in training mode", "export the model for inference (model.eval())")
    if node.get_int("spatial", 1) != 1:
        raise unsupported("it has spatial=0", "export with opset 9 or newer")
    roles = ("scale", "bias", "mean", "variance")
    gamma, beta, mean, var = (
        ctx.weights(node.input(index + 1) or "", role).astype(np.float64) for index, role in enumerate(roles)
    )
    shape = ctx.shape(x)
    if len(shape) < 2 or any(array.shape != (shape[1],) for array in (gamma, beta, mean, var)):
        raise Refused(
            "M006", f"parameters {[a.shape for a in (gamma, beta, mean, var)]} and input {shape} do not fit",
            "export the model again",
        )  # fmt: skip
    spread = var + node.get_finite("epsilon", 1e-5)
    if (spread <= 0).any():
        raise Refused("M005", f"its variance plus epsilon is {spread.min():g}", "train or export it again")
    a = gamma / np.sqrt(spread)
    emit_affine(ctx, x, 1, a, beta - mean * a, node.output)
