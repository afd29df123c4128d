"""What a step says about its channels: bounds of their codes, and how inputs and output hang together.

A channel is an index of a tensor's last axis.
"""

from __future__ import annotations

import dataclasses

from mcuq.ir.types import Array, Int64, Shape


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What is proved of a tensor: every element's code lies in an interval of its own.

    Args:
        lo: the smallest code of each element, `[*shape]`.
        hi: the largest.
    """

    lo: Array
    hi: Array

    def reshape(self, shape: Shape) -> Bounds:
        """The same elements under another shape."""
        return Bounds(self.lo.reshape(shape), self.hi.reshape(shape))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Link:
    """Pairs of channels: to compute output channel `target[i]`, a step reads input channel `source[i]`.

    Args:
        source: channels of one input.
        target: channels of the output.
        is_mutual: whether the input channel, too, can only be dropped together with the output channel.
    """

    source: Int64
    target: Int64
    is_mutual: bool = True


def channel_count(shape: Shape) -> int:
    """The size of the last axis; a scalar has one channel."""
    return shape[-1] if shape else 1
