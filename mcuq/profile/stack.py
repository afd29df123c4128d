"""Worst-case stack: what each function takes, along the deepest chain of calls.

The depth is followed through a function's own instructions, which also sees assembly. The compiler's report
counts where it is larger: a frame may be taken by way of a register.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mcuq.profile.flow import Flow, read_flow
from mcuq.verify.machines.disassembly import Instruction


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


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """What a function does with the stack.

    Args:
        bytes: the most it takes itself.
        calls: the functions it calls or jumps to, each with the most that is taken then.
    """

    bytes: int
    calls: Mapping[str, int]


def read_frames(instructions: Iterable[Instruction]) -> dict[str, Frame]:
    """The frames of all functions, from their instructions by address."""
    listed = list(instructions)
    starts: dict[int, str] = {}
    functions: dict[str, list[Instruction]] = {}
    for each in listed:
        if each.function not in functions:
            starts[each.address] = each.function
        functions.setdefault(each.function, []).append(each)
    return {name: _frame(name, read_flow(body), starts) for name, body in functions.items()}


def _frame(name: str, flow: Iterator[Flow], starts: Mapping[int, str]) -> Frame:
    depth = most = 0
    is_reached = True
    arriving: dict[int, int] = {}  # what is taken where a jump forward goes
    calls: dict[str, int] = {}
    for each in flow:
        jumped = arriving.pop(each.address, None)
        if not is_reached:
            # Behind a jump, and reached from further down at the most: it can only be within the loop.
            depth = most if jumped is None else jumped
        elif jumped is not None:
            depth = max(depth, jumped)
        callee = None if each.target is None else starts.get(each.target)
        if callee is not None and callee != name:
            calls[callee] = max(calls.get(callee, 0), depth)
        elif each.target is not None and each.target > each.address:
            arriving[each.target] = max(arriving.get(each.target, 0), depth)
        depth = max(depth + each.taken, 0)
        most = max(most, depth)
        is_reached = not each.is_end
    return Frame(most, calls)


def deepest(root: str, frames: Mapping[str, Frame], reported: Mapping[str, int]) -> int:
    """Bytes of the deepest chain of calls from a function on; generated code has no recursion.

    Args:
        root: the function.
        frames: as its instructions say.
        reported: as the compiler says, where it does.
    """
    known: dict[str, int] = {}

    def depth(name: str, above: frozenset[str]) -> int:
        if name in above:
            raise RecursionError(name)
        if name not in known:
            inner = above | {name}
            frame = frames.get(name, Frame(0, {}))
            unseen = max(reported.get(name, 0) - frame.bytes, 0)
            below = (taken + depth(callee, inner) for callee, taken in frame.calls.items())
            known[name] = unseen + max(frame.bytes, *below, 0)
        return known[name]

    return depth(root, frozenset())
