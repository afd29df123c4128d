"""ONNX's own test cases of every operator that is read, all the way to integers."""

import re

import pytest

from mcuq.errors import McuqError

from .checked import check_built
from .onnx_cases import REFUSED, collect

POSITIVE = {"Div", "Log", "Pow", "Reciprocal", "Sqrt"}
RANGES = {
    "Acos": (-1.0, 1.0),
    "Acosh": (1.0, 5.0),
    "Asin": (-1.0, 1.0),
    "Atanh": (-0.9, 0.9),
    "Shrink": (-8.0, 8.0),
    "Tan": (-1.0, 1.0),
}
NOT_RUN_BY_ONNXRUNTIME = re.compile("swiglu|swish_|(gru|lstm|rnn)_batchwise|pow_types_float32_uint")

MODELS = {name: model for name, model in collect().items() if not NOT_RUN_BY_ONNXRUNTIME.search(name)}


def test_onnx_cases_are_found():
    assert len(MODELS) > 300


@pytest.mark.parametrize("name", [name for name in MODELS if not REFUSED.search(name)])
def test_onnx_case(name, tmp_path):
    types = {node.op_type for node in MODELS[name].graph.node}
    own = "Shrink" if "shrink" in name else min(types)  # also where it is spelled out
    lo, hi = RANGES.get(own, (0.2 if types & POSITIVE else -2.0, 2.0))
    # Of values that have one code, Hardmax may choose another one.
    check_built(MODELS[name], tmp_path, lo, hi, 8.0 if "Hardmax" in types else 15.0)


@pytest.mark.parametrize("name", [name for name in MODELS if REFUSED.search(name)])
def test_onnx_case_is_refused(name, tmp_path):
    with pytest.raises(McuqError) as caught:
        check_built(MODELS[name], tmp_path)
    assert {problem.code for problem in caught.value.problems} <= {"M004", "M005", "M006"}
