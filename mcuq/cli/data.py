"""Input data given on the command line, for a firmware directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.errors import fail
from mcuq.ir.program import Program
from mcuq.ir.types import Array, Int8
from mcuq.simulator.ports import quantize_inputs, to_device


def read_inputs(program: Program, path: Path) -> Samples:
    """Real values for a program's inputs, in the model's own layout."""
    specs = [InputSpec(port.name, port.model_shape) for port in program.inputs]
    return read_samples(path, specs)


def real_codes(program: Program, samples: Samples) -> tuple[Int8, ...]:
    """The codes of real inputs, `[samples, *device shape]` per port."""
    return quantize_inputs(program, {name: samples.array(name) for name in samples.names})


def read_codes(program: Program, path: Path, limit: int | None) -> tuple[Array, ...]:
    """Codes for verification: integer arrays are codes, others real values.

    Raises:
        McuqError: as `read_samples`; O007 for integers that are no int8 codes.
    """
    stored = _integer_arrays(path)
    if stored is None:
        samples = read_inputs(program, path)
        count = len(samples) if limit is None else min(limit, len(samples))
        return real_codes(program, samples.take(range(count)))
    codes = []
    for port in program.inputs:
        array = stored.get(port.name, next(iter(stored.values())))
        if len(program.inputs) > 1 and port.name not in stored:
            raise _bad(path, f"there is no array for input {port.name!r}")
        if array.shape[1:] not in (port.model_shape, port.model_shape[1:]) or not len(array):
            raise _bad(
                path, f"shape {array.shape}, expected [n, {', '.join(map(str, port.model_shape[1:]))}]"
            )
        if array.min() < -128 or array.max() > 127:
            raise _bad(path, f"codes from {array.min()} to {array.max()}, int8 goes from -128 to 127")
        model = array.reshape(len(array), *port.model_shape).astype(np.int8)
        codes.append(to_device(program, port, model)[:limit])
    return tuple(codes)


def _integer_arrays(path: Path) -> dict[str, Array] | None:
    """The arrays of a .npy or .npz file when they are signed integers, else None."""
    try:
        loaded = np.load(path, allow_pickle=False) if path.suffix in (".npy", ".npz") else None
    except (OSError, ValueError, EOFError):
        return None  # `read_samples` says what is wrong
    if isinstance(loaded, np.ndarray):
        return {"": loaded} if loaded.dtype.kind == "i" else None
    if loaded is None:
        return None
    with loaded:
        arrays = {key: loaded[key] for key in loaded.files}
    return arrays if arrays and all(array.dtype.kind == "i" for array in arrays.values()) else None


def _bad(path: Path, why: str) -> Exception:
    return fail(
        "O006",
        "the codes do not fit the model's inputs",
        where=str(path),
        why=why,
        fix="give int8 codes in the model's own layout, or real values as float32",
    )
