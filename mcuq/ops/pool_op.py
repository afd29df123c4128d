"""What operators that go over an image in windows of one channel have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from mcuq.ir.integer import quantize_multiplier
from mcuq.ir.op import Limits, NodeView, Op
from mcuq.ir.spread import Spread, over_positions
from mcuq.ir.traits import SelectingOp, changed
from mcuq.ir.types import CODE_TYPES, DType, Shape
from mcuq.ops.window import Window


def infer_window(window: Window, x: Shape) -> Shape:
    """The output's shape, channels as they are."""
    return window.output_shape(x, x[-1] if x else 0)


class PoolOp(SelectingOp):
    """An operator that computes each channel from windows of the same channel."""

    window: Window

    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return infer_window(self.window, shapes[0])

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        """A window of one tap that looks at every place."""
        is_one = self.window == Window((1, 1), dilations=self.window.dilations)
        return is_one and self.output_clamp.is_identity

    def moving_axis(self, image: Shape) -> int | None:
        """H or W where the window does not move along the other one."""
        still = [axis for axis in (0, 1) if self.window.is_still(axis)]
        return 2 - still[0] if still else None

    def along_columns(self, axis: int, rows: int) -> Op:
        """With the window turned."""
        return changed(self, window=self.window.along_columns(axis - 1))

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """What a value may be stays."""
        return over_positions(inputs[0])


def cut_multiplier(scale: float, taps: int) -> tuple[tuple[int], tuple[int]]:
    """Multiplier and shift of a scale, divided by a number of taps in integers that are cut off.

    Source: docs/numerics.md, the table of operators.
    """
    multiplier, shift = quantize_multiplier(scale)
    bits = min(taps.bit_length() - 1, 31 + shift)
    return ((multiplier << bits) // taps,), (shift - bits,)
