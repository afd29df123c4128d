"""Models of ai.onnx.ml as scikit-learn's converter writes them: scalers, linear models, tails of labels.

A label becomes the index of its class. What cannot be on the device, dictionaries and lists of labels, is
left out, and a note says so.
"""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.expression import Apply, X
from mcuq.ir.types import elem_count
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Merging
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, listed, quoted, unsupported
from mcuq.ops.linear import Linear
from mcuq.ops.logic import Threshold
from mcuq.ops.move import Concat, Reshape
from mcuq.ops.normalize import Normalize
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.labels import emit_label, labels_of, note_labels
from mcuq.ops.onnx.normalize import emit_by_magnitudes
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Table


def read_linear_regressor(ctx: ImportContext, node: OnnxNode) -> None:
    """LinearRegressor without a function behind it."""
    if node.get_string("post_transform", "NONE") != "NONE":
        raise unsupported("it has a post_transform", "export the model without it")
    targets = node.get_int("targets", 1)
    _emit_linear(ctx, node, targets, node.output)


def read_linear_classifier(ctx: ImportContext, node: OnnxNode) -> None:
    """LinearClassifier with a score per class, alone or through Softmax or Logistic; labels as in ArgMax."""
    after = node.get_string("post_transform", "NONE")
    if after not in ("NONE", "SOFTMAX", "LOGISTIC"):
        raise unsupported(f"its post_transform is {quoted(after)}", "use NONE, SOFTMAX or LOGISTIC")
    labels = labels_of(node, "classlabels_ints", "classlabels_strings")
    if len(labels) < 2 or len(node.get_floats("intercepts") or labels) != len(labels):
        raise unsupported(
            f"it has {len(labels)} labels and {len(node.get_floats('intercepts') or ())} scores",
            "export a score for each class",
        )
    label, scores = node.output, node.outputs[1] if len(node.outputs) > 1 else ""
    scores = scores or ctx.temporary(label, "scores")
    linear = _emit_linear(
        ctx, node, len(labels), scores if after == "NONE" else ctx.temporary(scores, "linear")
    )
    if after == "SOFTMAX":
        ctx.emit(Softmax(), (linear,), scores, is_helper=True)
    elif after == "LOGISTIC":
        ctx.emit(Table(Apply("sigmoid", (X,))), (linear,), scores, is_helper=True)
    emit_label(ctx, linear, label, labels)


def read_normalizer(ctx: ImportContext, node: OnnxNode) -> None:
    """Normalizer with norm L2 or L1; of probabilities of Softmax, whose norm L1 is 1, it does nothing."""
    x, norm = ctx.activation(node.input(0)), node.get_string("norm", "MAX")
    rank = len(ctx.shape(x))
    if norm == "L2" and rank:
        count = ctx.shape(x)[-1]
        gain = (count**-0.5,) * count  # the root mean square is the length by the root of the count
        ctx.emit(Normalize(rank - 1, gain, (0.0,) * count, 0.0, is_centred=False), (x,), node.output)
        return
    is_softmax = any(x in each.outputs and isinstance(each.op, Softmax) for each in ctx.nodes)
    if norm != "L1" or not rank:
        raise unsupported(
            f"it divides rows by their norm {quoted(norm)}", "use norm L1 or L2, or do it in the application"
        )
    if not is_softmax:
        emit_by_magnitudes(ctx, x, rank - 1, node.output)
        return
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def read_binarizer(ctx: ImportContext, node: OnnxNode) -> None:
    """Binarizer: 1 above the threshold and 0 elsewhere, a table."""
    threshold = node.get_finite("threshold", 0.0)
    x = ctx.activation(node.input(0))
    ctx.emit(Threshold("less_or_equal", threshold, is_negated=True), (x,), node.output)


def read_imputer(ctx: ImportContext, node: OnnxNode) -> None:
    """Imputer of NaN, which no input of the firmware is: left out."""
    x, replaced = ctx.activation(node.input(0)), node.get_float("replaced_value_float", 0.0)
    if not math.isnan(replaced):
        raise unsupported(f"it replaces {replaced:g}", "replace values in the application; NaN is left out")
    ctx.notes.append(f"{quoted(node.output)}: NaN is not replaced; the application has to do so")
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def read_feature_vectorizer(ctx: ImportContext, node: OnnxNode) -> None:
    """FeatureVectorizer: Concat along the last axis."""
    names = [ctx.activation(name or None) for name in node.inputs]
    sizes = node.get_ints("inputdimensions")
    shapes = [ctx.shape(name) for name in names]
    if not names or any(len(shape) != 2 for shape in shapes):
        raise Refused("M006", f"its inputs have shapes {shapes}", "export the model again")
    if sizes is not None and list(sizes) != [shape[1] for shape in shapes]:
        raise Refused("M006", f"its dimensions {sizes} do not fit {shapes}", "export the model again")
    ctx.emit(Concat(1), tuple(names), node.output)


def read_zip_map(ctx: ImportContext, node: OnnxNode) -> None:
    """ZipMap is left out: its output holds the scores in the order of the labels."""
    x = ctx.activation(node.input(0))
    labels = labels_of(node, "classlabels_int64s", "classlabels_strings")
    ctx.notes.append(
        f"output {quoted(node.output)} is no dictionary: its scores are those of {listed(labels)}"
    )
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def read_array_feature_extractor(ctx: ImportContext, node: OnnxNode) -> None:
    """ArrayFeatureExtractor of constant labels by the indices of ArgMax is left out: indices stay."""
    labels = ctx.constant(node.input(0) or "", "list of labels")
    x = ctx.activation(node.input(1))
    if x not in ctx.indices:
        raise unsupported("it picks by what is not computed by ArgMax", "use Gather with constant indices")
    ctx.emit(Reshape((1, elem_count(ctx.shape(x)))), (x,), node.output)
    note_labels(ctx, node.output, [str(label) for label in labels.reshape(-1)])


def _emit_linear(ctx: ImportContext, node: OnnxNode, rows: int, output: str) -> str:
    """Add `x W^T + b` with the coefficients of a node."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    weights = np.asarray(node.get_floats("coefficients") or (), np.float32)
    bias = np.asarray(node.get_floats("intercepts") or (0.0,) * max(rows, 0), np.float32)
    if len(shape) != 2 or rows < 1 or weights.size != rows * shape[1] or bias.size != rows:
        why = f"{weights.size} coefficients and {bias.size} intercepts do not fit {rows} rows of {shape}"
        raise Refused("M006", why, "export the model again")
    w = ctx.store(weights.reshape(rows, shape[1]), f"{output} [coefficients]")
    return ctx.emit(Linear(), (x, w, ctx.store(bias, f"{output} [intercepts]")), output)


_DOMAIN = "ai.onnx.ml"

FAMILY = Family(
    readers=(
        Reader(read_array_feature_extractor, (f"{_DOMAIN}.ArrayFeatureExtractor",), reads_indices=True),
        Reader(read_binarizer, (f"{_DOMAIN}.Binarizer",), Effect(merging=Merging.NOTHING)),
        Reader(read_feature_vectorizer, (f"{_DOMAIN}.FeatureVectorizer",), Effect(merging=Merging.NOTHING)),
        Reader(read_imputer, (f"{_DOMAIN}.Imputer",)),
        Reader(read_linear_classifier, (f"{_DOMAIN}.LinearClassifier",), has_several_outputs=True),
        Reader(read_linear_regressor, (f"{_DOMAIN}.LinearRegressor",)),
        Reader(read_normalizer, (f"{_DOMAIN}.Normalizer",)),
        Reader(read_zip_map, (f"{_DOMAIN}.ZipMap",)),
    ),
)
