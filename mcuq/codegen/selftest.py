"""Inputs of the self-test, and what every step must give for them."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib

import numpy as np

from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.ir.types import Array, Int8, elem_count
from mcuq.simulator.simulate import trace_program

VECTORS = 2


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One self-test input with its expectations.

    Args:
        inputs: codes per input port, device shape.
        outputs: codes per step, in the plan's order.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    @property
    def checksums(self) -> tuple[str, ...]:
        """CRC-32 of each step's output, eight hexadecimal digits."""
        return tuple(f"{zlib.crc32(np.ascontiguousarray(y).tobytes()):08x}" for y in self.outputs)


def selftest_inputs(program: Program, vector: int) -> tuple[Int8, ...]:
    """Codes of one self-test input, the same on every machine and with every library.

    Vector 0 takes all codes alike; vector 1 stays near each input's zero, where layers saturate less.
    """
    codes = []
    for number, port in enumerate(program.inputs):
        tensor = program.tensors[port.tensor]
        seed = f"mcuq self-test, vector {vector}, input {number}".encode()
        raw = np.frombuffer(hashlib.shake_256(seed).digest(elem_count(tensor.shape)), np.int8)
        if vector > 0:
            raw = np.clip((raw.astype(np.int32) >> 2) + tensor.quant.zero_point, -128, 127).astype(np.int8)
        codes.append(raw.reshape(tensor.shape))
    return tuple(codes)


def selftest_vectors(plan: Plan) -> tuple[Vector, ...]:
    """All self-test inputs with the simulator's output of every step."""
    vectors = []
    for number in range(VECTORS):
        inputs = selftest_inputs(plan.program, number)
        outputs = {index: y[0] for index, _, y in trace_program(plan.program, [x[None] for x in inputs])}
        vectors.append(Vector(inputs, tuple(outputs[index] for index in plan.memory.order)))
    return tuple(vectors)
