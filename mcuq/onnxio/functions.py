"""Local functions of a model, replaced by their bodies."""

from __future__ import annotations

import onnx
import onnx.inliner

from mcuq.errors import fail
from mcuq.onnxio.subgraphs import nested_nodes

_Key = tuple[str, str]


def inline_functions(model: onnx.ModelProto, file: str, limit: int) -> onnx.ModelProto:
    """The model without local functions.

    Args:
        model: as stored.
        file: its name, for messages.
        limit: the largest number of nodes it may grow to.

    Raises:
        McuqError: M007 when functions call each other in a circle, M011 when inlining explodes,
            M002 when onnx cannot inline them.
    """
    if not model.functions:
        return model
    bodies = {
        (str(function.domain), str(function.name)): [
            (str(n.domain), str(n.op_type)) for n in nested_nodes(function.node)
        ]
        for function in model.functions
    }
    sizes: dict[_Key, int] = {}
    for key in bodies:
        _measure(key, bodies, sizes, file)
    total = sum(sizes.get((str(n.domain), str(n.op_type)), 1) for n in nested_nodes(model.graph.node))
    if total > limit:
        raise fail(
            "M011",
            "the graph is absurdly large",
            where=file,
            why=f"its functions expand to {total} nodes, the limit is {limit}",
            fix="compile a smaller model",
        )
    try:
        return onnx.inliner.inline_local_functions(model, convert_version=False)
    except Exception as error:  # onnx raises what its C++ raises
        raise fail(
            "M002",
            "the model's functions cannot be inlined",
            where=file,
            why=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            fix="export the model without functions (torch: dynamo=False, or run onnx.inliner yourself)",
        ) from error


def _measure(key: _Key, bodies: dict[_Key, list[_Key]], sizes: dict[_Key, int], file: str) -> None:
    """Count the nodes of a function, all calls expanded; a loop, since a file could exhaust recursion."""
    stack: list[tuple[_Key, bool]] = [(key, False)]
    open_calls: set[_Key] = set()
    while stack:
        current, is_done = stack.pop()
        if is_done:
            open_calls.discard(current)
            sizes[current] = sum(sizes.get(call, 1) for call in bodies[current])
        elif current in open_calls:
            raise fail(
                "M007",
                "a function calls itself",
                where=f"{file}, function '{current[1]}'",
                why="its body contains itself, directly or through others",
                fix="unroll the recursion before exporting",
            )
        elif current in bodies and current not in sizes:
            open_calls.add(current)
            stack.append((current, True))
            stack.extend((call, False) for call in bodies[current])
