"""Readers and writers of every operator: those of the files of this room, found by being there."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

import mcuq.ops.onnx
from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.onnxio.export.qdq_writer import StepWriter
from mcuq.onnxio.export.writer import NodeWriter
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.unread import UNREAD


@functools.cache
def onnx_families() -> tuple[Family, ...]:
    """What every file declares, by name of the file."""
    room = mcuq.ops.onnx
    names = sorted(each.name for each in pkgutil.iter_modules(room.__path__))
    modules = [importlib.import_module(f"{room.__name__}.{name}") for name in names]
    found = [getattr(module, "FAMILY", None) for module in modules]
    return tuple(family for family in found if isinstance(family, Family))


@functools.cache
def readers() -> ReaderTable:
    """Of ONNX's operators, by their names."""
    return ReaderTable(
        (reader for family in onnx_families() for reader in family.readers),
        (form for family in onnx_families() for form in family.integer_forms),
        UNREAD,
    )


@functools.cache
def writers() -> Mapping[type[Op], NodeWriter]:
    """Of operators of the graph, by class."""
    return MappingProxyType({op: write for each in onnx_families() for op, write in each.writers.items()})


@functools.cache
def step_writers() -> Mapping[type[StepOp], StepWriter]:
    """Of steps, by class."""
    return MappingProxyType(
        {op: write for each in onnx_families() for op, write in each.step_writers.items()}
    )


@functools.cache
def wide_steps() -> frozenset[type[StepOp]]:
    """Classes of steps whose writers know int16."""
    return frozenset(op for each in onnx_families() for op in each.wide_steps)
