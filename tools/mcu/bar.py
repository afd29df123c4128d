"""What a layer may cost on a Cortex-M4, and which layers cost more."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from mcu.networks import Measured
from mcuq.ir.plan import Plan
from mcuq.ir.program import Step

PER_MAC, PER_OUTPUT = 3, 25
# What is computed once a layer, whatever its size: a few outputs cannot pay for it.
PER_LAYER = 600


@dataclasses.dataclass(frozen=True)
class Cliff:
    """A layer that costs more than the bar.

    Args:
        model: its C name.
        layer: its name.
        kernel: what computes it.
        shapes: of its inputs and its output.
        work: products, or elements that a window reads.
        outputs: elements of its outputs.
        cycles: what it takes.
    """

    model: str
    layer: str
    kernel: str
    shapes: str
    work: int
    outputs: int
    cycles: int

    @property
    def bar(self) -> int:
        """What it may cost."""
        return PER_MAC * self.work + PER_OUTPUT * self.outputs

    @property
    def times(self) -> float:
        """How many times the bar it costs."""
        return self.cycles / self.bar

    @property
    def is_small(self) -> bool:
        """Whether it is above the bar by no more than what any layer costs once."""
        return self.cycles <= self.bar + PER_LAYER


def every_layer(model: str, measured: Measured) -> Iterator[Cliff]:
    """All layers with what they may cost."""
    for index, layer in measured.by_step().items():
        step = measured.plan.program.steps[index]
        outputs = sum(math.prod(_shape(measured.plan, tensor)) for tensor in step.outputs)
        assert layer.cycles is not None
        yield Cliff(
            model=model,
            layer=layer.name,
            kernel=layer.kernel,
            shapes=_shapes(measured.plan, step),
            work=_work(measured.plan, step),
            outputs=outputs,
            cycles=layer.cycles,
        )


def _work(plan: Plan, step: Step) -> int:
    """Products; where there are none, what the step goes through beyond its outputs and reads to drop it."""
    output = _shape(plan, step.output)
    macs = step.op.macs(output)
    if macs:
        return macs
    operations = step.op.operations(output)
    return operations if operations > math.prod(output) else 0


def _shape(plan: Plan, tensor: int) -> tuple[int, ...]:
    return plan.program.tensors[tensor].shape


def _shapes(plan: Plan, step: Step) -> str:
    inputs = ", ".join("x".join(map(str, _shape(plan, tensor))) for tensor in step.inputs)
    window = getattr(step.op, "window", None) or getattr(step.op, "stamp", None)
    drawn = ""
    if window is not None:
        kernel, strides, dilations = (
            "x".join(map(str, getattr(window, name))) for name in ("kernel", "strides", "dilations")
        )
        drawn = f" {kernel}" + (f" /{strides}" if window.strides != (1, 1) else "")
        drawn += f" dilated {dilations}" if window.dilations != (1, 1) else ""
    groups = getattr(step.op, "groups", 1)
    drawn += f" in {groups} groups" if groups > 1 else ""
    return f"{inputs} -> {'x'.join(map(str, _shape(plan, step.output)))}{drawn}"
