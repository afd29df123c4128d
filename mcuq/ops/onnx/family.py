"""What one file of this room declares: all that ONNX and a family of operators have to do with each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.onnxio.export.qdq_writer import StepWriter
from mcuq.onnxio.export.writer import NodeWriter
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import Reader


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """The value `FAMILY` of a file of this room.

    Args:
        readers: of ONNX's operators that become operators of the family.
        integer_forms: of such operators on integers.
        writers: of graph operators as float nodes, by class.
        step_writers: of steps as float nodes for QDQ models, by class.
        wide_steps: those of `step_writers` that may read or give int16 between them.
        unwritten: steps that QDQ models have no form for, as `QuantizeLinear` lacks their element types.
    """

    readers: tuple[Reader, ...] = ()
    integer_forms: tuple[IntegerForm, ...] = ()
    writers: Mapping[type[Op], NodeWriter] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    step_writers: Mapping[type[StepOp], StepWriter] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )
    wide_steps: frozenset[type[StepOp]] = frozenset()
    unwritten: frozenset[type[StepOp]] = frozenset()
