"""Transposed convolutions."""

from __future__ import annotations

import math

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net

MAX_MACS = 1 << 17


def conv_transpose(net: Net, rng: Rng) -> bool:
    """A transposed convolution of one or two axes, in groups, with every way to say what is left out."""
    x = net.pick_image(rng, (3, 4, 4, 4))
    if x is None:
        return False
    n, channels, *size = x.shape
    kernel = [int(rng.integers(1, 5)) for _ in size]
    stride = [int(rng.choice([1, 2, 2, 3])) for _ in size]
    dilations = [int(rng.integers(1, 4)) if rng.random() < 0.2 else 1 for _ in size]
    extra = [int(rng.integers(0, s)) if rng.random() < 0.2 else 0 for s in stride]
    groups = (
        int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0])) if rng.random() < 0.4 else 1
    )
    filters = int(rng.integers(1, 9 if groups == 1 else 3))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    full = [(count - 1) * s + r + e for count, s, r, e in zip(size, stride, reach, extra, strict=True)]
    attrs: dict[str, object] = {
        "kernel_shape": kernel if rng.random() < 0.8 else None,
        "strides": stride if stride != [1] * len(size) or rng.random() < 0.5 else None,
        "dilations": dilations if max(dilations) > 1 else None,
        "output_padding": extra if any(extra) else None,
        "group": groups if groups > 1 or rng.random() < 0.3 else None,
    }
    out = _leave_out(rng, size, stride, full, reach, extra, attrs)
    shape = (n, groups * filters, *out)
    macs = math.prod(shape[1:2] + tuple(size)) * math.prod(kernel) * channels // groups
    if min(out) < 1 or math.prod(shape) > MAX_ELEMS or n * macs > MAX_MACS:
        return False
    names = [x.name, net.weights(rng, (channels, filters, *kernel), axis=0)]
    if rng.random() < 0.7:
        names.append(net.bias(rng, groups * filters))
    net.add(rng, "ConvTranspose", names, shape, "image", **attrs)
    return True


def _leave_out(
    rng: Rng,
    size: list[int],
    stride: list[int],
    full: list[int],
    reach: list[int],
    extra: list[int],
    attrs: dict[str, object],
) -> list[int]:
    """The sizes that are left, and how that is said."""
    form = rng.random()
    # With output_padding onnx and onnxruntime mean other shapes by this.
    is_able = not any(extra)
    if (
        is_able
        and form < 0.15
        and all(f >= s * count for f, s, count in zip(full, stride, size, strict=True))
    ):
        attrs["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER"]))
        return [s * count for s, count in zip(stride, size, strict=True)]
    if is_able and form < 0.25 and attrs["kernel_shape"] is not None:
        # onnx does not tell the shape of what becomes smaller.
        out = [int(rng.integers(min(f, max(n, f - 2)), f + 1)) for n, f in zip(size, full, strict=True)]
        attrs["output_shape"] = out
        return out
    if form < 0.35:
        attrs["auto_pad"] = "VALID"
        return full
    if form < 0.5:
        return full
    pads = [(int(rng.integers(0, r + 1)), int(rng.integers(0, r + 1))) for r in reach]
    attrs["pads"] = [p[0] for p in pads] + [p[1] for p in pads]
    return [f - sum(pair) for f, pair in zip(full, pads, strict=True)]


DRAWS = (draw(4, conv_transpose, "ConvTranspose"),)
