"""ONNX has a form for every operator, and one that is missing is refused by name."""

import dataclasses
from typing import ClassVar

import pytest

from mcuq.errors import McuqError
from mcuq.ir.graph import Graph, Node, Port, Stage, Tensor
from mcuq.ir.op import Op, RangeRule
from mcuq.onnxio.importers.reader import Reader, ReaderTable
from mcuq.ops.onnx.registry import onnx_families, readers
from mcuq.ops.onnx.unread import UNREAD
from mcuq.ops.onnx.write import write_graph


@dataclasses.dataclass(frozen=True, slots=True)
class Unwritten(Op):
    """An operator that nobody wrote a writer for."""

    kind: ClassVar[str] = "unwritten"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes):
        return shapes[0]


@pytest.mark.parametrize("table", ["writers", "step_writers"])
def test_operator_is_written_by_one_family(table):
    written = [op for family in onnx_families() for op in getattr(family, table)]
    assert len(written) == len(set(written))


@pytest.mark.parametrize("name", sorted(readers()))
def test_reader_has_a_manual(name):
    assert readers()[name].manual, f"ONNX operator {name}: the docstring of its reader is missing"


def test_two_readers_of_one_name_are_a_mistake():
    reader = Reader(lambda ctx, node: None, ("Relu",))
    with pytest.raises(AssertionError, match="two readers of Relu"):
        ReaderTable([reader, reader])


def test_special_readers_are_asked_before_the_general_one():
    read = []
    general = Reader(lambda ctx, node: read.append("general"), ("Relu",))
    special = Reader(lambda ctx, node: read.append("special"), ("Relu",), accepts=lambda ctx, node: node == 1)
    table = ReaderTable([general, special])
    for node in (0, 1):
        table["Relu"].read(None, node)
    assert read == ["general", "special"]
    with pytest.raises(AssertionError, match="no reader of Relu takes every form"):
        ReaderTable([special])


def test_operator_without_writer_is_refused_by_name():
    tensors = {name: Tensor(name, (1, 2)) for name in "xyz"}
    nodes = [Node("first", Unwritten(), ("x",), ("y",)), Node("second", Unwritten(), ("y",), ("z",))]
    ports = [Port(name, name, (1, 2), (0, 1)) for name in "xz"]
    graph = Graph(Stage.CANONICAL, tuple(nodes), tensors, {}, (ports[0],), (ports[1],))
    with pytest.raises(McuqError) as caught:
        write_graph(graph)
    assert [problem.code for problem in caught.value.problems] == ["Q011", "Q011"]
    assert [problem.where for problem in caught.value.problems] == [
        "node 'first' (unwritten)",
        "node 'second' (unwritten)",
    ]


def test_operators_that_are_read_have_no_reason_against_them():
    assert set() == set(UNREAD) & set(readers())
