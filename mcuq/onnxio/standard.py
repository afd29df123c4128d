"""Numbers that ONNX fixes: element types and where its layout keeps channels."""

from __future__ import annotations

import onnx

FLOAT = int(onnx.TensorProto.FLOAT)
FLOAT16 = int(onnx.TensorProto.FLOAT16)
BFLOAT16 = int(onnx.TensorProto.BFLOAT16)
DOUBLE = int(onnx.TensorProto.DOUBLE)
INT32 = int(onnx.TensorProto.INT32)
INT64 = int(onnx.TensorProto.INT64)
BOOL = int(onnx.TensorProto.BOOL)

# Domain of operators that onnxruntime adds.
MICROSOFT = "com.microsoft"

# Axes of a device tensor `[N, H, W, C]` in ONNX's order, and the other way round.
TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)
