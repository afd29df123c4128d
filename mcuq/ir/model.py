"""What a frontend reads from a model file: the value that everything behind it works on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.ir.encodings import Encodings
from mcuq.ir.graph import Graph
from mcuq.ir.normalization import Normalization


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
    """

    name: str
    sha256: str
    graph: Graph
    encodings: Encodings
    weight_axes: Mapping[str, int]
    normalizations: tuple[Normalization, ...]
