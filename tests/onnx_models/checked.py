"""Proof that a model goes all the way: float graphs that equal it, a program, a plan, and codes near them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
from onnx import helper

from mcuq.calibrate.data import Samples
from mcuq.frontend import read
from mcuq.ir.graph import Graph
from mcuq.ir.plan import Plan
from mcuq.ir.types import DType
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Measured
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.measure import Wanted, observe
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.small_models import FLOAT, assert_same, run, save

OPTIONS = QuantOptions(method="minmax")
SAMPLES = 6


@dataclasses.dataclass(frozen=True)
class Built:
    """A model that went all the way."""

    graph: Graph
    plan: Plan
    expected: dict[str, np.ndarray]  # `[samples, ...]` by output
    found: dict[str, np.ndarray]

    def kinds(self) -> list[str]:
        return [node.op.kind for node in self.graph.nodes]

    def steps(self) -> list[str]:
        return [step.op.kind for step in self.plan.program.steps]


def integer_inputs(model: onnx.ModelProto) -> dict[str, np.dtype]:
    """The types of inputs that are not float32, by name."""
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    return {name: helper.tensor_dtype_to_np_dtype(kind) for name, kind in kinds.items() if kind != FLOAT}


def feeds_of(
    graph: Graph, lo: float, hi: float, seed: int = 0, types: Mapping[str, np.dtype] = MappingProxyType({})
) -> dict[str, np.ndarray]:
    """Samples of all inputs in float32: uniform in a range, or whole numbers for other types."""
    rng = np.random.default_rng(seed)
    feeds = {}
    for port in graph.inputs:
        shape = (SAMPLES, *port.model_shape)
        if port.name not in types:
            feeds[port.name] = rng.uniform(lo, hi, shape).astype(np.float32)
        elif port.whole is not None:
            feeds[port.name] = rng.integers(port.whole.lo, port.whole.hi + 1, shape).astype(np.float32)
        else:
            feeds[port.name] = rng.integers(0, 6, shape).astype(np.float32)
    return feeds


def run_all(
    model: bytes, feeds: Mapping[str, np.ndarray], types: Mapping[str, np.dtype] = MappingProxyType({})
) -> dict[str, np.ndarray]:
    """The outputs for every sample, stacked; truth values as numbers."""
    typed = {name: array.astype(types.get(name, array.dtype)) for name, array in feeds.items()}
    rows = [run(model, {name: np.asarray(array[i]) for name, array in typed.items()}) for i in range(SAMPLES)]
    return {name: np.stack([row[name] * 1 for row in rows]) for name in rows[0]}


def sqnr_db(expected: np.ndarray, found: np.ndarray) -> float:
    """Signal to quantization noise in decibels."""
    signal = float(np.sum(np.square(expected, dtype=np.float64)))
    noise = float(np.sum(np.square(expected.astype(np.float64) - found)))
    return np.inf if noise == 0 else 10 * np.log10(max(signal, 1e-30) / noise)


def check_built(
    model: onnx.ModelProto, folder: Path, lo: float = -2.0, hi: float = 2.0, least_db: float = 20.0
) -> Built:
    """Read, write back, canonicalize, calibrate, lower, plan and simulate a model.

    The float graphs must equal the model, and the integers must be near it.
    """
    graph = read(save(model, folder)).graph
    types = integer_inputs(model)
    feeds = feeds_of(graph, lo, hi, types=types)
    expected = run_all(model.SerializeToString(), feeds, types)
    canonical = canonicalize(graph)
    for each in (graph, canonical):
        assert_same(expected, run_all(write_graph(each), feeds))
    samples = Samples.from_arrays(feeds)
    seen = observe(canonical, samples, OPTIONS, Wanted(fits_weights=True))
    calibrated = Measured(canonical, seen.ranges, "0" * 64, (), samples, seen.reference)
    program = compile_model(calibrated, OPTIONS).program
    plan = plan_program(program, "host")
    codes = simulate_program(program, quantize_inputs(program, feeds))
    found = dequantize_outputs(program, codes)
    is_index = {
        port.name: program.tensors[port.tensor].quant.dtype is DType.INT32 for port in program.outputs
    }
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        if not is_index[name]:
            quality = sqnr_db(array, found[name])
            assert quality >= least_db, f"{name}: {quality:.1f} dB"
    return Built(canonical, plan, expected, found)
