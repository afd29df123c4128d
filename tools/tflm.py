"""The `tflite-micro` wheel on a program that mcuq compiled: the same integers in other hands."""

from __future__ import annotations

import sys

import numpy as np
from zoo import ROOT

from mcuq.ir.program import Program


class TflmInterpreter:
    """A program in the wheel's interpreter, one sample at a time."""

    def __init__(self, program: Program) -> None:
        """Write the program as a network of TensorFlow Lite.

        Args:
            program: of steps that TensorFlow Lite has.

        Raises:
            ImportError: where the wheel is not installed.
        """
        from tflite_micro import runtime

        # The writer is the tests': what is timed is what they hold against the simulator.
        if str(ROOT) not in sys.path:
            sys.path.append(str(ROOT))
        from tests.truth.tflite import write_network
        from tests.truth.tflite_program import network_of

        network = network_of(program)
        self._input = np.zeros(network.tensors[network.inputs[0]].shape, np.int8)
        self._interpreter = runtime.Interpreter.from_bytes(write_network(network))

    def run(self, samples: int) -> None:
        """Run the network; how long it takes does not depend on the codes."""
        for _ in range(samples):
            self._interpreter.set_input(self._input, 0)
            self._interpreter.invoke()
