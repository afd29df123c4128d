"""Ranges of addresses, and the memories of boards."""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeAlias

MemoryKind: TypeAlias = Literal["flash", "ram", "itcm", "dtcm"]
KINDS: tuple[MemoryKind, ...] = ("flash", "ram", "itcm", "dtcm")


@dataclasses.dataclass(frozen=True, slots=True)
class AddressRange:
    """A range of addresses.

    Args:
        origin: the first address.
        bytes: the length.
    """

    origin: int
    bytes: int

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.bytes

    def holds(self, address: int, size: int = 1) -> bool:
        """Whether `size` bytes from `address` lie inside."""
        return self.origin <= address and address + size <= self.end

    def overlaps(self, other: AddressRange) -> bool:
        """Whether they have an address in common."""
        return self.origin < other.end and other.origin < self.end


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """One memory of a board.

    Args:
        name: in `--place`, and of its region in linker scripts.
        kind: `flash` holds code and constants when the application starts, and is not written by it; `itcm`
            and `dtcm` are memories beside the core, of which no code runs in the latter; `ram` is any other.
        range: where it lies.
        wait_states: of a read at the board's clock, None where that is not known.
    """

    name: str
    kind: MemoryKind
    range: AddressRange
    wait_states: int | None = None

    @property
    def is_flash(self) -> bool:
        """Whether its content is there when the application starts."""
        return self.kind == "flash"
