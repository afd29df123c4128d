"""Takes the nodes of a quantized file over into the float file that it describes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import onnx
from onnx import helper

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.types import Array, QuantParams, freeze
from mcuq.onnxio.fold import FOLDABLE
from mcuq.onnxio.importers.effect import Values
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.onnxio.load import Source
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode, make_node
from mcuq.onnxio.quantized.barrier import DEQUANTIZE_OPS, QUANTIZE_OPS, Barriers
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.integers import real_inputs
from mcuq.onnxio.quantized.params import Grid
from mcuq.onnxio.quantized.quantizers import read_codes, read_constant, read_grid
from mcuq.onnxio.refusal import Refused, quoted, unsupported

_INTEGERS = {onnx.TensorProto.INT8: "int8", onnx.TensorProto.UINT8: "uint8"}


class Walk:
    """One pass over the nodes in topological order, integer operators expanded.

    Args:
        source: the file.
        constants: of the file.
        names: of the file.
        barriers: where a quantization stays an operator.
        readers: know what operators do to values.
    """

    def __init__(
        self, source: Source, constants: Constants, names: Names, barriers: Barriers, readers: ReaderTable
    ) -> None:
        """Start with no node taken over."""
        self.source, self.constants, self.names, self.barriers = source, constants, names, barriers
        self.readers = readers
        self.nodes: list[OnnxNode] = []
        self.producer: dict[str, OnnxNode] = {}
        self.real: dict[str, str] = {}  # of integer tensors and of what DequantizeLinear gives
        self.grids: dict[str, Grid] = {}  # of integer tensors
        self.lies_on: dict[str, QuantParams] = {}  # float tensors whose values are those of codes
        self.activations: dict[str, QuantParams] = {}
        self.same_as: dict[str, str] = {}  # names of a tensor's value besides its first
        self.encodings: dict[str, ConstantEncoding] = {}
        self.unknown: set[str] = set()
        self.inputs = {
            str(value.name): _INTEGERS.get(value.type.tensor_type.elem_type) for value in source.graph.input
        }

    def visit(self, node: OnnxNode) -> None:
        """Take one node over, or what it means."""
        self.adopt_moved_inputs(node)
        if self.unknown.intersection(node.inputs):
            self.unknown.update(node.outputs)
        elif node.op_type in QUANTIZE_OPS:
            self.quantize(node)
        elif node.op_type in DEQUANTIZE_OPS:
            self.dequantize(node)
        elif node.op_type == "Identity" and len(node.inputs) == 1 and node.inputs[0] not in self.constants:
            self.rename(node.inputs[0], node.output)
        elif any(name in self.grids for name in node.inputs):
            self.compute_on_integers(node)
        elif not self.move_constant(node):
            self.constants.offer(node)
            self.keep(node, tuple(self.real.get(name, name) for name in node.inputs))

    def rename(self, x: str, y: str) -> None:
        """Take y for another name of x."""
        self.real[y] = self.real.get(x, x)
        if x in self.grids:
            self.grids[y] = self.grids[x]

    def name_outputs(self) -> None:
        """Let outputs of the model that are other names of tensors have these tensors' parameters."""
        for value in self.source.graph.output:
            name = str(value.name)
            x = self.real.get(name, name)
            if x in self.activations and name not in self.activations:
                self.alias(name, x, self.activations[x])

    def keep(self, node: OnnxNode, inputs: tuple[str, ...]) -> None:
        """Take a float node over with other inputs."""
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        del proto.input[:]
        proto.input.extend(inputs)
        self.nodes.append(dataclasses.replace(node, inputs=inputs, proto=proto))
        self.producer.update((name, self.nodes[-1]) for name in node.outputs)
        params = self.moved_params(node, inputs)
        if params is not None:
            for name in node.outputs:
                self.lies_on[name] = self.activations[name] = params
                self.same_as[name] = self.same_as.get(inputs[0], inputs[0])

    def moved_params(self, node: OnnxNode, inputs: Sequence[str]) -> QuantParams | None:
        """The parameters that the outputs of a node have because its inputs have them."""
        effect = self.readers.effect(node)
        if (
            effect.values is Values.COMPUTED
            or not inputs
            or not effect.keeps_values(node, self.find_constant)
        ):
            return None
        found = {self.lies_on.get(name) for name in inputs}
        if effect.values is Values.JOINED:
            return found.pop() if len(found) == 1 else None
        return self.lies_on.get(inputs[0])

    def find_constant(self, name: str) -> Array | None:
        """The value of a constant, None for a tensor."""
        return self.constants.value(name) if name in self.constants else None

    def quantize(self, node: OnnxNode) -> None:
        """QuantizeLinear: its parameters become those of the tensor before it."""
        name = node.input(0) or ""
        if name in self.constants and name not in self.real:
            self.constants.define(node.output, read_codes(node, self.constants))
            return
        if name in self.grids:
            raise unsupported(f"it quantizes {quoted(name)}, which is quantized already", "export again")
        x = self.real.get(name, name)
        grid = read_grid(node, name, None, self.constants)
        self.grids[node.output] = grid
        self.real[node.output] = x
        self.alias(node.output, x, grid.params)
        known = self.lies_on.get(x)
        if known == grid.params:
            return
        if known is None:
            self.lies_on[x] = self.activations[x] = grid.params
            self.same_as.pop(x, None)
            self.attach_before(x, grid.params)
            if not self.barriers.is_needed(name, node.output):
                return
        self.put_barrier(node, x, grid.params, is_other=known is not None)

    def attach_before(self, x: str, params: QuantParams) -> None:
        """Give a tensor's parameters to what it is a view of: a pass may leave only that."""
        node = self.producer.get(x)
        while node is not None and self.is_view(node) and node.inputs:
            name = node.inputs[0]
            if name in self.activations or name in self.constants:
                break
            self.alias(name, x, params)
            node = self.producer.get(name)

    def is_view(self, node: OnnxNode) -> bool:
        """Whether the result of a node holds every value of its first input once."""
        return self.readers.effect(node).values is Values.VIEWED

    def alias(self, name: str, x: str, params: QuantParams) -> None:
        """Another name of a quantized tensor; an output of the model may be called so."""
        self.activations[name] = params
        self.same_as[name] = self.same_as.get(x, x)

    def put_barrier(self, node: OnnxNode, x: str, params: QuantParams, *, is_other: bool) -> None:
        """Keep the quantization as an operator, which is read as a requantization.

        Args:
            node: the QuantizeLinear.
            x: the tensor before it.
            params: of the codes.
            is_other: whether the tensor before has other parameters, so that the operator stays for good.
        """
        y = node.output if is_other else self.names.claim(f"{node.output} [kept]")
        made = helper.make_node("DequantizeLinear", [x, *node.inputs[1:]], [y], name=node.name)
        self.nodes.append(make_node(node.index, made))
        self.real[node.output] = self.real[y] = y
        self.lies_on[y] = self.activations[y] = params
        if is_other:
            del self.same_as[y]
        else:
            self.same_as[y] = self.same_as.get(x, x)

    def dequantize(self, node: OnnxNode) -> None:
        """DequantizeLinear: what it gives is the tensor before QuantizeLinear, or a constant."""
        name = node.input(0) or ""
        if name in self.inputs and name not in self.constants and name not in self.grids:
            self.adopt_input(node, name)
        if name in self.grids:
            grid = self.grids[name]
            given = read_grid(node, name, grid.code.name, self.constants)
            if given.params != grid.params:
                why = (
                    f"the codes of {quoted(name)} are written with {_shown(grid.params)} and read with "
                    f"{_shown(given.params)}"
                )
                raise Refused("Q006", why, "use one scale and zero point for one integer tensor")
            self.real[node.output] = self.real[name]
            self.alias(node.output, self.real[name], grid.params)
        elif name in self.constants:
            self.define(node.output, *read_constant(node, self.constants))
        else:
            raise unsupported(f"{quoted(name)} is no quantized tensor", "quantize the model again")

    def adopt_input(self, node: OnnxNode, name: str) -> None:
        """An input of integers: the model takes their real values, with these parameters."""
        kind = self.inputs[name]
        if kind is None:
            raise unsupported(f"its input {quoted(name)} is not int8 or uint8", "quantize inputs to 8 bits")
        self.grids[name] = read_grid(node, name, kind, self.constants)
        self.real[name] = name
        self.lies_on[name] = self.activations[name] = self.grids[name].params

    def adopt_moved_inputs(self, node: OnnxNode) -> None:
        """Inputs of integers that are moved before DequantizeLinear: it also says what they are before."""
        for name in node.inputs:
            is_codes = self.inputs.get(name) is not None and name not in self.grids
            if is_codes and node.op_type not in DEQUANTIZE_OPS:
                reader = self.barriers.dequantizer(name)
                if reader is not None:
                    self.adopt_input(reader, name)

    def define(self, name: str, encoding: ConstantEncoding, values: Array) -> None:
        """Add a float constant with its codes."""
        self.encodings[name] = encoding
        self.constants.define(name, freeze(values))

    def move_constant(self, node: OnnxNode) -> bool:
        """Let the codes of a constant follow it through a transpose or reshape."""
        encoding = self.encodings.get(node.input(0) or "")
        is_moved = node.op_type in FOLDABLE and self.is_view(node)
        if encoding is None or encoding.codes is None or not is_moved:
            return False
        if not all(each in self.constants for each in node.inputs if each):
            return False
        name, *others = node.inputs
        for each in filter(None, others):
            self.constants.value(each)
        values = (self.constants.fold(node) or {})[node.output]
        codes = (self.constants.fold(node, {name: encoding.codes}) or {})[node.output]
        axis = encoding.axis
        if axis is not None:
            axis = self.constants.moved_axis(node, axis, tuple(encoding.codes.shape))
            if axis is None:
                return False
        self.define(node.output, dataclasses.replace(encoding, axis=axis, codes=freeze(codes)), values)
        return True

    def compute_on_integers(self, node: OnnxNode) -> None:
        """An operator on codes that only moves or limits them: the same on real values."""
        grids = {name: self.grids[name] for name in node.inputs if name in self.grids}
        inputs = real_inputs(node, self.readers.effect(node), grids, self.constants, self.names)
        self.keep(node, tuple(self.real.get(name, name) for name in inputs))
        grid = next(iter(grids.values()))
        for name in node.outputs:
            self.grids[name], self.real[name] = grid, name
            self.lies_on[name] = self.activations[name] = grid.params
            self.same_as.pop(name, None)


def _shown(params: QuantParams) -> str:
    """Parameters for a message."""
    return f"scale {params.step:.9g}, zero point {params.zero_point}"
