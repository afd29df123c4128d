"""What the room of operators tells about ONNX's operators: how they are read, and what they do to values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import UNKNOWN, Effect
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.node import OnnxNode


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """How operators of ONNX become operators of the graph.

    Args:
        read: adds one node to the graph under construction; the first line of its docstring is the manual.
        names: ONNX's names of the operators.
        effect: what they do to values.
        has_several_outputs: whether every output may be used; otherwise only the first.
        reads_indices: whether they may read indices, which are computed at run time but never calculated
            with, so that they cost nothing on the device.
        weight_axis: of a node, the axis of the output channels of its input 1; None where it has no weights.
        is_refused: whether `read` only says why they cannot be built, and what to do.
        accepts: whether the reader is for a node; None for the one that takes what others of the name leave.
    """

    read: Callable[[ImportContext, OnnxNode], None]
    names: tuple[str, ...]
    effect: Effect = UNKNOWN
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


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """Why nothing reads an operator, and the nearest way round.

    Args:
        why: as a message says it.
        fix: what the user can do.
    """

    why: str
    fix: str


class ReaderTable(Mapping[str, Reader]):
    """Readers by the names of ONNX's operators, in alphabetical order.

    Args:
        readers: of every name one without `accepts`.
        forms: of these operators on integers, no two of one name.
        unread: operators that nothing reads, by name; what is said of one that is read does not count.
    """

    def __init__(
        self,
        readers: Iterable[Reader],
        forms: Iterable[IntegerForm] = (),
        unread: Mapping[str, Unread] = MappingProxyType({}),
    ) -> None:
        """Sort by name."""
        found: dict[str, list[Reader]] = {}
        for reader in readers:
            for name in reader.names:
                found.setdefault(name, []).append(reader)
        self._readers = {name: _united(name, found[name]) for name in sorted(found)}
        self.forms: Mapping[str, IntegerForm] = {form.name: form for form in forms}
        self.unread: Mapping[str, Unread] = {n: unread[n] for n in unread if n not in self._readers}
        unknown = [form.name for form in self.forms.values() if form.op_type not in found]
        assert not unknown, f"no reader of what {unknown} are on real values"

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

    def effect(self, node: OnnxNode) -> Effect:
        """What a node does to values; of one that nothing reads, nothing is known."""
        effect = self._readers[node.op_type].effect if node.op_type in self._readers else UNKNOWN
        return effect if effect.is_of(node) else UNKNOWN
