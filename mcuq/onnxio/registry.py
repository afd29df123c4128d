"""Which importer reads which operator; this table is what mcuq supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mcuq.onnxio import import_activation as activation
from mcuq.onnxio import import_arithmetic as arithmetic
from mcuq.onnxio import import_conv as conv
from mcuq.onnxio import import_linear as linear
from mcuq.onnxio import import_move as move
from mcuq.onnxio import import_normalization as normalization
from mcuq.onnxio import import_pool as pool
from mcuq.onnxio import import_reduce as reduce
from mcuq.onnxio import import_resize as resize
from mcuq.onnxio import import_slice as slicing
from mcuq.onnxio import import_table as table
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.quantized import importer as quantized

Importer = Callable[[ImportContext, OnnxNode], None]

_IMPORTERS: dict[str, Importer] = {
    "Add": arithmetic.import_add,
    "ArgMax": reduce.import_arg_max,
    "AveragePool": pool.import_average_pool,
    "BatchNormalization": normalization.import_batch_normalization,
    "Cast": move.import_cast,
    "Clip": activation.import_clip,
    "Concat": slicing.import_concat,
    "Conv": conv.import_conv,
    "DepthToSpace": move.import_depth_to_space,
    "DequantizeLinear": quantized.import_dequantize,
    "Div": arithmetic.import_div,
    "Dropout": move.import_identity,
    "Expand": resize.import_expand,
    "Flatten": move.import_flatten,
    "Gather": slicing.import_gather,
    "Gemm": linear.import_gemm,
    "GlobalAveragePool": pool.import_global_average_pool,
    "GlobalMaxPool": pool.import_global_max_pool,
    "HardSigmoid": table.import_hard_sigmoid,
    "Identity": move.import_identity,
    "LogSoftmax": activation.import_log_softmax,
    "MatMul": linear.import_matmul,
    "Max": arithmetic.import_max,
    "MaxPool": pool.import_max_pool,
    "Mean": arithmetic.import_mean,
    "Min": arithmetic.import_min,
    "Mul": arithmetic.import_mul,
    "Neg": table.import_neg,
    "PRelu": table.import_prelu,
    "Pad": move.import_pad,
    "Pow": table.import_pow,
    "ReduceMax": reduce.import_reduce_max,
    "ReduceMean": reduce.import_reduce_mean,
    "ReduceSum": reduce.import_reduce_sum,
    "Relu": activation.import_relu,
    "Reshape": move.import_reshape,
    "Resize": resize.import_resize,
    "Slice": slicing.import_slice,
    "Softmax": activation.import_softmax,
    "SpaceToDepth": move.import_space_to_depth,
    "Split": slicing.import_split,
    "Squeeze": move.import_squeeze,
    "Sub": arithmetic.import_sub,
    "Sum": arithmetic.import_sum,
    "Tile": resize.import_tile,
    "Transpose": move.import_transpose,
    "Unsqueeze": move.import_unsqueeze,
    "Upsample": resize.import_resize,
    **dict.fromkeys((*table.PRIMITIVES, *table.FUNCTION_OF), table.import_function),
}

IMPORTERS: Mapping[str, Importer] = dict(sorted(_IMPORTERS.items()))

# Operators whose importer only says why they cannot be built, and what to do.
REFUSED = frozenset({"LogSoftmax"})
READ: Mapping[str, Importer] = {name: each for name, each in IMPORTERS.items() if name not in REFUSED}

# Operators of which every output may be used; of all others only the first.
SEVERAL_OUTPUTS = frozenset({"Split"})

# Operators that may read indices, which ArgMax computes: they cost nothing on the device.
READ_INDICES = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
