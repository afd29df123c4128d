"""Fused activations as ONNX nodes."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.op import Clamp
from mcuq.ir.program import Step
from mcuq.ir.types import QuantParams
from mcuq.onnxio.export.qdq_writer import QdqWriter
from mcuq.onnxio.export.writer import OnnxWriter


def clamped(writer: OnnxWriter, x: str, clamp: Clamp) -> str:
    """Real values behind a fused activation; the tensor itself where it limits nothing."""
    if clamp.is_identity:
        return x
    if clamp == Clamp(0.0, math.inf):
        return writer.node("Relu", [x])
    limits = [
        "" if math.isinf(limit) else writer.constant(np.array(limit, np.float32))
        for limit in (clamp.lo, clamp.hi)
    ]
    return writer.node("Clip", [x, *limits])


def limited_codes(writer: QdqWriter, step: Step, x: str, lo: int, hi: int) -> str:
    """The real limits of a step's fused activation, as far as the type has no such limit itself.

    Args:
        writer: the model under construction.
        step: what computes x.
        x: real values.
        lo: smallest code of the output.
        hi: largest code.
    """
    quant = writer.quant(str(step.output))
    if lo == quant.zero_point and hi == quant.dtype.qmax:
        return writer.node("Relu", [x])
    limits = [
        "" if code == end else writer.constant(np.array(real_value(quant, code), np.float32))
        for code, end in ((lo, quant.dtype.qmin), (hi, quant.dtype.qmax))
    ]
    return writer.node("Clip", [x, *limits]) if any(limits) else x


def real_value(quant: QuantParams, code: int) -> float:
    """The real value of a code."""
    return quant.step * (code - quant.zero_point)
