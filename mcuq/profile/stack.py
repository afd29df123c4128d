"""Worst-case stack: what each function takes, by the compiler's own report, along the deepest call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from mcuq.verify.machines.disassembly import Instruction

_CALLS = ("bl", "b", "b.w", "blx", "jal", "j", "tail", "call")


def read_stack_usage(objects: Iterable[Path]) -> dict[str, int]:
    """Bytes per function from the `.su` files that the compiler wrote beside its objects.

    Functions of equal name in different files count with the larger figure.
    """
    usage: dict[str, int] = {}
    for path in objects:
        report = path.with_suffix(".su")
        if not report.is_file():
            continue
        for line in report.read_text("utf-8", "replace").splitlines():
            place, size, *_ = line.split("\t")
            name = place.rsplit(":", 1)[-1]
            usage[name] = max(usage.get(name, 0), int(size))
    return usage


def frame_bytes(instructions: Iterable[Instruction]) -> dict[str, int]:
    """Bytes per function as its own instructions take them from the stack, for code without a report."""
    frames: dict[str, int] = {}
    for each in instructions:
        frames[each.function] = frames.get(each.function, 0) + _taken(each)
    return frames


def _taken(each: Instruction) -> int:
    name = each.mnemonic.split(".", 1)[0]
    if name in ("push", "vpush"):
        return sum(_list_bytes(part) for part in each.operands.strip("{}").split(","))
    found = re.fullmatch(r"sp, (?:sp, )?#(-?0x[0-9a-f]+|-?\d+)", each.operands)
    if name in ("sub", "subw") and found:
        return int(found[1], 0)
    found = re.search(r"\[sp, #-(0x[0-9a-f]+|\d+)\]!", each.operands)
    return int(found[1], 0) if found else 0


def _list_bytes(part: str) -> int:
    first, _, last = part.strip().partition("-")
    width = 8 if first.startswith("d") else 4
    return width * (int(last[1:]) - int(first[1:]) + 1 if last else 1)


def call_graph(instructions: Iterable[Instruction]) -> dict[str, frozenset[str]]:
    """The functions that each function calls or jumps to."""
    listed = list(instructions)
    starts: dict[int, str] = {}
    for each in listed:
        starts.setdefault(each.address, each.function)
    graph: dict[str, set[str]] = {}
    for each in listed:
        callees = graph.setdefault(each.function, set())
        name = each.mnemonic.removesuffix(".w")
        target = re.search(r"#?(0x[0-9a-f]+)$", each.operands)
        if name in _CALLS and target:
            callee = starts.get(int(target[1], 16))
            if callee is not None and callee != each.function:
                callees.add(callee)
    return {name: frozenset(callees) for name, callees in graph.items()}


def deepest(root: str, graph: Mapping[str, frozenset[str]], usage: Mapping[str, int]) -> int:
    """Bytes of the deepest chain of calls from a function on; generated code has no recursion."""
    known: dict[str, int] = {}

    def depth(name: str, above: frozenset[str]) -> int:
        if name in above:
            raise RecursionError(name)
        if name not in known:
            inner = above | {name}
            known[name] = usage.get(name, 0) + max(
                (depth(callee, inner) for callee in graph.get(name, ())), default=0
            )
        return known[name]

    return depth(root, frozenset())
