"""Labels at the end of a classifier: the index of the best score, and a note of what it stands for."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import listed, quoted
from mcuq.ops.argmax import ArgMax
from mcuq.ops.onnx.emit import reshape


def labels_of(node: OnnxNode, numbers: str, texts: str) -> list[str]:
    """The labels that a node lists in one of two attributes, as text."""
    found = node.attribute(texts)
    if found is not None and found.strings:
        return [bytes(text).decode("utf-8", "replace") for text in found.strings]
    return [str(number) for number in node.get_ints(numbers) or ()]


def emit_label(ctx: ImportContext, scores: str, label: str, labels: Sequence[str]) -> None:
    """Add the index of the largest score of each row, where it is used at all."""
    if label not in ctx.used:
        return
    index = ctx.emit(ArgMax(), (scores,), ctx.temporary(label, "index"), is_helper=True)
    reshape(ctx, index, ctx.shape(index)[:-1], label)
    ctx.indices.add(label)
    note_labels(ctx, label, labels)


def note_labels(ctx: ImportContext, name: str, labels: Sequence[str]) -> None:
    """Say what indices stand for where they are not the labels themselves."""
    if list(labels) != [str(index) for index in range(len(labels))]:
        ctx.notes.append(f"{quoted(name)} is the index of the class, 0 and on, of {listed(labels)}")
