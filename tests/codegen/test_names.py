"""Identifiers, comments and the model's own name."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.codegen.names import check_name, comment_text, default_name, identifier, unique_identifiers
from mcuq.errors import McuqError
from tests.codegen.hostile import NAMES

TEXT = st.text() | st.sampled_from(NAMES)


@given(TEXT)
def test_identifier_is_one_in_c(text):
    name = identifier(text)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,49}", name)
    assert "__" not in name
    assert name == identifier(text)


@given(st.lists(TEXT, max_size=8))
def test_unique_identifiers_differ_in_more_than_case(texts):
    names = unique_identifiers(texts)
    assert len(texts) == len({name.lower() for name in names})


@given(TEXT)
def test_comment_text_cannot_end_a_comment_or_a_string(text):
    safe = comment_text(text)
    assert len(safe) <= 72
    assert re.fullmatch(r"[A-Za-z0-9_.:;,=/()\[\] +-]*", safe)
    assert "*/" not in safe


@given(TEXT)
def test_default_name_is_a_valid_name(text):
    file = Path(text.replace("/", "_").replace("\0", "_") + ".onnx")
    assert check_name(default_name(file)) == default_name(file)


@pytest.mark.parametrize(
    "name", ["1" * 50, "while" * 20, "_" * 50, "int", "stdint", "string", "mcuq_common", "stdio", "features"]
)
def test_default_name_of_awkward_files_is_valid(name):
    check_name(default_name(Path(f"{name}.onnx")))
    check_name(default_name(Path(f"{name}.mcuq.npz")))


@pytest.mark.parametrize("name", ["kws", "A", "digits_v2", "x" * 40, "stdint_model", "mcuq"])
def test_name_that_is_an_identifier_is_taken(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "../x", "a/b", "a-b", "1a", "_a", "a b", "é", "a\n", "a\0", "x" * 41, "a*/"),
        *("int", "while", "class", "INT", "main", "errno"),
        # Headers that the model's own would hide, and names of the kernels' files.
        *("stdint", "stddef", "string", "stdio", "math", "features", "mcuq_common", "mcuq_harness_io"),
    ],
)
def test_name_that_cannot_prefix_symbols_and_files_is_refused(name):
    with pytest.raises(McuqError) as error:
        check_name(name)
    (problem,) = error.value.problems
    assert problem.code == "O003"
    suggestion = re.search(r"for instance '(\w+)'", problem.fix).group(1)
    assert check_name(suggestion) == suggestion
