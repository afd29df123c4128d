"""One case, compiled in the first form that is read, compared with its C and with what it should give."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.ir.integer import dequantize_array
from mcuq.ir.program import Program
from mcuq.ir.types import DType
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs, to_model
from mcuq.simulator.simulate import simulate_program
from tests.onnx_cases.sources import Case

OPTIONS = QuantOptions(method="minmax")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        status: "compiled", "constant" (evaluated while compiling, its value added to an input), "refused" or
            "failed".
        detail: why it was refused or failed.
        code: of the refusal.
        stored: how many of its tensors had to be constants.
        steps: largest distance from the expected values in codes of the output.
        compared: values that C and simulator agree on.
    """

    status: str
    detail: str = ""
    code: str = ""
    stored: int = 0
    steps: float = 0.0
    compared: int = 0


def check_case(case: Case) -> Outcome:
    """Try the forms of a case, one after the other."""
    first: McuqError | None = None
    for form in forms(case):
        try:
            with tempfile.TemporaryDirectory(prefix="mcuq-case-") as folder:
                return _built(case, form, Path(folder))
        except McuqError as error:
            first = error if first is None or form.is_better_reason else first
        except Exception:
            return Outcome("failed", traceback.format_exc(limit=-4))
    if first is None:
        return Outcome("refused", "it has no float32 input and gives no tensor", "M004")
    problem = first.problems[0]
    return Outcome("refused", f"{problem.title}: {problem.why}", problem.code)


@dataclasses.dataclass(frozen=True)
class Form:
    """A case as a model.

    Args:
        model: it.
        feeds: values of its inputs.
        stored: how many of the case's tensors are constants in it.
        status: of the outcome where it compiles.
        is_better_reason: whether its refusal says more than that of the form before.
    """

    model: onnx.ModelProto
    feeds: dict[str, np.ndarray]
    stored: int = 0
    status: str = "compiled"
    is_better_reason: bool = False


def forms(case: Case) -> Iterator[Form]:
    """All inputs as they are, only those of float32, the first of these, and none of them."""
    graph, values = case.model.graph, case.inputs
    names = [value.name for value in graph.input]
    given = {name: array for name, array in zip(names, values, strict=False) if array is not None}
    if len(given) < len(names):
        yield Form(case.model, given)
        return
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    floats = [name for name in names if kinds[name] == TensorProto.FLOAT and given[name].size]
    kept: list[list[str]] = []
    for wanted in (names, floats, floats[:1]):
        if wanted and wanted not in kept:
            kept.append(wanted)
            yield _stored(case.model, given, wanted, is_better_reason=len(kept) > 1)
    constant = _constant(case, given)
    if constant is not None and (
        TensorProto.FLOAT not in kinds.values() or graph.node[-1].op_type in ("Shape", "Size")
    ):
        yield constant


def _stored(
    model: onnx.ModelProto, given: dict[str, np.ndarray], wanted: list[str], *, is_better_reason: bool
) -> Form:
    """Some tensors as inputs, the others as initializers."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    inputs = [value for value in model.graph.input if value.name in wanted]
    del out.graph.input[:]
    out.graph.input.extend(inputs)
    rest = [name for name in given if name not in wanted]
    out.graph.initializer.extend(numpy_helper.from_array(given[name], name) for name in rest)
    feeds = {name: given[name] for name in wanted}
    return Form(out, feeds, len(rest), is_better_reason=is_better_reason)


def _constant(case: Case, given: dict[str, np.ndarray]) -> Form | None:
    """All tensors stored, and the outputs added to inputs of zeros, so that they are part of a model."""
    if not case.outputs or any(array is None or array.dtype.kind not in "fiub" for array in case.outputs):
        return None
    floats = case.model.graph.node[-1].op_type in ("Shape", "Size")
    form = _stored(case.model, given, list(given) if floats else [], is_better_reason=False)
    graph = form.model.graph
    feeds = dict(form.feeds)
    del graph.output[:]
    for value, array in zip(case.model.graph.output, case.outputs, strict=True):
        assert array is not None
        zero, real, total = f"{value.name}_zero", f"{value.name}_real", f"{value.name}_total"
        graph.node.append(helper.make_node("Cast", [value.name], [real], to=TensorProto.FLOAT))
        graph.node.append(helper.make_node("Add", [real, zero], [total]))
        graph.input.append(helper.make_tensor_value_info(zero, TensorProto.FLOAT, array.shape))
        graph.output.append(helper.make_tensor_value_info(total, TensorProto.FLOAT, array.shape))
        feeds[zero] = np.zeros(array.shape, np.float32)
    return Form(form.model, feeds, len(given), "constant")


def _built(case: Case, form: Form, folder: Path) -> Outcome:
    """Compile a form, run its C, and measure how far from the expected values it is."""
    path = folder / "case.onnx"
    path.write_bytes(form.model.SerializeToString())
    feeds = {name: array[None] for name, array in form.feeds.items()}
    samples = None
    if feeds and all(array.dtype == np.float32 and np.isfinite(array).all() for array in feeds.values()):
        samples = Samples.from_arrays(feeds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = build(
            path,
            "host",
            calibration=None if samples is None else CalibrationData(samples),
            output=folder / "out",
            name="onnx_case",
            options=OPTIONS,
        )
    assert result.report is not None
    program = result.plan.program
    codes = quantize_inputs(program, feeds)
    found = dequantize_outputs(program, simulate_program(program, codes))
    seen = _seen(form, program, codes)
    worst = 0.0
    for port, expected in zip(program.outputs, _expected(case, form, seen), strict=False):
        if expected is None:
            continue
        quant = program.tensors[port.tensor].quant
        step = 1.0 if quant.dtype is DType.INT32 else quant.step
        worst = max(worst, _distance(expected, found[port.name][0], step))
    return Outcome(form.status, "", "", form.stored, worst, result.report.values_compared)


def _seen(form: Form, program: Program, codes: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """The inputs that the codes stand for."""
    seen = {}
    for port, code in zip(program.inputs, codes, strict=True):
        quant = program.tensors[port.tensor].quant
        real = to_model(port, dequantize_array(code, quant.step, quant.zero_point))[0]
        seen[port.name] = real.astype(form.feeds[port.name].dtype)
    return seen


def _expected(case: Case, form: Form, seen: dict[str, np.ndarray]) -> Sequence[np.ndarray | None]:
    """What onnx computes for the inputs that the codes stand for; the case's own values where it cannot.

    It must give the case's values for the case's inputs.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            evaluator = ReferenceEvaluator(form.model)
            own = evaluator.run(None, dict(form.feeds))
            outputs = evaluator.run(None, seen)
    except Exception:  # the evaluator raises whatever its Python code raises
        return case.outputs
    for before, expected in zip(own, case.outputs, strict=True):
        same = isinstance(before, np.ndarray) and expected is not None and before.shape == expected.shape
        if not same or not np.allclose(before, expected, rtol=1e-3, atol=1e-5, equal_nan=True):
            return case.outputs
    return [np.asarray(each) for each in outputs]


def _distance(expected: np.ndarray, found: np.ndarray, step: float) -> float:
    """The largest difference in codes; infinity where shapes differ."""
    if expected.shape != found.shape:
        return math.inf
    both = expected.astype(np.float64), found.astype(np.float64)
    is_finite = np.isfinite(both[0])
    return float(np.abs(both[0] - both[1])[is_finite].max(initial=0.0)) / step
