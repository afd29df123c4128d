"""A program as a float ONNX model: its weights as real numbers, nothing rounded on the way.

The model computes what the program approximates, in the program's units: where channels were rescaled between
layers, ranges of the program's tensors fit this model, and not the one that was built.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from onnx import numpy_helper

from mcuq.ir.program import Program, StepOp
from mcuq.ir.types import Array, DType, QuantParams
from mcuq.onnxio.export.qdq import write_program
from mcuq.onnxio.export.qdq_writer import QdqWriter, StepWriter


@dataclasses.dataclass(frozen=True)
class FloatModel:
    """A float model, and where a program's tensors and weights are in it.

    Args:
        data: the ONNX file.
        tensors: the names of each tensor of the program, in every layout in which it exists.
        weights: name and axis of the output channels of each layer's weights, by the index of the step.
        lookups: layers that are a lookup of codes: functions that ONNX has no operator for.
    """

    data: bytes
    tensors: Mapping[int, tuple[str, ...]]
    weights: Mapping[int, tuple[str, int]]
    lookups: tuple[str, ...]


class FloatWriter(QdqWriter):
    """Writes real values in place of codes, and remembers what it wrote.

    Args:
        program: what is written.
    """

    def __init__(self, program: Program) -> None:
        """Start with nothing written."""
        super().__init__(program, is_plain=True)
        self.axes: dict[str, int] = {}
        self._outputs: set[str] = set()

    def pair(self, x: str, quant: QuantParams, name: str) -> str:
        """The tensor itself: real values are not rounded."""
        del quant, name
        return x

    def dequantized(self, codes: str, quant: QuantParams, name: str) -> str:
        """Real values of constant codes; others come out of a lookup and are dequantized."""
        stored = next((each for each in self.initializers if each.name == codes), None)
        if stored is None:
            return super().dequantized(codes, quant, name)
        self.initializers.remove(stored)
        real = (numpy_helper.to_array(stored).astype(np.float64) - quant.zero_point) * quant.step
        return self.call(name).constant(real)

    def codes(
        self, array: Array, scale: Sequence[float], axis: int, name: str, dtype: DType | None = None
    ) -> str:
        """Add a constant of the real values of codes."""
        del dtype
        shape = [1] * array.ndim
        shape[axis] = -1
        real = array.astype(np.float64) * np.array(scale, np.float64).reshape(shape)
        written = self.call(name).constant(real)
        self.axes[written] = axis
        return written

    def publish(self, x: str, name: str) -> None:
        """Give a tensor the name of an output, if it has none yet and is no input."""
        producer = next((node for node in self.nodes if x in node.output), None)
        if producer is None or x in self._outputs:
            super().publish(x, name)
            return
        self._outputs.add(name)
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [name if each == x else each for each in names]
        for table in (self._device, self._nchw):
            table.update({tensor: name for tensor, each in table.items() if each == x})

    def names(self, tensor: int) -> tuple[str, ...]:
        """The names of a tensor of the program: as on the device and as NCHW, where it exists so."""
        found = (table.get(str(tensor)) for table in (self._nchw, self._device))
        return tuple(dict.fromkeys(name for name in found if name is not None))


def program_to_float(
    program: Program,
    scales: Mapping[int, Sequence[float]],
    writers: Mapping[type[StepOp], StepWriter],
) -> FloatModel:
    """Serialize a program as a float model.

    Args:
        program: any program.
        scales: of the weights of each layer, by step.
        writers: by class of the step.

    Raises:
        McuqError: Q011 with all steps that have no such form.
    """
    writer = FloatWriter(program)
    data = write_program(writer, scales, writers)
    tensors = {
        index: writer.names(index)
        for index, each in enumerate(program.tensors)
        if each.quant.dtype is not DType.INT32
    }
    weights = {
        index: (name, writer.axes[name])
        for index in scales
        if (name := f"{program.steps[index].name}.weight") in writer.axes
    }
    looked_up = {str(node.name) for node in writer.nodes if node.op_type == "QuantizeLinear"}
    lookups = tuple(step.name for step in program.steps if f"{step.name}/QuantizeLinear" in looked_up)
    return FloatModel(data, tensors, weights, lookups)
