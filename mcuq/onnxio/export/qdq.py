"""A program as an ONNX model with QuantizeLinear and DequantizeLinear around float operators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import onnx
from onnx import helper

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Port
from mcuq.ir.program import Program, ProgramPort, Step, StepOp
from mcuq.ir.types import DType
from mcuq.onnxio.export.qdq_writer import QdqWriter, StepWriter
from mcuq.onnxio.export.write import write_input, write_output
from mcuq.onnxio.export.writer import IR_VERSION, OPSET

_TYPES = {DType.INT8: onnx.TensorProto.FLOAT, DType.INT32: onnx.TensorProto.INT32}


def program_to_onnx(
    program: Program,
    scales: Mapping[int, Sequence[float]],
    writers: Mapping[type[StepOp], StepWriter],
    is_plain: bool = False,
    wide: Collection[type[StepOp]] = (),
) -> bytes:
    """Serialize a program as a QDQ model that onnxruntime runs.

    Weights are int8 initializers, biases int32 ones; layers work in NCHW. Tables of functions that are not
    recognized are looked up with Gather.

    Args:
        program: any program.
        scales: of the weights of each layer, by step.
        writers: by class of the step.
        is_plain: leave out what makes the model round as the program does, so that other tools find their
            patterns.
        wide: classes of steps whose writers know int16, which `QuantizeLinear` lacks: between such steps it
            is real values that other operators round, or nobody where the model is plain.

    Raises:
        McuqError: Q011 with all steps that have no such form.
    """
    return write_program(QdqWriter(program, is_plain), scales, writers, wide)


def write_program(
    writer: QdqWriter,
    scales: Mapping[int, Sequence[float]],
    writers: Mapping[type[StepOp], StepWriter],
    wide: Collection[type[StepOp]],
) -> bytes:
    """Serialize the program of a writer; arguments and errors are those of `program_to_onnx`."""
    program = writer.program
    refused = [*_refusals(program, writers, wide)]
    if refused:
        raise McuqError(refused)
    for port in program.inputs:
        tensor = program.tensors[port.tensor]
        writer.begin(port.name)
        is_real = tensor.quant.dtype is not DType.INT32
        x = writer.pair(port.name, tensor.quant, port.name) if is_real else port.name
        write_input(writer, _port(port, x))
    for index, step in enumerate(program.steps):
        _write_step(writer, step, writers[type(step.op)], scales.get(index, ()))
    for port in program.outputs:
        write_output(writer, _port(port, port.name))
    inputs = [_value(program, port) for port in program.inputs]
    outputs = [_value(program, port) for port in program.outputs]
    made = helper.make_graph(writer.nodes, "mcuq", inputs, outputs, writer.initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="mcuq")
    return bytes(model.SerializeToString(deterministic=True))


def _write_step(writer: QdqWriter, step: Step, write: StepWriter, scale: Sequence[float]) -> None:
    """Add the nodes of a step, and those that quantize and dequantize what it computes."""
    output, name, start = str(step.output), writer.program.tensors[step.output].name, len(writer.nodes)
    writer.begin(name)
    written = write(writer, step, scale)
    y = written.y
    if not written.is_quantized:
        y = writer.pair(writer.name_last(y, start, name), writer.quant(output), name)
    writer.name_nodes(start, step.name)
    writer.define(output, y, is_nchw=written.is_nchw)
    for tensor, other in zip(step.outputs[1:], written.others, strict=True):
        writer.define(str(tensor), other)


def _port(port: ProgramPort, name: str) -> Port:
    return Port(name, str(port.tensor), port.model_shape, port.perm)


def _value(program: Program, port: ProgramPort) -> onnx.ValueInfoProto:
    kind = _TYPES[program.tensors[port.tensor].quant.dtype]
    return helper.make_tensor_value_info(port.name, kind, port.model_shape)


def _refusals(
    program: Program, writers: Mapping[type[StepOp], StepWriter], wide: Collection[type[StepOp]]
) -> Iterator[Problem]:
    ports = {program.storage(port.tensor) for port in (*program.inputs, *program.outputs)}
    for step in program.steps:
        tensors = {*step.inputs, *step.outputs}
        types = {program.tensors[tensor].quant.dtype for tensor in tensors}
        known = {*_TYPES}
        if type(step.op) in wide and not ports & {
            program.storage(each) for each in tensors if program.tensors[each].quant.dtype is DType.INT16
        }:
            known.add(DType.INT16)
        others = sorted(dtype.value for dtype in types - known)
        if others:
            yield _refusal(step, f"QuantizeLinear of opset {OPSET} has no {others[0]}")
        elif type(step.op) not in writers:
            yield _refusal(step, f"mcuq has no writer yet that expresses {step.op.kind} in ONNX's operators")
    for state in program.state:
        yield Problem(
            "Q011",
            "state has no form in the format that is exported",
            f"state {state.name!r}",
            "an ONNX model keeps nothing from run to run",
            "export another --format",
        )


def _refusal(step: Step, why: str) -> Problem:
    return Problem(
        "Q011",
        "a layer has no form in the format that is exported",
        f"layer {step.name!r} ({step.op.kind})",
        why,
        "export another --format",
    )
