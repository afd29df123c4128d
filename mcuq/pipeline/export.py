"""The quantization of a firmware directory in the formats of other tools."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from mcuq.errors import fail
from mcuq.files import replace_file
from mcuq.frontend import ModelFile, open_model
from mcuq.interchange.aimet import aimet_text
from mcuq.interchange.carried import encodings_text
from mcuq.interchange.named import (
    FileNames,
    NamedConstant,
    NamedProgram,
    model_names,
    named_program,
    own_names,
)
from mcuq.interchange.ncnn import ncnn_table
from mcuq.interchange.ort import calibration_table_text, overrides_text
from mcuq.interchange.ppq import native_text
from mcuq.interchange.program import LayerScales, activation_params, layer_scales
from mcuq.interchange.tensorrt import (
    cache_text,
    is_writable,
    ranges_text,
    symmetric_ranges,
)
from mcuq.ir.program import Program
from mcuq.onnxio.export.float_model import FloatModel
from mcuq.ops.onnx.write import write_float, write_qdq
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.firmware import open_firmware

ExportFormat: TypeAlias = Literal[
    "qdq",
    "json",
    "tensorrt",
    "ppq",
    "ncnn",
    "ort-table",
    "ort-overrides",
    "aimet-0.6.1",
    "aimet-1.0.0",
    "aimet-2.0.0",
]
# What a format of another tool says, and a line for what it says otherwise than the program.
_Text: TypeAlias = tuple[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        path: the file.
        activations: how many activations it has.
        layers: how many layers with weights.
        changes: what is not in the file as it is in the firmware, one line each.
        model: the float model that the parameters are of, None where that is the one that was built.
    """

    path: Path
    activations: int
    layers: int
    changes: tuple[str, ...]
    model: Path | None = None


def export(
    directory: Path,
    file_format: ExportFormat,
    output: Path,
    model: Path | None = None,
    is_plain: bool = False,
) -> Exported:
    """Write the quantization of a firmware directory.

    Parameters in the formats of other tools are of the model that was built. Where its channels were rescaled
    between layers, they are of the float model that is written beside them, as `<stem>_rescaled.onnx`.

    Args:
        directory: a firmware directory.
        file_format: "qdq" an ONNX model with QuantizeLinear and DequantizeLinear, "json" mcuq's encodings,
            "tensorrt" a calibration cache, or PPQ's ranges where the output's name ends with ".json"; the
            others are formats of the tools that they are called after.
        output: the file to write.
        model: the ONNX model that the firmware must have been built from; it says what weights are called.
        is_plain: for "qdq", without what makes the model round as the firmware does.

    Raises:
        McuqError: O011 or M009 for the directory, O013 where the model is another one, Q011 where a layer has
            no form in the format, O012 where the file cannot be written.
    """
    program = open_firmware(directory).plan.stored
    source = None if model is None else _open_source(program, model)
    layers = layer_scales(program)
    scales = {index: layer.scale for index, layer in layers.items()}
    rescaled: FloatModel | None = None
    changes: tuple[str, ...] = ()
    if file_format == "qdq":
        text = write_qdq(program, scales, is_plain)
    elif file_format == "json":
        text, changes = encodings_text(program).encode(), _unknown_scales(layers)
    else:
        rescaled = write_float(program, scales) if _is_rescaled(program) else None
        names = _names_in(rescaled, layers) if rescaled else _names_of(program, layers, source)
        named = named_program(program, layers, names)
        named = named.of_8_bits() if file_format in ("tensorrt", "ncnn", "ort-table") else named
        written, more = _write(named, file_format, is_json=output.suffix == ".json")
        text, changes = written.encode(), (*_lookups(rescaled), *named.changes, *more)
    replace_file(output, text, "the export")
    beside = None
    if rescaled is not None:
        beside = output.with_name(f"{output.stem}_rescaled.onnx")
        replace_file(beside, rescaled.data, "the export")
    return Exported(output, len(activation_params(program)), len(layers), changes, beside)


def _unknown_scales(layers: Mapping[int, LayerScales]) -> tuple[str, ...]:
    return tuple(
        f"layer {each.layer!r}: {sum(map(math.isnan, each.known))} channels have no scale, as their "
        "multiplier is 0"
        for each in layers.values()
        if not each.is_exact
    )


def _lookups(model: FloatModel | None) -> tuple[str, ...]:
    return tuple(
        f"layer {each!r}: a function without an operator in ONNX, looked up by codes in the model"
        for each in (() if model is None else model.lookups)
    )


def _write(named: NamedProgram, file_format: ExportFormat, *, is_json: bool) -> _Text:
    """The text of a format of another tool."""
    match file_format:
        case "tensorrt":
            return _write_tensorrt(named, is_json=is_json)
        case "ncnn":
            return ncnn_table(named)
        case "ort-table":
            return calibration_table_text(named), ()
        case "ort-overrides":
            return overrides_text(named), named.unnamed_weights()
        case "ppq":
            return native_text(named), named.unnamed_weights()
        case _:
            return aimet_text(named, file_format.removeprefix("aimet-")), named.unnamed_weights()


def _write_tensorrt(named: NamedProgram, *, is_json: bool) -> _Text:
    found = symmetric_ranges(named.activations)
    changes = [
        f"tensor {name!r}: {each.widened[0]:.9g}..{each.widened[1]:.9g} widened to +-{each.amax:.9g}"
        for name, each in found.items()
        if each.widened is not None
    ]
    if is_json:
        return ranges_text(found), tuple(changes)
    changes += [f"tensor {name!r}: left out, its name is no line" for name in found if not is_writable(name)]
    return cache_text(found), tuple(changes)


def _is_rescaled(program: Program) -> bool:
    """Whether the program's units are not those of the model it was built from."""
    return dict(program.origin.options).get("adjusted.equalization", "").startswith("kept")


def _names_in(model: FloatModel, layers: Mapping[int, LayerScales]) -> FileNames:
    constants = {
        index: NamedConstant(name, axis, layers[index].scale, layers[index].bits)
        for index, (name, axis) in model.weights.items()
    }
    return FileNames(model.tensors, constants)


def _names_of(program: Program, layers: Mapping[int, LayerScales], source: ModelFile | None) -> FileNames:
    """The names of tensors and weights in the model that was built; of tensors alone without it."""
    if source is None:
        return own_names(program)
    shapes = {port.name: port.model_shape for port in program.inputs}
    read = source.read(shapes)
    return model_names(program, layers, read, canonicalize(read.graph))


def _open_source(program: Program, model: Path) -> ModelFile:
    source = open_model(model)
    found = source.sha256
    if found != program.origin.model_sha256:
        raise fail(
            "O013",
            "the model is not the one that the firmware was built from",
            where=f"--model {model}",
            why=f"its SHA-256 is {found}, the firmware's model has {program.origin.model_sha256}",
            fix="give the model that was built, or leave --model out",
        )
    return source
