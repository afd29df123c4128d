"""A TensorFlow Lite file as mcuq compiles it, against TensorFlow Lite Micro: every tensor that both have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcuq.frontend import ModelFile
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.compile import compile_model
from mcuq.simulator.simulate import trace_program
from tests.truth.tflite import read_network, schema
from tests.truth.tflm import run_tflm

# Layers that become other names of their inputs, or nothing at all.
VIEWS = ("DEQUANTIZE", "EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE")


def program_of(data: bytes):
    """The program of a file."""
    options = QuantOptions()
    model = ModelFile(Path("model.tflite"), data).read()
    return compile_model(calibrate_model(model, None, options), options).program


def compare(data: bytes, xs: list[np.ndarray]) -> tuple[int, set[str]]:
    """Compare every intermediate.

    Args:
        data: the file.
        xs: codes of each input in the shape that the file has, `[samples, *shape]`.

    Returns:
        The number of values compared, and the kinds of layers whose outputs the program has no tensor for.
    """
    program, network = program_of(data), read_network(data)
    values, names = run_tflm(data, network, xs), read_names(data)
    inside = [
        in_program(port, x).reshape(-1, *program.tensors[port.tensor].shape)
        for x, port in zip(xs, program.inputs, strict=True)
    ]
    found = {}
    for _, step, outputs in trace_program(program, inside):
        found |= {program.tensors[i].name: y for i, y in zip(step.outputs, outputs, strict=True)}
    by_index = {port.tensor: x for port, x in zip(program.inputs, inside, strict=True)}
    by_index |= {i: found[tensor.name] for i, tensor in enumerate(program.tensors) if tensor.name in found}
    found |= {
        port.name: as_in_file(port, by_index[port.tensor])
        for port in program.outputs
        if port.tensor in by_index
    }
    compared, missing = 0, set()
    for layer in network.layers:
        for index in (layer.output, *layer.others):
            name, expected = names[index], values[index]
            if name not in found:
                missing.add(layer.kind)
                continue
            np.testing.assert_array_equal(expected.ravel(), found[name].ravel(), f"{layer.kind} {name}")
            compared += expected.size
    return compared, missing


def in_program(port, x: np.ndarray) -> np.ndarray:
    """Samples of an input in the layout of the program."""
    return x.reshape(len(x), *port.model_shape).transpose(0, *(1 + axis for axis in port.perm))


def as_in_file(port, values: np.ndarray) -> np.ndarray:
    """Samples of an output in the layout of the file."""
    shape = [port.model_shape[axis] for axis in port.perm]
    back = [0, *(1 + int(axis) for axis in np.argsort(port.perm))]
    return values.reshape(len(values), *shape).transpose(back)


def read_names(data: bytes) -> list[str]:
    """The names of the tensors."""
    (graph,) = schema().ModelT.InitFromObj(schema().Model.GetRootAs(data, 0)).subgraphs
    return [(tensor.name or b"").decode() or f"tensor_{i}" for i, tensor in enumerate(graph.tensors)]


def noise(shape: tuple[int, ...], zero_point: int, samples: int = 34) -> np.ndarray:
    """Random codes around the zero point, of every amplitude, and the two ends."""
    rng = np.random.default_rng(7)
    amplitude = np.resize([256, 128, 32, 4], samples).reshape(-1, *[1] * len(shape))
    codes = np.clip(zero_point + (rng.random((samples, *shape)) - 0.5) * amplitude, -128, 127)
    codes[-2], codes[-1] = -128, 127
    return codes.astype(np.int8)
