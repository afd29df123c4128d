"""Every integer operator, by kind. Explicit: a new operator is added here and found by the contract test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcuq.ir.program import StepOp
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.move import CopyStep, PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.softmax import SoftmaxStep
from mcuq.ops.unary import ClipStep

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
