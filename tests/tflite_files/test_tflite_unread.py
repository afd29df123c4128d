"""Operators that nothing reads are refused with a reason of their own."""

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.ops.tflite.registry import tflite_readers
from mcuq.ops.tflite.unread import TFLITE_UNREAD
from mcuq.tflite.schema import enum_names
from tests.tflite_files.operators import IMAGE, Operator, ints
from tests.tflite_files.wheel import program_of
from tests.truth.tflite import write_network

BUILTINS = frozenset(enum_names("BuiltinOperator").values())


def test_every_operator_of_the_schema_is_read_or_has_a_reason():
    families = {kind.split("_")[0] if kind.startswith("STABLEHLO") else kind for kind in BUILTINS}
    named = set(tflite_readers()) | set(TFLITE_UNREAD) | {"PLACEHOLDER_FOR_GREATER_OP_CODES"}
    assert families <= named


def test_no_reason_stands_against_an_operator_that_is_read():
    assert not set(TFLITE_UNREAD) & set(tflite_readers())
    assert set(TFLITE_UNREAD) - {"STABLEHLO"} <= BUILTINS


@pytest.mark.parametrize(("kind", "why"), [("CUMSUM", "no step computes it"), ("SELECT_V2", "truth values")])
def test_model_with_such_an_operator_is_refused_with_its_reason(kind, why):
    network = Operator(kind, (IMAGE,), (IMAGE, IMAGE)).network("float32")
    with pytest.raises(McuqError, match=why) as error:
        program_of(write_network(network))
    assert [problem.code for problem in error.value.problems] == ["M003"]


ABSURD = {
    "no axes": (Operator("REDUCE_MIN", (IMAGE,), (IMAGE, np.zeros(0, np.int32)), {"keepDims": True}), "M006"),
    "a huge size": (Operator("RESIZE_BILINEAR", ((1, 1 << 22, 1, 4),), (IMAGE, ints(1 << 22, 1))), "M011"),
    "an axis that is not there": (Operator("MEAN", ((1, 4),), (IMAGE, ints(7)), {"keepDims": False}), "M002"),
    "an index that is not there": (Operator("GATHER", (IMAGE,), (IMAGE, ints(-1)), {"axis": 3}), "M006"),
    "no blocks": (Operator("SPACE_TO_DEPTH", (IMAGE,), (IMAGE,), {"blockSize": 0}), "M006"),
    "a border wider than the image": (
        Operator("MIRROR_PAD", (IMAGE,), (IMAGE, ints(0, 0, 9, 9, 0, 0, 0, 0).reshape(4, 2)), {"mode": 0}),
        "M006",
    ),
    "a huge broadcast": (
        Operator("MAXIMUM", ((1 << 20, 1 << 20),), ((1 << 20, 1), np.zeros((1, 1 << 20), np.float32))),
        "M011",
    ),
    "windows apart": (
        Operator(
            "TRANSPOSE_CONV",
            ((1, 60, 50, 2),),
            (ints(1, 60, 50, 2), np.zeros((2, 3, 3, 4), np.float32), IMAGE),
            {"padding": 0, "strideH": 2, "strideW": 2},
        ),
        "M006",
    ),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_attributes_are_refused_at_once(name):
    operator, code = ABSURD[name]
    data = write_network(operator.network("int8"))
    with pytest.raises(McuqError) as error:
        program_of(data)
    assert [problem.code for problem in error.value.problems] == [code]
