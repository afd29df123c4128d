"""Other sizes of images, nearest and linear."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net, Value

# Of the nearest neighbour: where a place lies, and how it is rounded.
NEAREST = [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("pytorch_half_pixel", "floor"),
           ("align_corners", "round_prefer_ceil"), ("half_pixel", "ceil")]  # fmt: skip
LINEAR = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]


def resize_nearest(net: Net, rng: Rng) -> bool:
    """The nearest neighbours, by whole factors or to any sizes."""
    mode, nearest = NEAREST[rng.integers(len(NEAREST))]
    attrs = {"mode": "nearest", "coordinate_transformation_mode": mode, "nearest_mode": nearest}
    return _resize(net, rng, net.pick_image(rng), attrs, is_whole=True)


def resize_linear(net: Net, rng: Rng) -> bool:
    """What lies between neighbours, by any factors or to any sizes."""
    modes = [*LINEAR, "half_pixel_symmetric"] if net.opset >= 19 else LINEAR
    attrs = {"mode": "linear", "coordinate_transformation_mode": str(rng.choice(modes))}
    return _resize(net, rng, net.pick_image(rng, (3, 4, 4)), attrs, is_whole=False)


def _resize(net: Net, rng: Rng, x: Value | None, attrs: dict[str, object], *, is_whole: bool) -> bool:
    if x is None or net.opset < 11:
        return False
    old = x.shape[2:]
    factors = [
        float(rng.integers(1, 4)) if is_whole else float(rng.choice([0.5, 1, 1.5, 2, 2, 3])) for _ in old
    ]
    sizes = [int(np.floor(n * f)) for n, f in zip(old, factors, strict=True)]
    is_sized = rng.random() < 0.5
    if is_sized and rng.random() < 0.5:
        sizes = [int(rng.integers(1, 2 * n + 1)) for n in old]
    shape = (*x.shape[:2], *sizes)
    if min(sizes) < 1 or math.prod(shape) > MAX_ELEMS:
        return False
    # onnxruntime wants scales of all axes.
    is_short = is_sized and net.opset >= 18 and rng.random() < 0.4
    if is_short:
        attrs = {**attrs, "axes": list(range(2, len(shape)))}
    names = [x.name, "", ""]
    if is_sized:
        names.append(net.ints(rng, sizes if is_short else list(shape), "sizes"))
    else:
        names[2] = net.constant(rng, np.array([1.0, 1.0, *factors], np.float32), "scales")
    if net.opset < 13:  # roi and scales may be empty, but not missing, where sizes are given
        names[1] = net.constant(rng, np.zeros(0, np.float32), "roi")
        names[2] = names[2] or net.constant(rng, np.zeros(0, np.float32), "scales")
    net.add(rng, "Resize", names, shape, "image", **attrs)
    return True


def upsample(net: Net, rng: Rng) -> bool:
    """Upsample of opset 9, by whole factors."""
    x = net.pick_image(rng) if net.opset == 9 else None
    if x is None:
        return False
    factors = [1, 1, *(int(n) for n in rng.integers(1, 4, 2))]
    shape = tuple(size * factor for size, factor in zip(x.shape, factors, strict=True))
    if math.prod(shape) > MAX_ELEMS:
        return False
    names = [x.name, net.constant(rng, np.array(factors, np.float32), "scales")]
    net.add(rng, "Upsample", names, shape, "image", mode=str(rng.choice(["nearest", "linear"])))
    return True


DRAWS = (draw(2, resize_nearest, "Resize"), draw(3, resize_linear, "Resize"), draw(3, upsample, "Upsample"))
