"""Walks the nodes of the file: folds what is constant, imports the rest, and collects every refusal."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import checker, helper, numpy_helper

from mcuq.ir.graph import Tensor
from mcuq.ir.model import OperatorUse
from mcuq.ir.op import ShapeError, SizeError
from mcuq.ir.types import MAX_TENSOR_ELEMS, Array, elem_count
from mcuq.onnxio.fold import EVALUATED, FOLDABLE, Folder, infer_types, static_shape
from mcuq.onnxio.importers.census import Census
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Values
from mcuq.onnxio.importers.reader import ReaderTable, Unread
from mcuq.onnxio.load import Source
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Problems, Refused, listed, quoted
from mcuq.onnxio.subgraphs import free_names
from mcuq.onnxio.tensors import to_array

# Operators whose value follows from the shape of an input.
_OF_SHAPES = ("EyeLike", "Shape", "Size")
_CONSTANT = Unread(
    "it is computed only where its inputs are constant", "make them constant, or cut it off the model"
)
_UNKNOWN = Unread(
    "nothing is known of it: it is no operator of ONNX",
    "rewrite the layer with operators of `mcuq ops`, or cut it off the model",
)


def import_nodes(
    source: Source, ctx: ImportContext, problems: Problems, readers: ReaderTable
) -> tuple[OperatorUse, ...]:
    """Add all nodes of the file to the graph under construction.

    A node that is refused gets an output of the shape onnx infers, so that the nodes behind it are still
    checked; where onnx infers none, only whether their operators are supported is. So are those behind an
    input that was refused.

    Returns:
        What became of the nodes.
    """
    walk = _Walk(source, ctx, problems, readers)
    for node in source.nodes:
        walk.visit(node)
    walk.report_unsupported()
    return walk.census.operators()


def _folds(node: OnnxNode) -> bool:
    """Whether a node is evaluated where its inputs are known: behind a refused input nobody can tell."""
    return node.op_type in FOLDABLE or node.op_type in EVALUATED


class _Walk:
    """One pass over the nodes in topological order."""

    def __init__(self, source: Source, ctx: ImportContext, problems: Problems, readers: ReaderTable) -> None:
        self.source, self.ctx, self.problems, self.readers = source, ctx, problems, readers
        self.folder = Folder(source.opset, source.ir_version, source.folder, ctx.budget)
        self.unsupported: dict[str, list[OnnxNode]] = {}
        self.unknown = {str(tensor.values.name) for tensor in source.graph.sparse_initializer}
        self.census = Census()
        self.used = {name for node in source.nodes for name in node.inputs}
        self.used |= {str(value.name) for value in source.graph.output}
        self.used |= free_names(node.proto for node in source.nodes)
        ctx.used = self.used
        ctx.stored = dict(source.initializers)
        ctx.visit = self.visit
        self.checker_context = type(checker.DEFAULT_CONTEXT)()
        self.checker_context.ir_version = source.ir_version
        self.checker_context.opset_imports = {
            str(entry.domain): int(entry.version) for entry in source.opset_imports
        } | {"": source.opset}
        for name in sorted(self.unknown & self.used):
            problems.add(
                "M004",
                "an initializer is sparse",
                f"tensor {quoted(name)}",
                "only dense tensors are read",
                "store it dense",
            )
        # Inputs that were refused.
        self.unknown |= {str(value.name) for value in source.graph.input} - set(ctx.tensors)

    def visit(self, node: OnnxNode) -> None:
        """Import one node, or record why not and the shapes that it would compute."""
        self.ctx.begin(node)
        fate = "refused"
        try:
            self._load_constants(node)
            is_known = not any(name in self.unknown for name in node.inputs)
            if is_known and self._fold(node):
                self.census.count(node.op_type, "folded")
                return
            if node.op_type not in self.readers and (is_known or not _folds(node)):
                self.unsupported.setdefault(node.op_type, []).append(node)
                fate = "missing"
            elif is_known:
                self._import(node)
                self.census.count(node.op_type, "read")
                return
            else:
                fate = "read"  # as far as can be said: what it reads is not known
        except Refused as refused:
            self.problems.add_refused(refused, node.op_type, node.where)
        except SizeError as error:
            self.problems.add_refused(Refused("M011", str(error), "shrink it"), node.op_type, node.where)
        except ShapeError as error:
            misfit = Refused("M006", str(error), "export the model again")
            self.problems.add_refused(misfit, node.op_type, node.where)
        self.census.count(node.op_type, fate)
        self._guess(node)

    def report_unsupported(self) -> None:
        """One problem per operator that nothing imports, with all its nodes."""
        for op_type, nodes in self.unsupported.items():
            names = [node.name for node in nodes]
            reason = self.readers.unread.get(op_type, _CONSTANT if op_type in FOLDABLE else _UNKNOWN)
            self.problems.add(
                "M003",
                f"operator {quoted(op_type)} is not supported",
                nodes[0].where if len(names) == 1 else f"{len(names)} nodes: {listed(names)}",
                reason.why,
                reason.fix,
            )

    def _load_constants(self, node: OnnxNode) -> None:
        for name in node.inputs:
            if name in self.ctx.stored and name not in self.ctx.values and name not in self.unknown:
                try:
                    array = to_array(self.ctx.stored[name], self.source.folder)
                    self.ctx.budget.take(array.size)
                    self.ctx.values[name] = array
                except Refused as refused:
                    self.unknown.add(name)
                    self.problems.add_refused(refused, node.op_type, node.where)

    def _fold(self, node: OnnxNode) -> bool:
        """Evaluate a node whose value is known when compiling."""
        folded: dict[str, Array] | None = None
        if node.op_type in _OF_SHAPES:
            name = node.inputs[0]
            folded = self.folder.fold_shape(node, self.ctx.shape(name), self.ctx.dtype(name))
        elif node.op_type == "CastLike":
            x, like = node.input(0), node.input(1)
            if x in self.ctx.values and like is not None:
                folded = self.folder.fold_type(node, self.ctx.values[x], self.ctx.dtype(like))
        else:
            folded = self.folder.fold(node, self.ctx.values)
        if folded is None:
            return False
        self.ctx.values.update(folded)
        return True

    def _import(self, node: OnnxNode) -> None:
        try:
            if not node.has_graphs:  # onnx would not know the names around them
                checker.check_node(node.proto, self.checker_context)
        except checker.ValidationError as error:
            why = str(error).strip().splitlines()[0]
            raise Refused("M002", quoted(why, 300)[1:-1], "export the model again") from error
        reader = self.readers[node.op_type]
        extra = [name for name in node.outputs[1:] if name in self.used and name]
        if extra and not reader.has_several_outputs:
            raise Refused("M004", f"its output {listed(extra)} is used", "use its first output only")
        has_indices = any(name in self.ctx.indices for name in node.inputs)
        if has_indices and not reader.reads_indices:
            if any(name in self.ctx.given for name in node.inputs):
                raise Refused("M004", "it calculates with integers of an input", "cast them to float32 first")
            raise Refused(
                "M004", "it reads indices that ArgMax computes", "end the model with ArgMax, or leave it out"
            )
        reader.read(self.ctx, node)
        if node.inputs and node.inputs[0] in self.ctx.truths and reader.effect.values is not Values.COMPUTED:
            self.ctx.truths.update(node.outputs)
        if has_indices:
            made = {name for name in node.outputs if name not in self.ctx.reals | self.ctx.truths}
            self.ctx.indices |= made
            if any(name in self.ctx.given for name in node.inputs):
                self.ctx.given |= made

    def _guess(self, node: OnnxNode) -> None:
        """Record the outputs of a refused node with the shapes that onnx infers, or as unknown."""
        outputs = [name for name in node.outputs if name]
        shapes = {}
        is_constant = all(self.ctx.is_constant(name) for name in node.inputs if name)
        if (
            not node.proto.domain
            and not node.has_graphs  # a damaged one inside could end the process
            and not is_constant
            and not any(name in self.unknown for name in node.inputs)
        ):
            shapes = self._infer(node)
        for name in outputs:
            shape = shapes.get(name)
            if shape is None or min(shape, default=1) < 1 or elem_count(shape) > MAX_TENSOR_ELEMS:
                self.unknown.add(name)
            else:
                self.ctx.tensors[name] = Tensor(name, shape)

    def _infer(self, node: OnnxNode) -> dict[str, tuple[int, ...] | None]:
        constants, types = {}, {}
        for name in filter(None, node.inputs):
            shape, kind = self.ctx.shape(name), onnx.TensorProto.FLOAT
            if self.ctx.is_constant(name):
                array = self.ctx.values[name]
                kind = helper.np_dtype_to_tensor_dtype(array.dtype)
                if array.size <= 1024 or array.dtype.kind in "iu":
                    constants[name] = numpy_helper.from_array(np.asarray(array), name)
            types[name] = helper.make_tensor_type_proto(kind, shape)
        try:
            opset = helper.make_opsetid("", self.source.opset)
            found = infer_types(node, types, constants, opset, self.source.ir_version)
        except Refused:
            return {}
        is_float = {name: v.tensor_type.elem_type == onnx.TensorProto.FLOAT for name, v in found.items()}
        return {name: static_shape(value) for name, value in found.items() if is_float[name]}
