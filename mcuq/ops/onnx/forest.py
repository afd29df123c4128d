"""Trees as ai.onnx.ml stores them, in lists of nodes that name each other, as one table of records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.trees import INDEX_MAX, LEAF, TreeTable

_EXPORT = "export the model again"
# How each is one of `x <= t` or `x < t`: whether it is strict, and whether its branches change places.
_COMPARISONS: Mapping[str, tuple[bool, bool]] = {
    "BRANCH_LEQ": (False, False),
    "BRANCH_LT": (True, False),
    "BRANCH_GTE": (True, True),
    "BRANCH_GT": (False, True),
}
# Likewise for two comparisons in a row.
_EQUALITIES: Mapping[str, bool] = {"BRANCH_EQ": False, "BRANCH_NEQ": True}


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """A node that compares: `mode` of ai.onnx.ml, and the numbers of the nodes behind it."""

    mode: str
    feature: int
    value: float
    true: int
    false: int


@dataclasses.dataclass
class Forest:
    """Nodes of all trees by number, until they are one table.

    Args:
        branches: by number.
        leaves: what each of the others adds, by target.
        roots: numbers of the trees' first nodes.
        shares_leaves: whether several branches may lead to one leaf.
    """

    branches: dict[int, Branch]
    leaves: dict[int, dict[int, float]]
    roots: list[int]
    shares_leaves: bool = False

    def add(self, leaf: int, target: int, value: float) -> None:
        """Let a leaf add something."""
        found = self.leaves[leaf]
        found[target] = found.get(target, 0.0) + value

    def scaled(self, factor: float) -> None:
        """Multiply all that leaves add."""
        for leaf in self.leaves.values():
            for target in leaf:
                leaf[target] *= factor


@dataclasses.dataclass
class _Table:
    """Columns under construction."""

    feature: list[int] = dataclasses.field(default_factory=list)
    value: list[float] = dataclasses.field(default_factory=list)
    skip: list[int] = dataclasses.field(default_factory=list)
    is_strict: list[bool] = dataclasses.field(default_factory=list)

    def add(self, feature: int, value: float, is_strict: bool = False) -> int:
        """Append a record and return its place; what it skips is known later."""
        self.feature.append(feature)
        self.value.append(value)
        self.skip.append(0)
        self.is_strict.append(is_strict)
        return len(self.feature) - 1

    def add_branch(self, branch: Branch) -> tuple[int, int, int]:
        """Append a comparison, and return its place and the nodes for true and false."""
        if branch.mode in _EQUALITIES:
            # Not above and not below: both lead to the node for false, which follows the second comparison.
            first = self.add(branch.feature, branch.value)
            self.skip[first] = 2
            at = self.add(branch.feature, branch.value, is_strict=True)
            ends = (branch.true, branch.false) if _EQUALITIES[branch.mode] else (branch.false, branch.true)
            return (at, *ends)
        is_strict, is_swapped = _COMPARISONS[branch.mode]
        at = self.add(branch.feature, branch.value, is_strict)
        return (at, branch.false, branch.true) if is_swapped else (at, branch.true, branch.false)


def make_table(forest: Forest) -> TreeTable:
    """All trees in depth-first order.

    Raises:
        Refused: M002 for nodes that are not there or are reached twice, M004 for trees that are too large.
    """
    table, roots, seen = _Table(), [], set[int]()
    for root in forest.roots:
        roots.append(len(table.feature))
        _add_tree(forest, root, table, seen)
    unread = len(forest.branches) - len(seen & forest.branches.keys())
    if unread:
        raise Refused("M002", f"no tree reaches {unread} of its nodes", _EXPORT)
    return TreeTable(
        tuple(table.feature), tuple(table.value), tuple(table.skip), tuple(table.is_strict), tuple(roots)
    )


def _add_tree(forest: Forest, root: int, table: _Table, seen: set[int]) -> None:
    # A node to add, and the record that skips to it.
    waiting = [(root, -1)]
    while waiting:
        number, before = waiting.pop()
        place = len(table.feature)
        if before >= 0:
            if place - before > INDEX_MAX:
                raise unsupported(
                    f"a branch has more than {INDEX_MAX:_} nodes on one side", "train smaller trees"
                )
            table.skip[before] = place - before
        is_leaf = number in forest.leaves
        if number in seen and not (is_leaf and forest.shares_leaves):
            raise Refused("M002", f"its node {number} is reached twice: that is no tree", _EXPORT)
        seen.add(number)
        if is_leaf:
            entries = [(target, value) for target, value in sorted(forest.leaves[number].items()) if value]
            table.add(LEAF, float(len(entries)))
            for target, value in entries:
                table.add(target, value)
            continue
        at, follows, skipped = table.add_branch(forest.branches[number])
        waiting += [(skipped, at), (follows, -1)]


def columns(node: OnnxNode, *names: str) -> list[tuple[int, ...]]:
    """Lists of integers of one length.

    Raises:
        Refused: M002.
    """
    found = [node.get_ints(name) or () for name in names]
    require_lengths(names, found)
    return found


def require_lengths(names: Iterable[str], found: Sequence[Sequence[object]]) -> None:
    """Refuse lists that are not of one length.

    Raises:
        Refused: M002.
    """
    lengths = {name: len(each) for name, each in zip(names, found, strict=True)}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise Refused("M002", f"lists that belong together have other lengths: {said}", _EXPORT)


def require_below(what: str, found: Iterable[int], limit: int) -> None:
    """Refuse indices outside [0, limit).

    Raises:
        Refused: M006.
    """
    wrong = next((index for index in found if not 0 <= index < limit), None)
    if wrong is not None:
        raise Refused("M006", f"{what} {wrong} is outside 0 to {limit - 1}", _EXPORT)


def read_forest(node: OnnxNode, features: int, role: str, targets: int) -> Forest:
    """The trees of TreeEnsembleRegressor (role "target") and TreeEnsembleClassifier (role "class").

    Raises:
        Refused: M002, M004, M005, M006.
    """
    names = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
    tree, number, feature, true, false = columns(node, *(f"nodes_{name}" for name in names))
    modes, values = _texts(node, "nodes_modes"), node.get_numbers("nodes_values")
    values = (0.0,) * len(tree) if values is None else values
    require_lengths(("nodes_treeids", "nodes_modes", "nodes_values"), (tree, modes, values))
    places = {key: place for place, key in enumerate(zip(tree, number, strict=True))}
    if len(places) != len(tree):
        raise Refused("M002", "two nodes of a tree have one number", _EXPORT)
    if not tree:
        raise Refused("M002", "it has no trees", _EXPORT)
    roots = list(dict(zip(reversed(tree), range(len(tree) - 1, -1, -1), strict=True)).values())
    forest = Forest({}, {}, sorted(roots))
    for place, mode in enumerate(modes):
        if mode == "LEAF":
            forest.leaves[place] = {}
            continue
        _require_mode(mode)
        ends = [places.get((tree[place], each[place])) for each in (true, false)]
        if None in ends:
            why = f"node {number[place]} of tree {tree[place]} leads to a node that is not there"
            raise Refused("M002", why, _EXPORT)
        forest.branches[place] = Branch(mode, feature[place], values[place], *(end or 0 for end in ends))
    require_below("a feature", (branch.feature for branch in forest.branches.values()), features)
    _add_leaves(node, forest, places, role, targets)
    return forest


def _add_leaves(
    node: OnnxNode, forest: Forest, places: Mapping[tuple[int, int], int], role: str, targets: int
) -> None:
    tree, number, target = columns(node, f"{role}_treeids", f"{role}_nodeids", f"{role}_ids")
    weights = node.get_numbers(f"{role}_weights") or ()
    require_lengths((f"{role}_ids", f"{role}_weights"), (target, weights))
    require_below(f"a {role}", target, targets)
    for key, which, weight in zip(zip(tree, number, strict=True), target, weights, strict=True):
        place = places.get(key, -1)
        if place not in forest.leaves:
            raise Refused("M002", f"node {key[1]} of tree {key[0]} has a value, and is no leaf", _EXPORT)
        forest.add(place, which, weight)


def _require_mode(mode: str) -> None:
    if mode not in _COMPARISONS and mode not in _EQUALITIES:
        raise unsupported(
            f"a node's mode is {quoted(mode)}", "compare with <=, <, >=, >, = or !=: no step looks into sets"
        )


def _texts(node: OnnxNode, name: str) -> tuple[str, ...]:
    found = node.attribute(name)
    return () if found is None else tuple(bytes(text).decode("utf-8", "replace") for text in found.strings)


# The modes of ai.onnx.ml 5 by number.
_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")


def read_ensemble(node: OnnxNode, features: int, targets: int) -> Forest:
    """The trees of TreeEnsemble, where leaves have numbers of their own.

    Raises:
        Refused: M002, M004, M005, M006.
    """
    names = ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs")
    feature, true, false, true_leaf, false_leaf = columns(node, *(f"nodes_{name}" for name in names))
    modes, values = node.get_numbers("nodes_modes") or (), node.get_numbers("nodes_splits") or ()
    require_lengths(("nodes_featureids", "nodes_modes", "nodes_splits"), (feature, modes, values))
    (target,), weights = columns(node, "leaf_targetids"), node.get_numbers("leaf_weights") or ()
    require_lengths(("leaf_targetids", "leaf_weights"), (target, weights))
    require_below("a mode", (math.floor(mode) for mode in modes), len(_MODES))
    require_below("a feature", feature, features)
    require_below("a target", target, targets)
    (roots,) = columns(node, "tree_roots")
    require_below("a root", roots, len(feature))
    if not roots:
        raise Refused("M002", "it has no trees", _EXPORT)
    count = len(feature)
    forest = Forest({}, {count + leaf: {} for leaf in range(len(target))}, list(roots), shares_leaves=True)
    for leaf, (which, weight) in enumerate(zip(target, weights, strict=True)):
        forest.add(count + leaf, which, weight)
    for ends, is_leaf in ((true, true_leaf), (false, false_leaf)):
        require_below("a leaf", (end for end, leaf in zip(ends, is_leaf, strict=True) if leaf), len(target))
        require_below("a node", (end for end, leaf in zip(ends, is_leaf, strict=True) if not leaf), count)
    for place, mode in enumerate(modes):
        _require_mode(_MODES[int(mode)])
        ends = (true[place] + count * bool(true_leaf[place]), false[place] + count * bool(false_leaf[place]))
        forest.branches[place] = Branch(_MODES[int(mode)], feature[place], values[place], *ends)
    return forest
