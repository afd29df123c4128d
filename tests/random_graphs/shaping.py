"""Pools, and operators that move values or change shapes."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.layers import window_sizes
from tests.random_graphs.net import MAX_ELEMS, Net, Value


def _ceil_size(size: int, extent: int, stride: int, pads: tuple[int, int]) -> int | None:
    """Outputs with ceil_mode; None where a window starts beyond the input: onnx and onnxruntime differ."""
    out = -(-(size + sum(pads) - extent) // stride) + 1
    return None if (out - 1) * stride >= size + pads[0] else out


def _pool(net: Net, rng: Rng, op_type: str, **attrs: object) -> bool:
    x = net.pick_image(rng, (3, 4, 4, 4))
    if x is None:
        return False
    size = x.shape[2:]
    kernel = [int(rng.integers(1, min(5, length) + 1)) for length in size]
    can_dilate = op_type == "MaxPool" and net.opset >= 10
    dilations = [int(rng.integers(1, 3)) if can_dilate and rng.random() < 0.2 else 1 for _ in size]
    stride = [int(rng.choice([1, 2, 2, 3])) for _ in size]
    is_padded = rng.random() < 0.4
    pads = [(int(rng.integers(0, k)), int(rng.integers(0, k))) if is_padded else (0, 0) for k in kernel]
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    axes = list(zip(size, extent, stride, pads, strict=True))
    if min(window_sizes(*axis) for axis in axes) < 1:
        return False
    out = [window_sizes(*axis) for axis in axes]
    ceil = [_ceil_size(*axis) for axis in axes]
    can_ceil = net.opset >= 10 and None not in ceil and not attrs.get("count_include_pad")
    is_ceil = can_ceil and rng.random() < 0.2
    out = ceil if is_ceil else out
    given: dict[str, object] = {
        "kernel_shape": kernel,
        "strides": stride if stride != [1] * len(size) or rng.random() < 0.5 else None,
        "pads": [p[0] for p in pads] + [p[1] for p in pads] if is_padded else None,
        "dilations": dilations if max(dilations) > 1 else None,
        "ceil_mode": 1 if is_ceil else None,
    }
    net.add(rng, op_type, [x.name], (*x.shape[:2], *out), "image", **given, **attrs)
    return True


def max_pool(net: Net, rng: Rng) -> bool:
    """A maximum over windows."""
    return _pool(net, rng, "MaxPool")


def average_pool(net: Net, rng: Rng) -> bool:
    """An average over windows, the padding counted or not."""
    return _pool(net, rng, "AveragePool", count_include_pad=int(rng.random() < 0.5))


def global_pool(net: Net, rng: Rng) -> bool:
    """A pool of the whole image."""
    x = net.pick_image(rng, (3, 4, 4))
    if x is None:
        return False
    shape = (*x.shape[:2], *[1] * (len(x.shape) - 2))
    kind = rng.random()
    if kind < 0.5:
        net.add(rng, "GlobalAveragePool", [x.name], shape, "image")
    elif kind < 0.65:
        net.add(rng, "GlobalMaxPool", [x.name], shape, "image")
    else:
        _reduce_mean(net, rng, x, tuple(range(2, len(x.shape))), bool(rng.random() < 0.5))
    return True


def _reduce_mean(net: Net, rng: Rng, x: Value, axes: tuple[int, ...], is_kept: bool) -> None:
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if is_kept or i not in axes)
    given = [axis - len(x.shape) if rng.random() < 0.3 else axis for axis in axes]
    names, attrs = [x.name], {"keepdims": int(is_kept)}
    if net.opset >= 18:
        names.append(net.constant(rng, np.array(given, np.int64), "axes"))
    else:
        attrs["axes"] = given
    net.add(rng, "ReduceMean", names, shape, x.kind if is_kept else "vector", **attrs)


def pad(net: Net, rng: Rng) -> bool:
    """A border, most of the time around an image and of zeros."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    rank = len(x.shape)
    pads = [int(rng.integers(0, 4)) if rng.random() < 0.6 else 0 for _ in range(2 * rank)]
    if rng.random() < 0.8:
        keep = 2 if x.kind == "image" else 1
        pads = [0 if i % rank < keep else n for i, n in enumerate(pads)]
    shape = tuple(n + pads[i] + pads[i + rank] for i, n in enumerate(x.shape))
    if math.prod(shape) > MAX_ELEMS:
        return False
    mode = _pad_mode(net, rng, x, pads)
    value = 0.0 if rng.random() < 0.6 or mode not in (None, "constant") else float(rng.normal())
    if net.opset < 11:
        net.add(rng, "Pad", [x.name], shape, x.kind, pads=pads, value=value, mode=mode or "constant")
        return True
    axes = [axis for axis in range(rank) if pads[axis] or pads[axis + rank]]
    is_short = net.opset >= 18 and axes and rng.random() < 0.4
    given = [pads[axis + side * rank] for side in (0, 1) for axis in axes] if is_short else pads
    names = [x.name, net.ints(rng, given, "pads")]
    if value or rng.random() < 0.5:
        names.append(net.constant(rng, np.float32(value), "value"))
    if is_short:
        names += [""] * (3 - len(names)) + [net.ints(rng, axes, "axes")]
    net.add(rng, "Pad", names, shape, x.kind, mode=mode)
    return True


def _pad_mode(net: Net, rng: Rng, x: Value, pads: list[int]) -> str | None:
    """Where the values of a border come from; no more than there are are reflected or go round."""
    rank = len(x.shape)
    if rng.random() < 0.5:
        return None if rng.random() < 0.5 else "constant"
    is_narrow = all(max(pads[i], pads[i + rank]) < n for i, n in enumerate(x.shape))
    modes = ["edge"] + (["reflect"] if is_narrow else [])
    modes += ["wrap"] if is_narrow and net.opset >= 19 else []
    return str(rng.choice(modes))


def reshape_of(net: Net, rng: Rng, x: Value, shape: tuple[int, ...], kind: str) -> Value:
    """A Reshape, its shape given with 0 and -1 now and then."""
    given = list(shape)
    if rng.random() < 0.5:
        given[rng.integers(len(given))] = -1
    for axis, size in enumerate(shape):
        if axis < len(x.shape) and x.shape[axis] == size and given[axis] != -1 and rng.random() < 0.2:
            given[axis] = 0
    names = [x.name, net.constant(rng, np.array(given, np.int64), "shape")]
    return net.add(rng, "Reshape", names, shape, kind)


def flatten(net: Net, rng: Rng) -> bool:
    """A Flatten at an axis, or the Reshape that does the same."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind != "image" or _is_flat(v)))
    if x is None:
        return False
    axis = 1 if rng.random() < 0.8 else int(rng.integers(0, len(x.shape) + 1))
    shape = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    if rng.random() < 0.5:
        can_count_back = net.opset >= 11 and axis < len(x.shape)
        given = axis - len(x.shape) if can_count_back and rng.random() < 0.3 else axis
        net.add(rng, "Flatten", [x.name], shape, "vector", axis=given)
    else:
        reshape_of(net, rng, x, shape, "vector")
    return True


def _is_flat(x: Value) -> bool:
    return math.prod(x.shape[2:]) == 1


def reshape(net: Net, rng: Rng) -> bool:
    """Another shape for a vector: a factor split off, or axes merged."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind == "vector"))
    if x is None:
        return False
    last = x.shape[-1]
    factors = [f for f in range(2, last) if last % f == 0]
    if len(x.shape) < 4 and factors and rng.random() < 0.6:
        factor = int(rng.choice(factors))
        reshape_of(net, rng, x, (*x.shape[:-1], last // factor, factor), "vector")
    else:
        reshape_of(net, rng, x, (*x.shape[:-2], x.shape[-2] * last), "vector")
    return True


def squeeze(net: Net, rng: Rng) -> bool:
    """An axis of size 1 removed or added."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind == "vector" or _is_flat(v)))
    if x is None:
        return False
    ones = [axis for axis, size in enumerate(x.shape) if size == 1 and axis > 0]
    is_removed = bool(ones) and (len(x.shape) > 3 or rng.random() < 0.5)
    if not is_removed and len(x.shape) > 3:
        return False
    axis = int(rng.choice(ones)) if is_removed else int(rng.integers(1, len(x.shape) + 1))
    shape = list(x.shape)
    if is_removed:
        del shape[axis]
    else:
        shape.insert(axis, 1)
    op_type, names = "Squeeze" if is_removed else "Unsqueeze", [x.name]
    attrs = {}
    if net.opset >= 13:
        names.append(net.constant(rng, np.array([axis], np.int64), "axes"))
    else:
        attrs["axes"] = [axis]
    net.add(rng, op_type, names, tuple(shape), "vector", **attrs)
    return True


def identity(net: Net, rng: Rng) -> bool:
    """Operators that do nothing."""
    x = net.pick(rng, lambda v: True)
    if x is None:
        return False
    if rng.random() < 0.5:
        net.add(rng, "Identity", [x.name], x.shape, x.kind)
    else:
        net.add(rng, "Dropout", [x.name], x.shape, x.kind)
    return True


def transpose(net: Net, rng: Rng) -> bool:
    """Axes in any order; images of a tame model are turned to channels last and back."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    perm = [int(axis) for axis in rng.permutation(len(x.shape))]
    if len(perm) == 4 and rng.random() < 0.7:
        perm = [[0, 2, 3, 1], [0, 3, 1, 2]][rng.integers(2)]
    shape = tuple(x.shape[axis] for axis in perm)
    is_default = perm == sorted(perm, reverse=True) and rng.random() < 0.5
    net.add(rng, "Transpose", [x.name], shape, "mixed", perm=None if is_default else perm)
    return True


def turn_to_image(net: Net, rng: Rng) -> bool:
    """Channels-last to channels-first, as models converted from TensorFlow begin."""
    x = net.pick(rng, lambda v: v.kind == "nhwc" and len(v.shape) == 4)
    if x is None:
        return False
    n, h, w, c = x.shape
    net.add(rng, "Transpose", [x.name], (n, c, h, w), "image", perm=[0, 3, 1, 2])
    return True


def turn_from_image(net: Net, rng: Rng) -> bool:
    """Channels-first to channels-last, as such models end."""
    x = net.pick_image(rng)
    if x is None:
        return False
    n, c, h, w = x.shape
    net.add(rng, "Transpose", [x.name], (n, h, w, c), "nhwc", perm=[0, 2, 3, 1])
    return True


def concat(net: Net, rng: Rng) -> bool:
    """Tensors that agree in all axes but one, joined; the same one twice, too."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    axis = 1 if len(x.shape) == 4 and rng.random() < 0.7 else int(rng.integers(0, len(x.shape)))
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    parts = [x]
    for _ in range(int(rng.integers(1, 4))):
        other = net.pick(
            rng,
            lambda v: (
                v.kind == x.kind
                and len(v.shape) == len(x.shape)
                and (*v.shape[:axis], *v.shape[axis + 1 :]) == rest
            ),
        )
        parts += [] if other is None else [other]
    if rng.random() < 0.2:
        constant = (*x.shape[:axis], int(rng.integers(1, 4)), *x.shape[axis + 1 :])
        values = rng.normal(size=constant) * 2.0 ** rng.uniform(-3, 3)
        parts.append(Value(net.constant(rng, values), constant, x.kind))
    order = [parts[i] for i in rng.permutation(len(parts))]
    shape = (*x.shape[:axis], sum(p.shape[axis] for p in order), *x.shape[axis + 1 :])
    if math.prod(shape) > MAX_ELEMS:
        return False
    given = axis - len(shape) if rng.random() < 0.3 else axis
    net.add(rng, "Concat", [p.name for p in order], shape, x.kind, axis=given)
    return True


def split(net: Net, rng: Rng) -> bool:
    """A tensor in parts, not all of which are read."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and max(v.shape[1:]) >= 2)
    if x is None:
        return False
    axes = [axis for axis in range(1, len(x.shape)) if x.shape[axis] >= 2]
    axis = int(rng.choice(axes))
    size = x.shape[axis]
    cuts = sorted({int(rng.integers(1, size)) for _ in range(int(rng.integers(1, 3)))})
    parts = np.diff([0, *cuts, size]).tolist()
    names, attrs = [x.name], {"axis": axis}
    is_even = len(set(parts)) == 1
    if net.opset >= 13:
        if is_even and rng.random() < 0.5:
            attrs |= {"num_outputs": len(parts)} if net.opset >= 18 else {}
        else:
            names.append(net.constant(rng, np.array(parts, np.int64), "split"))
    elif not is_even or rng.random() < 0.5:
        attrs["split"] = parts
    shapes = [(*x.shape[:axis], part, *x.shape[axis + 1 :]) for part in parts]
    net.add_many(rng, "Split", names, shapes, x.kind, **attrs)
    return True


def slice_part(net: Net, rng: Rng) -> bool:
    """A part of a tensor, with steps, negative indices and ends beyond the tensor."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    axes = sorted({int(rng.integers(0, len(x.shape))) for _ in range(int(rng.integers(1, 4)))})
    shape, starts, ends, steps = list(x.shape), [], [], []
    for axis in axes:
        size = x.shape[axis]
        start = int(rng.integers(0, size))
        stop = int(rng.integers(start + 1, size + 1))
        step = int(rng.choice([1, 1, 2, 3])) if net.opset >= 10 else 1
        shape[axis] = -(-(stop - start) // step)
        if net.opset >= 10 and rng.random() < 0.15:
            # Backwards, from the last value that is kept.
            last = start + (shape[axis] - 1) * step
            starts.append(last)
            ends.append(start - 1 if start else -size - 1)
            steps.append(-step)
            continue
        starts.append(start - size if rng.random() < 0.3 else start)
        ends.append(2**31 - 1 if stop == size and rng.random() < 0.5 else stop)
        steps.append(step)
    if net.opset < 10:
        net.add(rng, "Slice", [x.name], tuple(shape), x.kind, starts=starts, ends=ends, axes=axes)
        return True
    arrays = [(starts, "starts"), (ends, "ends"), (axes, "axes"), (steps, "steps")]
    names = [net.constant(rng, np.array(array, np.int64), hint) for array, hint in arrays]
    net.add(rng, "Slice", [x.name, *names], tuple(shape), x.kind)
    return True


DRAWS = (
    draw(3, max_pool, "MaxPool"),
    draw(3, average_pool, "AveragePool"),
    draw(2, global_pool, "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"),
    draw(3, pad, "Pad"),
    draw(1, flatten, "Flatten", "Reshape"),
    draw(1, reshape, "Reshape"),
    draw(1, squeeze, "Squeeze", "Unsqueeze"),
    draw(1, identity, "Identity", "Dropout"),
    draw(2, transpose, "Transpose"),
    draw(6, turn_to_image, "Transpose"),
    draw(1, turn_from_image, "Transpose"),
    draw(3, concat, "Concat"),
    draw(2, split, "Split"),
    draw(2, slice_part, "Slice"),
)
