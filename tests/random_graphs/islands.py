"""Parts of a float model that are quantized: a QuantizeLinear and a DequantizeLinear in a row."""

from __future__ import annotations

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import Net


def island(net: Net, rng: Rng) -> bool:
    """Codes of a tensor and back, in a range that its values have."""
    x = net.pick(rng, lambda v: True)
    if x is None or net.opset < 10:
        return False
    is_signed = rng.random() < 0.6
    low = float(rng.choice([0.0, -1.0, -1.0])) * rng.uniform(0.5, 4)
    scale = np.float32((rng.uniform(1, 6) - low) / 255)
    zero = round(-low / scale) + (-128 if is_signed else 0)
    dtype = np.int8 if is_signed else np.uint8
    names = [net.constant(rng, scale, "scale"), net.constant(rng, np.array(zero, dtype), "zero")]
    code = net.add(rng, "QuantizeLinear", [x.name, *names], x.shape, "unread")
    net.add(rng, "DequantizeLinear", [code.name, *names], x.shape, x.kind)
    return True


DRAWS = (draw(1, island, "DequantizeLinear"),)
