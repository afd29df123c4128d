"""Damaged ranges, configurations and encodings, and what reads them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from mcuq.calibrate.config import read_overrides, read_ties
from mcuq.calibrate.overrides import override_ranges, resolve_overrides
from mcuq.calibrate.ranges import Ranges, calibrated_tensors, ranges_to_json
from mcuq.calibrate.run import collect
from mcuq.calibrate.store import TensorStore
from mcuq.frontend import open_model, read
from mcuq.interchange.carried import carried_program, encodings_text
from mcuq.ir.graph import Graph
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Calibrated, Stored, _read_ranges, calibrate_model
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.planning import plan_program
from tests.damaged_files.inputs import _model
from tests.damaged_files.mutate import Rng, change_json, change_toml, place
from tests.interchange.models import ACTIVATIONS, samples

OPTIONS = QuantOptions(weight_rounding="nearest", equalize="off")


# Ranges and parameters.


@functools.cache
def _graph() -> Graph:
    return canonicalize(read(_source_path()).graph)


@functools.cache
def _source_path() -> Path:
    import atexit
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="mcuq-damaged-source-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "model.onnx").write_bytes(_model())
    return folder / "model.onnx"


@functools.cache
def _calibrated() -> Calibrated:
    return calibrate_model(read(_source_path()), samples(), OPTIONS)


@functools.cache
def _stores() -> dict[str, TensorStore]:
    names = calibrated_tensors(_graph())
    ports = [port.tensor for port in _graph().inputs]
    tensors = [name for name in names if name not in ports]
    found = collect(write_graph(_graph(), tensors), samples().source, ["image", *tensors])
    return {name: found[name] for name in names}


@functools.cache
def _ranges_document() -> object:
    return json.loads(ranges_to_json(_calibrated().ranges))


def _damage_ranges(folder: Path, rng: Rng) -> None:
    place(folder / "ranges.json", change_json(_ranges_document(), rng), rng)


def _read_own_ranges(folder: Path) -> object:
    return _compile(_read_ranges(calibrated_tensors(_graph()), folder / "ranges.json"))


def _compile(ranges: Ranges) -> object:
    return compile_model(Stored(_graph(), ranges, "0" * 64, ()), OPTIONS).program


CONFIG = """[[override]]
op = "conv2d"
method = "minmax"

[[override]]
tensor = "relu*"
percentile = 99.99
scheme = "symmetric"

[[override]]
tensor = "image"
range = [-4.0, 4.0]

[[tie]]
tensors = ["image", "logits"]
"""


def _damage_config(folder: Path, rng: Rng) -> None:
    place(folder / "quant.toml", change_toml(CONFIG, rng), rng)


def _read_config(folder: Path) -> object:
    overrides, ties = read_overrides(folder / "quant.toml"), read_ties(folder / "quant.toml")
    found = resolve_overrides(_graph(), calibrated_tensors(_graph()), overrides)
    return ties, _compile(override_ranges(_calibrated().ranges, _stores(), found, OPTIONS))


@functools.cache
def _encodings() -> list[object]:
    own = json.loads(encodings_text(compile_model(_calibrated(), OPTIONS).program))
    rows = [
        {"name": n, "output_dtype": "int8", "y_scale": s, "y_zero_point": z}
        for n, (s, z) in ACTIVATIONS.items()
    ]
    weights = {"name": "conv.weight", "output_dtype": "int8", "y_scale": [0.1] * 4, "axis": 0}
    table = {
        "CLS": "TensorsData",
        "data": {
            name: {"CLS": "TensorData", "lowest": {"CLS": "numpy.array", "data": [-1.0]}, "highest": 2.0}
            for name in ACTIVATIONS
        },
    }
    overrides = {
        name: [{"scale": s, "zero_point": z, "quant_type": "QInt8"}] for name, (s, z) in ACTIVATIONS.items()
    }
    old = {
        n: [
            {
                "bitwidth": 8,
                "scale": s,
                "offset": -z - 128,
                "min": s * (-z - 128),
                "max": s * (127 - z),
                "dtype": "int",
            }
        ]
        for n, (s, z) in ACTIVATIONS.items()
    }
    listed = [
        {
            "name": n,
            "enc_type": "PER_TENSOR",
            "bw": 8,
            "dtype": "INT",
            "scale": [s],
            "offset": [-z - 128],
            "is_sym": False,
        }
        for n, (s, z) in ACTIVATIONS.items()
    ]
    return [
        own,
        {**own, "program": "eA=="},
        {"version": "2.0.0", "encodings": [*rows, weights]},
        {"version": "0.6.1", "activation_encodings": old, "param_encodings": {}},
        {"version": "1.0.0", "activation_encodings": listed, "param_encodings": []},
        table,
        overrides,
        {"act_quant_info": dict.fromkeys(ACTIVATIONS, 3.0)},
    ]


def _damage_encodings(folder: Path, rng: Rng) -> None:
    place(folder / "e.json", change_json(_encodings()[int(rng.integers(len(_encodings())))], rng), rng)


def _read_encodings(folder: Path) -> object:
    path = folder / "e.json"
    program = carried_program(open_model(_source_path()), path, OPTIONS)
    if program is not None:
        return plan_program(program, "cortex-m4")
    return compile_model(
        calibrate_model(read(_source_path()), None, OPTIONS, ranges=_ranges_path(), encodings=path), OPTIONS
    )


@functools.cache
def _ranges_path() -> Path:
    path = _source_path().with_name("ranges.json")
    path.write_text(json.dumps(_ranges_document()))
    return path
