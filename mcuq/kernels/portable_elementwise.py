"""Portable kernels that work element by element."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Shape, elem_count
from mcuq.kernels.strides import broadcast_strides, merge_axes
from mcuq.kernels.variant import AnyVariant, StepShapes, Variant
from mcuq.ops.argmax import ArgMaxStep
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.table import TableStep
from mcuq.ops.unary import ClipStep

Fields = tuple[tuple[str, int], ...]


def _differ(site: StepShapes) -> str | None:
    shapes = {*site.inputs, site.output}
    return None if len(shapes) == 1 else f"the shapes differ: {', '.join(map(str, site.inputs))}"


def _broadcast_axes(site: StepShapes) -> tuple[Shape, tuple[tuple[int, ...], ...]]:
    strides = [broadcast_strides(shape, site.output) for shape in site.inputs]
    return merge_axes(site.output, strides)


def _too_deep(site: StepShapes) -> str | None:
    axes = len(_broadcast_axes(site)[0])
    return f"it needs {axes} loops, the kernel has 4" if axes > 4 else None


def _broadcast_fields(site: StepShapes) -> Fields:
    sizes, (a, b) = _broadcast_axes(site)
    missing = 4 - len(sizes)
    columns = (
        ("size", (1,) * missing + sizes),
        ("a_stride", (0,) * missing + a),
        ("b_stride", (0,) * missing + b),
    )
    return tuple((f"{name}_{axis}", value) for name, values in columns for axis, value in enumerate(values))


def _add_fields(op: AddStep) -> Fields:
    operands = (
        ("a", op.a_zero_point, op.a_requant),
        ("b", op.b_zero_point, op.b_requant),
        ("y", op.y_zero_point, op.y_requant),
    )
    fields: Fields = (("sign", -1 if op.is_subtraction else 1),)
    for name, zero_point, scale in operands:
        fields += (
            (f"{name}_zero_point", zero_point),
            (f"{name}_multiplier", scale.multiplier[0]),
            (f"{name}_shift", scale.shift[0]),
        )
    return (*fields, ("lo", op.lo), ("hi", op.hi))


def _mul_fields(op: MulStep) -> Fields:
    return (
        ("a_zero_point", op.a_zero_point),
        ("b_zero_point", op.b_zero_point),
        ("y_zero_point", op.y_zero_point),
        ("multiplier", op.requant.multiplier[0]),
        ("shift", op.requant.shift[0]),
        ("lo", op.lo),
        ("hi", op.hi),
    )


class PortableAdd(Variant[AddStep]):
    """Addition of equal shapes."""

    kernel: ClassVar[str] = "mcuq_add_s8"
    step_op = AddStep

    def refuse(self, op: AddStep, site: StepShapes) -> str | None:
        """Equal shapes only."""
        return _differ(site)

    def call(self, op: AddStep, site: StepShapes) -> KernelCall:
        """Three requantizations per element."""
        return KernelCall(self.kernel, (("count", elem_count(site.output)), *_add_fields(op)), ())


class PortableAddBroadcast(Variant[AddStep]):
    """Addition with broadcasting."""

    kernel: ClassVar[str] = "mcuq_add_broadcast_s8"
    step_op = AddStep

    def refuse(self, op: AddStep, site: StepShapes) -> str | None:
        """Up to four loops."""
        return _too_deep(site)

    def call(self, op: AddStep, site: StepShapes) -> KernelCall:
        """Strides of 0 repeat an operand."""
        return KernelCall(self.kernel, (*_broadcast_fields(site), *_add_fields(op)), ())


class PortableMul(Variant[MulStep]):
    """Multiplication of equal shapes."""

    kernel: ClassVar[str] = "mcuq_mul_s8"
    step_op = MulStep

    def refuse(self, op: MulStep, site: StepShapes) -> str | None:
        """Equal shapes only."""
        return _differ(site)

    def call(self, op: MulStep, site: StepShapes) -> KernelCall:
        """One requantization per element."""
        return KernelCall(self.kernel, (("count", elem_count(site.output)), *_mul_fields(op)), ())


class PortableMulBroadcast(Variant[MulStep]):
    """Multiplication with broadcasting."""

    kernel: ClassVar[str] = "mcuq_mul_broadcast_s8"
    step_op = MulStep

    def refuse(self, op: MulStep, site: StepShapes) -> str | None:
        """Up to four loops."""
        return _too_deep(site)

    def call(self, op: MulStep, site: StepShapes) -> KernelCall:
        """Strides of 0 repeat an operand."""
        return KernelCall(self.kernel, (*_broadcast_fields(site), *_mul_fields(op)), ())


class PortableClip(Variant[ClipStep]):
    """Limits on codes."""

    kernel: ClassVar[str] = "mcuq_clip_s8"
    step_op = ClipStep

    def call(self, op: ClipStep, site: StepShapes) -> KernelCall:
        """No constants."""
        return KernelCall(self.kernel, (("count", elem_count(site.output)), ("lo", op.lo), ("hi", op.hi)), ())


class PortableTable(Variant[TableStep]):
    """Any function of one code."""

    kernel: ClassVar[str] = "mcuq_table_s8"
    step_op = TableStep

    def call(self, op: TableStep, site: StepShapes) -> KernelCall:
        """The table as it is."""
        table = CArray("table", op.table, "y for x = -128 to 127")
        return KernelCall(self.kernel, (("count", elem_count(site.output)),), (table,))


class PortableArgMax(Variant[ArgMaxStep]):
    """Index of the largest code."""

    kernel: ClassVar[str] = "mcuq_argmax_s8"
    step_op = ArgMaxStep

    def call(self, op: ArgMaxStep, site: StepShapes) -> KernelCall:
        """No constants."""
        shape = site.inputs[0]
        return KernelCall(self.kernel, (("rows", elem_count(shape[:-1])), ("count", shape[-1])), ())


ELEMENTWISE: tuple[AnyVariant, ...] = (
    PortableAdd(),
    PortableAddBroadcast(),
    PortableMul(),
    PortableMulBroadcast(),
    PortableClip(),
    PortableTable(),
    PortableArgMax(),
)
