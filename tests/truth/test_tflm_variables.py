"""Variables of TensorFlow Lite files as mcuq compiles them, against TensorFlow Lite Micro: sequences."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.frontend import ModelFile
from mcuq.simulator.simulate import initial_state, simulate_sequence
from tests.tflite_files.layers import exactly
from tests.tflite_files.wheel import program_of
from tests.truth.packages import require_package
from tests.truth.tflite import schema

SHAPE, STEPS = (1, 5), 20


KINDS = ("ADD", "ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE")
OPTIONS = {"VAR_HANDLE": "VarHandleOptions", "CALL_ONCE": "CallOnceOptions", "ADD": "AddOptions"}


def codes():
    fb, found = schema(), []
    for kind in KINDS:
        code = fb.OperatorCodeT()
        code.builtinCode, code.version = getattr(fb.BuiltinOperator, kind), 1
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        found.append(code)
    return found


def tensor(name, step, point, shape=SHAPE, buffer=0):
    """An int8 tensor; without a scale, the handle of a variable."""
    fb = schema()
    found = fb.TensorT()
    found.name, found.shape, found.buffer = name, list(shape) if step else [], buffer
    found.type = fb.TensorType.INT8 if step else fb.TensorType.RESOURCE
    if step:
        found.quantization = fb.QuantizationParametersT()
        found.quantization.scale = np.array(exactly(step), np.float32)
        found.quantization.zeroPoint = np.array([point], np.int64)
    return found


def operator(kind, inputs, outputs, **options):
    fb = schema()
    found = fb.OperatorT()
    found.opcodeIndex, found.inputs, found.outputs = KINDS.index(kind), inputs, outputs
    if kind in OPTIONS:
        found.builtinOptionsType = getattr(fb.BuiltinOptions, OPTIONS[kind])
        found.builtinOptions = getattr(fb, OPTIONS[kind] + "T")()
        for name, value in options.items():
            setattr(found.builtinOptions, name, value)
    return found


def graph(tensors, operators, inputs, outputs):
    found = schema().SubGraphT()
    found.tensors, found.operators, found.inputs, found.outputs = tensors, operators, inputs, outputs
    return found


def made(first=None, *, is_reversed=False, calls=1, scale=0.1, shape=SHAPE):
    """y = x + v, which v holds in the next run; `first` is what it holds in the first one."""
    fb, flatbuffers = schema(), importlib.import_module("flatbuffers")
    model = fb.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [fb.BufferT()], codes()
    body = [
        operator("VAR_HANDLE", [], [1], container="", sharedName="v"),
        operator("READ_VARIABLE", [1], [2]),
        operator("ADD", [0, 2], [3]),
        operator("ASSIGN_VARIABLE", [1, 3], []),
    ]
    tensors = [tensor("x", 0.05, 3), tensor("h", None, 0), tensor("v", scale, -7), tensor("y", 0.1, -7)]
    model.subgraphs = [graph(tensors, body, [0], [3])]
    if first is not None:
        body.insert(len(body) if is_reversed else 0, operator("CALL_ONCE", [], [], initSubgraphIndex=calls))
        model.buffers.append(fb.BufferT())
        model.buffers[1].data = np.frombuffer(first.tobytes(), np.uint8)
        start = operator("VAR_HANDLE", [], [0], container="", sharedName="v")
        inner = [start, operator("ASSIGN_VARIABLE", [0, 1], [])]
        tensors = [tensor("h0", None, 0), tensor("first", 0.1, -7, shape, 1)]
        model.subgraphs.append(graph(tensors, inner, [], []))
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def wheel(data, xs):
    require_package("tflite-micro", "tflite_micro")
    runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 16)
    found = []
    for x in xs:
        interpreter.set_input(x, 0)
        interpreter.invoke()
        found.append(np.array(interpreter.get_output(0)))
    return np.stack(found)


FIRST = np.array([[-128, 127, 0, -7, 55]], np.int8)


@pytest.mark.parametrize("first", [None, FIRST], ids=["zeros", "first values"])
def test_variable_equals_the_wheel_over_a_sequence(first):
    data = made(first)
    xs = np.random.default_rng(2).integers(-40, 46, (STEPS, *SHAPE)).astype(np.int8)
    program = program_of(data)
    (found,), _ = simulate_sequence(program, [xs], initial_state(program))
    expected = wheel(data, xs)
    np.testing.assert_array_equal(expected, found)
    assert len(np.unique(expected)) > 20


REFUSED = {
    "a call behind the variable": (lambda: made(FIRST, is_reversed=True), "M004"),
    "a call of no graph": (lambda: made(FIRST, calls=7), "M004"),
    "other parameters": (lambda: made(scale=0.3), "M004"),
    "another shape": (lambda: made(FIRST[:, :3], shape=(1, 3)), "M006"),
    "values that are cut": (lambda: made(FIRST[:, :3]), "M002"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_variable_in_another_form_is_refused(what):
    make, code = REFUSED[what]
    with pytest.raises(McuqError) as error:
        ModelFile(Path("net.tflite"), make()).read()
    assert code in {problem.code for problem in error.value.problems}, error.value
