"""Random programs with dead channels: whatever goes, every channel that stays has every bit."""

import dataclasses
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.constant import ConstantStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from mcuq.ops.pad import PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.resize import ResizeNearestStep
from mcuq.ops.softmax import SoftmaxStep
from mcuq.ops.table import TableStep
from mcuq.ops.unary import ClipStep
from mcuq.ops.window import Window
from tests.builders import ProgramBuilder, quant, random_codes
from tests.eliminate.networks import check_elimination
from tests.ops import randoms

MAX_STEPS = 12
ROUNDING = Rounding.DOUBLE


class Grower:
    """Grows a program of images `[1, h, w, c]`, many of whose channels are constant or unread."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.values = np.random.default_rng(seed)
        self.builder = ProgramBuilder()
        shape = (1, self.rng.randint(1, 6), self.rng.randint(1, 6), self.rng.randint(1, 4))
        self.images = [self.builder.input(shape, quant(zero_point=randoms.zero_point(self.rng)))]
        self.read: set[int] = set()

    def shape(self, tensor):
        return self.builder.tensors[tensor].shape

    def step(self, op, *inputs):
        self.read |= set(inputs)
        made = self.builder.step(op, *inputs)
        if len(self.shape(made)) == 4:
            self.images.append(made)
        return made

    def weighted(self, shape):
        """Weights with zero filters and zero columns; biases that kill a ReLU; zero points that meet."""
        params = randoms.weighted(self.rng, shape, ROUNDING)
        columns = self.values.random(shape[-1]) < self.rng.choice([1.0, 1.0, 0.7])
        bias, lo, hi = params.bias.astype(np.int64), params.lo, params.hi
        if self.rng.random() < 0.6:
            lo = self.rng.choice([-128, params.y_zero_point, self.rng.randint(-128, hi)])
            lo = min(lo, hi)
            dead = self.values.random(len(bias)) < 0.5
            bias = np.where(
                dead, -np.abs(params.weights.astype(np.int64)).reshape(len(bias), -1).sum(1) * 256, bias
            )
        return dataclasses.replace(
            params,
            weights=(params.weights * columns).astype(np.int8),
            bias=np.clip(bias, -(2**24), 2**24).astype(np.int32),
            requant=Requant((2**30,) * len(bias), (self.rng.randint(-9, 0),) * len(bias), ROUNDING),
            x_zero_point=self.rng.choice([params.x_zero_point, lo, -128]),
            lo=lo,
        )

    def conv(self, x):
        c = self.shape(x)[3]
        groups = self.rng.choice([1, 1, 1, *[g for g in range(1, c + 1) if c % g == 0]])
        window = randoms.window(self.rng, *self.shape(x)[1:3])
        filters = groups * self.rng.choice([1, 2, 3, 6 if groups == 1 else 1])
        params = self.weighted((filters, *window.kernel, c // groups))
        if groups == c and c > 1:
            return self.step(DepthwiseStep(params, window), x)
        return self.step(ConvStep(params, window, groups), x)

    def elementwise(self, x):
        table = self.values.integers(-128, 128, 256).astype(np.int8)
        lo = self.rng.randint(-128, 127)
        return self.step(self.rng.choice([ClipStep(lo, self.rng.randint(lo, 127)), TableStep(table)]), x)

    def pool(self, x):
        size = self.shape(x)[1:3]
        window = randoms.window(self.rng, *size, dilations=False)
        inner = randoms.window(self.rng, *size, pads=False, dilations=False)
        mean = MeanStep(inner, 0, 3, Requant((2**30,), (-2,), ROUNDING), -128, 127)
        average = AveragePoolStep(window, self.rng.random() < 0.5, 5, -128, 127)
        return self.step(self.rng.choice([MaxPoolStep(window, -128, 127), average, mean]), x)

    def move(self, x):
        n, h, w, c = self.shape(x)
        border = tuple((0, self.rng.randint(0, 1)) for _ in range(3))
        first, stride = self.rng.randint(0, c - 1), self.rng.choice([1, 1, 2])
        ops = [
            PadStep(((0, 0), *border[:2], self.rng.choice([(0, 0), border[2]])), 3, -128, 127),
            TransposeStep(self.rng.choice([(0, 2, 1, 3), (0, 2, 1, 3), (0, 3, 1, 2)]), -128, 127),
            SliceStep((0, 0, 0, first), (n, h, w, c), (1, 1, 1, stride), -128, 127),
            ResizeNearestStep((*range(h), 0), tuple(range(w)), -128, 127),
        ]
        return self.step(self.rng.choice(ops), x)

    def join(self, x):
        """With another image of that shape, with itself behind a layer, or with a constant."""
        shape = self.shape(x)
        half = Requant((2**30,), (0,), ROUNDING)
        limits = randoms.limits(self.rng)
        add = AddStep(
            1, 2, 3, half, half, Requant((2**30,), (-19,), ROUNDING), self.rng.random() < 0.3, *limits
        )
        mul = MulStep(1, 2, 3, Requant((2**30,), (-6,), ROUNDING), *limits)
        same = [other for other in self.images if self.shape(other) == shape]
        window = Window((1, 1))
        kind = self.rng.random()
        if kind < 0.3:
            codes = random_codes(self.values, *self.rng.choice([(shape[3],), (1, 1, 1, shape[3]), (1,)]))
            other = self.builder.step(ConstantStep(codes))
        elif kind < 0.6:
            other = self.step(ConvStep(self.weighted((shape[3], 1, 1, shape[3])), window, 1), x)
        else:
            other = self.rng.choice(same)
        if kind > 0.9:
            return self.step(ConcatStep(3, -128, 127), x, other)
        return self.step(self.rng.choice([add, add, mul]), x, other)

    def finish(self):
        """Fully connected layers, softmax, or the images as they are, on what nothing reads."""
        ends = [tensor for tensor in self.images[1:] if tensor not in self.read] or self.images[-1:]
        for tensor in ends:
            kind = self.rng.random()
            if kind < 0.6:
                shape = self.shape(tensor)
                size = shape[1] * shape[2] * shape[3]
                flat = self.builder.tensor((1, size), storage=tensor)
                tensor = self.step(LinearStep(self.weighted((3, size))), flat)
            elif kind < 0.7:
                tensor = self.step(SoftmaxStep(2**30, 20, -256), tensor)
            self.builder.output(tensor)
        return self.builder.program()


def grow(seed):
    grower = Grower(seed)
    actions = [grower.conv] * 5 + [grower.elementwise, grower.pool, grower.move, grower.join, grower.join]
    for _ in range(grower.rng.randint(2, MAX_STEPS)):
        x = grower.images[-1] if grower.rng.random() < 0.7 else grower.rng.choice(grower.images)
        if np.prod(grower.shape(x)) < 400:
            grower.rng.choice(actions)(x)
    if len(grower.images) == 1:
        grower.conv(grower.images[0])
    return grower.finish()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4]))
def test_outputs_of_random_programs_do_not_change(seed, multiple):
    check_elimination(grow(seed), seed=seed, multiple=multiple)


def test_random_programs_have_something_to_drop():
    dropped = [each for seed in range(40) for each in check_elimination(grow(seed)).dropped]
    found = {reason.reason for each in dropped for reason in each.reasons}
    assert found == {"constant", "constant by position", "unread"}
    assert len(dropped) > 60
