"""`--place`: in which memories of a board constants, the arena and kernels lie."""

from __future__ import annotations

import dataclasses

from mcuq.boards import Board
from mcuq.errors import McuqError, Problem
from mcuq.memories import Memory

_MOST_CHARACTERS = 400
_WHAT = ("weights", "arena", "kernels")
_UNKNOWN = "'{}' is none of weights, arena and kernels"
_FIX = "for instance --place weights=itcm+flash,arena=dtcm,kernels=itcm; docs/targets.md lists memories"


@dataclasses.dataclass(frozen=True, slots=True)
class Placing:
    """Where what is placed lies; what is not stays in the board's flash and RAM.

    Args:
        text: as it was asked for.
        weights: memories of constants, those to fill first in front; empty where they are not placed.
        arena: None where it is not placed.
        kernels: None where they are not placed.
    """

    text: str
    weights: tuple[Memory, ...]
    arena: Memory | None
    kernels: Memory | None


def parse_placing(text: str, name: str, board: Board | None) -> Placing:
    """Read a placement and check it against a board.

    Args:
        text: `weights=MEMORY[+MEMORY...],arena=MEMORY,kernels=MEMORY`, any of them; `flash` and `ram` are
            also the board's first ones, whatever they are called.
        name: of the target, for messages.
        board: None for a core alone.

    Raises:
        McuqError: O025 for everything that is wrong, all at once.
    """
    if board is None:
        why = f"'{name}' is a core alone, whose memories nobody knows"
        raise McuqError(_problem(text, why, "name a board, or a file of your own board: docs/targets.md"))
    if len(text) > _MOST_CHARACTERS:
        raise McuqError(_problem(text, f"it has {len(text):_} characters, at most {_MOST_CHARACTERS}", _FIX))
    problems: list[Problem] = []
    found: dict[str, tuple[Memory, ...]] = {}
    for part in text.split(","):
        what, _, names = part.strip().partition("=")
        if what not in _WHAT or what in found:
            why = f"'{what[:40]}' is placed twice" if what in found else _UNKNOWN.format(what[:40])
            problems.append(_problem(text, why, _FIX))
            continue
        memories = [(each, _memory(board, each)) for each in names.split("+")]
        found[what] = tuple(memory for _, memory in memories if memory is not None)
        known = ", ".join(each.name for each in board.memories)
        problems += [
            _problem(text, f"'{name}' has no memory '{each[:40]}'; its memories are: {known}", _FIX)
            for each, memory in memories
            if memory is None
        ]
        problems += [_problem(text, why, _FIX) for why in _wrong(what, found[what])]
    if problems:
        raise McuqError(problems)
    return Placing(text, found.get("weights", ()), *(_one(found.get(each)) for each in ("arena", "kernels")))


def _memory(board: Board, name: str) -> Memory | None:
    default = {"flash": board.flash, "ram": board.ram}
    return board.memory(name) or default.get(name)


def _one(memories: tuple[Memory, ...] | None) -> Memory | None:
    return memories[0] if memories else None


def _wrong(what: str, memories: tuple[Memory, ...]) -> list[str]:
    """What does not go together."""
    found = []
    if what != "weights" and len(memories) > 1:
        found.append(f"{what} lie in one memory, only weights are split")
    if len({each.name for each in memories}) < len(memories):
        found.append(f"a memory is named twice for {what}")
    for each in memories:
        if what == "arena" and each.is_flash:
            found.append(f"the arena is written, and '{each.name}' is flash")
        if what == "kernels" and each.kind == "dtcm":
            found.append(f"no code runs from '{each.name}', which is a DTCM")
    return found


def _problem(text: str, why: str, fix: str) -> Problem:
    return Problem("O025", "a placement cannot be kept", f"--place {text[:200]!r}", why, fix)
