"""Random int8 networks of one operator, beyond those whose integers mcuq's own steps share."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tests.truth.tflite import SAME, VALID, TensorInfo
from tests.truth.tflite_layers import (
    LayerCase,
    activation,
    conv_2d,
    depthwise_conv_2d,
    exactly,
    fully_connected,
    make_case,
)


def _ints(*values, shape=None) -> TensorInfo:
    array = np.array(values, np.int32)
    array = array if shape is None else array.reshape(shape)
    return TensorInfo(array.shape, "int32", (), 0, None, array)


def _image(rng, channels: int = 0) -> tuple[int, ...]:
    sizes = (int(n) for n in rng.integers(1, 8, 2))
    return (int(rng.choice([1, 1, 2])), *sizes, channels or int(rng.integers(1, 7)))


def _shape(rng, least: int = 1) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 7, rng.integers(least, 5)))


def _like(x: TensorInfo, shape) -> TensorInfo:
    """A tensor of the same parameters."""
    return dataclasses.replace(x, shape=tuple(int(n) for n in shape), data=None)


def _reduced(kind: str, rng, *, is_moved: bool) -> LayerCase:
    x = activation(rng, _shape(rng))
    rank = len(x.shape)
    axes = sorted(rng.choice(rank, rng.integers(1, rank + 1), replace=False).tolist())
    if rank == 4 and rng.random() < 0.5:
        axes = [1, 2]
    is_kept = bool(rng.integers(2))
    out = [1 if axis in axes else n for axis, n in enumerate(x.shape) if is_kept or axis not in axes]
    y = _like(x, out)
    if not is_moved and rng.random() < 0.8:
        y = activation(rng, out, x.scale[0] * 2.0 ** rng.uniform(-3, 6))
    return make_case(kind, {"keepDims": is_kept}, [x, _ints(*axes)], y)


def mean(rng) -> LayerCase:
    return _reduced("MEAN", rng, is_moved=False)


def sum_(rng) -> LayerCase:
    return _reduced("SUM", rng, is_moved=False)


def reduce_max(rng) -> LayerCase:
    return _reduced("REDUCE_MAX", rng, is_moved=True)


def reduce_min(rng) -> LayerCase:
    return _reduced("REDUCE_MIN", rng, is_moved=True)


def _extreme(kind: str, rng) -> LayerCase:
    a = activation(rng, _image(rng))
    b = _like(a, [n if rng.random() < 0.6 else 1 for n in a.shape])
    if rng.random() < 0.4:
        shape = [b.shape, (a.shape[3],), (1,), a.shape][rng.integers(4)]
        b = dataclasses.replace(b, shape=shape, data=rng.integers(-128, 128, shape).astype(np.int8))
    return make_case(kind, {}, [a, b] if rng.random() < 0.7 else [b, a], _like(a, a.shape))


def maximum(rng) -> LayerCase:
    return _extreme("MAXIMUM", rng)


def minimum(rng) -> LayerCase:
    return _extreme("MINIMUM", rng)


def _index(kind: str, rng) -> LayerCase:
    x = activation(rng, _shape(rng))
    axis = int(rng.integers(len(x.shape)))
    y = TensorInfo((*x.shape[:axis], *x.shape[axis + 1 :]), "int32")
    return make_case(kind, {"outputType": 2}, [x, _ints(axis)], y)


def arg_max(rng) -> LayerCase:
    return _index("ARG_MAX", rng)


def arg_min(rng) -> LayerCase:
    return _index("ARG_MIN", rng)


def resize_bilinear(rng) -> LayerCase:
    x = activation(rng, _image(rng))
    size = [int(n) for n in rng.integers(1, 20, 2)]
    mode = int(rng.integers(3))
    options = {"alignCorners": mode == 1, "halfPixelCenters": mode == 2}
    y = _like(x, (x.shape[0], *size, x.shape[3]))
    return make_case("RESIZE_BILINEAR", options, [x, _ints(*size)], y)


def resize_nearest_neighbor(rng) -> LayerCase:
    x = activation(rng, _image(rng))
    size = [int(n) for n in rng.integers(1, 20, 2)]
    mode = int(rng.integers(3))
    options = {"alignCorners": mode == 1, "halfPixelCenters": mode == 2}
    y = _like(x, (x.shape[0], *size, x.shape[3]))
    return make_case("RESIZE_NEAREST_NEIGHBOR", options, [x, _ints(*size)], y)


def transpose_conv(rng) -> LayerCase:
    stride = [int(s) for s in rng.integers(1, 4, 2)]
    kernel = [int(k) for k in rng.integers(1, 5, 2)]
    padding, m = int(rng.choice([SAME, VALID])), int(rng.integers(1, 6))
    x = activation(rng, _image(rng))
    size = [
        n * s if padding == SAME else (n - 1) * s + k
        for n, s, k in zip(x.shape[1:3], stride, kernel, strict=True)
    ]
    count = m if rng.random() < 0.7 else 1
    scale = exactly(2.0 ** rng.uniform(-10, -4, count))
    codes = rng.integers(-127, 128, (m, *kernel, x.shape[3])).astype(np.int8)
    w = TensorInfo(codes.shape, "int8", scale, 0, 0 if count > 1 else None, codes)
    bias = rng.integers(-3000, 3000, m).astype(np.int32)
    b = TensorInfo((m,), "int32", exactly(np.array(scale) * x.scale[0]), 0, 0, bias)
    taps = math.prod(kernel) * x.shape[3]
    y = activation(rng, (x.shape[0], *size, m), 60.0 * taps**0.5 * x.scale[0] * max(scale))
    options = {"padding": padding, "strideH": stride[0], "strideW": stride[1]}
    tensors = [_ints(*y.shape), w, x, *([b] if rng.random() < 0.7 else [])]
    return make_case("TRANSPOSE_CONV", options, tensors, y)


def batch_matmul(rng) -> LayerCase:
    lead = [int(n) for n in rng.integers(1, 4, rng.integers(0, 3))]
    m, k, n = (int(each) for each in rng.integers(1, 20, 3))
    adj = [bool(each) for each in rng.integers(0, 2, 2)]
    a = activation(rng, (*lead, *((k, m) if adj[0] else (m, k))))
    b = activation(rng, (*lead, *((n, k) if adj[1] else (k, n))))
    y = activation(rng, (*lead, m, n), 70 * k**0.5 * a.scale[0] * b.scale[0])
    return make_case("BATCH_MATMUL", {"adjX": adj[0], "adjY": adj[1]}, [a, b], y)


def prelu(rng) -> LayerCase:
    x = activation(rng, _image(rng))
    shape = [(1, 1, x.shape[3]), (1, 1, 1), x.shape[1:]][rng.integers(3)]
    codes = rng.integers(-128, 128, shape).astype(np.int8)
    slopes = TensorInfo(
        shape, "int8", exactly(2.0 ** rng.uniform(-10, -6)), int(rng.integers(-20, 20)), None, codes
    )
    y = activation(rng, x.shape, x.scale[0] * 2.0 ** rng.uniform(-2, 2))
    return make_case("PRELU", {}, [x, slopes], y)


def space_to_depth(rng) -> LayerCase:
    block = int(rng.integers(1, 4))
    n, h, w, c = _image(rng)
    x = activation(rng, (n, h * block, w * block, c))
    return make_case("SPACE_TO_DEPTH", {"blockSize": block}, [x], _like(x, (n, h, w, c * block * block)))


def depth_to_space(rng) -> LayerCase:
    block = int(rng.integers(1, 4))
    n, h, w, c = _image(rng)
    x = activation(rng, (n, h, w, c * block * block))
    return make_case("DEPTH_TO_SPACE", {"blockSize": block}, [x], _like(x, (n, h * block, w * block, c)))


def _blocks(rng, widest: int = 2):
    """Blocks, borders, and the shapes of an image and of the batch that it becomes."""
    n, h, w, c = _image(rng)
    blocks = [int(b) for b in rng.integers(1, 4, 2)]
    edges, image = [], []
    for size, block in ((h, blocks[0]), (w, blocks[1])):
        before, after = (int(each) for each in rng.integers(0, widest + 1, 2))
        whole = max(size * block, -(-(before + after + 1) // block) * block)
        edges.append((before, after))
        image.append(whole - before - after)
    batch = [(size + sum(pair)) // block for size, pair, block in zip(image, edges, blocks, strict=True)]
    constants = [_ints(*blocks), _ints(*(n for pair in edges for n in pair), shape=(2, 2))]
    return constants, (n, *image, c), (n * math.prod(blocks), *batch, c)


def space_to_batch_nd(rng) -> LayerCase:
    # The wheel leaves it to chance what its border holds.
    constants, image, batch = _blocks(rng, widest=0)
    x = activation(rng, image)
    return make_case("SPACE_TO_BATCH_ND", {}, [x, *constants], _like(x, batch))


def batch_to_space_nd(rng) -> LayerCase:
    constants, image, batch = _blocks(rng)
    x = activation(rng, batch)
    return make_case("BATCH_TO_SPACE_ND", {}, [x, *constants], _like(x, image))


def gather(rng) -> LayerCase:
    x = activation(rng, _shape(rng))
    axis = int(rng.integers(len(x.shape)))
    indices = _ints(*rng.integers(0, x.shape[axis], rng.integers(1, 6)))
    y = _like(x, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return make_case("GATHER", {"axis": axis, "batchDims": 0}, [x, indices], y)


def mirror_pad(rng) -> LayerCase:
    x, mode = activation(rng, _shape(rng)), int(rng.integers(2))
    widths = [[int(rng.integers(0, max(n - (mode == 0), 0) + 1)) for _ in range(2)] for n in x.shape]
    flat = _ints(*(n for pair in widths for n in pair), shape=(len(x.shape), 2))
    y = _like(x, [n + sum(pair) for n, pair in zip(x.shape, widths, strict=True)])
    return make_case("MIRROR_PAD", {"mode": mode}, [x, flat], y)


def reverse_v2(rng) -> LayerCase:
    x = activation(rng, _shape(rng))
    return make_case("REVERSE_V2", {}, [x, _ints(rng.integers(len(x.shape)))], _like(x, x.shape))


def broadcast_to(rng) -> LayerCase:
    shape = _shape(rng)
    x = activation(rng, [n if rng.random() < 0.5 else 1 for n in shape])
    return make_case("BROADCAST_TO", {}, [x, _ints(*shape)], _like(x, shape))


def padv2(rng) -> LayerCase:
    x = activation(rng, _shape(rng))
    widths = rng.integers(0, 3, (len(x.shape), 2))
    flat = _ints(*widths.reshape(-1), shape=widths.shape)
    border = dataclasses.replace(x, shape=(1,), data=np.array([rng.integers(-128, 128)], np.int8))
    return make_case("PADV2", {}, [x, flat, border], _like(x, np.array(x.shape) + widths.sum(axis=1)))


def _four_bits(case: LayerCase, rng) -> LayerCase:
    """The case with weights of 4 bits."""
    tensors = list(case.network.tensors)
    w = tensors[1]
    tensors[1] = dataclasses.replace(w, dtype="int4", data=rng.integers(-7, 8, w.shape).astype(np.int8))
    return LayerCase(dataclasses.replace(case.network, tensors=tuple(tensors)), case.xs)


def conv_2d_int4(rng) -> LayerCase:
    case = conv_2d(rng)
    return _four_bits(case, rng)


def depthwise_conv_2d_int4(rng) -> LayerCase:
    return _four_bits(depthwise_conv_2d(rng), rng)


def fully_connected_int4(rng) -> LayerCase:
    """With a number of weights that the wheel takes: whole bytes."""
    while True:
        case = fully_connected(rng)
        w = case.network.tensors[1]
        if math.prod(w.shape) % 2 == 0 and len(w.scale) == 1:
            return _four_bits(case, rng)


RANDOM = {
    make.__name__.upper().rstrip("_"): make
    for make in (
        *(arg_max, arg_min, batch_matmul, batch_to_space_nd, broadcast_to, depth_to_space, gather),
        *(conv_2d_int4, depthwise_conv_2d_int4, fully_connected_int4),
        *(maximum, mean, minimum, mirror_pad, padv2, prelu, reduce_max, reduce_min, resize_bilinear),
        *(resize_nearest_neighbor, reverse_v2, space_to_batch_nd, space_to_depth, sum_, transpose_conv),
    )
}


def random_layers(kind: str, count: int):
    """Networks by number."""
    for index in range(count):
        yield RANDOM[kind](np.random.default_rng([index, *kind.encode()]))
