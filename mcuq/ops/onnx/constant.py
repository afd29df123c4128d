"""Constant operands, and copies that keep an output apart from what it is a view of."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.ops.onnx.family import Family


def write_copy_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Nothing: another name of the same values."""
    x, is_nchw = writer.as_stored(str(step.inputs[0]))
    return Written(x, is_nchw, is_quantized=True)


def write_constant_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """An initializer of codes."""
    assert isinstance(step.op, ConstantStep)
    codes = writer.call(f"{step.name}_quantized").constant(step.op.codes)
    y = writer.dequantized(codes, writer.quant(str(step.output)), step.name)
    return Written(y, is_quantized=True)


FAMILY = Family(step_writers={ConstantStep: write_constant_step, CopyStep: write_copy_step})
