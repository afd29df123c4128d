"""Inputs of the self-test, and what every step must give for them."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib

import numpy as np

from mcuq.ir.meant import meant_codes, spread_codes
from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.ir.types import Array
from mcuq.simulator.simulate import trace_program

VECTORS = 2


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One self-test input with its expectations.

    Args:
        inputs: codes per input port, device shape.
        outputs: codes per output of each step, in the plan's order.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    @property
    def checksums(self) -> tuple[str, ...]:
        """CRC-32 of each output of each step, eight hexadecimal digits."""
        return tuple(f"{zlib.crc32(np.ascontiguousarray(y).tobytes()):08x}" for y in self.outputs)


def selftest_inputs(program: Program, vector: int) -> tuple[Array, ...]:
    """Codes of one self-test input, the same on every machine and with every library.

    Vector 0 takes all codes alike; vector 1 stays near each input's zero, where layers saturate less.
    """
    codes = []
    for number, port in enumerate(program.inputs):
        tensor = program.tensors[port.tensor]
        seed = f"mcuq self-test, vector {vector}, input {number}".encode()
        dtype = tensor.quant.dtype
        digest = hashlib.shake_256(seed).digest(tensor.size_bytes)
        raw = np.frombuffer(digest, dtype.numpy.newbyteorder("<"))
        if vector > 0:
            near = (raw.astype(np.int32) >> 2) + tensor.quant.zero_point
            raw = np.clip(near, dtype.qmin, dtype.qmax).astype(dtype.numpy)
        codes.append(spread_codes(raw.reshape(tensor.shape), meant_codes(program, port.tensor)))
    return tuple(codes)


def selftest_vectors(plan: Plan) -> tuple[Vector, ...]:
    """All self-test inputs with the simulator's outputs of every step; state goes on from one to the next."""
    inputs = [selftest_inputs(plan.program, number) for number in range(VECTORS)]
    samples = [np.stack(arrays) for arrays in zip(*inputs, strict=True)]
    outputs = {index: ys for index, _, ys in trace_program(plan.program, samples)}
    return tuple(
        Vector(given, tuple(y[number] for index in plan.memory.order for y in outputs[index]))
        for number, given in enumerate(inputs)
    )
