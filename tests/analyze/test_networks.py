"""The parts of the noise of networks with several outputs, joined tensors, and outputs of whole numbers."""

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.calibration import CalibrationData
from tests.small_models import Net, save

SAMPLES = {"x": np.random.default_rng(0).normal(size=(40, 1, 6)).astype(np.float32)}


def joined():
    """Two outputs, one behind a concatenation of tensors of unlike ranges and a softmax."""
    net = Net(x=(1, 6))
    net.add("Gemm", "x", net.random(6, 9), net.random(9), outputs=["a"], name="a")
    net.add("Sigmoid", "a", outputs=["s"], name="s")
    net.add("Concat", "a", "s", outputs=["c"], name="c", axis=1)
    net.add("Gemm", "c", net.random(18, 4), net.random(4), outputs=["y"], name="y")
    net.add("Softmax", "y", outputs=["p"], name="p", axis=-1)
    return net.model("p", "s")


def largest(*outputs):
    """The largest values of a layer, their indices, or both."""
    net = Net(x=(1, 6))
    net.add("Gemm", "x", net.random(6, 9), net.random(9), outputs=["logits"], name="fc")
    net.add("TopK", "logits", net.const(np.array([3], np.int64), "k"), outputs=["best", "where"], name="top")
    return net.model(*outputs)


def found(model, folder, **options):
    path = save(model, folder, "model.onnx")
    data = CalibrationData(Samples.from_arrays(SAMPLES))
    return analyze(path, data, QuantOptions(**options), samples=8)[0]


@pytest.mark.parametrize("options", [{}, {"activation_bits": 16}, {"weight_bits": 4}], ids=str)
def test_parts_add_up_over_several_outputs(tmp_path, options):
    noise = found(joined(), tmp_path, **options).noise
    assert noise.judged == ("y", "s")
    assert noise.sqnr_db == pytest.approx(noise.predicted_db, abs=1e-6)
    assert {"x", "a", "s", "c", "y", "p"} == {part.layer for part in noise.parts}
    assert len({(part.layer, part.kind) for part in noise.parts}) == len(noise.parts)


def test_noise_of_outputs_is_relative_to_each(tmp_path):
    analysis = found(joined(), tmp_path)
    (sqnr, _) = analysis.outputs["s"]
    # What is left when the other output's part is taken away cannot be more noise than all of it.
    assert 10 ** (-sqnr / 10) < analysis.noise.noise


def test_indices_are_no_noise_beside_values(tmp_path):
    both = found(largest("best", "where"), tmp_path)
    assert both.noise.judged == ("best",)
    assert both.noise.sqnr_db == pytest.approx(both.outputs["best"][0])
    alone = found(largest("where"), tmp_path)
    assert alone.noise.judged == ("where",)
