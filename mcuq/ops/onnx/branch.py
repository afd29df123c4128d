"""If: its branches have readers of their own."""

from __future__ import annotations

from mcuq.onnxio.importers.branches import read_if
from mcuq.onnxio.importers.reader import Reader
from mcuq.ops.onnx.family import Family

FAMILY = Family(readers=(Reader(read_if, ("If",), has_several_outputs=True),))
