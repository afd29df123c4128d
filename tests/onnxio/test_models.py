import numpy as np
import onnx
import pytest
from shared_data import MODELS, shared_file
from small_models import assert_same, random_feeds, run

from mcuq.frontend import read
from mcuq.ir.graph import Graph, Stage
from mcuq.ir.text import graph_from_text, graph_to_text
from mcuq.ir.verify import verify_graph
from mcuq.ops.onnx.write import write_graph
from mcuq.ops.registry import GRAPH_OPS
from mcuq.passes.canonicalize import canonicalize


@pytest.mark.parametrize("name", MODELS)
def test_model_keeps_its_outputs(name: str):
    path = shared_file(name)
    graph = read(path).graph
    canonical = canonicalize(graph)
    assert canonical.stage is Stage.CANONICAL
    assert not {node.op.kind for node in canonical.nodes} & {"transpose", "affine", "clip"}
    for seed in range(3):
        feeds = random_feeds(graph, seed)
        expected = run(path.read_bytes(), feeds)
        assert_same(expected, run(write_graph(graph), feeds))
        assert_same(expected, run(write_graph(canonical), feeds))


@pytest.mark.parametrize("name", MODELS)
def test_tensors_with_names_of_the_model_have_its_values(name: str):
    path = shared_file(name)
    canonical = canonicalize(read(path).graph)
    model = onnx.load(path)
    outputs = {port.name for port in canonical.outputs}
    shared = [n.output for n in canonical.nodes if n.output in _computed(model) and n.output not in outputs]
    assert len(shared) >= len(canonical.nodes) - 2
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in shared)
    feeds = random_feeds(canonical)
    expected = run(model.SerializeToString(), feeds)
    found = run(write_graph(canonical, shared), feeds)
    for tensor in shared:
        array = expected[tensor]
        if array.ndim == 4:
            array = array.transpose(0, 2, 3, 1)
        assert found[tensor].shape == canonical.tensors[tensor].shape
        np.testing.assert_allclose(found[tensor].ravel(), array.ravel(), rtol=1e-3, atol=1e-3, err_msg=tensor)


def _computed(model: onnx.ModelProto) -> set[str]:
    return {name for node in model.graph.node for name in node.output}


@pytest.mark.parametrize("name", MODELS)
def test_model_reads_back_from_text(name: str):
    graph = read(shared_file(name)).graph
    for each in (graph, canonicalize(graph)):
        text = graph_to_text(each)
        again = graph_from_text(text, each.constants, GRAPH_OPS)
        verify_graph(again)
        assert text == graph_to_text(again)
        assert _facts(each) == _facts(again)


def _facts(graph: Graph) -> tuple[object, ...]:
    return graph.stage, graph.nodes, dict(graph.tensors), graph.inputs, graph.outputs


@pytest.mark.parametrize("name", MODELS)
def test_canonicalize_twice_changes_nothing(name: str):
    graph = read(shared_file(name)).graph
    assert graph_to_text(canonicalize(graph)) == graph_to_text(canonicalize(canonicalize(graph)))


STEPS = {
    "mlperf_tiny/models/ic_resnet8.onnx": "conv2d conv2d conv2d add conv2d conv2d conv2d add conv2d conv2d "
    "conv2d add mean reshape linear softmax",
    "model_zoo/mnist_onnxzoo.onnx": "conv2d max_pool conv2d max_pool reshape linear",
    "model_zoo/tflm_hello_world.onnx": "linear linear linear",
    "model_zoo/mltk_tflite_micro_speech.onnx": "conv2d reshape linear softmax",
    "mlperf_tiny/models/ad_autoencoder.onnx": "linear " * 10,
}


@pytest.mark.parametrize("name", STEPS)
def test_model_has_the_expected_steps(name: str):
    graph = canonicalize(read(shared_file(name)).graph)
    assert STEPS[name].split() == [node.op.kind for node in graph.nodes]


def test_layouts_of_one_model_give_the_same_steps():
    nhwc, nchw = (
        canonicalize(read(shared_file(f"mlperf_tiny/models/ic_resnet8{layout}.onnx")).graph)
        for layout in ("", "_nchw")
    )
    assert [node.op for node in nhwc.nodes] == [node.op for node in nchw.nodes]
    assert nchw.inputs[0].perm == (0, 2, 3, 1)
    assert nhwc.tensors["input"] == nchw.tensors["input"]
