"""What the cells gave, as a table of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.flags.cells import OPTIONS, Cell
from tests.flags.run import Result

DOCUMENT = "docs/verification.md"
BEGIN, END = "<!-- begin: make flags -->", "<!-- end: make flags -->"
INTRODUCTION = """## Under any option of a compiler

Written by `make flags`: real models (MODELS) are compiled as a project may compile them and run on the
emulated core; every value of every layer is compared with the simulator, in a build with trace and in one
without. Options stand alone beside `-O2`. Hooks leave garbage in every register that a call may change,
counters of calls have to be reached, guards of the stack are checked, and under `-mno-unaligned-access` words
at other addresses than multiples of 4 fault (QEMU with `CCR.UNALIGN_TRP`; buffers begin at every address).
Four samples each: a real one, a random one, and both extremes. A cell holds the number of values that differ.
"""

Row = tuple[str, Cell, Result]


def cell_text(result: Result) -> str:
    """What the table says of a cell."""
    if result.status == "same":
        return "0"
    return {"none": result.detail, "refused": "#error"}.get(result.status, result.status)


def table(results: Sequence[Row]) -> list[str]:
    """A line per option, a column per core, compiler and model."""
    columns = list(dict.fromkeys((cell.core, cell.compiler) for _, cell, _ in results))
    options = [option for option in OPTIONS if any(cell.option == option for _, cell, _ in results)]
    lines = [
        "| option | " + " | ".join(f"{core}, {compiler}" for core, compiler in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for option in options:
        texts = []
        for column in columns:
            found = [r for _, c, r in results if (c.core, c.compiler, c.option) == (*column, option)]
            texts.append(" ".join(dict.fromkeys(map(cell_text, found))))
        lines.append(f"| `{option}` | " + " | ".join(texts) + " |")
    compared = sum(result.compared for _, _, result in results)
    same = sum(result.status == "same" for _, _, result in results)
    ran = sum(result.status != "none" for _, _, result in results)
    return [*lines, "", f"{ran} runs, {same} of them without a difference; {compared:,} values compared."]


def section(results: Sequence[Row]) -> str:
    """The section of the document, between its marks."""
    models = ", ".join(dict.fromkeys(model for model, _, _ in results))
    introduction = INTRODUCTION.replace("MODELS", models)
    return "\n".join([BEGIN, "", introduction, *table(results), END]) + "\n"


def write_section(path: Path, results: Sequence[Row]) -> None:
    """Replace the section, or put it at the end."""
    text = path.read_text("utf-8") if path.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    after = rest.partition(END)[2].lstrip("\n") if begin else ""
    path.write_text(before.rstrip("\n") + "\n\n" + section(results) + (after and "\n") + after, "utf-8")
