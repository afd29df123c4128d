"""`mcuq simulate`."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mcuq.cli.console import out
from mcuq.cli.data import read_codes
from mcuq.cli.declared import GivenImages, with_images
from mcuq.files import replace_file
from mcuq.ir.types import Array
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.preprocessing import recorded_preprocessing
from mcuq.simulator.ports import dequantize_outputs
from mcuq.simulator.simulate import simulate_program, trace_program


@with_images
def simulate_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    inputs: Annotated[Path, typer.Option(help="Real values in the model's layout, or int8 codes.")],
    output: Annotated[Path, typer.Option(help="The .npz to write.")],
    all_layers: Annotated[bool, typer.Option("--all-layers", help="Every step's codes as well.")] = False,
    *,
    images: GivenImages,
) -> None:
    """Compute in Python what the firmware computes: outputs/NAME (float32) and codes/NAME (int8).

    Images become values as in the build by default.
    """
    program = open_firmware(directory).plan.program
    recorded = recorded_preprocessing(program)
    preprocessing = dataclasses.replace(recorded, **images)
    codes = read_codes(program, inputs, None, preprocessing)
    results = simulate_program(program, codes)
    arrays: dict[str, Array] = {}
    for port, array in zip(program.outputs, results, strict=True):
        arrays[f"codes/{port.name}"] = array
    for name, real in dequantize_outputs(program, results).items():
        arrays[f"outputs/{name}"] = real
    if all_layers:
        for index, step, ys in trace_program(program, codes):
            for number, y in enumerate(ys):
                arrays[f"layers/{index:03d}/{step.name}" + (f"/{number}" if len(ys) > 1 else "")] = y
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    replace_file(output, stream.getvalue(), "the output")
    out.print(
        f"{len(codes[0])} samples, {len(arrays)} arrays written to {output}", markup=False, soft_wrap=True
    )
