"""Decision trees of ai.onnx.ml: forests and boosted trees, classifiers and regressors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mcuq.ir.expression import Apply, X
from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.forest import Forest, make_table, read_ensemble, read_forest
from mcuq.ops.onnx.labels import emit_label, labels_of
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Table
from mcuq.ops.trees import INDEX_MAX, LEAF, Trees, TreesStep

_DOMAIN = "ai.onnx.ml"
_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def read_tree_regressor(ctx: ImportContext, node: OnnxNode) -> None:
    """TreeEnsembleRegressor whose trees are summed or averaged; through Softmax or Logistic or none."""
    x, features = _input(ctx, node)
    targets = _targets(node, "n_targets")
    forest = read_forest(node, features, "target", targets)
    base = _base(node, targets)
    _average(forest, node.get_string("aggregate_function", "SUM"))
    _emit(ctx, node, x, _Scores(forest, base), node.output, node.get_string("post_transform", "NONE"))


def read_tree_classifier(ctx: ImportContext, node: OnnxNode) -> None:
    """TreeEnsembleClassifier with a score per class or one of two; labels as in ArgMax."""
    x, features = _input(ctx, node)
    labels = labels_of(node, "classlabels_int64s", "classlabels_strings")
    after = node.get_string("post_transform", "NONE")
    if len(labels) < 2:
        raise unsupported(f"it has {len(labels)} labels", "export a classifier of two classes or more")
    forest = read_forest(node, features, "class", len(labels))
    if len(labels) == 2 and len({target for leaf in forest.leaves.values() for target in leaf}) == 1:
        scores = _one_of_two(node, forest, after)
    else:
        scores = _Scores(forest, _base(node, len(labels)))
    label, output = node.output, node.outputs[1] if len(node.outputs) > 1 else ""
    raw = _emit(ctx, node, x, scores, output or ctx.temporary(label, "scores"), after)
    emit_label(ctx, raw, label, labels)


def read_tree_ensemble(ctx: ImportContext, node: OnnxNode) -> None:
    """TreeEnsemble, likewise, without comparisons with sets."""
    x, features = _input(ctx, node)
    targets = _targets(node, "n_targets")
    forest = read_ensemble(node, features, targets)
    _average(forest, _named(node, "aggregate_function", _AGGREGATES, 1))
    scores = _Scores(forest, (0.0,) * targets)
    _emit(ctx, node, x, scores, node.output, _named(node, "post_transform", _TRANSFORMS, 0))


@dataclasses.dataclass(frozen=True, slots=True)
class _Scores:
    """Trees and what their sums begin with, one per target."""

    forest: Forest
    base: tuple[float, ...]


def _input(ctx: ImportContext, node: OnnxNode) -> tuple[str, int]:
    """The features, and how many there are."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    if len(shape) != 2 or shape[1] > INDEX_MAX:
        raise Refused("M006", f"its input is {shape}, no row of up to {INDEX_MAX:_} features", "reshape it")
    missing = node.get_ints("nodes_missing_value_tracks_true")
    if missing is not None and any(missing):
        ctx.notes.append(f"{quoted(node.name)} says where missing values go: codes are never missing")
    return x, shape[1]


def _targets(node: OnnxNode, name: str) -> int:
    targets = node.get_int(name, 1)
    if not 1 <= targets <= INDEX_MAX:
        raise Refused("M006", f"{name} is {targets}, not 1 to {INDEX_MAX:_}", "export the model again")
    return targets


def _named(node: OnnxNode, name: str, values: Sequence[str], default: int) -> str:
    number = node.get_int(name, default)
    if not 0 <= number < len(values):
        raise Refused("M002", f"{name} is {number}", "export the model again")
    return values[number]


def _average(forest: Forest, aggregate: str) -> None:
    if aggregate not in ("SUM", "AVERAGE"):
        raise unsupported(
            f"its aggregate_function is {quoted(aggregate)}, which no step computes of trees",
            "use SUM or AVERAGE",
        )
    if aggregate == "AVERAGE":
        forest.scaled(1.0 / len(forest.roots))


def _base(node: OnnxNode, targets: int) -> tuple[float, ...]:
    """What sums begin with, zeros where the node does not say."""
    base = node.get_numbers("base_values") or (0.0,) * targets
    if len(base) != targets:
        why = f"it has {len(base)} base_values for {targets} targets"
        raise Refused("M006", why, "export the model again")
    return base


def _one_of_two(node: OnnxNode, forest: Forest, after: str) -> _Scores:
    """Scores of both classes where leaves speak of one: the other is 1 less a share, else the negative."""
    base = _base(node, 1)[0]
    is_share = all(value >= 0 for leaf in forest.leaves.values() for value in leaf.values())
    if after not in (("NONE",) if is_share else ("NONE", "LOGISTIC")):
        raise unsupported(
            f"it has one score for two classes and the post_transform {quoted(after)}",
            "export a score per class",
        )
    for leaf in forest.leaves.values():
        (value,) = leaf.values() or (0.0,)
        leaf.clear()
        leaf.update({0: -value, 1: value})
    return _Scores(forest, (float(is_share) - base, base))


def _emit(ctx: ImportContext, node: OnnxNode, x: str, scores: _Scores, output: str, after: str) -> str:
    """Add trees and what follows them, and return the scores themselves."""
    if after not in ("NONE", "SOFTMAX", "LOGISTIC"):
        raise unsupported(f"its post_transform is {quoted(after)}", "use NONE, SOFTMAX or LOGISTIC")
    table = make_table(scores.forest)
    ctx.budget.take(3 * len(table.feature))
    op = Trees(ctx.shape(x)[-1], scores.base, table)
    raw = ctx.emit(op, (x,), output if after == "NONE" else ctx.temporary(output, "sums"))
    if after == "SOFTMAX":
        ctx.emit(Softmax(), (raw,), output, is_helper=True)
    elif after == "LOGISTIC":
        ctx.emit(Table(Apply("sigmoid", (X,))), (raw,), output, is_helper=True)
    return raw


def write_trees(writer: OnnxWriter, node: Node) -> None:
    """TreeEnsembleRegressor: records are numbered as they stand."""
    op = node.op
    assert isinstance(op, Trees)
    table = op.table
    _, leaves, added = (np.flatnonzero(mask) for mask in table.kinds())
    feature, value, skip = np.array(table.feature), np.array(table.value), np.array(table.skip)
    tree = np.searchsorted(np.array(table.roots), np.arange(len(skip)), side="right") - 1
    nodes = np.flatnonzero((skip > 0) | (feature == LEAF))
    number = np.zeros(len(skip) + 1, np.int64)  # of nodes alone
    number[nodes] = np.arange(len(nodes))
    # What a leaf adds stands behind it.
    owners = leaves[np.searchsorted(leaves, added) - 1]
    modes = ("BRANCH_LEQ", "BRANCH_LT")
    y = writer.node(
        "TreeEnsembleRegressor",
        [writer.device(node.inputs[0])],
        domain=_DOMAIN,
        n_targets=len(op.base),
        base_values=[float(each) for each in op.base],
        nodes_treeids=tree[nodes].tolist(),
        nodes_nodeids=number[nodes].tolist(),
        nodes_featureids=np.maximum(feature[nodes], 0).tolist(),
        nodes_modes=[modes[table.is_strict[at]] if skip[at] else "LEAF" for at in nodes],
        nodes_values=[float(value[at]) if skip[at] else 0.0 for at in nodes],
        nodes_truenodeids=np.where(skip[nodes] > 0, number[nodes + 1], 0).tolist(),
        nodes_falsenodeids=np.where(skip[nodes] > 0, number[nodes + skip[nodes]], 0).tolist(),
        target_treeids=tree[added].tolist(),
        target_nodeids=number[owners].tolist(),
        target_ids=feature[added].tolist(),
        target_weights=value[added].tolist(),
    )
    writer.define(node.output, y)


FAMILY = Family(
    readers=(
        Reader(read_tree_classifier, (f"{_DOMAIN}.TreeEnsembleClassifier",), has_several_outputs=True),
        Reader(read_tree_ensemble, (f"{_DOMAIN}.TreeEnsemble",)),
        Reader(read_tree_regressor, (f"{_DOMAIN}.TreeEnsembleRegressor",)),
    ),
    writers={Trees: write_trees},
    unwritten=frozenset({TreesStep}),
)
