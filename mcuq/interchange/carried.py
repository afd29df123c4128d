"""The program that mcuq's own encodings carry beside the parameters."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from mcuq.errors import McuqError, fail
from mcuq.frontend import ModelFile
from mcuq.interchange.notes import shown
from mcuq.interchange.own import FORMAT, own_text
from mcuq.interchange.program import activation_params, layer_scales
from mcuq.ir.encodings import Note, Outcome
from mcuq.ir.program import Program
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions, declared
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_json


def encodings_text(program: Program) -> str:
    """The parameters of a program as mcuq's own encodings, and the program itself."""
    origin = program.origin
    head: dict[str, object] = {
        "model_sha256": origin.model_sha256,
        "rounding": program.rounding.value,
        "ranges": origin.ranges.value,
        "options": dict(origin.options),
    }
    carried = base64.b64encode(program_to_npz(program)).decode("ascii")
    layers = layer_scales(program).values()
    return own_text(head, activation_params(program), layers, origin.seen, carried)


def carried_program(model: ModelFile, file: Path | None, options: QuantOptions) -> Program | None:
    """The program of an encodings file, where it is what the file, the model and the options ask for.

    It is not where the file is another tool's, was edited, belongs to another model, or where the options
    want other integers; then its parameters alone count.

    Args:
        model: the file that is built.
        file: of encodings, None without any.
        options: of the build.

    Raises:
        McuqError: Q008 or M009 where the program is damaged; O013 where the file's parameters are those of
            rescaled channels, which mean nothing without the program.
    """
    if file is None:
        return None
    document = _own_document(file)
    if document is None or not isinstance(document.get("program"), str):
        return None
    try:
        data = base64.b64decode(str(document["program"]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fail(
            "Q008",
            "the encodings cannot be read",
            where=f"--encodings {file}",
            why=f"its program is damaged: {error}",
            fix="export it again",
        ) from error
    program = program_from_npz(data, file.name, STEP_OPS)
    is_same = program.origin.model_sha256 == model.sha256
    if is_same and _is_asked_for(program, options) and document == json.loads(encodings_text(program)):
        return program
    _refuse_rescaled(program, file)
    return None


def carried_notes(program: Program) -> tuple[Note, ...]:
    """Everything of a carried program is used."""
    activations = (
        Note(name, "activation", Outcome.USED, shown(quant))
        for name, quant in activation_params(program).items()
    )
    layers = (
        Note(each.output, "weights", Outcome.USED, "codes and scales")
        for each in layer_scales(program).values()
    )
    return (*activations, *layers)


def _own_document(file: Path) -> dict[str, object] | None:
    """The file where it is mcuq's own format; whoever reads the parameters says what is wrong with others."""
    try:
        document: Any = parse_json(read_file(file))
    except (McuqError, ValueError):
        return None
    is_own = isinstance(document, dict) and document.get("format") == FORMAT
    return document if is_own else None


def _is_asked_for(program: Program, options: QuantOptions) -> bool:
    recorded = dict(program.origin.options)
    # Which samples were seen, and how ranges came of them, is no question any more.
    asked = (
        pair
        for field, each in declared(type(options)).items()
        if not each.is_about_samples
        for pair in each.record(getattr(options, field), options)
    )
    is_same = all(recorded.get(name) == value for name, value in asked)
    return is_same and not options.overrides and options.rounding == program.rounding.value


def _refuse_rescaled(program: Program, file: Path) -> None:
    if dict(program.origin.options).get("adjusted.equalization", "").startswith("kept"):
        raise fail(
            "O013",
            "the parameters do not fit the model",
            where=f"--encodings {file}",
            why="they are of a network whose channels were rescaled between layers, and this is another "
            "build: another model, other options, or edited parameters",
            fix="give the model and the options of the build that was exported, or export one that was built "
            "with --equalize off",
        )
