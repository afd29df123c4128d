"""What the cells gave, as a table of Markdown."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.flags.cells import SETS, Cell
from tests.flags.run import Result

DOCUMENT = "docs/verification.md"
OPTIONS_TEXT = """## Under any option of a compiler

Written by `make flags`: real models (MODELS) are compiled as a project may compile them and run on the
emulated core; every value of every layer is compared with the simulator, in a build with trace and in one
without. Options stand alone beside `-O2`. Hooks leave garbage in every register that a call may change,
counters of calls have to be reached, guards of the stack are checked, and under `-mno-unaligned-access` words
at other addresses than multiples of 4 fault (QEMU with `CCR.UNALIGN_TRP`; buffers begin at every address).
Four samples each: a real one, a random one, and both extremes. A cell holds the number of values that differ.
"""

VERSIONS_TEXT = """## Under any compiler

Written by `make compilers`: MODELS as in the table above, compiled by every version that was installed, for
emulated cores and for the computer (portable kernels), with every value of every layer compared. `-fPIC`
reaches constants through a global offset table, with `-msingle-pic-base` by a register that a loader sets;
`-mpure-code` keeps constants out of code. Compilers other than the first GCC of a core leave linking to it.
"Not its option" says that the compiler refuses the option for an empty file, too. TCC has one level and one
standard whatever it is told.
"""

STACK_TEXT = """## Stack under any compiler

Written by `make compilers`: bytes of stack that one run of MODELS wrote to, painted, of those that
`<NAME>_STACK_BYTES` promises; a single figure is that of all.
"""

Row = tuple[str, Cell, Result]


@dataclasses.dataclass(frozen=True)
class Section:
    """A table in the document.

    Args:
        command: what writes it, and stands in its marks.
        text: before the table.
    """

    command: str
    text: str

    @property
    def begin(self) -> str:
        """The mark before it."""
        return f"<!-- begin: {self.command} -->"

    @property
    def end(self) -> str:
        """The mark behind it."""
        return f"<!-- end: {self.command} -->"


SECTIONS: Mapping[str, Section] = {
    "flags": Section("make flags", OPTIONS_TEXT),
    "compilers": Section("make compilers", VERSIONS_TEXT),
    "stack": Section("make compilers, stack", STACK_TEXT),
}


def cell_text(result: Result) -> str:
    """What the table says of a cell."""
    if result.status == "same":
        return "0"
    if result.status == "held":
        return result.detail
    return {"none": result.detail, "refused": "#error"}.get(result.status, result.status)


def table(results: Sequence[Row], is_by_compiler: bool = False) -> list[str]:
    """A line per option and a column per core and compiler, or the other way round."""
    compilers = list(dict.fromkeys((cell.core, cell.compiler) for _, cell, _ in results))
    asked = {cell.option for _, cell, _ in results}
    options = [option for option in dict.fromkeys(itertools.chain(*SETS.values())) if option in asked]
    texts: dict[tuple[str, str, str], dict[str, None]] = {}
    for _, cell, result in results:
        texts.setdefault((cell.core, cell.compiler, cell.option), {})[cell_text(result)] = None
    marked = [f"`{option}`" for option in options]
    named = [f"{core}, {compiler}" for core, compiler in compilers]
    rows = [["; ".join(texts.get((*it, option), ())) for it in compilers] for option in options]
    if is_by_compiler:
        lines = _markdown("compiler", marked, named, list(zip(*rows, strict=True)))
    else:
        lines = _markdown("option", named, marked, rows)
    if any(result.status in ("held", "exceeded") for _, _, result in results):
        return lines
    compared = sum(result.compared for _, _, result in results)
    same = sum(result.status == "same" for _, _, result in results)
    ran = sum(result.status != "none" for _, _, result in results)
    return [*lines, "", f"{ran} runs, {same} of them without a difference; {compared:,} values compared."]


def _markdown(
    corner: str, heads: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[str]:
    lines = [f"| {corner} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    return lines + [f"| {name} | " + " | ".join(row) + " |" for name, row in zip(names, rows, strict=True)]


def section(results: Sequence[Row], asked: str = "flags") -> str:
    """The section of the document, between its marks."""
    it = SECTIONS[asked]
    models = ", ".join(dict.fromkeys(model for model, _, _ in results))
    lines = table(results, is_by_compiler=asked != "flags")
    return "\n".join([it.begin, "", it.text.replace("MODELS", models), *lines, it.end]) + "\n"


def write_section(path: Path, results: Sequence[Row], asked: str = "flags") -> None:
    """Replace the section, or put it at the end."""
    it = SECTIONS[asked]
    text = path.read_text("utf-8") if path.exists() else ""
    before, begin, rest = text.partition(it.begin)
    after = rest.partition(it.end)[2].lstrip("\n") if begin else ""
    path.write_text(
        before.rstrip("\n") + "\n\n" + section(results, asked) + (after and "\n") + after, "utf-8"
    )
