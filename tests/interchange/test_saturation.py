"""onnxruntime's products of uint8 and int8 are exact, also where the instruction for them saturates."""

import json
import subprocess

import numpy as np
import pytest
from onnx import helper

from mcuq.calibrate.session import open_session
from tests.interchange.qnet import QNet
from tests.no_vnni import extreme_products, is_x86_64, saturating_python
from tests.project.source import ROOT
from tests.small_models import run
from tests.tools import require

UNSIGNED, SIGNED = "uint8", "int8"


def extreme_layer(op, activation):
    """A model whose sums of products exceed int16 from the first pair on, its input and what it gives."""
    shape = (1, 64, 3, 3) if op == "QLinearConv" else (1, 64)
    net = QNet(x=shape)
    low = 0 if activation == UNSIGNED else -128
    x = (net.scale(1 / 255), net.zero(low, activation))
    w = (net.scale(1 / 127), net.zero(0))
    y = (net.scale(10), net.zero(low, activation))
    codes = net.add("QuantizeLinear", "x", *x)
    if op == "QLinearConv":
        weights = net.const(np.full((4, 64, 3, 3), 127, np.int8))
    else:
        weights = net.const(np.full((64, 4), 127, np.int8))
    rest = ("", *y) if op == "QGemm" else y
    domain = "com.microsoft" if op == "QGemm" else ""
    codes = net.add(op, codes, *x, weights, *w, *rest, domain=domain)
    net.add("DequantizeLinear", codes, *y, outputs=["y"])
    model = net.model("y")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    total = float(np.prod(shape))
    return model, np.ones(shape, np.float32), round(total / 10) * 10


def wrong_layers():
    """What differs from the sum of ones, by operator and type of activations."""
    found = []
    for op in ("QLinearConv", "QLinearMatMul", "QGemm"):
        for activation in (UNSIGNED, SIGNED):
            model, x, expected = extreme_layer(op, activation)
            y = run(model.SerializeToString(), {"x": x})["y"]
            if (y != np.float32(expected)).any():
                found.append([op, activation, float(y.flat[0]), expected])
    session = open_session(extreme_products(), is_optimized=True)
    if (session.run(None, {"x": np.full((1, 64), 255, np.uint8)})[0] != 64 * 255 * 127).any():
        found.append(["MatMulInteger", UNSIGNED])
    return found


def test_sums_of_extreme_products_are_exact_here():
    assert wrong_layers() == []


@pytest.mark.slow
def test_sums_of_extreme_products_are_exact_without_vnni():
    command = saturating_python()
    if command is None:
        if is_x86_64():
            require("qemu-x86_64")
        pytest.skip("nothing here behaves as an x86-64 processor without VNNI")
    script = (
        "import json; from tests.interchange import test_saturation as t; print(json.dumps(t.wrong_layers()))"
    )
    found = subprocess.run([*command, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []


def test_no_vnni_says_what_it_needs(monkeypatch, capsys):
    import tests.no_vnni as no_vnni

    monkeypatch.setattr(no_vnni, "saturating_python", lambda: None)
    assert no_vnni.main([]) == 2
    assert "qemu-user" in capsys.readouterr().out
