"""The quantization of a firmware directory in the formats of other tools."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal, TypeAlias

from mcuq.errors import fail
from mcuq.files import replace_file
from mcuq.frontend import open_model
from mcuq.interchange.carried import encodings_text
from mcuq.interchange.program import activation_params, layer_scales
from mcuq.interchange.tensorrt import (
    cache_text,
    is_writable,
    ranges_text,
    symmetric_ranges,
)
from mcuq.ir.program import Program
from mcuq.ops.onnx.write import write_qdq
from mcuq.pipeline.firmware import open_firmware

ExportFormat: TypeAlias = Literal["qdq", "json", "tensorrt"]


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        path: the file.
        activations: how many activations it has.
        layers: how many layers with weights.
        changes: what is not in the file as it is in the firmware, one line each.
    """

    path: Path
    activations: int
    layers: int
    changes: tuple[str, ...]


def export(
    directory: Path,
    file_format: ExportFormat,
    output: Path,
    model: Path | None = None,
    is_plain: bool = False,
) -> Exported:
    """Write the quantization of a firmware directory.

    Args:
        directory: a firmware directory.
        file_format: "qdq" an ONNX model with QuantizeLinear and DequantizeLinear, "json" mcuq's encodings,
            "tensorrt" a calibration cache, or PPQ's ranges where the output's name ends with ".json".
        output: the file to write.
        model: the ONNX model that the firmware must have been built from.
        is_plain: for "qdq", without what makes the model round as the firmware does.

    Raises:
        McuqError: O011 or M009 for the directory, O013 where the model is another one, Q011 where a layer has
            no form in the format, O012 where the file cannot be written.
    """
    program = open_firmware(directory).plan.stored
    if model is not None:
        _check_model(program, model)
    layers, changes = layer_scales(program), []
    if file_format == "tensorrt":
        _check_units(program, directory)
    if file_format == "qdq":
        text = write_qdq(program, {index: layer.scale for index, layer in layers.items()}, is_plain)
    elif file_format == "json":
        text = encodings_text(program).encode()
        changes += [
            f"layer {each.layer!r}: {sum(map(math.isnan, each.known))} channels have no scale, as their "
            "multiplier is 0"
            for each in layers.values()
            if not each.is_exact
        ]
    else:
        found = symmetric_ranges(activation_params(program))
        is_json = output.suffix == ".json"
        text = (ranges_text(found) if is_json else cache_text(found)).encode()
        changes += [
            f"tensor {name!r}: {each.widened[0]:.9g}..{each.widened[1]:.9g} widened to +-{each.amax:.9g}"
            for name, each in found.items()
            if each.widened is not None
        ]
        if not is_json:
            changes += [
                f"tensor {name!r}: left out, its name is no line" for name in found if not is_writable(name)
            ]
    replace_file(output, text, "the export")
    return Exported(output, len(activation_params(program)), len(layers), tuple(changes))


def _check_model(program: Program, model: Path) -> None:
    found = open_model(model).sha256
    if found != program.origin.model_sha256:
        raise fail(
            "O013",
            "the model is not the one that the firmware was built from",
            where=f"--model {model}",
            why=f"its SHA-256 is {found}, the firmware's model has {program.origin.model_sha256}",
            fix="give the model that was built, or leave --model out",
        )


def _check_units(program: Program, directory: Path) -> None:
    """Parameters without weights fit the model they are of, not one whose channels were rescaled."""
    if dict(program.origin.options).get("adjusted.equalization", "").startswith("kept"):
        raise fail(
            "O013",
            "the parameters do not fit the model",
            where=str(directory),
            why="its channels were rescaled between layers, and the format has no place for weights",
            fix="export qdq, or build with --equalize off",
        )
