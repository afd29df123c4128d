"""Einsum of any equation: diagonals, sums, products and an order of axes; and CumSum, a product with ones."""

from __future__ import annotations

import dataclasses
import math
import string
from collections.abc import Collection, Sequence

import numpy as np

from mcuq.ir.layout import identity
from mcuq.ir.types import Array, Shape, elem_count
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.parameters import normalize_axis, read_scalar
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode, fresh_node
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.tensors import MAX_ELEMS
from mcuq.ops.linear import Linear
from mcuq.ops.matmul import MatMul
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.onnx.arithmetic import read_mul
from mcuq.ops.onnx.emit import emit_uniform, reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.gather import emit_gather
from mcuq.ops.pool import Mean
from mcuq.ops.window import Window

# Weights of a sum along so many elements are their square in bytes.
_MAX_SUMMED = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class _Term:
    """An operand under construction: a tensor, and a letter for each of its axes, none twice."""

    name: str
    axes: str


def read_einsum(ctx: ImportContext, node: OnnxNode) -> None:
    """Einsum of any equation: diagonals, sums and transposes of an operand, products of two in turn."""
    shapes = [ctx.shape(name) for name in node.inputs]
    operands, output = _parse(node.get_string("equation", ""), [len(shape) for shape in shapes])
    sizes = _sizes(operands, shapes)
    if any(axis not in sizes for axis in output) or len(set(output)) < len(output):
        raise Refused("M002", "its output has an axis that no operand has", "export the model again")
    terms = [
        _Term(name if ctx.is_constant(name) else ctx.activation(name or None), axes)
        for name, axes in zip(node.inputs, operands, strict=True)
    ]
    total = _Einsum(ctx, node, sizes)
    term = terms.pop(0)
    term = total.reduced(term, {*output, *(axis for other in terms for axis in other.axes)})
    while terms:
        other = terms.pop(0)
        later = {*output, *(axis for each in terms for axis in each.axes)}
        term = total.product(term, total.reduced(other, {*later, *term.axes}), later)
    total.finish(term, output)


def _parse(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """A letter for each axis of each operand, and of the output; those of `...` are capitals that are free.

    Raises:
        Refused: M002.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    broken = Refused("M002", f"its equation is '{equation[:99]}'", "export the model again")
    if len(parts) != len(ranks):
        raise broken
    letters = {c for c in equation if c in string.ascii_letters}
    free = [chr(c) for c in range(0x100, 0x100 + max(ranks, default=0))]  # letters of no equation
    operands, hidden = [], 0
    for part, rank in zip(parts, ranks, strict=True):
        named, dots = part.replace("...", "", 1), "..." in part
        extra = rank - len(named)
        if not set(named) <= letters or extra < 0 or (extra and not dots):
            raise broken
        hidden = max(hidden, extra if dots else 0)
        operands.append(part.replace("...", "".join(free[len(free) - extra :])) if dots else part)
    ellipsis = "".join(free[len(free) - hidden :])
    if not arrow:
        once = sorted(c for c in letters if left.count(c) == 1)
        return operands, ellipsis + "".join(once)
    if not set(right.replace("...", "", 1)) <= letters:
        raise broken
    return operands, right.replace("...", ellipsis)


def _sizes(operands: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """The size of every axis; 1 broadcasts."""
    sizes: dict[str, int] = {}
    for axes, shape in zip(operands, shapes, strict=True):
        for axis, size in zip(axes, shape, strict=True):
            known = sizes.get(axis, 1)
            if 1 not in (known, size) and known != size:
                why = f"an axis has sizes {known} and {size}"
                raise Refused("M006", why, "export the model again")
            sizes[axis] = max(known, size)
    return sizes


class _Einsum:
    """Adds the operators of one node."""

    def __init__(self, ctx: ImportContext, node: OnnxNode, sizes: dict[str, int]) -> None:
        self.ctx, self.node, self.sizes = ctx, node, sizes

    def name(self, role: str) -> str:
        """A name of its own."""
        return self.ctx.temporary(self.node.output, role)

    def reduced(self, term: _Term, wanted: Collection[str]) -> _Term:
        """A term with diagonals taken, and the axes summed that nobody asks for."""
        axes = "".join(dict.fromkeys(term.axes))
        shape = self.ctx.shape(term.name)
        if len(axes) < len(term.axes):
            _check_diagonal(term.axes, shape)
            places = np.arange(elem_count(shape)).reshape(shape)
            letters = {axis: number for number, axis in enumerate(axes)}
            source = np.einsum(places, [letters[axis] for axis in term.axes], list(range(len(axes))))
            term = _Term(self._gathered(term.name, np.ascontiguousarray(source)), axes)
        summed = [axis for axis in axes if axis not in wanted]
        if not summed:
            return _Term(term.name, axes)
        kept = "".join(axis for axis in axes if axis in wanted)
        return self._summed(term, kept, "".join(summed))

    def _gathered(self, name: str, source: Array) -> str:
        """Values of a term at other places."""
        if self.ctx.is_constant(name):
            return self._constant(self.ctx.weights(name, "operand").reshape(-1)[source])
        self.ctx.limits.check(source.shape)
        return emit_gather(self.ctx, name, source, self.name("diagonal"))

    def _constant(self, array: Array) -> str:
        name = self.name("constant")
        self.ctx.budget.take(array.size)
        self.ctx.values[name] = array
        return name

    def _summed(self, term: _Term, kept: str, summed: str) -> _Term:
        """A term without some axes."""
        ctx = self.ctx
        order = tuple(term.axes.index(axis) for axis in kept + summed)
        shape = ctx.shape(term.name)
        rest = tuple(shape[i] for i in order[: len(kept)])
        count = math.prod(shape[i] for i in order[len(kept) :])
        if ctx.is_constant(term.name):
            array = ctx.weights(term.name, "operand").astype(np.float64).transpose(order)
            return _Term(self._constant(array.reshape(*rest, count).sum(-1)), kept)
        x = transpose(ctx, term.name, order, self.name("in order"))
        x = reshape(ctx, x, (1, math.prod(rest), count, 1), self.name("rows"))
        x = ctx.emit(Mean(Window((1, count))), (x,), self.name("mean"), is_helper=True)
        x = reshape(ctx, x, rest, self.name("left"))
        return _Term(emit_uniform(ctx, x, float(count), 0.0, self.name("sum"), is_helper=True), kept)

    def product(self, a: _Term, b: _Term, later: Collection[str]) -> _Term:
        """The product of two terms, summed over the axes that both have and nobody asks for later."""
        both = [axis for axis in a.axes if axis in b.axes]
        for axis in both:  # an axis that is broadcast cannot be summed in a product
            is_broadcast = self._size(a, axis) != self._size(b, axis)
            if is_broadcast and axis not in later:
                raise unsupported("it sums an axis that one operand broadcasts", "sum it before")
        if self.ctx.is_constant(a.name) and self.ctx.is_constant(b.name):
            return self._of_constants(a, b, later)
        contracted = "".join(axis for axis in both if axis not in later)
        batch = "".join(axis for axis in both if axis in later)
        a_only = "".join(axis for axis in a.axes if axis not in b.axes)
        b_only = "".join(axis for axis in b.axes if axis not in a.axes)
        if not contracted:
            return self._elementwise(a, b, batch + a_only + b_only)
        left, right = (self._matrix(a, batch, a_only, contracted), self._matrix(b, batch, contracted, b_only))
        y = self._matmul(left, right)
        sizes = [max(self._size(a, axis), self._size(b, axis)) for axis in batch]
        shape = (*sizes, *(self.sizes[axis] for axis in a_only + b_only))
        return _Term(reshape(self.ctx, y, shape, self.name("axes")), batch + a_only + b_only)

    def _of_constants(self, a: _Term, b: _Term, later: Collection[str]) -> _Term:
        """The product of two constants, computed now."""
        axes = "".join(dict.fromkeys(a.axes + b.axes))
        work = math.prod(self.sizes[axis] for axis in axes)
        if work > MAX_ELEMS:
            raise Refused(
                "M011", f"a product of constants has {work:_} terms", "fold constants before exporting"
            )
        kept = "".join(axis for axis in axes if axis in later)
        if len(axes) > len(string.ascii_letters):
            raise unsupported(
                f"a product of constants has {len(axes)} axes", "fold constants before exporting"
            )
        letters = dict(zip(axes, string.ascii_letters, strict=False))
        left, right, out = ("".join(letters[axis] for axis in each) for each in (a.axes, b.axes, kept))
        arrays = (self.ctx.weights(term.name, "operand").astype(np.float64) for term in (a, b))
        return _Term(self._constant(np.einsum(f"{left},{right}->{out}", *arrays)), kept)

    def _size(self, term: _Term, axis: str) -> int:
        return self.ctx.shape(term.name)[term.axes.index(axis)]

    def _elementwise(self, a: _Term, b: _Term, axes: str) -> _Term:
        """The product of two terms without a sum: both get all axes, of size 1 where they lack them."""
        names = [self._aligned(term, axes) for term in (a, b)]
        y = self.name("product")
        read_mul(self.ctx, fresh_node("Mul", names, (y,)))
        return _Term(y, axes)

    def _aligned(self, term: _Term, axes: str) -> str:
        order = tuple(term.axes.index(axis) for axis in axes if axis in term.axes)
        shape = tuple(self._size(term, axis) if axis in term.axes else 1 for axis in axes)
        return self._moved(term.name, order, shape)

    def _matrix(self, term: _Term, batch: str, rows: str, columns: str) -> str:
        """A term as a batch of matrices."""
        order = tuple(term.axes.index(axis) for axis in batch + rows + columns)
        shape = (
            *(self._size(term, axis) for axis in batch),
            math.prod(self._size(term, axis) for axis in rows),
            math.prod(self._size(term, axis) for axis in columns),
        )
        return self._moved(term.name, order, shape)

    def _moved(self, name: str, order: tuple[int, ...], shape: Shape) -> str:
        if self.ctx.is_constant(name):
            array = self.ctx.weights(name, "operand").transpose(order).reshape(shape)
            return self._constant(np.ascontiguousarray(array))
        x = transpose(self.ctx, name, order, self.name("in order"))
        return reshape(self.ctx, x, shape, self.name("in shape"))

    def _matmul(self, left: str, right: str) -> str:
        """The product of two batches of matrices; of a matrix that is constant a fully connected layer."""
        ctx, y = self.ctx, self.name("product")
        if ctx.is_constant(right) and len(ctx.shape(right)) == 2:
            return self._layer(left, ctx.weights(right, "weights").T, y)
        if ctx.is_constant(left) and len(ctx.shape(left)) == 2:
            turned = transpose(ctx, right, (1, 0), self.name("turned"))
            turned = self._layer(turned, ctx.weights(left, "weights"), self.name("layer"))
            return transpose(ctx, turned, (1, 0), y)
        a, b = ctx.operand(left), ctx.operand(right)
        op = MatMul(identity(len(ctx.shape(left))), identity(len(ctx.shape(right))))
        return ctx.emit(op, (a, b), y)

    def _layer(self, x: str, weights: Array, output: str) -> str:
        w = self.ctx.store(np.ascontiguousarray(weights), f"{output} [weights]")
        b = self.ctx.store(np.zeros(len(weights), np.float32), f"{output} [bias]")
        return self.ctx.emit(Linear(), (x, w, b), output)

    def finish(self, term: _Term, output: str) -> None:
        """The node's output, in its order of axes."""
        if self.ctx.is_constant(term.name):
            raise unsupported("all its operands are constants", "fold constants before exporting")
        order = tuple(term.axes.index(axis) for axis in output)
        if order == tuple(range(len(order))):
            self.ctx.emit(Reshape(self.ctx.shape(term.name)), (term.name,), self.node.output)
        else:
            self.ctx.emit(Transpose(order), (term.name,), self.node.output)


def _check_diagonal(axes: str, shape: Shape) -> None:
    for axis in set(axes):
        if len({size for each, size in zip(axes, shape, strict=True) if each == axis}) > 1:
            raise Refused("M006", f"a diagonal of {shape} is none", "export the model again")


def read_cum_sum(ctx: ImportContext, node: OnnxNode) -> None:
    """CumSum along a constant axis of up to 1024 elements: a product with a triangle of ones."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(int(read_scalar(ctx, node.input(1) or "", "axis")), len(shape))
    size = shape[axis]
    if size > _MAX_SUMMED:
        raise unsupported(
            f"it sums along {size:_} elements, built are up to {_MAX_SUMMED:_}: its weights are their square",
            "sum shorter parts",
        )
    offset = 1 if node.get_int("exclusive", 0) else 0
    # Output i sums the elements before it, or with `reverse` those behind it.
    ones = np.ones((size, size), np.float32)
    weights = np.triu(ones, offset) if node.get_int("reverse", 0) else np.tril(ones, -offset)
    w = ctx.store(weights, f"{node.output} [weights]")
    b = ctx.store(np.zeros(size, np.float32), f"{node.output} [bias]")
    perm = (*(other for other in range(len(shape)) if other != axis), axis)
    back = tuple(int(place) for place in np.argsort(perm))
    x = transpose(ctx, x, perm, ctx.temporary(node.output, "in"))
    y = ctx.emit(Linear(), (x, w, b), ctx.temporary(node.output, "sums"))
    transpose(ctx, y, back, node.output)


FAMILY = Family(readers=(Reader(read_cum_sum, ("CumSum",), LAYER), Reader(read_einsum, ("Einsum",), LAYER)))
