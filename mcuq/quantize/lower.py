"""From a quantized graph to a program of integer steps, with every proof done."""

from __future__ import annotations

import dataclasses

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal, Operand
from mcuq.ir.program import Origin, Program, ProgramPort, ProgramTensor, Step
from mcuq.ir.types import DType, freeze
from mcuq.ops.constant import ConstantStep, CopyStep


@dataclasses.dataclass
class _Builder:
    """The program under construction; tensors by graph name."""

    graph: Graph
    rounding: Rounding
    tensors: list[ProgramTensor] = dataclasses.field(default_factory=list)
    steps: list[Step] = dataclasses.field(default_factory=list)
    index: dict[str, int] = dataclasses.field(default_factory=dict)
    code_range: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    problems: list[Problem] = dataclasses.field(default_factory=list)

    def add_tensor(self, name: str, storage: int | None = None) -> int:
        """A program tensor for a graph tensor, in memory of its own or in that of `storage`."""
        tensor = self.graph.tensors[name]
        assert tensor.quant is not None
        number = len(self.tensors)
        self.tensors.append(
            ProgramTensor(name, tensor.shape, tensor.quant, number if storage is None else storage)
        )
        self.index[name] = number
        return number

    def operand(self, name: str) -> Operand:
        """A tensor as an operator's lowering sees it."""
        tensor = self.graph.tensors[name]
        assert tensor.quant is not None
        if name in self.graph.constants:
            return Operand(tensor.shape, tensor.quant, self.graph.constants[name])
        number = self.index.get(name)
        quant = tensor.quant
        lo, hi = quant.dtype.qmin, quant.dtype.qmax
        if number is not None:
            lo, hi = self.code_range.get(self.tensors[number].storage, (lo, hi))
        return Operand(tensor.shape, quant, None, lo, hi)

    def add_node(self, node: Node) -> None:
        """Lower one operator; a refusal is kept and reported with all others."""
        if node.op.is_view:
            self.add_tensor(node.output, self.tensors[self.index[node.inputs[0]]].storage)
            return
        inputs = [self.operand(name) for name in node.inputs]
        try:
            op = node.op.lower(inputs, self.operand(node.output), self.rounding)
        except LoweringRefusal as refusal:
            self.problems.append(_problem(node, refusal))
            self.add_tensor(node.output)
            return
        sources = tuple(
            self.source(name)
            for position, name in enumerate(node.inputs)
            if position not in node.op.constant_inputs
        )
        output = self.add_tensor(node.output)
        self.code_range[output] = op.code_range()
        self.steps.append(Step(node.name, op, sources, (output,)))

    def source(self, name: str) -> int:
        """The program tensor that a step reads; a constant operand gets a step that brings it."""
        if name in self.index:
            return self.index[name]
        number = self.add_tensor(name)
        codes = freeze(self.graph.constants[name], "int8")
        self.steps.append(Step(name, ConstantStep(codes), (), (number,)))
        return number

    def add_output(self, port: Port, taken: set[int]) -> ProgramPort:
        """An output port; a copy step where its memory is an input's or another output's."""
        number = self.index[port.tensor]
        if self.tensors[number].storage in taken:
            number = self.add_copy(port.name, number)
        taken.add(self.tensors[number].storage)
        return ProgramPort(port.name, number, port.model_shape, port.perm)

    def add_copy(self, name: str, source: int) -> int:
        """The values of a tensor in memory of its own; indices are computed again, for copies move codes."""
        tensor = self.tensors[source]
        step = Step(name, CopyStep(), (source,), (len(self.tensors),))
        made = tensor
        if tensor.quant.dtype is not DType.INT8:
            (maker,) = (each for each in self.steps if tensor.storage in each.outputs)
            step = dataclasses.replace(step, op=maker.op, inputs=maker.inputs)
            made = self.tensors[tensor.storage]
        self.steps.append(step)
        self.tensors.append(dataclasses.replace(made, storage=step.output))
        if made.shape != tensor.shape:
            self.tensors.append(dataclasses.replace(tensor, storage=step.output))
        return len(self.tensors) - 1


def _problem(node: Node, refusal: LoweringRefusal) -> Problem:
    where = f"node {node.name!r} ({node.op.kind}), output {node.output!r}"
    if refusal.channel is not None:
        where += f", output channel {refusal.channel}"
    return Problem(refusal.code, refusal.title, where, refusal.why, refusal.fix)


def lower_graph(graph: Graph, rounding: Rounding, origin: Origin) -> Program:
    """Turn every operator into an integer step.

    Args:
        graph: stage QUANTIZED.
        rounding: the contract of every requantization.
        origin: recorded in the program.

    Raises:
        McuqError: Q002, Q003, Q004, all of them at once.
    """
    builder = _Builder(graph, rounding)
    inputs = tuple(
        ProgramPort(port.name, builder.add_tensor(port.tensor), port.model_shape, port.perm)
        for port in graph.inputs
    )
    for node in graph.nodes:
        builder.add_node(node)
    if builder.problems:
        raise McuqError(builder.problems)
    taken = {port.tensor for port in inputs}
    outputs = tuple(builder.add_output(port, taken) for port in graph.outputs)
    return Program(tuple(builder.tensors), tuple(builder.steps), inputs, outputs, rounding, origin)
