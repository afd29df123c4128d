"""Frozen dataclasses as JSON plus arrays, and back with every type checked.

Files are hostile: decoding trusts nothing but the type annotations of the classes that it is given.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np

from mcuq.ir.types import OPTIONAL, SINGLE, Array, freeze

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")


class DecodeError(Exception):
    """Stored data does not have the shape of its class; the message says where."""


class Encoder:
    """Turns values into JSON and collects the arrays it meets on the way."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def encode(self, value: object) -> Json:
        """JSON of a dataclass, tuple, enum, array or plain value; floats are exact (hexadecimal)."""
        match value:
            case None | bool() | int() | str():
                return value
            case float():
                return value.hex()
            case enum.Enum():
                return self.encode(value.value)
            case tuple():
                return [self.encode(item) for item in value]
            case np.ndarray():
                key = f"a{len(self.arrays):04d}"
                self.arrays[key] = value
                return key
        assert dataclasses.is_dataclass(value), type(value)
        fields = dict(
            self._member(f, getattr(value, f.name))
            for f in dataclasses.fields(value)
            if not (f.metadata.get(OPTIONAL) and getattr(value, f.name) == f.default)
        )
        kind = getattr(type(value), "kind", None)
        return fields if kind is None else {"kind": kind, **fields}

    def _member(self, field: dataclasses.Field[object], value: object) -> tuple[str, Json]:
        """Name and JSON of a field; a tuple that mostly has one item is written as that item then."""
        single = field.metadata.get(SINGLE)
        if single is not None and isinstance(value, tuple) and len(value) == 1:
            return single, self.encode(value[0])
        return field.name, self.encode(value)


@functools.cache
def _hints(cls: type) -> Mapping[str, object]:
    return typing.get_type_hints(cls)


def look_through(hint: object) -> object:
    """What a type alias stands for, its parameters filled in; any other hint as it is.

    `NDArray` is such an alias from NumPy 2.5 on. Aliases are told by their attribute, as their class,
    `typing.TypeAliasType`, is new in Python 3.12.
    """
    while True:
        value = getattr(typing.get_origin(hint) or hint, "__value__", None)
        if value is None:
            return hint
        args = typing.get_args(hint)
        hint = value[args] if args else value


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Rebuilds values from JSON.

    Args:
        arrays: by key.
        kinds: for each abstract class the concrete ones by `kind`.
    """

    arrays: Mapping[str, Array]
    kinds: Mapping[type, Mapping[str, type]]

    def decode(self, cls: type[T], data: Json, where: str = "") -> T:
        """A value of `cls`.

        Raises:
            DecodeError: where the data does not fit the class.
        """
        value = self._decode(cls, data, where or cls.__name__)
        assert isinstance(value, cls)
        return value

    def _decode(self, hint: object, data: Json, where: str) -> object:
        hint = look_through(hint)
        if isinstance(hint, types.UnionType) and data is None:
            return None
        if isinstance(hint, types.UnionType):
            (hint,) = (arg for arg in hint.__args__ if arg is not type(None))
        origin = typing.get_origin(hint)
        if origin is tuple:
            return self._tuple(typing.get_args(hint), data, where)
        if origin is np.ndarray:
            return self._array(hint, data, where)
        assert isinstance(hint, type), hint
        if hint in self.kinds or dataclasses.is_dataclass(hint):
            return self._dataclass(hint, data, where)
        return _plain(hint, data, where)

    def _tuple(self, args: tuple[object, ...], data: Json, where: str) -> tuple[object, ...]:
        if not isinstance(data, list):
            raise DecodeError(f"{where} is not a list")
        hints = [args[0]] * len(data) if args[-1] is Ellipsis else list(args)
        if len(hints) != len(data):
            raise DecodeError(f"{where} has {len(data)} items instead of {len(hints)}")
        if args[-1] is Ellipsis and args[0] in (int, str) and all(type(each) is args[0] for each in data):
            return tuple(data)  # most of what a large file holds
        return tuple(
            self._decode(h, d, f"{where}[{i}]") for i, (h, d) in enumerate(zip(hints, data, strict=True))
        )

    def _array(self, hint: object, data: Json, where: str) -> Array:
        if not isinstance(data, str) or data not in self.arrays:
            raise DecodeError(f"{where} refers to no stored array")
        array = self.arrays[data]
        (element,) = typing.get_args(typing.get_args(hint)[1])
        # typing.Any is a class from Python 3.11 on.
        if isinstance(element, type) and issubclass(element, np.generic) and array.dtype != np.dtype(element):
            raise DecodeError(f"{where} holds {array.dtype}, not {np.dtype(element)}")
        return freeze(array)

    def _dataclass(self, cls: type, data: Json, where: str) -> object:
        if not isinstance(data, dict):
            raise DecodeError(f"{where} is not an object")
        data = dict(data)
        kind = data.pop("kind", None)
        if cls in self.kinds:
            if not isinstance(kind, str) or kind not in self.kinds[cls]:
                raise DecodeError(f"{where} is of unknown kind {kind!r}")
            cls = self.kinds[cls][kind]
        elif kind is not None and kind != getattr(cls, "kind", None):
            raise DecodeError(f"{where} is of kind {kind!r}")
        for f in dataclasses.fields(cls):
            single = f.metadata.get(SINGLE)
            if single in data and f.name not in data:
                data[f.name] = [data.pop(single)]
        fields = {f.name for f in dataclasses.fields(cls)}
        needed = {f.name for f in dataclasses.fields(cls) if not f.metadata.get(OPTIONAL)}
        if not needed <= set(data) <= fields:
            raise DecodeError(f"{where} has members {sorted(data)} instead of {sorted(fields)}")
        values = {name: self._decode(_hints(cls)[name], data[name], f"{where}.{name}") for name in data}
        try:
            return cls(**values)
        except ValueError as error:
            raise DecodeError(f"{where} {error}") from None


def _plain(hint: type, data: Json, where: str) -> object:
    if issubclass(hint, enum.Enum):
        try:
            return hint(data)
        except ValueError:
            raise DecodeError(f"{where} is {data!r}, not a {hint.__name__}") from None
    if hint is float and isinstance(data, str):
        try:
            return float.fromhex(data)
        except (ValueError, OverflowError):
            raise DecodeError(f"{where} is not a hexadecimal float") from None
    # bool is an int in Python, but not here.
    if type(data) is not hint:
        raise DecodeError(f"{where} is a {type(data).__name__}, not {hint.__name__}")
    return data
