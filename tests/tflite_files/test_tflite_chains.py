"""Int8 operators in a row: passes merge nothing whose integers would differ from TensorFlow Lite Micro's."""

import dataclasses

import numpy as np
import pytest

from tests.tflite_files.wheel import compare, noise
from tests.truth.tflite import SAME, Layer, Network, TensorInfo, write_network
from tests.truth.tflite_layers import activation, exactly

LENGTH = 7


class Chain:
    """A network under construction: one operator behind the other."""

    def __init__(self, rng):
        self.rng = rng
        self.tensors = [activation(rng, (1, 4, 6, 4), 2.0 ** rng.uniform(-6, -3))]
        self.layers = []
        self.last = 0

    @property
    def x(self):
        return self.tensors[self.last]

    def add(self, kind, options, constants, y, at=0):
        """An operator whose input `at` is the last tensor, between constants."""
        first = len(self.tensors)
        self.tensors += [*constants, y]
        inputs = list(range(first, first + len(constants)))
        inputs.insert(at, self.last)
        self.last = first + len(constants)
        self.layers.append(Layer(kind, options, tuple(inputs), self.last))

    def near(self, shape=None, spread=1.0):
        """An activation with parameters of its own, of about the scale of the last tensor."""
        shape = self.x.shape if shape is None else shape
        return activation(self.rng, shape, self.x.scale[0] * 2.0 ** self.rng.uniform(-spread, spread))

    def same(self, shape=None):
        return dataclasses.replace(self.x, shape=self.x.shape if shape is None else shape)

    def codes(self, shape, scale):
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        return TensorInfo(tuple(shape), "int8", exactly(scale), 0, None, data)


def _ints(*values):
    return TensorInfo((len(values),), "int32", (), 0, None, np.array(values, np.int32))


def conv(chain):
    c = chain.x.shape[3]
    w = chain.codes((c, 3, 3, c), 2.0**-9)
    scale = exactly(w.scale[0] * chain.x.scale[0])
    b = TensorInfo((c,), "int32", scale, 0, None, np.arange(c, dtype=np.int32))
    options = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    options["fusedActivationFunction"] = int(chain.rng.integers(0, 2))
    chain.add("CONV_2D", options, [w, b], chain.near())


def clip(chain):
    chain.add("RELU", {}, [], chain.same())


def relu_between(chain):
    chain.add("RELU", {}, [], chain.near())


def leaky(chain):
    chain.add("LEAKY_RELU", {"alpha": 0.125}, [], chain.near())


def magnitude(chain):
    chain.add("ABS", {}, [], chain.near())


def limited(chain):
    kind = ["MAXIMUM", "MINIMUM"][chain.rng.integers(2)]
    limit = chain.same((1,))
    data = chain.rng.integers(-128, 128, 1).astype(np.int8)
    chain.add(kind, {}, [dataclasses.replace(limit, data=data)], chain.same())


def slopes(chain):
    c = chain.x.shape[3]
    chain.add("PRELU", {}, [chain.codes((1, 1, c), 2.0**-8)], chain.near())


def scaled(chain):
    c = chain.x.shape[3]
    chain.add("MUL", {"fusedActivationFunction": 0}, [chain.codes((c,), 2.0**-6)], chain.near())


def shifted(chain):
    c = chain.x.shape[3]
    summand = chain.codes((c,), chain.x.scale[0])
    chain.add("ADD", {"fusedActivationFunction": 1}, [summand], chain.near())


def average(chain):
    n, h, w, c = chain.x.shape
    axis = int(chain.rng.integers(1, 3))
    out = (n, 1 if axis == 1 else h, 1 if axis == 2 else w, c)
    chain.add("MEAN", {"keepDims": True}, [_ints(axis)], chain.near(out))


def total(chain):
    n, h, _, c = chain.x.shape
    chain.add("SUM", {"keepDims": True}, [_ints(2)], chain.near((n, h, 1, c), 3.0))


def least(chain):
    n, h, w, _ = chain.x.shape
    chain.add("REDUCE_MIN", {"keepDims": True}, [_ints(3)], chain.same((n, h, w, 1)))


def larger(chain):
    n, h, w, c = chain.x.shape
    options = {"alignCorners": False, "halfPixelCenters": True}
    chain.add("RESIZE_BILINEAR", options, [_ints(h + 1, 2 * w)], chain.same((n, h + 1, 2 * w, c)))


def blocks(chain):
    n, h, w, c = chain.x.shape
    if h % 2 == 0 and w % 2 == 0 and c < 20:
        chain.add("SPACE_TO_DEPTH", {"blockSize": 2}, [], chain.same((n, h // 2, w // 2, 4 * c)))


def bordered(chain):
    n, h, w, c = chain.x.shape
    widths = TensorInfo((4, 2), "int32", (), 0, None, np.array([[0, 0], [1, 0], [0, 1], [0, 0]], np.int32))
    chain.add("PAD", {}, [widths], chain.same((n, h + 1, w + 1, c)))


def requantized(chain):
    chain.add("QUANTIZE", {}, [], chain.near())


STEPS = (
    *(average, blocks, clip, conv, conv, larger, leaky, least, limited, magnitude, relu_between),
    *(requantized, scaled, shifted, slopes, total, bordered),
)


def random_chain(index):
    chain = Chain(np.random.default_rng([index, 11]))
    while len(chain.layers) < LENGTH:
        STEPS[chain.rng.integers(len(STEPS))](chain)
    return Network(tuple(chain.tensors), tuple(chain.layers), (0,), (chain.last,))


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_operators_in_a_row_compute_the_tensors_of_tflm(first):
    compared = 0
    for index in range(first, first + 10):
        network = random_chain(index)
        x = network.tensors[0]
        compared += compare(write_network(network), [noise(x.shape, x.zero_point, 6)])[0]
    assert compared > 10_000
