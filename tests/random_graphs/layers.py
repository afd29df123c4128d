"""Layers with weights: every action adds nodes to a `Net` and says whether it could."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net, Value

Pairs = list[tuple[int, int]]


def window_sizes(size: int, extent: int, stride: int, pads: tuple[int, int]) -> int:
    """Outputs along one axis; less than 1 where nothing fits."""
    return (size + sum(pads) - extent) // stride + 1 if size + sum(pads) >= extent else 0


def _same_pads(size: int, extent: int, stride: int, mode: str) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    small = total // 2
    return (small, total - small) if mode == "SAME_UPPER" else (total - small, small)


def _draw_pads(rng: Rng, size: tuple[int, ...], extent: list[int], stride: list[int]) -> tuple[str, Pairs]:
    """A value for auto_pad and the pads that it means."""
    mode = str(rng.choice(["NOTSET", "NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode == "VALID":
        return mode, [(0, 0)] * len(size)
    if mode != "NOTSET":
        return mode, [_same_pads(*axis, mode) for axis in zip(size, extent, stride, strict=True)]
    form = rng.random()
    if form < 0.4:
        return mode, [(e // 2, e // 2) for e in extent]
    if form < 0.46:
        # Borders that hold whole windows.
        return mode, [(int(rng.integers(0, 41)), int(rng.integers(0, 41))) for _ in extent]
    return mode, [(int(rng.integers(0, e + 1)), int(rng.integers(0, e + 1))) for e in extent]


def _draw_groups(rng: Rng, channels: int) -> tuple[int, int]:
    """Groups and filters: dense, grouped, depthwise with a multiplier."""
    kind = rng.random()
    if kind < 0.5:
        return 1, int(rng.integers(1, 13))
    if kind < 0.8:
        return channels, channels * int(rng.choice([1, 1, 1, 2, 3]))
    groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    return groups, groups * int(rng.integers(1, 4))


def conv(net: Net, rng: Rng) -> bool:
    """A convolution of any form."""
    x = net.pick_image(rng, (3, 4, 4, 4))
    if x is None:
        return False
    n, channels, *size = x.shape
    kernel = [int(rng.integers(1, 6)) for _ in size] if rng.random() < 0.5 else [3] * len(size)
    dilations = [int(rng.integers(1, 4)) if rng.random() < 0.2 else 1 for _ in size]
    most = 10 if rng.random() < 0.1 else 4
    stride = [int(rng.choice([1, 1, 1, 2, rng.integers(3, most)])) for _ in size]
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode, pads = _draw_pads(rng, tuple(size), extent, stride)
    if mode.startswith("SAME") and max(dilations) > 1:  # onnxruntime does not take both
        return False
    last = [(-(-n // s) - 1) * s + e for n, s, e in zip(size, stride, extent, strict=True)]
    if mode.startswith("SAME") and any(end < n for end, n in zip(last, size, strict=True)):
        return False  # where windows lie apart, onnxruntime has those in the middle, the standard the first
    out = [window_sizes(*axis) for axis in zip(size, extent, stride, pads, strict=True)]
    groups, filters = _draw_groups(rng, channels)
    if min(out) < 1 or n * filters * math.prod(out) > MAX_ELEMS:
        return False
    attrs: dict[str, object] = {
        "group": groups if groups > 1 or rng.random() < 0.5 else None,
        "kernel_shape": kernel if rng.random() < 0.8 else None,
        "strides": stride if stride != [1] * len(size) or rng.random() < 0.5 else None,
        "dilations": dilations if max(dilations) > 1 or rng.random() < 0.5 else None,
        "auto_pad": mode if mode != "NOTSET" else None,
        "pads": [p[0] for p in pads] + [p[1] for p in pads] if mode == "NOTSET" else None,
    }
    _emit_conv(net, rng, x, kernel, groups, (n, filters, *out), attrs)
    return True


def _emit_conv(
    net: Net,
    rng: Rng,
    x: Value,
    kernel: list[int],
    groups: int,
    shape: tuple[int, ...],
    attrs: dict[str, object],
) -> Value:
    weights = net.weights(rng, (shape[1], x.shape[1] // groups, *kernel))
    inputs = [x.name, weights] + ([net.bias(rng, shape[1])] if rng.random() < 0.7 else [])
    return net.add(rng, "Conv", inputs, shape, "image", **attrs)


def same_conv(net: Net, rng: Rng, x: Value, filters: int, kernel: int = 3, groups: int = 1) -> Value:
    """A convolution that keeps the image's size."""
    rank = len(x.shape) - 2
    attrs: dict[str, object] = {"pads": [kernel // 2] * (2 * rank), "group": groups}
    return _emit_conv(net, rng, x, [kernel] * rank, groups, (x.shape[0], filters, *x.shape[2:]), attrs)


def batchnorm_of(net: Net, rng: Rng, x: Value) -> Value:
    """A BatchNormalization of a tensor's second axis."""
    c = x.shape[1]
    is_benign = len(net.characters) == 1
    gamma = rng.uniform(0.5, 1.5, c) if is_benign else rng.normal(size=c) * 2.0 ** rng.uniform(-4, 4, c)
    arrays = [gamma, rng.normal(size=c) * 0.3, rng.normal(size=c) * 0.3, rng.uniform(0.2, 2, c)]
    names = [net.constant(rng, array, "bn") for array in arrays]
    epsilon = float(rng.choice([1e-5, 1e-3]))
    return net.add(rng, "BatchNormalization", [x.name, *names], x.shape, x.kind, epsilon=epsilon)


def batchnorm(net: Net, rng: Rng) -> bool:
    """BatchNormalization behind anything with channels."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind == "image" or len(v.shape) == 2))
    return x is not None and bool(batchnorm_of(net, rng, x))


def activation_of(net: Net, rng: Rng, x: Value) -> Value:
    """Relu, Clip or Relu6."""
    if rng.random() < 0.5:
        return net.add(rng, "Relu", [x.name], x.shape, x.kind)
    lo, hi = sorted(rng.normal(size=2)) if rng.random() < 0.4 else (0.0, 6.0)
    form = rng.random()
    limits: list[float | None] = [lo, hi] if form < 0.7 else [lo, None] if form < 0.85 else [None, hi]
    if net.opset < 11:
        attrs = {key: value for key, value in zip(("min", "max"), limits, strict=True) if value is not None}
        return net.add(rng, "Clip", [x.name], x.shape, x.kind, **attrs)
    names = ["" if v is None else net.constant(rng, np.float32(v), "limit") for v in limits]
    while names[-1] == "":
        names.pop()
    return net.add(rng, "Clip", [x.name, *names], x.shape, x.kind)


def activation(net: Net, rng: Rng) -> bool:
    """An activation behind anything."""
    x = net.pick(rng, lambda v: True)
    return x is not None and bool(activation_of(net, rng, x))


def conv_block(net: Net, rng: Rng) -> bool:
    """Convolution, normalization, activation, as networks have them."""
    x = net.pick_image(rng)
    if x is None:
        return False
    filters = int(rng.integers(1, 13))
    if x.shape[0] * filters * math.prod(x.shape[2:]) > MAX_ELEMS:
        return False
    y = same_conv(net, rng, x, filters, int(rng.choice([1, 3])))
    if rng.random() < 0.6:
        y = batchnorm_of(net, rng, y)
    if rng.random() < 0.7:
        activation_of(net, rng, y)
    return True


def separable(net: Net, rng: Rng) -> bool:
    """A depthwise and a pointwise convolution with activations."""
    x = net.pick_image(rng)
    if x is None:
        return False
    y = same_conv(net, rng, x, x.shape[1], int(rng.choice([3, 5])), x.shape[1])
    y = activation_of(net, rng, batchnorm_of(net, rng, y))
    filters = int(rng.integers(1, 13))
    if y.shape[0] * filters * math.prod(y.shape[2:]) > MAX_ELEMS:
        return True
    activation_of(net, rng, batchnorm_of(net, rng, same_conv(net, rng, y, filters, 1)))
    return True


def residual(net: Net, rng: Rng) -> bool:
    """A branch that is added to where it left."""
    x = net.pick_image(rng, (3, 4, 4))
    if x is None:
        return False
    y = same_conv(net, rng, x, x.shape[1])
    if rng.random() < 0.7:
        y = same_conv(net, rng, activation_of(net, rng, y), x.shape[1], int(rng.choice([1, 3])))
    names = [x.name, y.name] if rng.random() < 0.5 else [y.name, x.name]
    total = net.add(rng, "Add", names, x.shape, "image")
    if rng.random() < 0.6:
        activation_of(net, rng, total)
    return True


def diamond(net: Net, rng: Rng) -> bool:
    """Two branches from one tensor that meet again; a middle tensor goes on elsewhere."""
    x = net.pick_image(rng, (3, 4, 4))
    if x is None:
        return False
    left = activation_of(net, rng, same_conv(net, rng, x, x.shape[1], 1))
    right = same_conv(net, rng, x, x.shape[1], 3, x.shape[1])
    y = net.add(rng, "Add", [left.name, right.name], x.shape, "image")
    if rng.random() < 0.5:
        net.add(rng, "Add", [y.name, left.name], x.shape, "image")
    return True


def gemm(net: Net, rng: Rng) -> bool:
    """A Gemm in any of its forms, behind a Flatten where the tensor is no matrix."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and math.prod(v.shape[1:]) <= 5000)
    if x is None:
        return False
    if len(x.shape) != 2:
        flat = (x.shape[0], math.prod(x.shape[1:]))
        x = net.add(rng, "Flatten", [x.name], flat, "mixed", axis=1 if rng.random() < 0.5 else None)
    rows, inputs = x.shape
    outputs = int(rng.integers(1, 17))
    is_transposed = rng.random() < 0.6
    shape = (outputs, inputs) if is_transposed else (inputs, outputs)
    names = [x.name, net.weights(rng, shape, axis=0 if is_transposed else 1)]
    if net.opset < 11 or rng.random() < 0.8:
        forms = [(outputs,), (outputs,), (1, outputs), (1,), (rows, outputs)]
        form = forms[rng.integers(len(forms))]
        bias = np.broadcast_to(rng.normal(size=form[-1]) * 0.3, form)
        names.append(net.constant(rng, bias, "bias"))
    attrs: dict[str, object] = {"transB": 1 if is_transposed else None}
    if rng.random() < 0.2:
        attrs |= {"alpha": float(rng.uniform(0.3, 2)), "beta": float(rng.uniform(0.3, 2))}
    net.add(rng, "Gemm", names, (rows, outputs), "vector", **attrs)
    return True


def matmul(net: Net, rng: Rng) -> bool:
    """A MatMul along the last axis, most of the time with a bias."""
    x = net.pick(rng, lambda v: bool(v.shape) and (net.is_wild or v.kind != "image") and len(v.shape) > 1)
    if x is None:
        return False
    outputs = int(rng.integers(1, 13))
    shape = (*x.shape[:-1], outputs)
    if math.prod(shape) > MAX_ELEMS:
        return False
    y = net.add(rng, "MatMul", [x.name, net.weights(rng, (x.shape[-1], outputs), axis=1)], shape, "vector")
    if rng.random() < 0.6:
        names = [y.name, net.bias(rng, outputs)]
        net.add(rng, "Add", names if rng.random() < 0.5 else names[::-1], shape, "vector")
    return True


DRAWS = (
    draw(8, conv, "Conv"),
    draw(6, conv_block, "Conv", "BatchNormalization", "Relu", "Clip"),
    draw(3, separable, "Conv", "BatchNormalization", "Relu", "Clip"),
    draw(4, residual, "Conv", "Add", "Relu", "Clip"),
    draw(3, diamond, "Conv", "Add", "Relu", "Clip"),
    draw(2, batchnorm, "BatchNormalization"),
    draw(3, activation, "Relu", "Clip"),
    draw(4, gemm, "Gemm", "Flatten"),
    draw(3, matmul, "MatMul", "Add"),
)
