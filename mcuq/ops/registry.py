"""Every operator of graph and program, by kind. Explicit: the contract test finds what is added here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add, AddStep
from mcuq.ops.conv import Conv2d, ConvStep, DepthwiseStep
from mcuq.ops.linear import Linear, LinearStep
from mcuq.ops.move import CopyStep, Pad, PadStep, Reshape, Transpose
from mcuq.ops.pool import AveragePool, AveragePoolStep, MaxPool, MaxPoolStep, Mean, MeanStep
from mcuq.ops.softmax import Softmax, SoftmaxStep
from mcuq.ops.unary import Clip, ClipStep

STEP_OPS: Mapping[str, type[StepOp]] = MappingProxyType(
    {
        op.kind: op
        for op in (
            ConvStep,
            DepthwiseStep,
            LinearStep,
            AddStep,
            MaxPoolStep,
            AveragePoolStep,
            MeanStep,
            SoftmaxStep,
            ClipStep,
            PadStep,
            CopyStep,
        )
    }
)

GRAPH_OPS: Mapping[str, type[Op]] = MappingProxyType(
    {
        op.kind: op
        for op in (
            Conv2d,
            Linear,
            Affine,
            Add,
            MaxPool,
            AveragePool,
            Mean,
            Softmax,
            Clip,
            Pad,
            Reshape,
            Transpose,
        )
    }
)
