"""ONNX's own test cases of every operator that is read, all the way to integers."""

import re

import pytest

from mcuq.errors import McuqError

from .checked import check_built
from .onnx_cases import REFUSED, collect

POSITIVE = {"Div", "Log", "Pow", "Reciprocal", "Sqrt"}
NOT_RUN_BY_ONNXRUNTIME = re.compile("swiglu|swish_")

MODELS = {name: model for name, model in collect().items() if not NOT_RUN_BY_ONNXRUNTIME.search(name)}


def test_onnx_cases_are_found():
    assert len(MODELS) > 300


@pytest.mark.parametrize("name", [name for name in MODELS if not REFUSED.search(name)])
def test_onnx_case(name, tmp_path):
    is_positive = {node.op_type for node in MODELS[name].graph.node} & POSITIVE
    check_built(MODELS[name], tmp_path, 0.2 if is_positive else -2.0, 2.0, 15.0)


@pytest.mark.parametrize("name", [name for name in MODELS if REFUSED.search(name)])
def test_onnx_case_is_refused(name, tmp_path):
    with pytest.raises(McuqError) as caught:
        check_built(MODELS[name], tmp_path)
    assert {problem.code for problem in caught.value.problems} <= {"M004", "M006"}
