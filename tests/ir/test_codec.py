"""Stored values are decoded by type annotations, also where these are type aliases."""

import dataclasses
import types
from typing import Any, TypeVar

import numpy as np
import pytest

from mcuq.ir.codec import DecodeError, Decoder, Encoder, look_through

T = TypeVar("T", bound=np.generic)


class Alias:
    """What `type Name[T] = value` makes from Python 3.12 on, as far as it matters."""

    def __init__(self, value):
        self.__value__ = value

    def __getitem__(self, args):
        return types.GenericAlias(self, args)


ARRAY = Alias(np.ndarray[tuple[Any, ...], np.dtype[T]])  # NumPy 2.5 writes NDArray so
CODES = ARRAY[np.int8]
NESTED = Alias(Alias(CODES))


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    codes: CODES
    nested: NESTED
    number: Alias(int)


def test_look_through_fills_parameters_in():
    assert np.ndarray[tuple[Any, ...], np.dtype[np.int8]] == look_through(CODES) == look_through(NESTED)
    assert np.ndarray[tuple[Any, ...], np.dtype[Any]] == look_through(ARRAY[Any])
    assert int is look_through(int)
    assert tuple[int, ...] == look_through(tuple[int, ...])


def _decode(value):
    encoder = Encoder()
    document = encoder.encode(value)
    return Decoder(encoder.arrays, {}).decode(Value, document)


def test_aliases_are_decoded_as_what_they_stand_for():
    codes = np.arange(3, dtype=np.int8)
    again = _decode(Value(codes, codes + 1, 7))
    np.testing.assert_array_equal([[0, 1, 2], [1, 2, 3]], [again.codes, again.nested])
    assert again.number == 7


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("codes", np.zeros(3, np.int16), "holds int16, not int8"),
        ("nested", np.zeros(3, np.float32), "holds float32, not int8"),
        ("number", "7", "is a str, not int"),
    ],
)
def test_types_behind_aliases_are_checked(field, value, message):
    codes = np.zeros(3, np.int8)
    with pytest.raises(DecodeError, match=message):
        _decode(dataclasses.replace(Value(codes, codes, 7), **{field: value}))
