"""Start an operator: its Python file, its kernel and its test, which fails until they are filled in.

Usage: python tools/new_op.py hard_sigmoid
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

OP = '''"""TODO one line: what @name@ is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule
from mcuq.ir.program import StepOp
from mcuq.ir.types import Array, Shape


@dataclasses.dataclass(frozen=True, slots=True)
class @Name@(Op):
    """TODO the formula in real values; shapes of the inputs."""

    kind: ClassVar[str] = "@name@"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED  # TODO docs/numerics.md, R4
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """TODO the output's shape; ShapeError where the inputs do not fit."""
        return shapes[0]

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> @Name@Step:
        """TODO the integer parameters, with every bound proven (R6)."""
        raise NotImplementedError("@name@: compute the integer parameters")


@dataclasses.dataclass(frozen=True, slots=True)
class @Name@Step(StepOp):
    """TODO the formula in codes. Source: docs/numerics.md, the table of operators."""

    kind: ClassVar[str] = "@name@"

    def infer(self, *shapes: Shape) -> Shape:
        """TODO as the operator's."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """TODO the smallest and largest code of the output."""
        return -128, 127

    def run(self, *xs: Array) -> Array:
        """TODO X `[samples, ...]` to y; exact, in integers: this is the definition."""
        raise NotImplementedError("@name@: define the operator")
'''

KERNEL = """/*
 * TODO one line, int8.
 */
#ifndef MCUQ_@NAME@_S8_H
#define MCUQ_@NAME@_S8_H

#include "mcuq_common.h"

/* Shapes: TODO. */
typedef struct {
    int32_t count;
} mcuq_@name@_s8_params;

/* TODO the formula. x and y do not overlap. */
MCUQ_KERNEL void mcuq_@name@_s8(const mcuq_@name@_s8_params *p, const int8_t *restrict x, int8_t *restrict y)
{
#error "TODO: compute what @Name@Step.run computes"
}

#endif
"""

TEST = '''"""@name@: make these pass, and fill in the TODOs of its operator and of its kernel."""

from pathlib import Path

import numpy as np
import pytest

from mcuq.kernels.registry import isa_variants
from mcuq.ops.onnx.registry import readers
from mcuq.ops.@name@ import @Name@, @Name@Step
from mcuq.ops.registry import GRAPH_OPS, STEP_OPS

ROOT = Path(__file__).resolve().parents[2]


def test_@name@_is_registered():
    assert GRAPH_OPS["@name@"] is @Name@
    assert STEP_OPS["@name@"] is @Name@Step


def test_@name@_has_a_kernel():
    assert @Name@Step in [variant.step_op for variant in isa_variants("portable")]


def test_@name@_is_imported():
    assert "@Name@" in readers(), "rename this to the ONNX operator it comes from"


def test_@name@_is_in_the_law():
    assert "@name@" in (ROOT / "docs" / "numerics.md").read_text("utf-8")


def test_@name@_has_no_todo_left():
    for path in ("mcuq/ops/@name@.py", "targets/portable/kernels/mcuq_@name@_s8.h"):
        assert "TODO" not in (ROOT / path).read_text("utf-8"), path


def test_@name@_gives_known_codes():
    pytest.fail("compute a few codes by hand from the formula, extremes and ties among them")
    np.testing.assert_array_equal([[0]], @Name@Step().run(np.array([[0]], np.int8)))
'''


def skeleton(name: str) -> dict[Path, str]:
    """Text by path for an operator called `snake_case`."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    texts = {
        f"mcuq/ops/{name}.py": OP,
        f"targets/portable/kernels/mcuq_{name}_s8.h": KERNEL,
        f"tests/ops/test_{name}.py": TEST,
    }
    return {
        ROOT / path: text.replace("@name@", name).replace("@Name@", camel).replace("@NAME@", name.upper())
        for path, text in texts.items()
    }


def main() -> int:
    """Write the files; refuse a bad name and files that exist."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        print("usage: make new-op NAME=snake_case, for instance NAME=hard_sigmoid", file=sys.stderr)
        return 2
    files = skeleton(name)
    for path in files:
        if path.exists():
            print(f"error: {path.relative_to(ROOT)} exists", file=sys.stderr)
            return 2
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    print("now follow 'Adding an operator' in CONTRIBUTING.md, from its first step")
    return 0


if __name__ == "__main__":
    sys.exit(main())
