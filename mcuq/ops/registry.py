"""Every operator of graph and program, by kind. Explicit: the contract test finds what is added here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.ops.affine import Affine
from mcuq.ops.argmax import ArgMax, ArgMaxStep
from mcuq.ops.arithmetic import Add, AddStep, Mul, MulStep
from mcuq.ops.conv import Conv2d, ConvStep, DepthwiseStep
from mcuq.ops.linear import Linear, LinearStep
from mcuq.ops.move import (
    Concat,
    ConcatStep,
    ConstantStep,
    CopyStep,
    Pad,
    PadStep,
    Reshape,
    ResizeNearest,
    ResizeNearestStep,
    Slice,
    SliceStep,
    Transpose,
    TransposeStep,
)
from mcuq.ops.pool import AveragePool, AveragePoolStep, MaxPool, MaxPoolStep, Mean, MeanStep
from mcuq.ops.softmax import Softmax, SoftmaxStep
from mcuq.ops.table import Requantize, Table, TableStep
from mcuq.ops.unary import Clip, ClipStep

STEP_OPS: Mapping[str, type[StepOp]] = MappingProxyType(
    {
        op.kind: op
        for op in (
            ConvStep,
            DepthwiseStep,
            LinearStep,
            AddStep,
            MulStep,
            MaxPoolStep,
            AveragePoolStep,
            MeanStep,
            SoftmaxStep,
            ClipStep,
            TableStep,
            ArgMaxStep,
            PadStep,
            CopyStep,
            TransposeStep,
            SliceStep,
            ConcatStep,
            ResizeNearestStep,
            ConstantStep,
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
            Slice,
            Concat,
            ResizeNearest,
            Mul,
            Table,
            Requantize,
            ArgMax,
        )
    }
)
