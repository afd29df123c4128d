"""The names that tensors of a canonical graph have in the model's file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcuq.ir.graph import LAYOUT_ROLES

# A tensor that has the name of an input or output of another layout is the inner one.
_LAYOUT = re.compile(rf" \[({'|'.join((*LAYOUT_ROLES, 'inner'))})( \d+)?\]'*$")
_CONSTANT = re.compile(r" \[(folded( \d+)?|constant|\d+)\]$")


def tensor_names(name: str) -> Iterator[str]:
    """A tensor's own name, and that of the tensor whose values it has in another layout.

    >>> list(tensor_names("y [nhwc] [4d]"))
    ['y [nhwc] [4d]', 'y [nhwc]', 'y']
    """
    return _stripped(name, _LAYOUT)


def constant_names(name: str) -> Iterator[str]:
    """A constant's own name, and that of the one it was made of.

    >>> list(constant_names("w [2] [folded]"))
    ['w [2] [folded]', 'w [2]', 'w']
    """
    return _stripped(name, _CONSTANT)


def _stripped(name: str, suffix: re.Pattern[str]) -> Iterator[str]:
    yield name
    while (shorter := suffix.sub("", name)) != name:
        yield shorter
        name = shorter
