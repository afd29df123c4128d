"""What an ONNX operator does to values and to their codes, for quantized models."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType

from mcuq.ir.types import Array
from mcuq.onnxio.node import OnnxNode


class Values(enum.Enum):
    """What a result holds, seen from the values that are read."""

    COMPUTED = "computed"
    # Values of input 0 alone, moved, repeated or left out. A limit counts as well: clipping codes gives the
    # code of the clipped value.
    TAKEN = "taken"
    VIEWED = "viewed"  # all values of input 0, in another shape or order of axes
    JOINED = "joined"  # the values of all inputs


class Merging(enum.Enum):
    """Kinds of operators by what passes merge them with; a quantization between the two would be lost."""

    ANYTHING = "anything"  # scales, shifts and functions of one element: with whatever is beside them
    LAYERS = "layers"  # layers: not with each other
    MEANS = "means"  # with other means
    SUMS = "sums"  # with other sums; a sum with a constant is a shift
    NOTHING = "nothing"  # what joins tensors or ends a model


# The value of a constant by its name, None for what is computed at run time.
FindConstant = Callable[[str], Array | None]


def _always(node: OnnxNode, constant: FindConstant) -> bool:
    return True


def _any_form(node: OnnxNode) -> bool:
    return True


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What an operator does to values and to their codes.

    Args:
        values: what its result holds.
        merging: what passes merge it with.
        takes_codes: whether it does the same to codes as to real values.
        codes: positions of inputs that are codes besides input 0, with the code that stands where one is
            left out, None where nothing does.
        keeps_values: whether a node's attributes and constants let its result hold what `values` says.
        is_of: whether all this is true of a node, by its attributes; of others nothing is known.
    """

    values: Values = Values.COMPUTED
    merging: Merging = Merging.ANYTHING
    takes_codes: bool = False
    codes: Mapping[int, float | None] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    keeps_values: Callable[[OnnxNode, FindConstant], bool] = _always
    is_of: Callable[[OnnxNode], bool] = _any_form


LAYER = Effect(merging=Merging.LAYERS)
AVERAGING = Effect(merging=Merging.MEANS)
SUM = Effect(merging=Merging.SUMS)
TAKING = Effect(Values.TAKEN, takes_codes=True)
VIEW = Effect(Values.VIEWED, takes_codes=True)
UNKNOWN = Effect()
