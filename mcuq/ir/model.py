"""What a frontend reads from a model file: the value that everything behind it works on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from mcuq.errors import McuqError, Problem
from mcuq.ir.encodings import Encodings
from mcuq.ir.graph import Graph
from mcuq.ir.normalization import Normalization


@dataclasses.dataclass(frozen=True, slots=True)
class OperatorUse:
    """What became of one operator of a model file.

    Args:
        name: as the format calls it.
        read: how many nodes of it became operators of the graph.
        folded: how many were evaluated.
        refused: how many have a form that cannot be built.
        missing: how many nothing reads.
    """

    name: str
    read: int = 0
    folded: int = 0
    refused: int = 0
    missing: int = 0


class ModelRefused(McuqError):
    """A model that is refused for some of its operators; `operators` is what became of all of them."""

    def __init__(self, problems: Iterable[Problem], operators: tuple[OperatorUse, ...]) -> None:
        """Keep both."""
        super().__init__(problems)
        self.operators = operators


@dataclasses.dataclass(frozen=True)
class Model:
    """A model as read; its file is not needed again.

    Args:
        name: the file's name, for messages and titles.
        sha256: of the file's bytes, in hexadecimal.
        graph: stage FLOAT.
        encodings: the quantization parameters that the file has; empty for a float model.
        weight_axes: the axis of the output channels of each weight constant, in the file's layout.
        normalizations: what training left in the model, by the file's names, in the order of its nodes.
        operators: what became of the file's operators, by name; a format may leave it out.
        notes: what the graph has otherwise than the file, for its user.
    """

    name: str
    sha256: str
    graph: Graph
    encodings: Encodings
    weight_axes: Mapping[str, int]
    normalizations: tuple[Normalization, ...]
    operators: tuple[OperatorUse, ...] = ()
    notes: tuple[str, ...] = ()
