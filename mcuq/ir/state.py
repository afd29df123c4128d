"""What is true of the state of a program: when it may change, and what it can hold."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.program import CodeRange, ProgramState, ProgramTensor, Step


def changes_in_order(
    tensors: Sequence[ProgramTensor], steps: Sequence[Step], before: int, after: int
) -> bool:
    """Whether state may change where `after` is written: no step reads the old value then or later.

    The writer itself may read it in place.

    Args:
        tensors: of a program.
        steps: in order.
        before: the tensor that holds the old value.
        after: the tensor of the new one.
    """
    old, new = tensors[before].storage, tensors[after].storage
    is_written = False
    for step in steps:
        read = [number for number, tensor in enumerate(step.inputs) if tensors[tensor].storage == old]
        written = [tensors[tensor].storage for tensor in step.outputs]
        is_in_place = written[0] == new and set(read) <= set(step.op.in_place_inputs)
        if read and (is_written or (new in written and not is_in_place)):
            return False
        is_written |= new in written
    return True


def state_codes(steps: Sequence[Step], tensors: Sequence[ProgramTensor], state: ProgramState) -> CodeRange:
    """The smallest and largest code that a state can hold: the initial ones, and what its step computes."""
    lo, hi = int(state.initial.min()), int(state.initial.max())
    storage = tensors[state.after].storage
    for step in steps:
        for output, (least, most) in zip(step.outputs, step.op.code_ranges(), strict=True):
            if tensors[output].storage == storage:
                lo, hi = min(lo, least), max(hi, most)
    return lo, hi
