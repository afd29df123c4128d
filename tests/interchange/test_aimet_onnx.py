"""AIMET itself, where it is installed (it needs torch): each reads what the other writes."""

import dataclasses
import importlib.util
import json

import numpy as np
import onnx
import pytest

from mcuq.interchange.aimet import aimet_text
from mcuq.interchange.program import layer_scales
from tests.interchange.models import NEAREST, compile_with, quant, samples, small_model, write
from tests.interchange.record import explicit
from tests.interchange.test_other_tools import named

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("aimet_onnx") is None, reason="'aimet-onnx' is not installed"
    ),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,
]
VERSIONS = ("0.6.1", "1.0.0", "2.0.0")


def simulation(path):
    from aimet_onnx.quantsim import QuantizationSimModel

    return QuantizationSimModel(onnx.load(explicit(path)))


@pytest.mark.parametrize("widths", [{}, {"activation_bits": 16, "weight_bits": 4}])
@pytest.mark.parametrize("version", VERSIONS)
def test_aimet_loads_what_is_exported(tmp_path, version, widths):
    from aimet_onnx.quantsim import load_encodings_to_sim

    path = small_model(tmp_path)
    options = dataclasses.replace(NEAREST, **widths)
    program = compile_with(path, data=samples(), options=options).program
    types = {tensor.name: tensor.quant.dtype for tensor in program.tensors}
    file = write(tmp_path, aimet_text(named(program, path), version), "mcuq.encodings")
    sim = simulation(path)
    load_encodings_to_sim(sim, str(file), strict=False)
    quantizers = sim.qc_quantize_op_dict
    for name in ("image", "relu_out", "logits"):
        (found,) = quantizers[name].get_encodings()
        scale, zero = quant(program)[name]
        assert (scale, types[name].qmin - zero) == (np.float32(found.delta), found.offset), name
        assert 8 * types[name].size_bytes(1) == found.bw
    for layer, name in zip(layer_scales(program).values(), ("conv.weight", "fc.weight"), strict=True):
        found = [each.delta for each in quantizers[name].get_encodings()]
        np.testing.assert_array_equal(np.float32(layer.scale), np.float32(found))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_aimet_writes_is_read(tmp_path, version):
    path = small_model(tmp_path)
    sim = simulation(path)
    data = np.random.default_rng(0).normal(size=(16, 1, 2, 6, 6)).astype(np.float32)
    sim.compute_encodings([{"image": each} for each in data])
    sim.export(str(tmp_path), "aimet", encoding_version=version, export_model=False)
    program = compile_with(path, tmp_path / "aimet.encodings").program
    for name in ("image", "relu_out", "logits"):
        (found,) = sim.qc_quantize_op_dict[name].get_encodings()
        assert (np.float32(found.delta), -found.offset - 128) == quant(program)[name], name


def test_exported_document_has_the_members_of_aimets_own(tmp_path):
    path = small_model(tmp_path)
    program = compile_with(path, data=samples()).program
    sim = simulation(path)
    sim.compute_encodings([{"image": np.zeros((1, 2, 6, 6), np.float32)}])
    sim.export(str(tmp_path), "aimet", encoding_version="1.0.0", export_model=False)
    theirs = json.loads((tmp_path / "aimet.encodings").read_text())
    ours = json.loads(aimet_text(named(program, path), "1.0.0"))
    for key in ("activation_encodings", "param_encodings"):
        assert {*theirs[key][0]} == {*ours[key][0]}
