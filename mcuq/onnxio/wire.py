"""An estimate of the memory that parsing a model takes, from its bytes: two of them can take hundreds."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor  # type: ignore[import-untyped]

_FIELD_BYTES = 200
_MESSAGE_BYTES = 700
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# Numbers of one to ten bytes; all else is as long in memory.
_VARINTS = {
    FieldDescriptor.TYPE_INT64: 8,
    FieldDescriptor.TYPE_UINT64: 8,
    FieldDescriptor.TYPE_SINT64: 8,
    FieldDescriptor.TYPE_INT32: 4,
    FieldDescriptor.TYPE_UINT32: 4,
    FieldDescriptor.TYPE_SINT32: 4,
    FieldDescriptor.TYPE_ENUM: 4,
    FieldDescriptor.TYPE_BOOL: 1,
}


def parsed_bytes(data: bytes, limit: int) -> int:
    """About what a serialized ModelProto takes when it is parsed; counting ends beyond a limit.

    Where the bytes are damaged counting ends too, as parsing will.

    Args:
        data: the file.
        limit: of interest.
    """
    model = onnx.ModelProto.DESCRIPTOR
    at, total = 0, 0
    # Messages that are open: where they end, and what their fields are.
    open_messages: list[tuple[int, Mapping[int, Descriptor | int]]] = [(len(data), _fields(model))]
    while open_messages and total <= limit:
        end, fields = open_messages[-1]
        if at >= end:
            open_messages.pop()
            continue
        total += _FIELD_BYTES
        try:
            tag, at = _varint(data, at)
            size, at = _value(data, at, tag & 7)
        except (IndexError, ValueError):
            break
        if tag & 7 != _LENGTH:
            continue
        if at + size > end:
            break
        kind = fields.get(tag >> 3, 1)
        if isinstance(kind, int):
            total += size * kind
            at += size
        else:
            total += _MESSAGE_BYTES
            open_messages.append((at + size, _fields(kind)))
    return total


def _value(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """The size of a field with a length, and where what follows its number, or its value, starts."""
    if wire_type == _LENGTH:
        return _varint(data, at)
    if wire_type == _VARINT:
        return 0, _varint(data, at)[1]
    if wire_type in (_FIXED32, _FIXED64):
        return 0, at + (4 if wire_type == _FIXED32 else 8)
    raise ValueError(f"wire type {wire_type}")  # groups: ONNX has none


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for shift in range(7, 70, 7):
        at += 1
        part = data[at]
        value |= (part & 0x7F) << shift
        if part < 0x80:
            return value, at + 1
    raise ValueError("more than ten bytes")


@functools.cache
def _fields(message: Descriptor) -> Mapping[int, Descriptor | int]:
    """Of each field its message, or how many bytes one of its bytes becomes."""
    found: dict[int, Descriptor | int] = {}
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            found[field.number] = field.message_type
        else:
            found[field.number] = _VARINTS.get(field.type, 1)
    return found
