"""A program without the channels that no output depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from mcuq.eliminate.bounds import program_bounds, view_bounds
from mcuq.eliminate.keep import MultipleOf, kept_channels
from mcuq.eliminate.report import describe_dropped
from mcuq.ir.channels import Bounds, channel_count
from mcuq.ir.plan import DroppedChannels
from mcuq.ir.program import Program, ProgramTensor
from mcuq.ir.store import check_program
from mcuq.ir.types import Array, elem_count

# The analysis costs about as much as simulating four samples: what no microcontroller holds or runs stays as
# it is, so that a stored program from anyone can be opened.
LARGEST_TENSOR = 1 << 22
MAX_OPERATIONS = 1 << 31


@dataclasses.dataclass(frozen=True)
class Elimination:
    """What eliminating channels gave.

    Args:
        program: the same outputs from fewer channels; tensors, steps and ports have the numbers they had.
        kept: for each tensor which of its channels stayed, bool `[channels]`.
        dropped: what went, by step.
    """

    program: Program
    kept: tuple[Array, ...]
    dropped: tuple[DroppedChannels, ...]


def eliminate_channels(program: Program, multiple_of: MultipleOf = lambda _: 1) -> Elimination:
    """Drop channels that are constant or unread; every output keeps every bit.

    Args:
        program: any sound one; what it says of `keeps_channels` is for the caller.
        multiple_of: what the channels of an operator's inputs should be a multiple of; as many droppable ones
            stay as that takes, and none where there are too few.

    Source: docs/numerics.md, R7; docs/adr/0005.
    """
    if not _is_small(program):
        return Elimination(program, (), ())
    bounds = whole_bounds = program_bounds(program)
    smaller, kept = program, tuple(np.ones(channel_count(each.shape), np.bool_) for each in program.tensors)
    masks = kept_channels(program, bounds, multiple_of)
    # A second round finds more where groups went: a convolution that is dense then folds constants.
    while not _are_all(masks):
        smaller = _without(smaller, masks, bounds)
        bounds = {tensor: _narrow_bounds(each, masks[tensor]) for tensor, each in bounds.items()}
        kept = tuple(_among(before, mask) for before, mask in zip(kept, masks, strict=True))
        masks = kept_channels(smaller, bounds, multiple_of)
    if smaller is program:
        return Elimination(program, kept, ())
    # Every proof that lowering owed is made again for what is built.
    check_program(smaller)
    return Elimination(smaller, kept, tuple(describe_dropped(program, smaller, kept, whole_bounds)))


def _are_all(masks: Iterable[Array]) -> bool:
    return all(mask.all() for mask in masks)


def _is_small(program: Program) -> bool:
    tensors = program.tensors
    work = sum(step.op.operations(tensors[step.output].shape) for step in program.steps)
    return work <= MAX_OPERATIONS and all(elem_count(tensor.shape) <= LARGEST_TENSOR for tensor in tensors)


def _without(program: Program, kept: tuple[Array, ...], bounds: Mapping[int, Bounds]) -> Program:
    """The program on the channels that stay; `bounds` are of the program with all of them."""
    steps = []
    for step in program.steps:
        masks, mask = [kept[tensor] for tensor in step.inputs], kept[step.output]
        if not _are_all((*masks, mask)):
            inputs = [view_bounds(program, bounds, tensor) for tensor in step.inputs]
            step = dataclasses.replace(step, op=step.op.select(masks, mask, inputs))
        steps.append(step)
    tensors = tuple(_narrow_tensor(each, mask) for each, mask in zip(program.tensors, kept, strict=True))
    return dataclasses.replace(program, tensors=tensors, steps=tuple(steps))


def _narrow_tensor(tensor: ProgramTensor, kept: Array) -> ProgramTensor:
    if not tensor.shape:
        return tensor
    return dataclasses.replace(tensor, shape=(*tensor.shape[:-1], int(kept.sum())))


def _narrow_bounds(bounds: Bounds, kept: Array) -> Bounds:
    """The bounds of the channels that stay: dropped ones were constant, and are in the bias."""
    return Bounds(bounds.lo[..., kept], bounds.hi[..., kept]) if bounds.lo.ndim else bounds


def _among(before: Array, mask: Array) -> Array:
    """A mask over all channels from a mask over those that are left."""
    kept = before.copy()
    kept[before] = mask
    return kept
