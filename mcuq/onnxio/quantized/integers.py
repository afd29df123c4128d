"""Operators on codes that only move or limit them, as operators on the real values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcuq.ir.types import freeze
from mcuq.onnxio.importers.effect import Effect
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.params import Grid
from mcuq.onnxio.refusal import Refused, quoted, unsupported


def real_inputs(
    node: OnnxNode, effect: Effect, grids: Mapping[str, Grid], constants: Constants, names: Names
) -> tuple[str, ...]:
    """The inputs of the operator on real values: codes among its parameters become real numbers.

    Args:
        node: reads codes of `grids`.
        effect: what it does to values.
        grids: by name, at least one.
        constants: of the file; real limits are added.
        names: of the file.

    Raises:
        Refused: M004 for operators that compute with codes, Q006 where codes of two kinds meet.
    """
    if not effect.takes_codes:
        raise unsupported(
            f"it computes with the integers of {quoted(next(iter(grids)))}",
            "put DequantizeLinear before it and QuantizeLinear behind it",
        )
    if len({grid.params for grid in grids.values()}) > 1:
        why = "it joins integers of different scales: " + ", ".join(
            f"{quoted(name)} has {grid.params.step:.9g} and {grid.params.zero_point}"
            for name, grid in grids.items()
        )
        raise Refused("Q006", why, "use QLinearConcat, or dequantize before the operator")
    grid = next(iter(grids.values()))
    inputs = list(node.inputs)
    for position, code in effect.codes.items():
        if position < len(inputs) and inputs[position]:
            code = float(constants.value(inputs[position]).reshape(-1)[0])
        if code is None:
            continue
        name = names.claim(f"{node.output} [real {position}]")
        constants.define(name, freeze(np.array(grid.real(code), np.float32)))
        inputs += [""] * (position + 1 - len(inputs))
        inputs[position] = name
    return tuple(inputs)
