"""A fault of GCC for cores with low-overhead loops: a comparison behind a loop that is lost.

From Armv8.1-M on GCC counts loops in a register of its own: `le lr`, or `subs` and a branch. That
instruction takes the place of the loop's comparison and changes the flags. Where an earlier pass found the
same comparison behind the loop and dropped it, because the flags were right already, they no longer are: a
branch goes the wrong way. With `-Os` this happens where a loop tests before its first turn and the same
numbers are compared behind it, as in

    for (; count >= 2; count -= 2) { ... }
    if (count > 0) { ... }

since `count > 0` is `count == 1` there, whose comparison with 1 is the loop's. GCC 12.2 and 13.2 do it for
Armv8.1-M, and with `-fmodulo-sched` for other cores. `-fno-branch-count-reg` keeps them from it, and so does
a comparison with another number. What the compiler notes of its passes shows it: flags that are needed
behind a counted loop.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mcuq.targets import Core
from mcuq.verify.toolchain import find_toolchain

_COUNTED = re.compile(r"compare:CC_NZ \(plus:SI|\(jump_insn [^\n]*\(parallel")
_PREDECESSORS = re.compile(r"^;;  pred:((?:.*\n)(?:;;  {10,}.*\n)*)", re.MULTILINE)
_IS_LIVE = re.compile(r"^;; lr  in.*\[cc\]", re.MULTILINE)


def lost_comparisons(core: Core, source: Path, flags: Sequence[str], folder: Path) -> tuple[int, list[str]]:
    """Compile a file with GCC and look for flags that live behind a counted loop.

    Args:
        core: with low-overhead loops.
        source: C.
        flags: for the compiler.
        folder: for what the compiler writes.

    Returns:
        How many functions were compiled, and the names of those with a comparison that is lost.
    """
    passes = folder / "passes.txt"
    command = [*find_toolchain(core, "gcc").command, *core.gcc_flags, *flags, "-S", "-o", "/dev/null"]
    done = subprocess.run(
        [*command, f"-fdump-rtl-loop2_done-details-blocks={passes}", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    functions = re.split(r"^;; Function ", passes.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert all("basic block" in function and "lr  in" in function for function in functions)
    return len(functions), [function.split()[0] for function in functions if _is_lost(function)]


def _is_lost(function: str) -> bool:
    """Whether a block that needs the flags follows one that ends with a count."""
    blocks: dict[int, str] = {}
    for text in re.split(r"^;; basic block ", function, flags=re.MULTILINE)[1:]:
        # What comes later repeats them without the registers that live.
        blocks.setdefault(int(text.split(",")[0]), text)
    for text in filter(_IS_LIVE.search, blocks.values()):
        before = _PREDECESSORS.search(text)
        assert before is not None
        numbers = re.findall(r"^(?:;;)?\s+(\d+)\b", before[1], re.MULTILINE)
        if any(_COUNTED.search(blocks[int(number)]) for number in numbers):
            return True
    return False
