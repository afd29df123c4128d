"""The program: steps with integer parameters only. What a step computes is defined by its `StepOp.run`."""

from __future__ import annotations

import abc
import dataclasses
import enum
import math
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import SPLIT_IT, Along, NotAlong, Pieces
from mcuq.ir.integer import Rounding
from mcuq.ir.kernel_set import KernelSet, LibraryTimes
from mcuq.ir.parts import Part
from mcuq.ir.types import OPTIONAL, SINGLE, Array, DType, QuantParams, Shape, elem_count, require
from mcuq.options import MAX_RECOMPUTE


class RangeSource(enum.Enum):
    """Where the activation ranges came from."""

    CALIBRATED = "calibrated"
    DATA_FREE = "batchnorm"  # the statistics of the model's normalizations
    SYNTHETIC = "synthetic"
    EMBEDDED = "embedded"  # the model is quantized
    IMPORTED = "imported"  # a file of encodings


class Optimize(enum.Enum):
    """What kernels are chosen for."""

    SPEED = "speed"  # the fewest cycles, whatever flash they take
    BALANCED = "balanced"  # the fewest cycles within limits of constants and code
    SIZE = "size"  # the fewest bytes of flash
    RAM = "ram"  # the smallest arena: layers are computed in strips of rows


CodeRange: TypeAlias = tuple[int, int]


def require_inside(ranges: tuple[CodeRange, ...], lo: int, hi: int) -> None:
    """Refuse inputs whose codes leave [lo, hi], the range that the operator goes by."""
    require(all(lo <= low and high <= hi for low, high in ranges), f"inputs in [{lo}, {hi}]")


def require_types(kind: str, found: Sequence[DType], *taken: DType) -> None:
    """Refuse inputs of other element types than an operator takes.

    Raises:
        ValueError: with both, for instance "add takes int8 inputs, found int16".
    """
    others = [dtype.value for dtype in found if dtype not in taken]
    if others:
        names = " or ".join(dtype.value for dtype in taken)
        raise ValueError(f"{kind} takes {names} inputs, found {', '.join(dict.fromkeys(others))}")


class StepOp(abc.ABC):
    """Base of all integer operators; subclasses are frozen dataclasses of their integer parameters.

    An operator with one output implements `infer`, `run` and `code_range`; one with several derives from
    `SeveralOutputsStep`. Everything else asks for all outputs: `infer_outputs`, `run_outputs`, `code_ranges`.
    """

    kind: ClassVar[str]
    in_place_inputs: ClassVar[tuple[int, ...]] = ()  # inputs whose memory the output may take over
    chooses_type: ClassVar[bool] = False  # whether the output may be int8 or int16 whatever the inputs are

    @abc.abstractmethod
    def infer(self, *shapes: Shape) -> Shape:
        """The output shape for these input shapes, or ShapeError."""

    @abc.abstractmethod
    def run(self, *xs: Array) -> Array:
        """The definition of the operator: codes in, codes out.

        Args:
            xs: one array per input, `[samples, *input shape]`.

        Returns:
            `[samples, *output shape]`.
        """

    @abc.abstractmethod
    def code_range(self) -> CodeRange:
        """The smallest and largest code the output can take."""

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The shape of every output, or ShapeError."""
        return (self.infer(*shapes),)

    def run_outputs(self, *xs: Array) -> tuple[Array, ...]:
        """Every output of `run`."""
        return (self.run(*xs),)

    def code_ranges(self) -> tuple[CodeRange, ...]:
        """The smallest and largest code of every output."""
        return (self.code_range(),)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """The element type of every output for those of the inputs; by default int8 for int8.

        Raises:
            ValueError: for types that the operator does not take, see `require_types`.
        """
        require_types(self.kind, types, DType.INT8)
        return (DType.INT8,)

    def constant_types(self) -> tuple[DType, ...]:
        """The types in which its constants are stored; kernel variants say which of them they take."""
        return ()

    def check(self, *ranges: CodeRange) -> None:
        """Check what the operator relies on and cannot see in its own parameters.

        Args:
            ranges: the smallest and largest code of each input.

        Raises:
            ValueError: with what is needed.
        """
        del ranges  # most operators rely on nothing else

    def meant_codes(self, index: int) -> CodeRange | None:
        """The codes that an input is meant to hold where its type holds far more; None for all of them."""
        del index
        return None

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        """What it does along an axis of one of its inputs, whose columns come one after the other in time.

        Args:
            position: which input.
            axis: of that input.
            shapes: of all inputs.
        """
        del position, axis, shapes
        return NotAlong(f"nothing says what {self.kind} does along the axis of time", SPLIT_IT)

    def pieces(self, shape: Shape) -> Pieces | None:
        """How it is computed of an input `shape` whose rows come after each other; None where it is not."""
        del shape
        return None

    def macs(self, output: Shape) -> int:
        """Multiply-accumulates for one sample; `output` is the first output's shape, here and below."""
        return 0

    def operations(self, output: Shape) -> int:
        """How many elements `run` goes through for one sample, about."""
        return max(self.macs(output), elem_count(output))

    def weight_bytes(self) -> int:
        """Bytes of its weights as they are stored."""
        return 0

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Bounds of the output that hold whatever the inputs are, within theirs: one each, of its shape."""
        return _range_bounds(self, inputs)[0]

    def output_bounds(self, *inputs: Bounds) -> tuple[Bounds, ...]:
        """Bounds of every output of `bounds`."""
        return (self.bounds(*inputs),)

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """What each output channel needs, one link per input; None where every channel has to stay.

        Args:
            inputs: one per input; an operator that can fold constant channels does not need them.
        """
        del inputs
        return None

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> StepOp:
        """The same operator on the channels that stay, which `links` allows to be without the others.

        Args:
            inputs: for each input which of its channels stay, bool `[channels]`.
            output: likewise for the output.
            bounds: those of the inputs, all channels.
        """
        del inputs, output, bounds
        return self


class SeveralOutputsStep(StepOp):
    """Base of operators with several outputs: what `StepOp` says of one output is said of the first.

    Their channels all stay: `links` speaks of one output.
    """

    def infer(self, *shapes: Shape) -> Shape:
        """The first output's shape."""
        return self.infer_outputs(*shapes)[0]

    def run(self, *xs: Array) -> Array:
        """The first output."""
        return self.run_outputs(*xs)[0]

    def code_range(self) -> CodeRange:
        """The first output's codes."""
        return self.code_ranges()[0]

    @abc.abstractmethod
    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The shape of every output, or ShapeError."""

    @abc.abstractmethod
    def run_outputs(self, *xs: Array) -> tuple[Array, ...]:
        """The definition of the operator: one array per output, `[samples, *output shape]`."""

    @abc.abstractmethod
    def code_ranges(self) -> tuple[CodeRange, ...]:
        """The smallest and largest code of every output."""

    def output_bounds(self, *inputs: Bounds) -> tuple[Bounds, ...]:
        """Bounds of every output; by default no better than `code_ranges`."""
        return _range_bounds(self, inputs)


def _range_bounds(op: StepOp, inputs: Sequence[Bounds]) -> tuple[Bounds, ...]:
    """What is known of every output without looking at the inputs' bounds: its range of codes."""
    shapes = op.infer_outputs(*(x.lo.shape for x in inputs))
    types = op.output_types(*(DType(x.lo.dtype.name) for x in inputs))
    return tuple(
        Bounds(np.full(shape, lo, dtype.numpy), np.full(shape, hi, dtype.numpy))
        for shape, dtype, (lo, hi) in zip(shapes, types, op.code_ranges(), strict=True)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramTensor:
    """An activation of the program.

    Args:
        name: the model's name of it; arbitrary text.
        shape: device layout (NHWC).
        quant: per-tensor parameters.
        storage: index of the tensor whose memory it shares (itself, or what it is a reshape or a part of).
        offset: byte of that memory at which it starts.
        part: which bytes of which value it holds; None for a value of its own.
    """

    name: str
    shape: Shape
    quant: QuantParams
    storage: int
    offset: int = dataclasses.field(default=0, metadata={OPTIONAL: True})
    part: Part | None = dataclasses.field(default=None, metadata={OPTIONAL: True})

    @property
    def size_bytes(self) -> int:
        """Bytes that it occupies."""
        return self.quant.dtype.size_bytes(elem_count(self.shape))


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One integer operator applied to tensors; `layer`: of which step, cut into strips, it computes rows."""

    name: str
    op: StepOp
    inputs: tuple[int, ...]
    outputs: tuple[int, ...] = dataclasses.field(metadata={SINGLE: "output"})
    layer: int | None = dataclasses.field(default=None, metadata={OPTIONAL: True})

    def __post_init__(self) -> None:
        """Check that there is something to compute."""
        require(len(self.outputs) > 0, "an output")

    @property
    def output(self) -> int:
        """The first output: of most operators the only one."""
        return self.outputs[0]


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramPort:
    """An input or output of the program; see `mcuq.ir.graph.Port`."""

    name: str
    tensor: int
    model_shape: Shape
    perm: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ProgramState:
    """A tensor that lives from run to run, in memory of the caller.

    Args:
        name: the model's name of it; arbitrary text.
        before: the tensor that holds the value of the run before, or the initial one; no step writes it.
        after: what the next run finds, in the memory of `before`, by a step behind all others that read it.
        initial: codes of the first run, `[*shape]`.
    """

    name: str
    before: int
    after: int
    initial: Array


@dataclasses.dataclass(frozen=True, slots=True)
class SeenTensor:
    """What calibration saw of a float tensor, for comparison with later data; no code depends on it.

    Args:
        name: the model's name of it.
        lo: smallest real value it was quantized for.
        hi: largest one.
        smallest: smallest value seen.
        largest: largest value seen.
        mean: mean of the values seen.
        deviation: their standard deviation.
        saturation: share of them outside lo..hi.
    """

    name: str
    lo: float
    hi: float
    smallest: float
    largest: float
    mean: float
    deviation: float
    saturation: float

    def __post_init__(self) -> None:
        """Check that the numbers mean something."""
        numbers = (self.lo, self.hi, self.smallest, self.largest, self.mean, self.deviation, self.saturation)
        require(all(map(math.isfinite, numbers)), "finite statistics")
        require(self.lo <= self.hi and 0 <= self.saturation <= 1, "a range and a share")


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a program comes from.

    Args:
        model_sha256: hash of the model file.
        ranges: where activation ranges came from.
        options: the quantization options, sorted pairs.
        seen: what calibration saw of its tensors; programs of earlier versions have none.
    """

    model_sha256: str
    ranges: RangeSource
    options: tuple[tuple[str, str], ...]
    seen: tuple[SeenTensor, ...] = dataclasses.field(default=(), metadata={OPTIONAL: True})


@dataclasses.dataclass(frozen=True)
class Program:
    """A model in integers, for no target yet.

    Args:
        tensors: all activations.
        steps: in an order that computes every tensor before it is read.
        inputs: the model's inputs.
        outputs: the model's outputs.
        rounding: the requantization contract of every step.
        origin: where it comes from.
        keeps_channels: whether firmware computes every channel, also those that are constant or unread.
        optimize: what its kernels are chosen for.
        state: what lives from run to run.
        consumes_inputs: whether inputs lie in the arena, where a run overwrites them.
        max_recompute: of strips, how many times the multiply-accumulates of whole layers.
        kernels: whose they are, chosen by `library_times` where they are `KernelSet.AUTO`.
    """

    tensors: tuple[ProgramTensor, ...]
    steps: tuple[Step, ...]
    inputs: tuple[ProgramPort, ...]
    outputs: tuple[ProgramPort, ...]
    rounding: Rounding
    origin: Origin
    keeps_channels: bool = dataclasses.field(default=False, metadata={OPTIONAL: True})
    optimize: Optimize = dataclasses.field(default=Optimize.BALANCED, metadata={OPTIONAL: True})
    state: tuple[ProgramState, ...] = dataclasses.field(default=(), metadata={OPTIONAL: True})
    consumes_inputs: bool = dataclasses.field(default=False, metadata={OPTIONAL: True})
    max_recompute: float = dataclasses.field(default=MAX_RECOMPUTE, metadata={OPTIONAL: True})
    kernels: KernelSet = dataclasses.field(default=KernelSet.OWN, metadata={OPTIONAL: True})
    library_times: LibraryTimes | None = dataclasses.field(default=None, metadata={OPTIONAL: True})

    def storage(self, tensor: int) -> int:
        """The tensor that owns the memory of a tensor."""
        return self.tensors[tensor].storage

    @property
    def has_strips(self) -> bool:
        """Whether layers are computed in strips: then memory is written in parts, in the given order."""
        return bool(self.steps) and self.steps[0].layer is not None

    def value(self, tensor: int) -> Part:
        """Which bytes of which value a tensor holds."""
        return self.tensors[tensor].part or Part(self.storage(tensor), 0)
