"""Networks of TensorFlow Lite files, as plain values: read from a file, or written to one.

The schema is the one that the package tflite-micro brings.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from tests.truth.packages import require_package

SCHEMA = "tflite_micro.tensorflow.lite.micro.python.schema_py_generated"
# The kinds of layers that the tests know, with the tables of their options.
OPTIONS = {
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "MUL": "MulOptions",
    "PACK": "PackOptions",
    "PAD": "PadOptions",
    "QUANTIZE": "QuantizeOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SLICE": "SliceOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
    "SVDF": "SVDFOptions",
    "TRANSPOSE": "TransposeOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNPACK": "UnpackOptions",
}
SAME, VALID = 0, 1
NO_ACTIVATION, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


@dataclasses.dataclass(frozen=True, eq=False)
class TensorInfo:
    """A tensor; `data` is None for an activation or a variable, `axis` None for a quantization per tensor."""

    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: tuple[float, ...] = ()
    zero_point: int = 0
    axis: int | None = None
    data: np.ndarray | None = None
    is_variable: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """One operator; options by the schema's names, `others` further outputs."""

    kind: str
    options: dict[str, object]
    inputs: tuple[int, ...]
    output: int
    others: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """Tensors by index, layers in order."""

    tensors: tuple[TensorInfo, ...]
    layers: tuple[Layer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@functools.lru_cache
def schema():
    """The classes of the file format; skips the test where the package is missing."""
    require_package("tflite-micro", "tflite_micro")
    return importlib.import_module(SCHEMA)


@functools.lru_cache
def _names(enum: str) -> dict[int, str]:
    values = vars(getattr(schema(), enum)).items()
    return {value: name for name, value in values if isinstance(value, int)}


def read_network(data: bytes) -> Network:
    """The one subgraph of a file."""
    fb = schema()
    model = fb.ModelT.InitFromObj(fb.Model.GetRootAs(data, 0))
    (graph,) = model.subgraphs
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return Network(
        tuple(_read_tensor(tensor, model.buffers[tensor.buffer].data) for tensor in graph.tensors),
        tuple(_read_layer(op, _names("BuiltinOperator")[codes[op.opcodeIndex]]) for op in graph.operators),
        tuple(int(index) for index in graph.inputs),
        tuple(int(index) for index in graph.outputs),
    )


def _read_tensor(tensor, data) -> TensorInfo:
    dtype = _names("TensorType")[tensor.type].lower()
    shape = tuple(int(size) for size in tensor.shape)
    quant = tensor.quantization
    scale = () if quant is None or quant.scale is None else tuple(float(s) for s in quant.scale)
    points = {int(z) for z in quant.zeroPoint} if scale else {0}
    (zero_point,) = points
    values = None
    if data is not None and len(data):
        stored = np.asarray(data, np.uint8)
        if dtype == "int4":
            halves = np.stack([stored << 4, stored], axis=1).reshape(-1)[: math.prod(shape)]
            stored, dtype = (halves.view(np.int8) >> 4), "int8"
        values = np.frombuffer(stored.tobytes(), dtype).reshape(shape)
    axis = int(quant.quantizedDimension) if len(scale) > 1 else None
    return TensorInfo(shape, dtype, scale, zero_point, axis, values, bool(tensor.isVariable))


def _read_layer(op, kind: str) -> Layer:
    options = {} if op.builtinOptions is None else dict(vars(op.builtinOptions))
    output, *others = (int(index) for index in op.outputs)
    return Layer(kind, options, tuple(int(index) for index in op.inputs), output, tuple(others))


def write_network(network: Network, versions: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """A file that holds the network; versions of operators other than 1 by their kinds."""
    fb = schema()
    flatbuffers = importlib.import_module("flatbuffers")
    model, graph = fb.ModelT(), fb.SubGraphT()
    kinds = sorted({layer.kind for layer in network.layers})
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [_write_code(kind, versions.get(kind, 1)) for kind in kinds]
    model.buffers = [fb.BufferT()]
    graph.inputs, graph.outputs = list(network.inputs), list(network.outputs)
    graph.tensors = [_write_tensor(tensor, model.buffers) for tensor in network.tensors]
    graph.operators = [_write_layer(layer, kinds) for layer in network.layers]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _write_code(kind: str, version: int):
    code = schema().OperatorCodeT()
    code.builtinCode = getattr(schema().BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    return code


def _write_tensor(info: TensorInfo, buffers: list):
    fb = schema()
    tensor, quant = fb.TensorT(), fb.QuantizationParametersT()
    tensor.shape, tensor.type = list(info.shape), getattr(fb.TensorType, info.dtype.upper())
    tensor.isVariable = info.is_variable
    if info.data is not None:
        buffer = fb.BufferT()
        buffer.data = _stored(info)
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    if info.scale:
        quant.scale = np.array(info.scale, np.float32)
        quant.zeroPoint = np.full(len(info.scale), info.zero_point, np.int64)
        quant.quantizedDimension = info.axis or 0
        tensor.quantization = quant
    return tensor


def _stored(info: TensorInfo) -> np.ndarray:
    """The bytes of a constant; of int4 two in a byte, the first one low."""
    if info.dtype != "int4":
        return np.frombuffer(np.ascontiguousarray(info.data, info.dtype).tobytes(), np.uint8)
    codes = np.append(info.data.reshape(-1), [0] * (info.data.size % 2)).astype(np.int8)
    return ((codes[0::2] & 15) | ((codes[1::2] & 15) << 4)).astype(np.uint8)


def _write_layer(layer: Layer, kinds: list[str]):
    fb = schema()
    op, name = fb.OperatorT(), OPTIONS.get(layer.kind)
    op.opcodeIndex = kinds.index(layer.kind)
    op.inputs, op.outputs = list(layer.inputs), [layer.output, *layer.others]
    if name is None:
        assert not layer.options, layer
        return op
    op.builtinOptionsType = getattr(fb.BuiltinOptions, name)
    op.builtinOptions = getattr(fb, name + "T")()
    for field, value in layer.options.items():
        assert hasattr(op.builtinOptions, field), (name, field)
        setattr(op.builtinOptions, field, value)
    return op
