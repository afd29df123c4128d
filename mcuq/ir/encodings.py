"""Quantization parameters that come from outside: what a file says about tensors, by the file's names."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mcuq.ir.program import RangeSource, SeenTensor
from mcuq.ir.types import Array, QuantParams


class Outcome(enum.Enum):
    """What became of a parameter."""

    USED = "used"  # bit for bit
    CHANGED = "changed"
    IGNORED = "ignored"
    OWN = "own"  # the file says nothing; mcuq chose


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """What became of the parameters of one tensor.

    Args:
        tensor: its name in the file.
        what: "activation", "weights", "bias" or "constant".
        outcome: what became of them.
        detail: the parameters, or the reason.
    """

    tensor: str
    what: str
    outcome: Outcome
    detail: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ConstantEncoding:
    """How a constant is quantized.

    Args:
        scale: float32-exact, one or one per output channel.
        zero_point: as many, moved to the signed type.
        axis: of the scales in the file's layout, None where unknown or where there is one scale.
        codes: int8 or int32 codes as stored, moved to the signed type; None where only scales are known.
        limits: the smallest and largest code that rounding to these scales may give.
        bits: of a code in the file, 4, 8 or 16; those of a bias do not count.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None
    codes: Array | None = None
    limits: tuple[int, int] = (-128, 127)
    bits: int = 8

    @property
    def is_symmetric(self) -> bool:
        """Whether real zero is code zero everywhere."""
        return not any(self.zero_point)


def _empty() -> MappingProxyType[str, Any]:
    return MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Encodings:
    """The parameters of a file.

    Args:
        activations: per tensor, by the name that the tensor has in the model.
        constants: by the name of the constant.
        same_as: names in `activations` that are other names of a tensor, or of a tensor of the same codes.
        layers: weights by the name of the layer's output, where a file names weights so.
        notes: what reading the file changed or ignored already.
        changes: what reading changed, by tensor.
        origin: what the file is, for messages.
        ranges: where ranges of activations came from.
        recorded: options of the build that the parameters come from.
        seen: what the calibration of that build saw.
    """

    activations: Mapping[str, QuantParams]
    constants: Mapping[str, ConstantEncoding]
    same_as: Mapping[str, str] = dataclasses.field(default_factory=_empty)
    layers: Mapping[str, ConstantEncoding] = dataclasses.field(default_factory=_empty)
    notes: tuple[Note, ...] = ()
    changes: Mapping[str, str] = dataclasses.field(default_factory=_empty)
    origin: str = "the model"
    ranges: RangeSource = RangeSource.EMBEDDED
    recorded: tuple[tuple[str, str], ...] = ()
    seen: tuple[SeenTensor, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.activations or self.constants or self.layers)

    def recorded_beside(self, options: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """The recorded options that those of this build say nothing about: how images became values."""
        own = {name for name, _ in options}
        return tuple(
            pair for pair in self.recorded if pair[0] not in own and not pair[0].startswith("adjusted.")
        )
