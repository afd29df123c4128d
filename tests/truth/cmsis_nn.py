"""CMSIS-NN's own C, as the package bakenn carries it, compiled for this machine and called through ctypes.

Nothing of it is kept in this repository: the sources are read from the installed package when a test runs.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from mcuq.ir.integer import Rounding
from tests.tools import require
from tests.truth.packages import require_package

SHIM = Path(__file__).with_name("cmsis_nn_shim.c")
GUARD_BYTES = 32
# The library's own switch for hosts, and its spelling of restrict, which that switch leaves out.
DEFINES = {
    Rounding.DOUBLE: ("-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict"),
    Rounding.SINGLE: ("-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict", "-DCMSIS_NN_USE_SINGLE_ROUNDING"),
}
FIELDS = (
    *("batch", "in_h", "in_w", "in_c", "out_h", "out_w", "out_c"),
    *("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_top", "pad_left", "dilation_h", "dilation_w"),
    *("x_zero_point", "y_zero_point", "lo", "hi"),
)


class Layer(ctypes.Structure):
    """The shim's truth_layer."""

    _fields_ = [(name, ctypes.c_int32) for name in FIELDS]


@functools.lru_cache
def load_cmsis_nn(rounding: Rounding) -> CmsisNN:
    """The library with one rounding; skips the test where the package or the compiler is missing."""
    require("cc")
    root = require_package("bakenn", "bakenn") / "backend" / "cmsis_nn" / "vendor" / "cmsis_nn"
    sources = sorted((root / "Source").rglob("*.c"))
    assert sources, f"no CMSIS-NN in {root}"
    with tempfile.TemporaryDirectory(prefix="mcuq-cmsis-nn-") as folder:
        path = Path(folder) / "cmsis_nn.so"
        flags = ("-std=gnu11", "-O1", "-w", "-fPIC", "-shared", "-fwrapv", *DEFINES[rounding])
        command = ["cc", *flags, f"-I{root / 'Include'}", str(SHIM), *map(str, sources), "-o", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return CmsisNN(ctypes.CDLL(str(path)))


def _bytes(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


class CmsisNN:
    """The library's functions, with the steps of mcuq as their parameters.

    Every method takes the codes of one sample and returns the library's output for it.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        assert library.truth_layer_bytes() == ctypes.sizeof(Layer)
        self._library = library

    def run(self, op, x: np.ndarray) -> np.ndarray:
        """The library's output for a step and all samples `[samples, ...]`."""
        call = getattr(self, op.kind)
        return np.stack([call(op, np.ascontiguousarray(sample)) for sample in x])

    def conv2d(self, op, x):
        """Groups are convolutions of their own: this version of the library has none."""
        inputs = np.split(x, op.groups, axis=3)
        filters = len(op.params.weights) // op.groups
        parts = [
            self._weighted("conv2d", op, part, slice(g * filters, (g + 1) * filters))
            for g, part in enumerate(inputs)
        ]
        return np.concatenate(parts, axis=3)

    def depthwise_conv2d(self, op, x):
        is_basic = ctypes.c_int32(needs_basic_depthwise(op, x.shape))
        return self._weighted("depthwise_conv2d", op, x, slice(None), is_basic)

    def linear(self, op, x):
        """One scale per call: rows whose scales differ are layers of their own."""
        requant = op.params.requant
        rows = np.ascontiguousarray(x.reshape(-1, x.shape[-1]))
        channels = range(len(op.params.weights))
        same = len(set(zip(requant.multiplier, requant.shift, strict=True))) == 1
        slices = [slice(None)] if same else [slice(m, m + 1) for m in channels]
        parts = [self._weighted("linear", op, rows, part) for part in slices]
        return np.concatenate(parts, axis=1).reshape(*x.shape[:-1], len(channels))

    def max_pool(self, op, x):
        return self._pool(op.window, x, is_average=False)

    def average_pool(self, op, x):
        """Where padding counts, the image arrives padded with its zero point."""
        window = op.window
        if op.count_include_pad:
            top, left, bottom, right = window.pads
            border = ((0, 0), (top, bottom), (left, right), (0, 0))
            x = np.pad(x, border, constant_values=op.x_zero_point)
            window = dataclasses.replace(window, pads=(0, 0, 0, 0))
        return self._pool(window, x, is_average=True)

    def _weighted(self, name, op, x, part, *more):
        params = op.params
        weights, bias = params.weights[part], params.bias[part].copy()
        scales = [
            np.array(values[part], np.int32) for values in (params.requant.multiplier, params.requant.shift)
        ]
        channels = len(weights)
        if name == "depthwise_conv2d":
            weights = weights.transpose(3, 1, 2, 0)
        shape = (len(x), channels)
        if name != "linear":
            shape = (len(x), *op.window.output_size(*x.shape[1:3]), channels)
        layer = _layer(x.shape, shape, getattr(op, "window", None))
        layer.x_zero_point, layer.y_zero_point = params.x_zero_point, params.y_zero_point
        layer.lo, layer.hi = params.lo, params.hi
        arrays = [np.ascontiguousarray(a) for a in (x, weights, bias, *scales)]
        return self._call(f"truth_{name}", layer, arrays, shape, *more)

    def _pool(self, window, x, *, is_average):
        shape = (1, *window.output_size(*x.shape[1:3]), x.shape[3])
        layer = _layer((1, *x.shape[1:]), shape, window)
        layer.lo, layer.hi = -128, 127
        images = [self._call("truth_pool", layer, [image], shape, ctypes.c_int32(is_average)) for image in x]
        return np.concatenate(images)

    def _call(self, function, layer, arrays, shape, *more):
        """Call with the output between guards, and check the status and the guards."""
        size = int(np.prod(shape))
        guarded = np.full(size + 2 * GUARD_BYTES, 0x5A, np.int8)
        y = ctypes.c_void_p(guarded.ctypes.data + GUARD_BYTES)
        status = getattr(self._library, function)(ctypes.byref(layer), *map(_bytes, arrays), y, *more)
        assert status == 0, f"{function} returned {status}"
        assert (guarded[:GUARD_BYTES] == 0x5A).all() and (guarded[-GUARD_BYTES:] == 0x5A).all(), function
        return guarded[GUARD_BYTES:-GUARD_BYTES].reshape(shape)


def _layer(x_shape, y_shape, window):
    layer = Layer(batch=x_shape[0], in_c=x_shape[-1], out_c=y_shape[-1])
    if window is not None:
        layer.in_h, layer.in_w = x_shape[1:3]
        layer.out_h, layer.out_w = y_shape[1:3]
        layer.kernel_h, layer.kernel_w = window.kernel
        layer.stride_h, layer.stride_w = window.strides
        layer.pad_top, layer.pad_left = window.pads[:2]
        layer.dilation_h, layer.dilation_w = window.dilations
    return layer


def needs_basic_depthwise(op, shape) -> bool:
    """Whether the library's own choice would be its 3x3 function, but for a shape that it cannot do.

    It reads the second column of every window without a look at the image's right border.
    """
    window = op.window
    last = (window.output_size(*shape[1:3])[1] - 1) * window.strides[1] - window.pads[1]
    return window.kernel == (3, 3) and last > shape[2] - 2
