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
from mcuq.onnxio.export.writer import IR_VERSION, OPSET, WIDE_IR_VERSION, WIDE_OPSET

_TYPES = {
    DType.INT8: onnx.TensorProto.FLOAT,
    DType.INT16: onnx.TensorProto.FLOAT,
    DType.INT32: onnx.TensorProto.INT32,
}


def program_to_onnx(
    program: Program,
    scales: Mapping[int, Sequence[float]],
    writers: Mapping[type[StepOp], StepWriter],
    is_plain: bool = False,
    wide: Collection[type[StepOp]] = (),
) -> bytes:
    """Serialize a program as a QDQ model that onnxruntime runs.

    Weights are int8 or int4 initializers, biases int32 ones; layers work in NCHW. Tables of functions that
    are not recognized are looked up with Gather. The opset is 17, or 21 where a program needs its types.

    Args:
        program: any program.
        scales: of the weights of each layer, by step.
        writers: by class of the step.
        is_plain: leave out what makes the model round as the program does, so that other tools find their
            patterns.
        wide: classes of steps between which int16 needs no `QuantizeLinear`, which had none before opset 21:
            it is real values that other operators round, or nobody where the model is plain.

    Raises:
        McuqError: Q011 with all steps that have no such form.
    """
    writer = QdqWriter(program, is_plain)
    if _needs_wide_opset(program, wide):
        writer.opset = WIDE_OPSET
    return write_program(writer, scales, writers)


def write_program(
    writer: QdqWriter,
    scales: Mapping[int, Sequence[float]],
    writers: Mapping[type[StepOp], StepWriter],
) -> bytes:
    """Serialize the program of a writer; arguments and errors are those of `program_to_onnx`."""
    program = writer.program
    refused = [*_refusals(program, writers)]
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
    opset = helper.make_opsetid("", writer.opset)
    version = IR_VERSION if writer.opset == OPSET else WIDE_IR_VERSION
    model = helper.make_model(made, opset_imports=[opset], ir_version=version, producer_name="mcuq")
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


def _needs_wide_opset(program: Program, wide: Collection[type[StepOp]]) -> bool:
    """Whether weights are int4, or int16 stands elsewhere than between steps of some classes."""
    ports = {program.storage(port.tensor) for port in (*program.inputs, *program.outputs)}
    for step in program.steps:
        tensors = {
            program.storage(each)
            for each in (*step.inputs, *step.outputs)
            if program.tensors[each].quant.dtype is DType.INT16
        }
        if DType.INT4 in step.op.constant_types() or (
            tensors and (type(step.op) not in wide or tensors & ports)
        ):
            return True
    return False


def _refusals(program: Program, writers: Mapping[type[StepOp], StepWriter]) -> Iterator[Problem]:
    for step in program.steps:
        tensors = {*step.inputs, *step.outputs}
        types = {program.tensors[tensor].quant.dtype for tensor in tensors}
        others = sorted(dtype.value for dtype in types - _TYPES.keys())
        if others:
            yield _refusal(step, f"QuantizeLinear has no {others[0]}")
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
