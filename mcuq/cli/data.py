"""Input data given on the command line, for a firmware directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mcuq.calibrate.arrays import ArrayFile, Npz, open_npy
from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.images import Preprocessing
from mcuq.errors import fail
from mcuq.ir.program import Program, ProgramPort
from mcuq.ir.types import Array, DType, elem_count
from mcuq.simulator.ports import quantize_inputs, to_device

_BLOCK_ELEMS = 1 << 20

StoredArrays: TypeAlias = Mapping[str, ArrayFile | Array]


def read_inputs(program: Program, path: Path, images: Preprocessing) -> Samples:
    """Real values for a program's inputs, in the model's own layout."""
    specs = [InputSpec(port.name, port.model_shape) for port in program.inputs]
    return read_samples(path, specs, images)


def real_codes(program: Program, samples: Samples) -> tuple[Array, ...]:
    """The codes of real inputs, `[samples, *device shape]` per port."""
    return quantize_inputs(program, {name: samples.array(name) for name in samples.names})


def read_codes(program: Program, path: Path, limit: int | None, images: Preprocessing) -> tuple[Array, ...]:
    """Codes for verification: integer arrays are codes, others real values.

    Args:
        program: whose inputs they are.
        path: the data.
        limit: the most samples, all where None.
        images: how those of a folder become values.

    Raises:
        McuqError: as `read_samples`; O006 for integers that do not fit the inputs.
    """
    stored = _integer_arrays(program, path)
    if stored is None:
        samples = read_inputs(program, path, images)
        count = len(samples) if limit is None else min(limit, len(samples))
        return real_codes(program, samples.take(range(count)))
    codes = tuple(
        to_device(program, port, _codes(port, program.tensors[port.tensor].quant.dtype, stored, path, limit))
        for port in program.inputs
    )
    if len({len(array) for array in codes}) > 1:
        raise _bad(path, f"the inputs have {', '.join(str(len(array)) for array in codes)} samples")
    return codes


def _codes(port: ProgramPort, dtype: DType, stored: StoredArrays, path: Path, limit: int | None) -> Array:
    """An input's codes, `[samples, *model shape]`, the first of them."""
    found = stored.get(port.name)
    if found is None:
        raise _bad(path, f"there is no array for input {port.name!r}")
    shape = port.model_shape
    forms = [shape, shape[1:]] if shape[:1] == (1,) else [shape]
    if not found.shape or found.shape[1:] not in forms or not found.shape[0]:
        expected = " or ".join(f"({', '.join(['n', *map(str, form)])})" for form in forms)
        raise _bad(path, f"shape {found.shape}, expected {expected} with n >= 1")
    count = found.shape[0] if limit is None else min(limit, found.shape[0])
    codes: Array = np.empty((count, *shape), dtype.numpy)
    step = max(1, _BLOCK_ELEMS // max(elem_count(shape), 1))
    for start in range(0, count, step):
        stop = min(start + step, count)
        array = found[start:stop] if isinstance(found, np.ndarray) else found.rows(start, stop)
        if array.min() < dtype.qmin or array.max() > dtype.qmax:
            limits = f"{dtype.value} goes from {dtype.qmin} to {dtype.qmax}"
            raise _bad(path, f"codes from {array.min()} to {array.max()}, {limits}")
        codes[start:stop] = array.reshape(-1, *shape)
    return codes


def _integer_arrays(program: Program, path: Path) -> StoredArrays | None:
    """The inputs' arrays in a .npy or .npz file when they are signed integers, else None.

    Raises:
        McuqError: as `open_npy` and `Npz`.
    """
    suffix = path.suffix.lower()
    names = [port.name for port in program.inputs]
    if path.is_dir() or not path.exists() or suffix not in (".npy", ".npz"):
        return None  # `read_samples` says what is wrong
    if suffix == ".npy":
        array = open_npy(path)
        return {names[0]: array} if array.dtype.kind == "i" else None
    archive = Npz(path)
    keys = {name: name for name in names if name in archive.keys}
    if len(names) == len(archive.keys) == 1:
        keys = {names[0]: archive.keys[0]}
    if not keys or any(archive.header(key).dtype.kind != "i" for key in keys.values()):
        return None
    return {name: archive.read(key) for name, key in keys.items()}


def _bad(path: Path, why: str) -> Exception:
    return fail(
        "O006",
        "the codes do not fit the model's inputs",
        where=str(path),
        why=why,
        fix="give integer codes in the model's own layout, or real values as float32",
    )
