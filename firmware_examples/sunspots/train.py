"""Fit a small recurrent network to sunspots and write one step of it as ONNX, with arrays to deploy it.

The network is an echo state network: its recurrent weights are drawn at random and kept, and a least squares
fit of the output is all the training there is. It takes a second, needs no framework, and gives the same on
every run of one machine.

    python firmware_examples/sunspots/train.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 1
UNITS = 32
LEAK = 0.8
RADIUS = 0.95
REACH = 0.3  # of the input's weights
RIDGE = 0.01
TRAINING = 221  # years, from 1700
WASHOUT = 16  # years until the state has forgotten how it began
WARM_UP = 24  # years in front of the test, in which its state forms
MEAN, SPREAD = 45.0, 50.0  # of the numbers, about
MAXIMUM_ERROR = 20.0  # sunspots, root mean square
OPSET = 17
IR_VERSION = 8

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Network:
    """h' = (1 - LEAK) h + LEAK tanh(x w + h r + b); y = h' v + c.

    Attributes:
        w: of the input, `[1, UNITS]`.
        r: of the state, `[UNITS, UNITS]`.
        b: bias, `[UNITS]`.
        v: of the output, `[UNITS, 1]`.
        c: its bias, `[1]`.
        initial: the state to begin with, `[UNITS]`.
    """

    w: FloatArray
    r: FloatArray
    b: FloatArray
    v: FloatArray
    c: FloatArray
    initial: FloatArray

    def step(self, x: float, h: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The output and the next state."""
        h = (1 - LEAK) * h + LEAK * np.tanh(x * self.w[0] + h @ self.r + self.b)
        return h @ self.v + self.c, h

    def states(self, xs: FloatArray) -> FloatArray:
        """The state behind every step, `[steps, UNITS]`."""
        h, found = self.initial, []
        for x in xs:
            _, h = self.step(x, h)
            found.append(h)
        return np.array(found)


def draw_network() -> Network:
    """Random weights; the output gives nothing yet, and the state begins at zero."""
    rng = np.random.default_rng(SEED)
    r = rng.normal(size=(UNITS, UNITS)) * (rng.random((UNITS, UNITS)) < 0.2)
    r *= RADIUS / np.abs(np.linalg.eigvals(r)).max()
    w = rng.uniform(-REACH, REACH, (1, UNITS)) / SPREAD
    b = rng.uniform(-0.5, 0.5, UNITS) - MEAN * w[0]
    return Network(w, r, b, np.zeros((UNITS, 1)), np.zeros(1), np.zeros(UNITS))


def fit(numbers: FloatArray) -> Network:
    """Fit the output to the next year's number, and let the state begin as it is on average.

    Args:
        numbers: of the years to train on.

    Returns:
        The network.
    """
    drawn = draw_network()
    states = drawn.states(numbers[:-1])[WASHOUT:]
    rows = np.column_stack([states, np.ones(len(states))])
    penalty = RIDGE * np.eye(UNITS + 1)
    penalty[-1, -1] = 0
    v = np.linalg.solve(rows.T @ rows + penalty, rows.T @ numbers[WASHOUT + 1 :])
    return Network(drawn.w, drawn.r, drawn.b, v[:-1, None], v[-1:], states.mean(axis=0))


def build_onnx(network: Network) -> bytes:
    """One step: `sunspots` and `h` to `next_year` and `h_next`."""
    arrays = {
        "w": network.w,
        "r": network.r,
        "b": network.b,
        "v": network.v,
        "c": network.c,
        "keep": np.array([1 - LEAK]),
        "take": np.array([LEAK]),
    }
    nodes = [
        ("Gemm", ["sunspots", "w", "b"], "seen"),
        ("MatMul", ["h", "r"], "remembered"),
        ("Add", ["seen", "remembered"], "sum"),
        ("Tanh", ["sum"], "candidate"),
        ("Mul", ["candidate", "take"], "taken"),
        ("Mul", ["h", "keep"], "kept"),
        ("Add", ["taken", "kept"], "h_next"),
        ("Gemm", ["h_next", "v", "c"], "next_year"),
    ]

    def port(name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])

    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output], name=output) for op, inputs, output in nodes],
        "sunspots",
        [port("sunspots", 1), port("h", UNITS)],
        [port("next_year", 1), port("h_next", UNITS)],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mcuq sunspots example",
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def root_mean_square(errors: FloatArray) -> float:
    """In sunspots."""
    return float(np.sqrt(np.mean(errors**2)))


def autoregression(numbers: FloatArray, order: int = 9) -> FloatArray:
    """What a linear fit to so many years says of every year of the test, from all years before it."""
    rows = np.array([[*numbers[at - order : at], 1.0] for at in range(order, len(numbers))])
    known = TRAINING - order
    fitted = np.linalg.lstsq(rows[:known], numbers[order:TRAINING], rcond=None)[0]
    return np.asarray(rows[known:] @ fitted)


def report(network: Network, numbers: FloatArray) -> float:
    """Print errors of the network and of what needs no network, on the years after the training.

    Returns:
        The network's.
    """
    given, wanted = numbers[TRAINING - WARM_UP : -1], numbers[TRAINING:]
    found = (network.states(given) @ network.v + network.c)[WARM_UP - 1 :, 0]
    errors = [found - wanted, autoregression(numbers) - wanted, given[WARM_UP - 1 :] - wanted]
    network_error, linear, same = map(root_mean_square, errors)
    print(f"next year's number, root mean square error on {len(wanted)} years from {1700 + TRAINING} on:")
    print(f"  network {network_error:.1f}, autoregression {linear:.1f}, same as this year {same:.1f}")
    return network_error


def main() -> None:
    """Fit, check, and only then write the files."""
    folder = Path(__file__).parent
    parser = argparse.ArgumentParser(description="Fit the sunspots example and write one step of it as ONNX.")
    parser.add_argument("--output", type=Path, default=folder, help="folder for the files")
    output: Path = parser.parse_args().output
    numbers = np.load(folder / "sunspots.npy").astype(np.float64)
    network = fit(numbers[:TRAINING])
    if report(network, numbers) > MAXIMUM_ERROR:
        raise SystemExit(f"error: expected at most {MAXIMUM_ERROR}")
    output.mkdir(parents=True, exist_ok=True)
    (output / "model.onnx").write_bytes(build_onnx(network))
    start = TRAINING - WARM_UP
    arrays = {
        "calibration": numbers[:TRAINING, None],
        "test": numbers[start:-1, None],
        "test_next": numbers[start + 1 :, None],
        "initial": network.initial[None],
    }
    for name, array in arrays.items():
        np.save(output / f"{name}.npy", array.astype(np.float32))


if __name__ == "__main__":
    main()
