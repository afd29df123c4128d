"""From a TensorFlow Lite file to a float graph and the integers that the file has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mcuq.ir.encodings import Encodings
from mcuq.ir.graph import Port, Stage, Tensor, make_graph
from mcuq.ir.model import Model
from mcuq.ir.op import ShapeError, SizeError
from mcuq.ir.types import MAX_TENSOR_ELEMS, Shape, elem_count
from mcuq.onnxio.refusal import Problems, Refused, listed, quoted
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.load import TfliteSource, load_tflite
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader, TfliteReaders
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor

_TITLES = {
    "M002": "breaks the schema of TensorFlow Lite",
    "M004": "is used in an unsupported form",
    "M005": "has a weight or constant that is not finite",
    "M006": "does not fit the shapes of its inputs",
    "M011": "makes an absurdly large tensor",
    "Q005": "has a quantization parameter that means nothing",
    "Q006": "contradicts other quantization parameters",
}
# Operators that only say how numbers are stored.
_CASTS = ("QUANTIZE", "DEQUANTIZE")


def read_tflite(data: bytes, path: Path, input_shapes: Mapping[str, Shape], readers: TfliteReaders) -> Model:
    """Read a TensorFlow Lite file, float or int8.

    Args:
        data: its bytes.
        path: where it is.
        input_shapes: of inputs by name; the file has them all, so that they can only be the same.
        readers: of the operators that may be in it.

    Raises:
        McuqError: as `mcuq.frontend.read`.
    """
    source = load_tflite(data, path.name)
    problems = Problems(source.file)
    walk = _TfliteWalk(source, problems, readers)
    walk.read_inputs(input_shapes)
    problems.stop()
    for node in source.nodes:
        walk.visit(node)
    walk.report_unsupported()
    problems.stop()
    outputs = walk.read_outputs()
    problems.stop()
    ctx = walk.ctx
    before, after = walk.states()
    ports = (*walk.ports, *before), (*outputs, *after)
    graph = make_graph(Stage.FLOAT, ctx.nodes, ctx.tensors, ctx.graph_constants, *ports)
    encodings = Encodings({}, {})
    if ctx.has_codes:
        constants = {name: each for name, each in ctx.encodings.items() if name in graph.constants}
        encodings = Encodings(dict(ctx.quants), constants, same_as=walk.same_as())
    return Model(source.file, hashlib.sha256(data).hexdigest(), graph, encodings, ctx.weight_axes, ())


class _TfliteWalk:
    """One pass over the operators of a file."""

    def __init__(self, source: TfliteSource, problems: Problems, readers: TfliteReaders) -> None:
        self.source, self.problems, self.readers = source, problems, readers
        outputs = [tensor for node in source.nodes for tensor in node.outputs]
        # What only casts read is real to all others.
        read = [each for node in source.nodes if node.kind not in _CASTS for each in node.inputs if each]
        has_codes = any(each.has_codes and not each.is_constant for each in (*outputs, *read))
        variables = [each for node in source.nodes for each in node.inputs if each and each.is_variable]
        names = {tensor.name for tensor in (*source.inputs, *outputs, *variables)}
        self.tensors = {tensor.name: tensor for tensor in (*source.inputs, *outputs)}
        self.ctx = TfliteContext(names, has_codes=has_codes, graphs=source.others)
        self.ports: list[Port] = []
        self.unsupported: dict[str, list[TfliteNode]] = {}
        self.unknown: set[str] = set()
        self.computed: set[str] = set()

    def read_inputs(self, input_shapes: Mapping[str, Shape]) -> None:
        """What the model takes."""
        for name in input_shapes:
            if name not in {tensor.name for tensor in self.source.inputs}:
                known = listed([tensor.name for tensor in self.source.inputs])
                where = f"--input-shape {quoted(name)}"
                self.problems.add("O001", "the model has no such input", where, f"it has {known}", "name one")
        for tensor in self.source.inputs:
            where = f"input {quoted(tensor.name)}"
            try:
                self._check_tensor(tensor)
                _check_stateless(tensor)
                if tensor.is_constant or tensor.name in self.computed:
                    raise Refused("M002", "it is a constant, or an input twice", CONVERT_AGAIN)
                if not (tensor.kind == "FLOAT32" or tensor.has_codes):
                    raise Refused("M004", f"its type is {tensor.kind}", "convert with float32 or int8 inputs")
                asked = input_shapes.get(tensor.name, tensor.shape)
                if asked != tensor.shape:
                    why = f"asked for {asked}, the file has {tensor.shape}: its shapes are fixed"
                    raise Refused("M006", why, "convert the model again with that shape")
                self._define(tensor)
            except Refused as refused:
                title = "an input cannot be used"
                self.problems.add(refused.code, title, where, refused.why, refused.fix)
                continue
            self.computed.add(tensor.name)
            shape = tensor.shape
            self.ports.append(Port(tensor.name, tensor.name, shape, tuple(range(len(shape)))))
        if not self.source.inputs:
            self.problems.add("M004", "the model has no input", "", "its list is empty", CONVERT_AGAIN)

    def _define(self, tensor: TfliteTensor) -> None:
        """Note an activation as declared."""
        self.ctx.tensors[tensor.name] = Tensor(tensor.name, tensor.shape)
        if tensor.has_codes and self.ctx.has_codes:
            self.ctx.quants[tensor.name] = tensor.quant()

    def _check_tensor(self, tensor: TfliteTensor) -> None:
        if tensor.refusal:
            code = "M006" if "shape" in tensor.refusal else "M004"
            raise Refused(
                code, f"{quoted(tensor.name)}: {tensor.refusal}", "convert it static, dense and stateless"
            )
        if elem_count(tensor.shape) > MAX_TENSOR_ELEMS and not tensor.is_constant:
            why = (
                f"{quoted(tensor.name)} has shape {tensor.shape}, the limit is {MAX_TENSOR_ELEMS:_} elements"
            )
            raise Refused("M011", why, "shrink it")

    def visit(self, node: TfliteNode) -> None:
        """Read one operator, or note why not."""
        self.ctx.begin_node(node)
        inputs = [tensor for tensor in node.inputs if tensor is not None]
        try:
            for tensor in node.outputs:
                _check_stateless(tensor)
                if tensor.name in self.computed or tensor.is_constant:
                    raise Refused("M002", f"{quoted(tensor.name)} is defined more than once", CONVERT_AGAIN)
                self.computed.add(tensor.name)
            if node.kind not in self.readers:
                self.unsupported.setdefault(node.kind, []).append(node)
            elif not any(tensor.name in self.unknown for tensor in inputs):
                self._read(node, inputs)
                return
        except Refused as refused:
            self._refuse(node, refused)
        except SizeError as error:
            self._refuse(node, Refused("M011", str(error), "shrink it"))
        except ShapeError as error:
            self._refuse(node, Refused("M006", str(error), CONVERT_AGAIN))
        self.unknown.update(tensor.name for tensor in node.outputs)

    def _refuse(self, node: TfliteNode, refused: Refused) -> None:
        title = f"operator {quoted(node.kind)} {_TITLES[refused.code]}"
        self.problems.add(refused.code, title, node.where, refused.why, refused.fix)

    def _read(self, node: TfliteNode, inputs: list[TfliteTensor]) -> None:
        for tensor in (*inputs, *node.outputs):
            self._check_tensor(tensor)
        for tensor in inputs:
            if tensor.name in self.ctx.resources:
                continue
            if tensor.is_variable and self.readers[node.kind].remembers:
                continue
            _check_stateless(tensor)
            if tensor.is_constant:
                self.ctx.load(tensor)
            elif tensor.name not in self.ctx.values and tensor.name not in self.ctx.tensors:
                raise Refused("M002", f"{quoted(tensor.name)} is read before it is computed", CONVERT_AGAIN)
        reader = self.readers[node.kind]
        if self.ctx.has_codes and node.kind not in _CASTS:
            self._check_codes(node, inputs, reader)
        if not reader.reads_indices and any(tensor.name in self.ctx.indices for tensor in inputs):
            raise Refused("M004", "it reads indices that the model computes", "make them an output")
        reader.read(self.ctx, node)
        for tensor in node.outputs:
            self._check_output(tensor)

    def _check_codes(self, node: TfliteNode, inputs: list[TfliteTensor], reader: TfliteReader) -> None:
        """Whether an operator of an int8 model computes what mcuq would."""
        values = [
            each
            for each in (*inputs, *node.outputs)
            if (each.name not in self.ctx.values or each.has_codes)
            and each.kind not in ("INT32", "INT64")
            and not (each.is_variable or each.kind == "RESOURCE")
        ]
        if reader.codes is Codes.REFUSED:
            raise Refused("M004", reader.why, "convert a float model; mcuq quantizes it itself")
        if reader.codes is Codes.EXACT:
            values = [each for each in values if not each.is_constant]
        quants = {each.quant() for each in values}
        if reader.codes is Codes.MOVED and len(quants) > 1:
            why = "it moves codes between tensors of different scales or zero points"
            raise Refused("M004", why, "quantize its inputs and outputs alike")

    def _check_output(self, tensor: TfliteTensor) -> None:
        if tensor.name in self.ctx.values or tensor.name in self.ctx.resources:
            return
        found = self.ctx.shape(self.ctx.read_as.get(tensor.name, tensor.name))
        if found != tensor.shape:
            why = f"{quoted(tensor.name)} has shape {found}, the file says {tensor.shape}"
            raise Refused("M006", why, CONVERT_AGAIN)
        if self.ctx.has_codes and tensor.has_codes:
            self.ctx.quants[tensor.name] = tensor.quant()

    def report_unsupported(self) -> None:
        """One problem per operator that nothing reads, with all its nodes."""
        for kind, nodes in self.unsupported.items():
            self.problems.add(
                "M003",
                f"operator {quoted(kind)} is not supported",
                nodes[0].where
                if len(nodes) == 1
                else f"{len(nodes)} of them: {listed([n.name for n in nodes])}",
                self.readers.reason(kind).why,
                self.readers.reason(kind).fix,
            )

    def read_outputs(self) -> list[Port]:
        """What the model gives."""
        ports: list[Port] = []
        for tensor in self.source.outputs:
            name = self.ctx.read_as.get(tensor.name, tensor.name)
            name = tensor.name if tensor.name in self.ctx.tensors else name
            where = f"output {quoted(tensor.name)}"
            if name not in self.ctx.tensors or tensor.name in self.ctx.values:
                why = "it depends on no input, or nothing computes it"
                self.problems.add("M004", "an output is constant", where, why, "remove the output")
                continue
            if any(port.name == tensor.name for port in ports):
                self.problems.add("M002", "an output is given twice", where, "", "remove one")
                continue
            shape = self.ctx.shape(name)
            ports.append(Port(tensor.name, name, shape, tuple(range(len(shape)))))
        if not self.source.outputs:
            self.problems.add("M002", "the model has no output", "", "its list is empty", CONVERT_AGAIN)
        return ports

    def states(self) -> tuple[list[Port], list[Port]]:
        """Ports of the variables: what a run finds in them, and what it leaves."""
        before, after = [], []
        for name, variable in self.ctx.variables.items():
            shape = self.ctx.shape(name)
            perm = tuple(range(len(shape)))
            left = self.ctx.temporary(name, "next")
            if variable.value in self.ctx.quants:
                # The value gets the name of its port.
                self.ctx.quants[left] = self.ctx.quants[variable.value]
            before.append(Port(name, name, shape, perm))
            after.append(Port(left, variable.value, shape, perm, variable.tie))
        return before, after

    def same_as(self) -> dict[str, str]:
        """Other names of tensors: the quantized and the real form of one."""
        return {name: seen for name, seen in self.ctx.read_as.items() if seen in self.ctx.quants}


def _check_stateless(tensor: TfliteTensor) -> None:
    """Refuse a variable where no operator keeps it."""
    if tensor.is_variable:
        why = f"{quoted(tensor.name)} is a variable: it keeps its value from one run to the next"
        raise Refused(
            "M004", why, "let SVDF and LSTM alone have variables, or make the state an input and an output"
        )
