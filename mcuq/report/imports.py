"""What became of imported parameters, tensor by tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mcuq.ir.encodings import Note, Outcome

_SHOWN = {
    Outcome.USED: "used",
    Outcome.CHANGED: "changed",
    Outcome.IGNORED: "ignored",
    Outcome.OWN: "not in the file",
}


def imports_table(notes: Sequence[Note]) -> Table:
    """One row per parameter."""
    table = Table(box=box.SIMPLE_HEAD, title="imported quantization", title_justify="left")
    for title in ("tensor", "what", "parameters", "detail"):
        table.add_column(title, no_wrap=title in ("what", "parameters"))
    for note in notes:
        cells = (note.tensor, note.what, _SHOWN[note.outcome], note.detail)
        # Names from the file are neither markup nor control characters.
        table.add_row(*(Text("".join(c if c.isprintable() else "?" for c in cell)) for cell in cells))
    return table


def imports_line(notes: Sequence[Note]) -> str:
    """How many parameters met which fate."""
    counts = Counter(note.outcome for note in notes)
    parts = [f"{counts[outcome]} {shown}" for outcome, shown in _SHOWN.items() if counts[outcome]]
    return f"imported quantization: {', '.join(parts)}"


def imports_document(notes: Sequence[Note]) -> list[dict[str, str]]:
    """The notes in the object of `--json`."""
    return [
        {"tensor": note.tensor, "what": note.what, "outcome": note.outcome.value, "detail": note.detail}
        for note in notes
    ]
