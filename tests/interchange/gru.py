"""A GRU cell of plain operators, its state an input and an output of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from tests.interchange.qnet import QNet
from tests.small_models import Net, run

INPUTS, UNITS = 5, 8
# Scale and zero point by what a tensor is, as a quantizer with one observer of each kind gives them.
GRIDS = {
    "x": (0.03, 0),
    "sum": (0.05, 3),
    "sigmoid": (1 / 256, -128),
    "tanh": (1 / 128, 0),
    "difference": (1 / 64, 0),
    "state": (1 / 128, 0),
}
Quantize = Callable[[str, str], str]


def gru_cell(net: Net, x: str, h: str, weights: dict[str, str], quantize: Quantize) -> str:
    """`n + z (h - n)` of one step; what it returns is not quantized."""

    def linear(tensor: str, name: str) -> str:
        return quantize(net.add("Gemm", tensor, weights[name], weights[f"{name} bias"], transB=1), "sum")

    def gate(name: str) -> str:
        total = quantize(net.add("Add", linear(x, f"w{name}"), linear(h, f"r{name}")), "sum")
        return quantize(net.add("Sigmoid", total), "sigmoid")

    r, z = gate("r"), gate("z")
    reset = quantize(net.add("Mul", r, linear(h, "rn")), "sum")
    n = net.add("Tanh", quantize(net.add("Add", linear(x, "wn"), reset), "sum"))
    n = quantize(n, "tanh")
    step = quantize(net.add("Mul", z, quantize(net.add("Sub", h, n), "difference")), "difference")
    return net.add("Add", n, step)


def gru_weights(net: Net, matrix: Callable[[tuple[int, int]], str]) -> dict[str, str]:
    weights = {}
    for gate in "rzn":
        for name, size in ((f"w{gate}", INPUTS), (f"r{gate}", UNITS)):
            weights[name] = matrix((UNITS, size))
            weights[f"{name} bias"] = net.const(net.rng.normal(size=UNITS) * 0.2)
    return weights


def float_gru() -> onnx.ModelProto:
    """One step: inputs "x" and "h", output "h_out"."""
    net = Net(x=[1, INPUTS], h=[1, UNITS])
    weights = gru_weights(net, lambda shape: net.const(net.rng.normal(size=shape) * 0.5))
    y = gru_cell(net, "x", "h", weights, lambda tensor, kind: tensor)
    net.add("Identity", y, outputs=["h_out"])
    return net.model("h_out")


def quantized_gru(steps: int) -> onnx.ModelProto:
    """Some steps one behind the other: inputs "x0" to "x<n>" and "h", output "h_out"."""
    net = QNet(**{f"x{step}": [1, INPUTS] for step in range(steps)}, h=[1, UNITS])
    shared = {kind: (net.scale(scale), net.zero(zero)) for kind, (scale, zero) in GRIDS.items()}

    def quantize(tensor: str, kind: str, outputs: Sequence[str] = ()) -> str:
        codes = net.add("QuantizeLinear", tensor, *shared[kind])
        return net.add("DequantizeLinear", codes, *shared[kind], outputs=outputs)

    weights = gru_weights(net, lambda shape: net.weights(shape, 0.01))
    h = quantize("h", "state")
    for step in range(steps):
        y = gru_cell(net, quantize(f"x{step}", "x"), h, weights, quantize)
        h = quantize(y, "state", ["h_out"] if step == steps - 1 else [])
    return net.model("h_out")


def float_states(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """The state before every step and after the last, `[n + 1, 1, UNITS]`, from zero on."""
    states = [np.zeros((1, UNITS), np.float32)]
    for each in x:
        states.append(run(model.SerializeToString(), {"x": each, "h": states[-1]})["h_out"])
    return np.stack(states)
