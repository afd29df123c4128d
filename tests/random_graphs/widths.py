"""Widths of single tensors and layers: every operator meets every mix of int8 and int16."""

from __future__ import annotations

import dataclasses
import glob
from pathlib import Path

import numpy as np

from mcuq.calibrate.ranges import calibrated_tensors
from mcuq.frontend import read
from mcuq.options import OutputType, QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibration import tie_model
from mcuq.quantize.reference import weighted_nodes
from mcuq.settings import Override
from tests.random_graphs.drawing import Rng

OUTPUT_TYPES: tuple[OutputType, ...] = ("int8", "int16", "real")
# Draws of this purpose change nothing that a recipe draws.
_MIX = 100


def mix_widths(seed: int, model: Path, options: QuantOptions) -> QuantOptions:
    """The options with widths for some tensors and layers of a model.

    Args:
        seed: of the recipe.
        model: its file.
        options: of the recipe; what they say of widths holds for what nothing is drawn for.

    Raises:
        McuqError: as reading a model does.
    """
    graph = canonicalize(tie_model(read(model, options.input_shapes), options).graph)
    rng: Rng = np.random.default_rng([seed, _MIX])
    wide, narrow = rng.choice([0.2, 0.5, 0.8], 2)
    found = []
    for name in calibrated_tensors(graph):
        bits = 16 if rng.random() < wide else 8
        found.append(Override("tensor", glob.escape(name), activation_bits=bits))
    for node, _ in weighted_nodes(graph):
        bits = 4 if rng.random() < narrow else 8
        found.append(Override("tensor", glob.escape(node.output), weight_bits=bits))
    asked: dict[str, OutputType] = {}
    if rng.random() < 0.5:
        asked[""] = OUTPUT_TYPES[rng.integers(3)]
    return dataclasses.replace(options, overrides=(*options.overrides, *found), output_types=asked)
