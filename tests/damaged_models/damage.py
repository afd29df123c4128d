"""Damage of any field of a model, or of any byte of its file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import numpy_helper

# Sizes around limits, and numbers whose products or sums leave 32 and 64 bits.
INTS = [-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 5, 7, 16, 100, 1000, 4096, 9999, 2**16, 2**20, 2**24]
INTS += [2**26, 2**27, 2**30, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1]
FLOATS = [0.0, -1.0, 1e-38, 0.5, 3.0, 100.0, 65536.0, 1e9, 1e38, float("inf"), float("nan")]
TEXTS = ["", "x", "SAME_UPPER", "edge", "reflect", "wrap", "linear", "tanh", "x" * 9999]
# Numbers in a list of weights are rarely of interest.
_SKIPPED = {"raw_data", "float_data", "doc_string", "double_data"}
_INTEGERS = (np.int64, np.int32)


def damaged(model: bytes, seed: int) -> bytes:
    """The model with a few changes; one time in six, changes of bytes."""
    rng = np.random.default_rng(seed)
    if rng.random() < 1 / 6:
        return _change_bytes(model, rng)
    out = onnx.ModelProto()
    out.ParseFromString(model)
    # What the file declares of its outputs would hide the damage.
    for value in out.graph.output:
        value.type.tensor_type.ClearField("shape")
    is_mild = rng.random() < 0.6
    for _ in range(rng.integers(1, 4)):
        if is_mild:
            _change_size(out, rng)
        else:
            _change_field(out, rng)
    return out.SerializeToString()


def _change_bytes(model: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(model)
    for _ in range(rng.integers(1, 9)):
        # The structure is at the front and at the end; weights are most of what is between.
        span = min(len(data), 4000)
        at = int(rng.integers(span)) if rng.random() < 0.5 else len(data) - 1 - int(rng.integers(span))
        data[at] = int(rng.integers(256))
    return bytes(data)


def _change_size(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    """Change a stored list of integers, an attribute or a size of an input: what is not seen at once."""
    tensors = [t for t in model.graph.initializer if t.data_type in (6, 7) and 0 < np.prod(t.dims) < 99]
    dims = [dim for value in model.graph.input for dim in value.type.tensor_type.shape.dim]
    attributes = [each for node in model.graph.node for each in node.attribute if each.type in (2, 7)]
    kind = rng.integers(3)
    if kind == 0 and tensors:
        _change_integers(tensors[rng.integers(len(tensors))], rng)
    elif kind == 1 and attributes:
        attribute = attributes[rng.integers(len(attributes))]
        if attribute.type == onnx.AttributeProto.INT:
            attribute.i = INTS[rng.integers(len(INTS))]
        elif attribute.ints:
            attribute.ints[int(rng.integers(len(attribute.ints)))] = INTS[rng.integers(len(INTS))]
    elif dims:
        dims[rng.integers(len(dims))].dim_value = INTS[rng.integers(len(INTS))]


def _change_integers(tensor: onnx.TensorProto, rng: np.random.Generator) -> None:
    """Change a stored list of integers, which are sizes, axes or pads most of the time."""
    try:
        array = numpy_helper.to_array(tensor).copy()
    except (ValueError, TypeError):  # damaged before
        return
    value = INTS[rng.integers(len(INTS))]
    if array.size:
        array.reshape(-1)[rng.integers(array.size)] = np.array(value % 2**64, np.uint64).astype(array.dtype)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _fields(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Every field that is set, at any depth."""
    for field, value in message.ListFields():
        if field.name not in _SKIPPED:
            yield message, field
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in value if _is_list(value) else [value]:
                yield from _fields(each)


def _is_list(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Message))


def _change_field(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    fields = list(_fields(model))
    message, field = fields[rng.integers(len(fields))]
    value = getattr(message, field.name)
    if not _is_list(value):
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            message.ClearField(field.name)
        else:
            setattr(message, field.name, _other(field, model, rng))
        return
    at, change = int(rng.integers(len(value))), rng.integers(4)
    if change == 0:
        del value[at]
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        value.add().CopyFrom(value[at])
    elif change == 1:
        value.append(_other(field, model, rng))
    else:
        value[at] = _other(field, model, rng)


def _other(field: FieldDescriptor, model: onnx.ModelProto, rng: np.random.Generator) -> object:
    """Another value of a field's type."""
    kinds = FieldDescriptor
    if field.type in (kinds.TYPE_FLOAT, kinds.TYPE_DOUBLE):
        return FLOATS[rng.integers(len(FLOATS))]
    if field.type in (kinds.TYPE_STRING, kinds.TYPE_BYTES):
        names = TEXTS + [name for node in model.graph.node for name in (node.op_type, *node.input)]
        text = names[rng.integers(len(names))]
        return text.encode() if field.type == kinds.TYPE_BYTES else text
    if field.type == kinds.TYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values]
        return numbers[rng.integers(len(numbers))]
    value = INTS[rng.integers(len(INTS))]
    if field.type in (kinds.TYPE_INT32, kinds.TYPE_SINT32):
        return (value + 2**31) % 2**32 - 2**31
    return value % 2**64 if field.type == kinds.TYPE_UINT64 else value
