"""The committed table of ONNX's own cases says of the cases of these tests what the tests say."""

import re

import onnx
import pytest
from project.source import ROOT

from .onnx_cases import REFUSED
from .test_onnx_cases import MODELS

PAGE = (ROOT / "docs" / "onnx-cases.md").read_text("utf-8")


# Refused with inputs; the table takes its last form, all of whose values are constants.
CONSTANT_ALONE = {"test_where_long_example"}


@pytest.mark.skipif(f"onnx {onnx.__version__}:" not in PAGE, reason="the table is that of another onnx")
def test_table_of_cases_names_the_refusals_of_the_tests():
    _, _, refusals = PAGE.partition("## Refused")
    found = set(re.findall(r"`(test_[^`]*)`", refusals))
    expected = {name for name in MODELS if REFUSED.search(name)}
    assert expected - CONSTANT_ALONE == found & set(MODELS)
    assert "failed" not in PAGE
