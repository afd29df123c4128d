"""Quantized models become float graphs with the parameters of the file."""

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.types import DType, QuantParams
from mcuq.ops.onnx.write import write_graph
from mcuq.passes.canonicalize import canonicalize
from tests.interchange.qnet import QNet, random_scales
from tests.small_models import kinds, random_feeds, run, save


def read_net(net, output, folder):
    model = net.model(output)
    encoded = read(save(model, folder))
    return encoded, canonicalize(encoded.graph)


def params(scale, zero=0):
    return QuantParams((float(np.float32(scale)),), zero, DType.INT8)


def refused(net, output, folder):
    with pytest.raises(McuqError) as caught:
        read(save(net.model(output), folder))
    return caught.value.problems


def conv_net(dtype="int8", zero=0, **weight_options):
    net = QNet(x=[1, 3, 6, 6])
    x = net.pair("x", 0.05, zero, dtype)
    scales = random_scales(net.rng, 4)
    w = net.weights((4, 3, 3, 3), scales, **weight_options)
    y = net.add("Conv", x, w, net.bias(np.float32(0.05) * scales, 4), outputs=["y"])
    return net, y, scales


@pytest.mark.parametrize("dtype,zero,expected", [("int8", 7, 7), ("uint8", 7, -121), ("uint8", 128, 0)])
def test_quantized_tensor_has_the_parameters_of_the_file(tmp_path, dtype, zero, expected):
    net, y, scales = conv_net(dtype, zero)
    out = net.dq(net.q(y, 0.1, zero, dtype), 0.1, zero, dtype, outputs=["z"])
    encoded, graph = read_net(net, out, tmp_path)
    assert kinds(graph) == ["conv2d"]
    assert params(0.05, expected) == encoded.encodings.activations["x"]
    assert params(0.1, expected) == encoded.encodings.activations[graph.nodes[0].output]
    constant = encoded.encodings.constants[graph.nodes[0].inputs[1]]
    assert tuple(scales.astype(float)) == constant.scale
    assert constant.axis == 0


def test_float_graph_computes_what_the_file_says_without_rounding_activations(tmp_path):
    net, y, _ = conv_net()
    _, graph = read_net(net, net.pair(y, 1e-4), tmp_path)
    feeds = random_feeds(graph)
    (output,) = run(write_graph(graph), feeds).values()
    plain, z, _ = conv_net()
    plain.nodes = [node for node in plain.nodes if node.input[0] not in ("x", plain.nodes[0].output[0])]
    plain.nodes[-1].input[0] = "x"
    np.testing.assert_allclose(run(plain.model(z).SerializeToString(), feeds)[z], output, atol=1e-5)


def test_scale_that_means_nothing_is_refused(tmp_path):
    for value in (0.0, -1.0, 1e-40, 3e38):
        net, y, _ = conv_net()
        (problem,) = refused(net, net.pair(y, value), tmp_path)
        assert problem.code == "Q005"
        assert "QuantizeLinear" in problem.where


def test_codes_read_with_other_parameters_than_written_are_refused(tmp_path):
    net, y, _ = conv_net()
    out = net.dq(net.q(y, 0.1, 3), 0.2, 3)
    (problem,) = refused(net, out, tmp_path)
    assert problem.code == "Q006"
    assert "0.1" in problem.why and "0.2" in problem.why
