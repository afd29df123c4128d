"""Which importer reads which operator; this table is what mcuq supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mcuq.onnxio import import_activation as activation
from mcuq.onnxio import import_arithmetic as arithmetic
from mcuq.onnxio import import_conv as conv
from mcuq.onnxio import import_linear as linear
from mcuq.onnxio import import_move as move
from mcuq.onnxio import import_pool as pool
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode

Importer = Callable[[ImportContext, OnnxNode], None]

IMPORTERS: Mapping[str, Importer] = {
    "Add": arithmetic.import_add,
    "AveragePool": pool.import_average_pool,
    "BatchNormalization": arithmetic.import_batch_normalization,
    "Cast": move.import_cast,
    "Clip": activation.import_clip,
    "Conv": conv.import_conv,
    "Div": arithmetic.import_div,
    "Dropout": move.import_identity,
    "Flatten": move.import_flatten,
    "Gemm": linear.import_gemm,
    "GlobalAveragePool": pool.import_global_average_pool,
    "GlobalMaxPool": pool.import_global_max_pool,
    "Identity": move.import_identity,
    "MatMul": linear.import_matmul,
    "MaxPool": pool.import_max_pool,
    "Mul": arithmetic.import_mul,
    "Pad": move.import_pad,
    "ReduceMean": pool.import_reduce_mean,
    "Relu": activation.import_relu,
    "Reshape": move.import_reshape,
    "Softmax": activation.import_softmax,
    "Squeeze": move.import_squeeze,
    "Sub": arithmetic.import_sub,
    "Transpose": move.import_transpose,
    "Unsqueeze": move.import_unsqueeze,
}
