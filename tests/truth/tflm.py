"""TensorFlow Lite Micro's reference kernels, through the package tflite-micro: every intermediate tensor."""

from __future__ import annotations

import importlib

import numpy as np

from tests.truth.packages import require_package
from tests.truth.tflite import Network

ARENA_BYTES = 1 << 21


def run_tflm(data: bytes, network: Network, xs: list[np.ndarray]) -> dict[int, np.ndarray]:
    """The value of every activation that a layer reads or writes.

    Args:
        data: the file.
        network: what is in it.
        xs: codes of each input, `[samples, *shape]`.

    Returns:
        `[samples, *shape]` by the tensor's index.
    """
    require_package("tflite-micro", "tflite_micro")
    runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    preserve = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES, intrepreter_config=preserve)
    wanted = sorted(
        {*network.inputs, *(i for layer in network.layers for i in (layer.output, *layer.others))}
    )
    values = {index: [] for index in wanted}
    for sample in zip(*xs, strict=True):
        for position, x in enumerate(sample):
            interpreter.set_input(np.ascontiguousarray(x), position)
        interpreter.invoke()
        for index in wanted:
            # A view of the arena, which the next run writes over.
            values[index].append(np.array(interpreter.GetTensor(index, 0)["tensor_data"]))
    return {index: np.stack(arrays) for index, arrays in values.items()}
