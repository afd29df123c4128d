"""Networks of one operator, in float and, where its integers are mcuq's, in int8."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.truth.tflite import RELU6, SAME, VALID, Layer, Network, TensorInfo

IMAGE = (1, 6, 5, 4)
# Of int8 tensors of an operator that moves codes.
SCALE, ZERO_POINT = float(np.float32(0.043)), -11


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator.

    Args:
        kind: the schema's name.
        outputs: their shapes.
        inputs: shapes of activations, and constants.
        options: by the schema's names.
    """

    kind: str
    outputs: tuple[tuple[int, ...], ...]
    inputs: tuple[object, ...] = (IMAGE,)
    options: dict[str, object] = dataclasses.field(default_factory=dict)

    def network(self, dtype: str) -> Network:
        """The network; constants of float are stored in its type."""
        tensors = [self._tensor(each, dtype) for each in self.inputs]
        count = len(tensors)
        tensors += [self._tensor(shape, dtype) for shape in self.outputs]
        inputs = tuple(index for index in range(count) if tensors[index].data is None)
        outputs = tuple(range(count, len(tensors)))
        layer = Layer(self.kind, self.options, tuple(range(count)), count, outputs[1:])
        return Network(tuple(tensors), (layer,), inputs, outputs)

    def _tensor(self, what: object, dtype: str) -> TensorInfo:
        if isinstance(what, tuple):
            quant = ((SCALE,), ZERO_POINT) if dtype == "int8" else ((), 0)
            return TensorInfo(what, dtype, *quant)
        assert isinstance(what, np.ndarray)
        if what.dtype == np.float32 and dtype == "int8":
            codes = np.clip(np.round(what / SCALE) + ZERO_POINT, -128, 127).astype(np.int8)
            return TensorInfo(what.shape, "int8", (SCALE,), ZERO_POINT, None, codes)
        return TensorInfo(what.shape, what.dtype.name, (), 0, None, what)


def ints(*values: int) -> np.ndarray:
    """A constant list of integers."""
    return np.array(values, np.int32)


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _strided(begin: int, end: int, shrink: int = 0) -> dict[str, object]:
    masks = {"beginMask": begin, "endMask": end, "ellipsisMask": 0, "newAxisMask": 0}
    return masks | {"shrinkAxisMask": shrink}


def _resize(aligned: bool, half: bool) -> dict[str, object]:
    return {"alignCorners": aligned, "halfPixelCenters": half}


MOVES = {
    "batch to space": Operator(
        "BATCH_TO_SPACE_ND",
        ((1, 3, 4, 3),),
        ((4, 2, 2, 3), ints(2, 2), ints(1, 0, 0, 0).reshape(2, 2)),
    ),
    "broadcast": Operator("BROADCAST_TO", (IMAGE,), ((1, 6, 1, 4), ints(1, 6, 5, 4))),
    "concatenation": Operator("CONCATENATION", ((1, 6, 5, 7),), (IMAGE, (1, 6, 5, 3)), {"axis": -1}),
    "concatenation with a constant": Operator(
        "CONCATENATION", ((1, 6, 5, 6),), (IMAGE, _random(1, 6, 5, 2)), {"axis": 3}
    ),
    "depth to space": Operator("DEPTH_TO_SPACE", ((1, 12, 10, 1),), (IMAGE,), {"blockSize": 2}),
    "expand dims": Operator("EXPAND_DIMS", ((1, 1, 6, 5, 4),), (IMAGE, ints(1))),
    "gather": Operator("GATHER", ((1, 6, 3, 4),), (IMAGE, ints(4, 0, 4)), {"axis": 2, "batchDims": 0}),
    "maximum of two": Operator("MAXIMUM", (IMAGE,), (IMAGE, (1, 1, 5, 4))),
    "minimum of two": Operator("MINIMUM", (IMAGE,), (IMAGE, IMAGE)),
    "mirror pad": Operator(
        "MIRROR_PAD",
        ((1, 8, 7, 4),),
        (IMAGE, ints(0, 0, 1, 1, 2, 0, 0, 0).reshape(4, 2)),
        {"mode": 0},
    ),
    "pack": Operator("PACK", ((1, 2, 5, 4),), ((1, 5, 4), (1, 5, 4)), {"axis": 1, "valuesCount": 2}),
    "pad": Operator("PAD", ((1, 9, 6, 4),), (IMAGE, ints(0, 0, 1, 2, 0, 1, 0, 0).reshape(4, 2))),
    "largest": Operator("REDUCE_MAX", ((1, 6, 1, 1),), (IMAGE, ints(2, 3)), {"keepDims": True}),
    "least": Operator("REDUCE_MIN", ((1, 5, 4),), (IMAGE, ints(1)), {"keepDims": False}),
    "relu": Operator("RELU", (IMAGE,)),
    "relu6": Operator("RELU6", (IMAGE,)),
    "reshape": Operator("RESHAPE", ((1, 30, 4),), (IMAGE, ints(1, 30, 4)), {"newShape": [1, 30, 4]}),
    "resize": Operator(
        "RESIZE_NEAREST_NEIGHBOR", ((1, 13, 7, 4),), (IMAGE, ints(13, 7)), _resize(False, False)
    ),
    "resize between": Operator("RESIZE_BILINEAR", ((1, 9, 3, 4),), (IMAGE, ints(9, 3)), _resize(False, True)),
    "reverse": Operator("REVERSE_V2", (IMAGE,), (IMAGE, ints(1))),
    "resize with aligned corners": Operator(
        "RESIZE_NEAREST_NEIGHBOR", ((1, 12, 3, 4),), (IMAGE, ints(12, 3)), _resize(True, False)
    ),
    "resize of centres": Operator(
        "RESIZE_NEAREST_NEIGHBOR", ((1, 11, 10, 4),), (IMAGE, ints(11, 10)), _resize(False, True)
    ),
    "slice": Operator("SLICE", ((1, 2, 5, 2),), (IMAGE, ints(0, 3, 0, 2), ints(1, 2, -1, 2))),
    "space to batch": Operator(
        "SPACE_TO_BATCH_ND", ((2, 3, 5, 4),), (IMAGE, ints(2, 1), ints(0, 0, 0, 0).reshape(2, 2))
    ),
    "space to depth": Operator("SPACE_TO_DEPTH", ((1, 3, 5, 8),), ((1, 6, 10, 2),), {"blockSize": 2}),
    "split": Operator("SPLIT", ((1, 6, 5, 2), (1, 6, 5, 2)), (ints(3), IMAGE), {"numSplits": 2}),
    "split in unequal parts": Operator(
        "SPLIT_V", ((1, 1, 5, 4), (1, 5, 5, 4)), (IMAGE, ints(1, 5), ints(1)), {"numSplits": 2}
    ),
    "squeeze": Operator("SQUEEZE", ((6, 5, 4),), (IMAGE,), {"squeezeDims": [0]}),
    "strided slice": Operator(
        "STRIDED_SLICE",
        ((1, 3, 3, 4),),
        (IMAGE, ints(0, 1, 4, 0), ints(1, 6, 0, 4), ints(1, 2, -2, 1)),
        _strided(9, 13),
    ),
    "strided slice of an index": Operator(
        "STRIDED_SLICE",
        ((1, 5, 4),),
        (IMAGE, ints(0, 2, 0, 0), ints(1, 3, 5, 4), ints(1, 1, 1, 1)),
        _strided(0, 0, 2),
    ),
    "sum with one number": Operator("ADD", ((2, 1),), ((2, 1), np.ones(1, np.float32))),
    "product with one number": Operator("MUL", ((7, 1),), (np.full(1, 0.5, np.float32), (7, 1))),
    "unpack": Operator("UNPACK", ((1, 6, 4),) * 5, (IMAGE,), {"num": 5, "axis": 2}),
    "transpose": Operator("TRANSPOSE", ((1, 4, 6, 5),), (IMAGE, ints(0, 3, 1, 2))),
}
_WINDOW = {"padding": SAME, "strideH": 2, "strideW": 1, "fusedActivationFunction": RELU6}
FLOATS = MOVES | {
    "abs": Operator("ABS", (IMAGE,)),
    "add": Operator("ADD", (IMAGE,), (IMAGE, _random(4)), {"fusedActivationFunction": RELU6}),
    "average pool": Operator(
        "AVERAGE_POOL_2D",
        ((1, 4, 3, 4),),
        (IMAGE,),
        _WINDOW | {"padding": VALID, "strideH": 1, "filterHeight": 3, "filterWidth": 3},
    ),
    "conv": Operator(
        "CONV_2D",
        ((1, 3, 5, 8),),
        (IMAGE, _random(8, 3, 3, 4), _random(8)),
        _WINDOW | {"dilationHFactor": 1, "dilationWFactor": 1},
    ),
    "depthwise conv": Operator(
        "DEPTHWISE_CONV_2D",
        ((1, 3, 5, 8),),
        (IMAGE, _random(1, 3, 3, 8), _random(8)),
        _WINDOW | {"dilationHFactor": 1, "dilationWFactor": 1, "depthMultiplier": 2},
    ),
    "batch matmul": Operator(
        "BATCH_MATMUL", ((2, 3, 4),), ((2, 3, 5), (2, 4, 5)), {"adjX": False, "adjY": True}
    ),
    "batch matmul of a constant": Operator(
        "BATCH_MATMUL", ((2, 3, 4),), ((2, 3, 5), _random(5, 4)), {"adjX": False, "adjY": False}
    ),
    "div": Operator("DIV", (IMAGE,), (IMAGE, 2 + np.abs(_random(4)))),
    "elu": Operator("ELU", (IMAGE,)),
    "exp": Operator("EXP", (IMAGE,)),
    "fully connected": Operator("FULLY_CONNECTED", ((3, 7),), ((3, 20), _random(7, 20), _random(7))),
    "hard swish": Operator("HARD_SWISH", (IMAGE,)),
    "leaky relu": Operator("LEAKY_RELU", (IMAGE,), (IMAGE,), {"alpha": 0.125}),
    "log softmax": Operator("LOG_SOFTMAX", ((2, 9),), ((2, 9),)),
    "logistic": Operator("LOGISTIC", (IMAGE,)),
    "max pool": Operator(
        "MAX_POOL_2D", ((1, 3, 5, 4),), (IMAGE,), _WINDOW | {"filterHeight": 3, "filterWidth": 2}
    ),
    "l2 normalization": Operator("L2_NORMALIZATION", ((3, 7),), ((3, 7),)),
    "maximum": Operator("MAXIMUM", (IMAGE,), (IMAGE, np.full(1, 0.25, np.float32))),
    "mean": Operator("MEAN", ((1, 4),), (IMAGE, ints(1, 2)), {"keepDims": False}),
    "minimum": Operator("MINIMUM", (IMAGE,), (IMAGE, IMAGE)),
    "mul": Operator("MUL", (IMAGE,), (IMAGE, IMAGE)),
    "neg": Operator("NEG", (IMAGE,)),
    "prelu": Operator("PRELU", (IMAGE,), (IMAGE, _random(1, 1, 4))),
    "round": Operator("ROUND", (IMAGE,)),
    "squared difference": Operator("SQUARED_DIFFERENCE", (IMAGE,), (IMAGE, IMAGE)),
    "sub": Operator("SUB", (IMAGE,), (_random(4), IMAGE)),
    "softmax": Operator("SOFTMAX", ((2, 9),), ((2, 9),), {"beta": 1.0}),
    "sum": Operator("SUM", ((1, 6, 1, 4),), (IMAGE, ints(2)), {"keepDims": True}),
    "tanh": Operator("TANH", (IMAGE,)),
    "transposed conv": Operator(
        "TRANSPOSE_CONV",
        ((1, 12, 10, 3),),
        (ints(1, 12, 10, 3), _random(3, 3, 3, 4), IMAGE, _random(3)),
        {"padding": SAME, "strideH": 2, "strideW": 2},
    ),
}
