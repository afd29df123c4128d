"""The float side of the analysis: values of all tensors, one layer alone, and the network behind a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import run_float
from mcuq.ir.graph import Graph, Node, Port, make_graph
from mcuq.ir.types import Array, Float32
from mcuq.ops.onnx.write import write_graph


def tensor_values(graph: Graph, samples: Samples, tensors: Sequence[str]) -> dict[str, Float32]:
    """Float values of tensors in device layout, `[n, *shape]`.

    Args:
        graph: stage CANONICAL.
        samples: the model's inputs.
        tensors: which; outputs of the model come in device layout too.
    """
    outputs = {port.tensor: port for port in graph.outputs}
    names = [name for name in tensors if graph.producer(name) is not None]
    # A tensor with the name of an output is written once, in the output's layout; same-layout ports serve it.
    aliases = {name: _free(graph, name) for name in names if name in {p.name for p in outputs.values()}}
    plain = _with_outputs(graph, {name: aliases.get(name, name) for name in names})
    found = run_float(write_graph(plain), samples, [aliases.get(name, name) for name in names])
    return {name: found[aliases.get(name, name)] for name in names}


def _free(graph: Graph, name: str) -> str:
    while name in graph.tensors:
        name += "'"
    return name


def _with_outputs(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with these tensors as outputs, by the given names, in device layout."""
    outputs = [device_port(graph, tensor, name) for tensor, name in names.items()]
    return make_graph(graph.stage, graph.nodes, graph.tensors, graph.constants, graph.inputs, outputs)


def device_port(graph: Graph, tensor: str, name: str | None = None) -> Port:
    """A port that takes or returns a tensor as it lies on the device."""
    shape = graph.tensors[tensor].shape
    return Port(name or tensor, tensor, shape, tuple(range(len(shape))))


def run_node(
    graph: Graph, node: Node, inputs: Mapping[str, Array], constants: Mapping[str, Array]
) -> Float32:
    """One operator in float.

    Args:
        graph: where the node is from.
        node: the operator.
        inputs: `[n, *shape]` of each input that is not a constant.
        constants: replacements for the graph's.

    Returns:
        `[n, *output shape]`.
    """
    names = [name for name in dict.fromkeys(node.inputs) if name not in graph.constants]
    alone = make_graph(
        graph.stage,
        [node],
        graph.tensors,
        {**graph.constants, **constants},
        [device_port(graph, name) for name in names],
        [device_port(graph, node.output)],
    )
    samples = Samples.from_arrays({name: inputs[name] for name in names})
    return run_float(write_graph(alone), samples, [node.output])[node.output]


def run_hybrid(
    graph: Graph,
    known: Mapping[str, Array],
    constants: Mapping[str, Array],
    samples: Mapping[str, Array],
    wanted: Sequence[str],
) -> dict[str, Float32]:
    """Tensors of the float network where some others have given values.

    Args:
        graph: stage CANONICAL.
        known: `[n, *shape]` in device layout by tensor, inputs of the graph among them or not.
        constants: replacements for the graph's.
        samples: the model's inputs by name, `[n, *model shape]`, for those that are not known.
        wanted: tensors; those that are known come back as they are.

    Returns:
        `[n, *device shape]` by tensor.
    """
    nodes, read = _needed(graph, known, [name for name in wanted if name not in known])
    ports = [port for port in graph.inputs if port.tensor in read and port.tensor not in known]
    arrays: dict[str, Array] = {port.name: samples[port.name] for port in ports}
    for tensor in (name for name in known if name in read):
        port = device_port(graph, tensor, _free(graph, f"{tensor} [replaced]"))
        ports.append(port)
        arrays[port.name] = known[tensor]
    found = {name: known[name] for name in wanted if name in known}
    if nodes:
        names = {name: _free(graph, f"{name} [wanted]") for name in wanted if name not in known}
        outputs = [device_port(graph, tensor, name) for tensor, name in names.items()]
        kept = {**graph.constants, **constants}
        part = make_graph(graph.stage, nodes, graph.tensors, kept, ports, outputs)
        feed = Samples.from_arrays({port.name: arrays[port.name] for port in ports})
        values = run_float(write_graph(part), feed, list(names.values()))
        found |= {tensor: values[name] for tensor, name in names.items()}
    return found


def _needed(
    graph: Graph, known: Mapping[str, Array], wanted: Sequence[str]
) -> tuple[list[Node], frozenset[str]]:
    """The nodes between known tensors and wanted ones, in order, and all that these read."""
    read = set(wanted)
    nodes = []
    for node in reversed(graph.nodes):
        if any(name in read and name not in known for name in node.outputs):
            nodes.append(node)
            read.update(node.inputs)
    return nodes[::-1], frozenset(read)
