"""How the images of a build became values, read back from what its program recorded."""

from __future__ import annotations

import ast
from typing import cast

from mcuq.calibrate.images import Color, Layout, Orientation, Preprocessing
from mcuq.errors import fail
from mcuq.ir.program import Program

_PREFIX = "image."


def recorded_preprocessing(program: Program) -> Preprocessing:
    """What `CalibrationData.record` wrote; the default where the build saw no images.

    Raises:
        McuqError: M009 where what was recorded is no preprocessing.
    """
    start = len(_PREFIX)
    found = {key[start:]: text for key, text in program.origin.options if key.startswith(_PREFIX)}
    try:
        values = {key: ast.literal_eval(text) for key, text in found.items()}
        return Preprocessing(
            color=Color(values.pop("color", Color.RGB.value)),
            size=_size(values.pop("size", None)),
            mean=_numbers(values.pop("mean", (0.0,))),
            std=_numbers(values.pop("std", (1.0,))),
            scale=float(values.pop("scale", 1.0)),
            layout=Layout(values.pop("layout")) if "layout" in values else None,
            # Programs from before it was recorded were built from pixels as stored.
            orientation=Orientation(values.pop("orientation", Orientation.STORED.value)),
        )
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise fail(
            "M009",
            "the stored Program is damaged or of another format",
            where="its record of how images became values",
            why=f"{found} does not say it: {error}",
            fix="build it again from the model",
        ) from None


def _numbers(value: object) -> tuple[float, ...]:
    return tuple(float(each) for each in cast("tuple[float, ...]", value))


def _size(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    height, width = cast("tuple[int, int]", value)
    if not (type(height) is type(width) is int and 0 < height < 1 << 16 and 0 < width < 1 << 16):
        raise ValueError("its size is none")
    return height, width
