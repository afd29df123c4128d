"""What the room of operators tells about TensorFlow Lite's operators."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import TypeAlias

from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode


class Codes(enum.Enum):
    """What an operator may do on integers."""

    EXACT = "exact"  # its integer arithmetic is mcuq's, bit for bit
    MOVED = "moved"  # it moves codes: input and output have the same parameters
    REFUSED = "refused"  # its integer arithmetic is another one


@dataclasses.dataclass(frozen=True, slots=True)
class TfliteReader:
    """How operators of TensorFlow Lite become operators of the graph.

    Args:
        read: adds one node to the graph under construction; its docstring is the manual.
        kinds: the schema's names of the operators.
        codes: what they may do on integers.
    """

    read: Callable[[TfliteContext, TfliteNode], None]
    kinds: tuple[str, ...]
    codes: Codes = Codes.REFUSED

    @property
    def manual(self) -> str:
        """The first line of the manual."""
        return (self.read.__doc__ or "").strip().split("\n")[0]


TfliteReaders: TypeAlias = Mapping[str, TfliteReader]
