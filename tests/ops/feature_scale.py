"""Scale and shift of features: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.feature_scale import FeatureScaleStep
from tests.ops import randoms
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator


def example(rng: Random, rounding: Rounding, x_type: DType) -> Example:
    """Offsets inside and far outside the codes, features that vanish and that saturate."""
    features = rng.choice([1, 2, 3, 8, 13])
    most = 2**17 - 2**15
    offset = [
        rng.choice([0, rng.randint(x_type.qmin, x_type.qmax), rng.choice([-most, most])])
        for _ in range(features)
    ]
    scale = randoms.requant(rng, [2**17] * features, rounding, [x_type.qmax] * features)
    op = FeatureScaleStep(x_type, np.array(offset, np.int32), scale, randoms.zero_point(rng))
    shape = (*rng.choice([(), (1,), (3,), (2, 2)]), features)
    return Example(op, (shape,), (max(min(offset[0], x_type.qmax), x_type.qmin),), (x_type,))


def feature_scale_example(rng: Random, rounding: Rounding) -> Example:
    return example(rng, rounding, DType.INT8)


def wide_feature_scale_example(rng: Random, rounding: Rounding) -> Example:
    return example(rng, rounding, DType.INT16)


def feature_scale(op: Any, x: Any) -> Any:
    if isinstance(x[0], list):
        return [feature_scale(op, row) for row in x]
    return [
        clamp(requant(q - offset, op.requant, f) + op.y_zero_point, -128, 127)
        for f, (q, offset) in enumerate(zip(x, op.offset.tolist(), strict=True))
    ]


_CHANGES = (
    "x[f] - p->offset[f] => x[f] + p->offset[f]",
    "p->multiplier[f] => p->multiplier[0]",
    "p->shift[f] => p->shift[0]",
    " + p->y_zero_point, => ,",
    "x = &x[p->features]; => ",
)

EXAMPLES: Mapping[str, Generator] = {"feature_scale": feature_scale_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"feature_scale": wide_feature_scale_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"feature_scale": feature_scale}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_feature_scale_s8": _CHANGES,
    "mcuq_feature_scale_s16": _CHANGES,
}
