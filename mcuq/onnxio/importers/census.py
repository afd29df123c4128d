"""Counts what becomes of the nodes of a file."""

from __future__ import annotations

import collections

from mcuq.ir.model import OperatorUse

_FATES = ("read", "folded", "refused", "missing")


class Census:
    """What became of the nodes seen so far, by operator."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts: dict[str, collections.Counter[str]] = {}

    def count(self, op_type: str, fate: str) -> None:
        """Note one node; `fate` is a field of `OperatorUse`."""
        assert fate in _FATES, fate
        self._counts.setdefault(op_type, collections.Counter())[fate] += 1

    def operators(self) -> tuple[OperatorUse, ...]:
        """All of them, by name."""
        return tuple(
            OperatorUse(name, *(self._counts[name][fate] for fate in _FATES)) for name in sorted(self._counts)
        )
