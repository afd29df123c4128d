"""Values that no tensor holds as a whole."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a value that is computed in strips of rows (docs/adr/0019).

    Args:
        value: the tensor that would hold all of it; where that shares memory, the one that owns it.
        first: the first byte of it.
    """

    value: int
    first: int
