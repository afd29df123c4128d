"""What the room of operators tells about an ONNX operator: how it is read, and what it does to values."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from mcuq.ir.types import Array
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode


class Values(enum.Enum):
    """What a result holds, seen from the values that are read."""

    COMPUTED = "computed"
    # Values of input 0 alone, moved, repeated or left out. A limit counts as well: clipping codes gives the
    # code of the clipped value.
    TAKEN = "taken"
    VIEWED = "viewed"  # every value of input 0 once
    JOINED = "joined"  # the values of all inputs


class Merging(enum.Enum):
    """What passes merge an operator with, so that a quantization between the two would be lost."""

    ANYTHING = "anything"  # scales, shifts and functions of one element fold into what is beside them
    LAYERS = "layers"  # nothing behind it: it keeps its output apart from the layer that reads it
    MEANS = "means"  # other means
    SUMS = "sums"  # other sums and products; anything where an operand is constant
    NOTHING = "nothing"


# The value of a constant by its name, None for what is computed at run time.
FindConstant = Callable[[str], Array | None]


def _always(node: OnnxNode, constant: FindConstant) -> bool:
    return True


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """What an operator does to values and to their codes, for quantized models.

    Args:
        values: what its result holds.
        merging: what passes merge it with.
        takes_codes: whether it does the same to codes as to real values.
        codes: positions of inputs that are codes besides input 0, with the code that stands where one is
            left out, None where nothing does.
        keeps_values: whether a node's attributes and constants let its result hold what `values` says.
    """

    values: Values = Values.COMPUTED
    merging: Merging = Merging.ANYTHING
    takes_codes: bool = False
    codes: Mapping[int, float | None] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    keeps_values: Callable[[OnnxNode, FindConstant], bool] = _always


LAYER = Flow(merging=Merging.LAYERS)
MEAN = Flow(merging=Merging.MEANS)
SUM = Flow(merging=Merging.SUMS)
TAKE = Flow(Values.TAKEN, takes_codes=True)
VIEW = Flow(Values.VIEWED, takes_codes=True)
_UNKNOWN = Flow()


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """How operators of ONNX become operators of the graph.

    Args:
        read: adds one node to the graph under construction; the first line of its docstring is the manual.
        names: ONNX's names of the operators.
        flow: what they do to values.
        has_several_outputs: whether every output may be used; otherwise only the first.
        reads_indices: whether they may read indices, which are computed at run time but never calculated
            with, so that they cost nothing on the device.
        weight_axis: of a node, the axis of the output channels of its input 1; None where it has no weights.
        is_refused: whether `read` only says why they cannot be built, and what to do.
        accepts: whether the reader is for a node; None for the one that takes what others of the name leave.
    """

    read: Callable[[ImportContext, OnnxNode], None]
    names: tuple[str, ...]
    flow: Flow = _UNKNOWN
    has_several_outputs: bool = False
    reads_indices: bool = False
    weight_axis: Callable[[OnnxNode], int] | None = None
    is_refused: bool = False
    accepts: Callable[[ImportContext, OnnxNode], bool] | None = None

    @property
    def manual(self) -> str:
        """The first line of the manual."""
        return (self.read.__doc__ or "").strip().split("\n")[0]


def _united(name: str, readers: Sequence[Reader]) -> Reader:
    """All readers of a name as one; what is said of its values and outputs holds for every form."""
    special = [reader for reader in readers if reader.accepts is not None]
    general = [reader for reader in readers if reader.accepts is None]
    assert len(general) < 2, f"two readers of {name}: one of them needs `accepts`"
    assert general, f"no reader of {name} takes every form: one of them has to be without `accepts`"
    if not special:
        return general[0]

    def read(ctx: ImportContext, node: OnnxNode) -> None:
        for reader in special:
            if reader.accepts is not None and reader.accepts(ctx, node):
                reader.read(ctx, node)
                return
        general[0].read(ctx, node)

    read.__doc__ = " ".join(reader.manual for reader in (*general, *special))
    return dataclasses.replace(general[0], read=read)


class ReaderTable(Mapping[str, Reader]):
    """Readers by the names of ONNX's operators, in alphabetical order.

    Args:
        readers: of every name one without `accepts`.
    """

    def __init__(self, readers: Iterable[Reader]) -> None:
        """Sort by name."""
        found: dict[str, list[Reader]] = {}
        for reader in readers:
            for name in reader.names:
                found.setdefault(name, []).append(reader)
        self._readers = {name: _united(name, found[name]) for name in sorted(found)}

    def __getitem__(self, name: str) -> Reader:
        """The reader of an operator."""
        return self._readers[name]

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(self._readers)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._readers)

    @property
    def supported(self) -> Mapping[str, Reader]:
        """Those that can be built."""
        return {name: reader for name, reader in self._readers.items() if not reader.is_refused}

    def flow(self, name: str) -> Flow:
        """What an operator does to values; of one that nothing reads, nothing is known."""
        return self._readers[name].flow if name in self._readers else _UNKNOWN
