"""Which activations are int16, and what goes between those that are not."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from mcuq.api import build, evaluate
from mcuq.calibrate.config import config_sha256, read_overrides
from mcuq.errors import McuqError
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ir.types import DType
from mcuq.ops.accumulator import MAX_SUM, Accumulator
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions
from mcuq.settings import Override
from tests.ops.examples import all_examples
from tests.small_models import Net, save
from tests.tools import require

DATA = {"x": np.random.default_rng(0).normal(size=(24, 4, 8, 8)).astype(np.float32)}


def net():
    """Every way in which layers are connected: dense, depthwise, joined, constants, functions, rows."""
    net = Net(x=[1, 4, 8, 8])
    a = net.add("Relu", net.conv("x", 4, 6, (3, 3), pads=[1, 1, 1, 1]), outputs=["a"])
    b = net.add("Relu", net.conv(a, 6, 6, (3, 3), group=6, pads=[1, 1, 1, 1]), outputs=["b"])
    c = net.conv(b, 6, 6, (1, 1), group=2, outputs=["c"])
    y = net.add("Concat", net.add("Add", a, c, outputs=["sum"]), net.add("Sigmoid", c), axis=1)
    y = net.add("Mul", y, net.random(1, 12, 8, 8), outputs=["product"])
    y = net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = net.add("Reshape", y, net.const(np.array([1, 12, 16])))
    return net.add("Add", net.add("MatMul", y, net.random(16, 5)), net.random(5), outputs=["logits"]), net


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    y, found = net()
    return save(found.model(y), tmp_path_factory.mktemp("net"))


def built(folder, model, *overrides, target="host", **options):
    require("cc")
    options = QuantOptions(overrides=overrides, **{"equalize": "off", **options})
    verify = "host" if target == "host" else "emulator"
    return build(model, target, calibration=DATA, output=folder / "net", options=options, verify=verify)


def types(result):
    return {tensor.name: tensor.quant.dtype for tensor in result.plan.program.tensors}


WIDE, NARROW = DType.INT16, DType.INT8


@pytest.mark.parametrize("weight_rounding", ["nearest", "gptq"])
def test_all_activations_but_the_input_are_int16(tmp_path, model, weight_rounding):
    result = built(tmp_path, model, activation_bits=16, weight_rounding=weight_rounding)
    assert result.report.first_difference is None
    found = types(result)
    assert {name: found[name] for name in ("x", "a", "b", "c", "logits")} == {
        "x": NARROW,
        "a": WIDE,
        "b": WIDE,
        "c": WIDE,
        "logits": WIDE,
    }
    stored = program_to_npz(result.plan.program)
    assert stored == program_to_npz(program_from_npz(stored, "stored", STEP_OPS))
    assert ("activation-bits", "16") in result.plan.program.origin.options


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "rv32imc"])
def test_cores_compute_mixed_widths(tmp_path, model, target):
    require("unicorn")
    wide = (Override("tensor", "b", activation_bits=16), Override("tensor", "logits", activation_bits=16))
    assert built(tmp_path / "some", model, *wide, target=target).report.first_difference is None
    assert built(tmp_path / "all", model, target=target, activation_bits=16).report.first_difference is None


@pytest.mark.parametrize("seed", range(6))
def test_any_choice_of_widths_builds(tmp_path, model, seed):
    rng = np.random.default_rng(seed)
    names = ["x", "a", "b", "c", "sum", "product", "logits"]
    overrides = [Override("tensor", name, activation_bits=int(rng.choice([8, 16]))) for name in names]
    result = built(tmp_path, model, *overrides, activation_bits=int(rng.choice([8, 16])))
    assert result.report.first_difference is None


def test_int16_is_closer_to_the_float_model(tmp_path, model):
    sqnr = []
    for bits in (8, 16):
        directory = built(tmp_path / str(bits), model, activation_bits=bits).directory
        sqnr.append(evaluate(directory, model, DATA).outputs["logits"].sqnr_db)
    assert sqnr[1] > sqnr[0] + 3


def test_later_override_wins(tmp_path, model):
    overrides = (
        Override("tensor", "*", activation_bits=16),
        Override("op", "conv2d", activation_bits=8),
        Override("tensor", "a", activation_bits=16),
    )
    found = types(built(tmp_path, model, *overrides))
    assert [found[name] for name in ("x", "a", "c")] == [WIDE, WIDE, NARROW]


def test_ranges_of_int16_hold_twice_what_was_seen(tmp_path, model):
    program = built(tmp_path, model, activation_bits=16).plan.program
    (quant,) = (tensor.quant for tensor in program.tensors if tensor.name == "a")
    (seen,) = (each for each in program.origin.seen if each.name == "a")
    most = max(abs(seen.smallest), abs(seen.largest))
    assert quant.zero_point == 0
    assert 2 * most / 32767 <= quant.scale[0] <= 2.5 * most / 32767


def test_tied_tensors_move_together(tmp_path):
    small = Net(h=[1, 8], x=[1, 8])
    y = small.add("Add", small.add("MatMul", small.add("Add", "h", "x"), small.random(8, 8)), small.random(8))
    path = save(small.model(y), tmp_path)
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=(24, 1, 8)).astype(np.float32) for name in ("h", "x")}
    found = []
    for number, override in enumerate([(), (Override("tensor", y, activation_bits=16),)]):
        options = QuantOptions(activation_bits=16, overrides=override, ties=(("h", y),))
        result = build(path, "host", calibration=data, output=tmp_path / str(number), options=options)
        found.append(
            [
                tensor.quant
                for name in ("h", y)
                for tensor in result.plan.program.tensors
                if tensor.name == name
            ]
        )
    assert [quants[0].dtype for quants in found] == [NARROW, WIDE]
    assert all(len({*quants}) == 1 for quants in found)


def test_patterns_that_match_nothing_are_refused(tmp_path, model):
    with pytest.raises(McuqError) as caught:
        built(tmp_path, model, Override("tensor", "nothing", activation_bits=16))
    assert [problem.code for problem in caught.value.problems] == ["O001"]


def test_read_overrides_takes_widths(tmp_path):
    path = tmp_path / "quant.toml"
    path.write_text('[[override]]\ntensor = "a"\nactivation-bits = 16\n', "utf-8")
    assert (Override("tensor", "a", activation_bits=16),) == read_overrides(path)
    for wrong in ("12", "true", '"16"'):
        path.write_text(f'[[override]]\ntensor = "a"\nactivation-bits = {wrong}\n', "utf-8")
        with pytest.raises(McuqError) as caught:
            read_overrides(path)
        assert [problem.code for problem in caught.value.problems] == ["O001"]


def test_hash_of_a_configuration_without_widths_is_as_before():
    one = Override("tensor", "a", "minmax")
    assert config_sha256([one]) != config_sha256([dataclasses.replace(one, activation_bits=16)])
    settings = {"kind": "tensor", "method": "minmax", "pattern": "a", "percentile": None, "range": None}
    text = json.dumps({**settings, "scheme": None}, sort_keys=True)
    assert config_sha256([one]) == hashlib.sha256(f"[{text}]".encode()).hexdigest()


def test_sums_that_int32_does_not_hold_are_long():
    """Both contracts occur in examples of layers, and give other codes."""
    layers = [
        each.op.params for each in all_examples("linear", 60, Rounding.DOUBLE) if each.types != (NARROW,)
    ]
    assert {Accumulator.INT32, Accumulator.INT64} == {params.accumulator for params in layers}
    example = next(each for each in all_examples("linear", 60, Rounding.DOUBLE) if each.types == (WIDE,))
    params = example.op.params
    scales = [Requant(params.requant.multiplier, (e,) * len(params.bias), Rounding.DOUBLE) for e in (0, 15)]
    most = dataclasses.replace(params, accumulator=Accumulator.INT64, requant=scales[0])
    assert 2**15 * int(np.abs(params.weights.astype(int)).sum()) < MAX_SUM
    most.prove(-32768, 32767)
    with pytest.raises(ValueError, match="shifts of at most 14"):
        dataclasses.replace(most, requant=scales[1])
