"""Numbers with a unit, as people write them: `64K`, `1M`."""

from __future__ import annotations

import re
from collections.abc import Mapping

BYTES: Mapping[str, int] = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
COUNTS: Mapping[str, int] = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
# Beyond any memory of a microcontroller, and any run.
_MOST = 1 << 48
_FORM = re.compile(r"([0-9]{1,12})([KMG]?)(i?B)?")


def parse_amount(text: str, units: Mapping[str, int]) -> int | None:
    """The number that a text means, None where it means none or an absurd one.

    Args:
        text: digits, with `_` between them or not, and one of the units; of bytes a `B` or `iB` may follow.
        units: `BYTES`, by powers of 1,024, or `COUNTS`, by powers of 1,000.

    >>> parse_amount("64K", BYTES), parse_amount("1MiB", BYTES), parse_amount("2M", COUNTS)
    (65536, 1048576, 2000000)
    >>> parse_amount("64 kilobytes", BYTES), parse_amount("-1", BYTES), parse_amount("5B", COUNTS)
    (None, None, None)
    """
    compact = text.strip()
    if "__" in compact or compact.startswith("_") or not compact.isascii():
        return None
    found = _FORM.fullmatch(re.sub(r"(?<=[0-9])_(?=[0-9])", "", compact).replace("k", "K"))
    if found is None or (found[3] and (units is not BYTES or (found[3] == "iB" and not found[2]))):
        return None
    value = int(found[1]) * units[found[2]]
    return value if value <= _MOST else None
