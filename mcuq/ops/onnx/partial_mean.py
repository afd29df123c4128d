"""Sums of rows and their mean: made when a program is planned, read and written nowhere."""

from __future__ import annotations

from mcuq.ops.onnx.family import Family
from mcuq.ops.partial_mean import AddRowsStep, MeanOfSumStep, SumRowsStep

FAMILY = Family(unwritten=frozenset({SumRowsStep, AddRowsStep, MeanOfSumStep}))
