"""What the room of operators tells about TensorFlow Lite's operators."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping

from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode


class Codes(enum.Enum):
    """What an operator may do on integers."""

    EXACT = "exact"  # its integer arithmetic is mcuq's, bit for bit
    MOVED = "moved"  # it moves codes: input and output have the same parameters
    REFUSED = "refused"  # its integer arithmetic is another one


# What there is to say of most operators that are refused on integers.
FLOAT_ONLY = "TensorFlow Lite Micro has no integer form of it"


@dataclasses.dataclass(frozen=True, slots=True)
class UnreadKind:
    """An operator that nothing reads.

    Args:
        why: the reason.
        fix: the nearest way round.
    """

    why: str
    fix: str


@dataclasses.dataclass(frozen=True, slots=True)
class TfliteReader:
    """How operators of TensorFlow Lite become operators of the graph.

    Args:
        read: adds one node to the graph under construction; its docstring is the manual.
        kinds: the schema's names of the operators.
        codes: what they may do on integers.
        reads_indices: whether they may read indices that the model computes.
        why: of REFUSED, what keeps integers from it.
        remembers: whether it may have variables among its inputs, see `TfliteContext.remembered`.
    """

    read: Callable[[TfliteContext, TfliteNode], None]
    kinds: tuple[str, ...]
    codes: Codes = Codes.REFUSED
    reads_indices: bool = False
    why: str = FLOAT_ONLY
    remembers: bool = False

    @property
    def manual(self) -> str:
        """The first line of the manual."""
        return (self.read.__doc__ or "").strip().split("\n")[0]


class TfliteReaders(Mapping[str, TfliteReader]):
    """Readers by the schema's names of operators.

    Args:
        readers: of the operators that are read.
        unread: of operators that nothing reads, by name or by what their names begin with.
    """

    def __init__(self, readers: Iterable[TfliteReader], unread: Mapping[str, UnreadKind]) -> None:
        """Refuse two readers of one operator."""
        self._readers: dict[str, TfliteReader] = {}
        for reader in readers:
            for kind in reader.kinds:
                assert kind not in self._readers, f"two readers of {kind}"
                self._readers[kind] = reader
        self._unread = unread

    def __getitem__(self, kind: str) -> TfliteReader:
        return self._readers[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def reason(self, kind: str) -> UnreadKind:
        """Why nothing reads an operator, and the nearest way round."""
        words = (kind, kind.split()[0], kind.split("_")[0])
        return next((self._unread[each] for each in words if each in self._unread), _UNKNOWN)


_UNKNOWN = UnreadKind("no step computes it", "rewrite it with other operators, or cut it off the model")
