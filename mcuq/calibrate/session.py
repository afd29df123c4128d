"""Sessions of onnxruntime, created here alone, so that they compute the same on every processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mcuq.ir.types import Array

_FATAL_SEVERITY = 4  # errors reach the user as exceptions, once
# On x86-64 processors without VNNI, onnxruntime multiplies uint8 activations by int8 weights with an
# instruction that adds pairs of products in int16 and saturates: 2 * 255 * 127 > 32,767. With this entry its
# optimizer makes the weights uint8 first; those products are added in int32.
_EXACT_PRODUCTS = ("session.x64quantprecision", "1")


class ValueInfo(Protocol):
    """What onnxruntime says about an input or output."""

    name: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    """The part of onnxruntime.InferenceSession in use."""

    def run(self, output_names: Sequence[str] | None, feeds: Mapping[str, Array]) -> list[Array]:
        """Values of outputs, of all for None."""

    def get_inputs(self) -> Sequence[ValueInfo]:
        """The model's inputs."""

    def get_outputs(self) -> Sequence[ValueInfo]:
        """The model's outputs."""


def open_session(model: bytes | str | Path, *, is_optimized: bool, threads: int = 1) -> Session:
    """A silent session on the CPU.

    Float models, and QDQ models without optimizations, are computed in float and cannot saturate. QLinear
    operators with uint8 activations and int8 weights need `is_optimized`: only the optimizer heeds the entry
    for exact products. Those with int8 activations need the opposite: it would turn their weights into a type
    that onnxruntime does not multiply them by, while the products of two int8 are exact everywhere.

    Args:
        model: a serialized ONNX model, or its file.
        is_optimized: onnxruntime's default optimizations, or none; they change what intermediate tensors
            hold, and which exist.
        threads: 0 for as many as there are cores.

    Raises:
        Exception: what onnxruntime raises; its exceptions share no public base.
    """
    # Loading it takes time.
    from mcuq.calibrate.runtime import ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = threads
    options.log_severity_level = _FATAL_SEVERITY
    options.add_session_config_entry(*_EXACT_PRODUCTS)
    if not is_optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session: Session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session
