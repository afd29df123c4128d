"""Start an operator: every file that it consists of, with stubs that fail by name until they are filled in.

Usage: python tools/new_op.py channel_prelu
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGISTRY, LAW = "mcuq/ops/registry.py", "docs/numerics.md"

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
    """TODO the formula in real values; shapes of the inputs.

    TODO a base of mcuq/ir/traits.py that fits, and what of mcuq/ir/op.py it can allow: transposes that move
    through it, a clamp that it takes, limits of its values. All that is left out stays forbidden.
    """

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
    """TODO the formula in codes, and a base of mcuq/ops/channels.py if it computes channel by channel.

    Source: docs/numerics.md, the table of operators.
    """

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

ONNX = '''"""TODO one line: what ONNX has of @name@."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.ops.@name@ import @Name@, @Name@Step
from mcuq.ops.onnx.family import Family


def read_@name@(ctx: ImportContext, node: OnnxNode) -> None:
    """TODO the first line is the manual."""
    ctx.emit(@Name@(), (ctx.activation(node.input(0)),), node.output)


def write_@name@(writer: OnnxWriter, node: Node) -> None:
    """TODO as a float node."""
    raise NotImplementedError("@name@: write the float node")


def write_@name@_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """TODO as a float node between quantizations."""
    raise NotImplementedError("@name@: write the step of a quantized model")


# TODO ONNX's name of the operator; `accepts` where another family reads other forms of it.
FAMILY = Family(
    readers=(Reader(read_@name@, ("@Name@",)),),
    writers={@Name@: write_@name@},
    step_writers={@Name@Step: write_@name@_step},
)
'''

VARIANT = '''"""TODO one line: @name@ in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.@name@ import @Name@Step


class Portable@Name@(Variant[@Name@Step]):
    """TODO how it computes."""

    kernel: ClassVar[str] = "mcuq_@name@_s8"

    def call(self) -> KernelCall:
        """TODO the members of the kernel's struct, in order, and the constants it points to."""
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), ())


VARIANTS: tuple[VariantType, ...] = (Portable@Name@,)
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
MCUQ_CALLED void mcuq_@name@_s8(const mcuq_@name@_s8_params *p, const int8_t *restrict x, int8_t *restrict y)
{
#error "TODO: compute what @Name@Step.run computes"
}

#endif
"""

EXAMPLES = '''"""@Name@: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.@name@ import @Name@Step
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def @name@_example(rng: Random, rounding: Rounding) -> Example:
    """TODO random parameters in which extremes, ties and left shifts are common, see tests/ops/randoms.py."""
    return Example(@Name@Step(), (randoms.any_shape(rng),), (0,))


def @name@(op: Any, x: Any) -> Any:
    """TODO the row of docs/numerics.md, element by element, with the functions of tests/ops/plain.py."""
    raise NotImplementedError("@name@: define the operator in plain integers")


EXAMPLES: Mapping[str, Generator] = {"@name@": @name@_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"@name@": @name@}
# TODO small changes of the kernel that the examples must notice, as "found => put in its place".
MUTANTS: Mapping[str, Sequence[str]] = {"mcuq_@name@_s8": ()}
'''

ROW = "| @name@ | TODO multipliers | TODO definition |"

FILES = {
    "mcuq/ops/@name@.py": OP,
    "mcuq/ops/onnx/@name@.py": ONNX,
    "mcuq/kernels/portable/@name@.py": VARIANT,
    "targets/portable/kernels/mcuq_@name@_s8.h": KERNEL,
    "tests/ops/@name@.py": EXAMPLES,
}


def filled(text: str, name: str) -> str:
    """A template for an operator called `snake_case`."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("@name@", name).replace("@Name@", camel).replace("@NAME@", name.upper())


def skeleton(name: str) -> dict[Path, str]:
    """The text of every new file by path."""
    return {ROOT / filled(path, name): filled(text, name) for path, text in FILES.items()}


def with_row(law: str, name: str) -> str:
    """The law with a row at the end of the table of operators."""
    before, table = law.split("### The table of operators")
    _, start, rows, rest = table.split("\n\n", 3)
    return f"{before}### The table of operators\n\n{start}\n\n{rows}\n{filled(ROW, name)}\n\n{rest}"


def with_line(registry: str, name: str) -> str:
    """The registry with a line at the end of `FAMILIES`."""
    before, rest = registry.split("FAMILIES: tuple[str, ...] = (\n")
    lines, behind = rest.split(")\n", 1)
    return f'{before}FAMILIES: tuple[str, ...] = (\n{lines}    "{name}",\n)\n{behind}'


def main() -> int:
    """Write the files; refuse a bad name and files that exist."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        print("usage: make new-op NAME=snake_case, for instance NAME=channel_prelu", file=sys.stderr)
        return 2
    files = skeleton(name)
    for path in files:
        if path.exists():
            print(f"error: {path.relative_to(ROOT)} exists", file=sys.stderr)
            return 2
    for path, text in files.items():
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for where, change in ((LAW, with_row), (REGISTRY, with_line)):
        path = ROOT / where
        path.write_text(change(path.read_text("utf-8"), name), "utf-8")
        print(f"added a line to {where}")
    print("now fill in every TODO: 'Adding an operator' in CONTRIBUTING.md says how")
    return 0


if __name__ == "__main__":
    sys.exit(main())
