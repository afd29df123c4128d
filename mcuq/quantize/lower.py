"""From a quantized graph to a program of integer steps, with every proof done."""

from __future__ import annotations

import dataclasses

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal, Operand, RangeRule
from mcuq.ir.program import Origin, Program, ProgramPort, ProgramTensor, Step
from mcuq.ir.types import DType, freeze
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.quantize.state import StateBuilder


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
            self.check_types(node)
            op = node.op.lower(inputs, self.operand(node.output), self.rounding)
        except LoweringRefusal as refusal:
            self.problems.append(_problem(node, refusal))
            for name in node.outputs:
                self.add_tensor(name)
            return
        sources = tuple(self.source(name) for name in self.read(node))
        outputs = tuple(map(self.add_tensor, node.outputs))
        self.code_range.update(zip(outputs, op.code_ranges(), strict=True))
        self.steps.append(Step(node.name, op, sources, outputs))

    def read(self, node: Node) -> list[str]:
        """The inputs that the node's step reads from tensors."""
        constants = node.op.constant_inputs
        return [name for position, name in enumerate(node.inputs) if position not in constants]

    def check_types(self, node: Node) -> None:
        """Refuse element types that an operator has no integer form for.

        Raises:
            LoweringRefusal: Q012.
        """
        rules = zip(node.outputs, node.op.rules(), strict=True)
        own = [node.inputs[position] for position in node.op.own_inputs if position < len(node.inputs)]
        names = [name for name in self.read(node) if name not in own]
        names += [name for name, rule in rules if rule is not RangeRule.FIXED]
        types = [self.operand(name).quant.dtype for name in names]
        found = [dtype.value for dtype in dict.fromkeys(types) if dtype not in node.op.takes]
        is_mixed = not node.op.converts and len({*types}) > 1
        if found or is_mixed:
            taken = " or ".join(dtype.value for dtype in node.op.takes)
            both = " and ".join(found or [dtype.value for dtype in dict.fromkeys(types)])
            raise LoweringRefusal(
                "Q012",
                "an operator has no integer form for the types of its tensors",
                why=f"{node.op.kind} takes {taken}, all of one type; found {both}"
                if is_mixed and not found
                else f"{node.op.kind} takes {taken}, found {both}",
                fix="quantize its tensors to a type it takes, or requantize before and behind it",
            )

    def source(self, name: str) -> int:
        """The program tensor that a step reads; a constant operand gets a step that brings it."""
        if name in self.index:
            return self.index[name]
        number = self.add_tensor(name)
        codes = freeze(self.graph.constants[name], self.tensors[number].quant.dtype.numpy)
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
        """The values of a tensor in memory of its own; indices of one output are computed again."""
        tensor = self.tensors[source]
        step = Step(name, CopyStep(), (source,), (len(self.tensors),))
        made = tensor
        if tensor.quant.dtype is not DType.INT8:
            step = dataclasses.replace(step, op=CopyStep(tensor.quant.dtype))
            for maker in [each for each in self.steps if tensor.storage in each.outputs]:
                if len(maker.outputs) == 1 and tensor.quant.dtype is DType.INT32:
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
        McuqError: Q002, Q003, Q004, Q012, all of them at once.
    """
    builder = _Builder(graph, rounding)
    tied = {port.feeds.input: port for port in graph.outputs if port.feeds is not None}
    given = [(port, builder.add_tensor(port.tensor)) for port in graph.inputs]
    inputs = tuple(
        ProgramPort(port.name, number, port.model_shape, port.perm)
        for port, number in given
        if port.name not in tied
    )
    for node in graph.nodes:
        builder.add_node(node)
    if builder.problems:
        raise McuqError(builder.problems)
    taken = {number for _, number in given}
    outputs = tuple(builder.add_output(port, taken) for port in graph.outputs if port.feeds is None)
    ties = [
        (port, number, tied[port.name], builder.index[tied[port.name].tensor])
        for port, number in given
        if port.name in tied
    ]
    state = StateBuilder(builder.tensors, builder.steps, rounding).build(ties, taken)
    parts = tuple(builder.tensors), tuple(builder.steps), inputs, outputs
    return Program(*parts, rounding, origin, state=state)
