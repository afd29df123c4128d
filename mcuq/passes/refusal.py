"""A pass that does not fire says why: refusals are collected for whoever asks."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True)
class PassRefusal:
    """Why a pass left a node as it is.

    Args:
        pass_name: the pass.
        node: the node's name.
        why: what stood in the way.
    """

    pass_name: str
    node: str
    why: str


_collector: contextvars.ContextVar[dict[PassRefusal, None] | None] = contextvars.ContextVar(
    "refusals", default=None
)


def refuse(pass_name: str, node: str, why: str) -> None:
    """Note a refusal, once, if anyone collects them."""
    found = _collector.get()
    if found is not None:
        found[PassRefusal(pass_name, node, why)] = None


@contextlib.contextmanager
def collect_refusals() -> Iterator[dict[PassRefusal, None]]:
    """Collect the refusals of the passes that run inside, in order; outer collectors get them too."""
    found: dict[PassRefusal, None] = {}
    token = _collector.set(found)
    try:
        yield found
    finally:
        _collector.reset(token)
        outer = _collector.get()
        if outer is not None:
            outer.update(found)
