"""Measure what docs/accuracy.md says: defaults, seeds, other tools, weights per tensor, other data, cost.

    python tools/accuracy.py [--sections defaults,headroom,...] [--output docs/accuracy.md]

All numbers but those of headroom are of the evaluation halves of the data pack; nothing was chosen on them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from accuracy_blocks import block_rows
from accuracy_choices import headroom_rows
from accuracy_data import strange_data
from accuracy_exports import export_rows
from accuracy_noise import noise_rows
from accuracy_peers import peer_rows
from accuracy_seeds import margin_rows, seed_rows, width_rows
from bench import Subject, prepare, quality, sqnr_db
from zoo import FOUR, GLYPHS, MCUNET, Entry

import mcuq
from mcuq.calibrate.data import Samples
from mcuq.calibrate.methods import METHODS as RANGE_METHODS
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import calibrated_tensors, choose_ranges
from mcuq.calibrate.run import collect
from mcuq.frontend import read
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize

HEADER = """# Accuracy

Written by `make accuracy` (`python tools/accuracy.py`), as measured. Evaluation halves of the data pack:
IC 530, VWW 400, KWS 397 samples, AD 24,304 windows of 124 recordings; float 88.68 %, 86.50 %, 91.94 %,
AUC 0.8933. One standard deviation of an accuracy is about 1.4 points. Defaults were chosen on splits of
the calibration halves.

onnxruntime's static quantization is run as its manual says: `quant_pre_process` first, which folds
normalizations, then `quantize_static`, per channel, signed, on the samples that calibrate mcuq. esp-ppq takes
its defaults for a platform, without training (`ESP_PPQ_PYTHON` names an interpreter that has it). Official
files are TensorFlow's own quantization of the same trained networks.

Measured on the calibration halves and not adopted:

| alternative | effect |
|---|---|
| ranges chosen by the error of the outputs | KWS equalized 36.1 dB, against 36.7 dB |
| a Gumbel estimate of the next extreme | no gain on VWW |
| weights refitted to float targets | within 0.2 dB on KWS and IC |
| equalization with a smaller share of weight noise | 0.6 dB less on KWS |
| logits left exact, or their range chosen by what a softmax sees of them | IC 0.4 dB and -1.5 dB, VWW 0 |
| headroom 1.05 instead of 1.1 | errors of close decisions 3 to 6 % less on IC, VWW, KWS; AD 0.7 dB less |
| finer families of scales in equalization | predicted 0.05 dB, measured no gain |
| headroom for each tensor by cross-validation | IC 0.4 dB less |
| more samples | IC no gain from 256 or 375; 150 for 75: VWW 2.5 dB, KWS 0.9 dB, agreement alike |
| ranges in front of a sum cut below where the sum is clamped | IC 0.4 dB, close decisions alike |

Measured over seeds on the evaluation halves and on samples that did not calibrate, and not adopted:

| alternative | agreement | more |
|---|---|---|
| logits of int16 in front of the softmax, IC | 98.87 %, for 99.06 % | logits 1.3 dB better, close ones 6 % |
| the same, VWW | 99.05 %, for 99.05 % | outputs gain 0.3 dB |
| the same, KWS | 99.40 %, for 99.60 % | outputs gain 0.5 dB |
| `--calibration-method auto`, KWS, three seeds | 99.41 %, for 99.58 % | logits lose 1.2 dB |
| weights fitted to errors common to all positions, KWS, int4 | 97.73 to 98.87 %, for 98.49 % | two seeds |
| the same, int16 activations | 99.50 to 99.87 %, for 99.87 % | two seeds |

Measured for int4 weights and int16 activations, one or two seeds, logits of the evaluation half, not adopted:

| alternative | measured on | logits, dB |
|---|---|---|
| rounding by the errors of the logits (below) | IC, int4 | 26.1, for 25.7 |
| the same | KWS, int4 | 27.4, for 27.3; agreement and close decisions alike |
| the same | KWS, int16 | 50.7, for 50.3 |
| the same | IC, int16 | 49.1, for 48.9, in twice the time |
| an H for each output, of rows weighted by its squared gradient | KWS, int4 | 27.6, for 27.3 |
| biases of all layers regressed on the float logits | KWS, int4 | 27.3, for 27.3: no ridge gains |
| biases and scales of all layers | IC, int4 | predicted 0.05 more, built 0.1 less (held out) |
| 256 samples | IC, int4 | 26.5, for 25.7; close decisions alike |
| 200 samples | VWW, int4 | 20.7, for 21.0 |
| 256 samples | IC, int16 | 49.2, for 48.9 |
| scales and codes together at 8 bits, damping 0.001 | KWS, IC, int16 | 50.3, for 50.4; 48.6, for 48.9 |
| damping 0.001 alone | KWS, IC, int16 | 50.4, for 50.4; 48.5, for 48.9 |
| damping and ridge by the power of each input | KWS, IC, int4 | 28.1, for 27.8; 26.0, for 25.7 |
| the same | VWW, int4 | 19.7, for 21.0 |
| equalization that counts a third of int4's noise | KWS, int4 | 27.9, for 28.0 |

Rounding by the errors of the logits weighs errors by H of the inputs times the mean product of the logits'
gradients of the outputs, and makes up for them over inputs and outputs. Regressions go through the same
gradients, with a ridge that held-out samples choose. What is left at 4 bits is noise of the layers' own
weights: a function of few parameters explains none of it on samples that it has not seen.

Tables of 16 entries of int8 for each layer, chosen by k-means for weights in units of a scale for each
output channel, leave 20.1 dB of the weights of IC where four bits leave 19.1, 20.9 for 20.3 on KWS, and 20.0
for 20.4 on VWW (means over layers but the first and depthwise ones, no fitting to inputs in either); tables
of four entries leave 9.2 to 9.8 dB. Expanding a code takes a load from the table, where four bits take
a shift.
They do not pay, and are not built.

How much may be gained follows from the float model's leads (below). Over decisions closer than 3 the error
of the lead is 0.19 on IC (five seeds), 0.18 with logits of int16 and 0.05 with int16 activations; it is
0.20 on KWS (three seeds). IC agrees in 99.5 % where it is 0.09 or less, which takes half the error of int8
activations; VWW in 99.6 % where it is about 0.03, since five of its 400 samples have leads of 0.032 or less.

Where a default build has another class than the float model, the float model hardly has one: its lead over
the second class is 0.01 to 0.04 of probability in the median. What is left is mostly the rounding of
activations, spread over all layers.

Equalization for int4 weights gains on KWS (0.7 dB) and can lose elsewhere, whatever was predicted; defaults
keep it only where held-out samples gain. That of the ablation below is for int8 at either width. With int16
activations aiming at the float sums gains 3 dB on KWS, 2 on IC and VWW in the logits; where a network has
fewer rows than inputs, as AD, it lost 6 dB with one of five seeds, and is left out.
"""
STRATIFIED = QuantOptions(sampling="stratified")


def scored(subject: Subject, outputs: np.ndarray) -> str:
    """Cells: quality, samples right, agreement, SQNR."""
    got = quality(subject, outputs)
    agreement = float((outputs.argmax(axis=1) == subject.reference.argmax(axis=1)).mean())
    shown = f"{got:.2%} | {round(got * len(outputs))} of {len(outputs)} | {agreement:.2%}"
    if subject.entry.task == "ad":
        difference = got - quality(subject, subject.reference)
        shown = f"{got:.4f} AUC, {difference:+.4f} | - | -"
    return f"{shown} | {sqnr_db(subject.reference, outputs):.1f}"


def default_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Defaults beside other quantizers with as many samples."""
    return peer_rows(subjects, scored)


def other_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Defaults beside other quantizers, then over seeds."""
    subjects = [*subjects]
    yield from peer_rows(subjects, scored)
    yield ""
    yield from seed_rows(subjects)


def weight_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """One weight scale per tensor, with and without equalization."""
    yield "| model | weights per tensor | quality | samples right | agreement | SQNR, dB |"
    yield "|---|---|---|---|---|---|"
    tensor = dataclasses.replace(STRATIFIED, weights="per-tensor")
    variants: Mapping[str, QuantOptions] = {
        "nearest": dataclasses.replace(tensor, weight_rounding="nearest", equalize="off"),
        "nearest, equalized": dataclasses.replace(tensor, weight_rounding="nearest", equalize="on"),
        "fitted": dataclasses.replace(tensor, equalize="off"),
        "fitted, equalized": dataclasses.replace(tensor, equalize="on"),
        "defaults": tensor,
    }
    for subject in subjects:
        for name, options in variants.items():
            outputs = subject.outputs(subject.build(options))
            yield f"| {subject.entry.name} | {name} | {scored(subject, outputs)} |"


def data_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """No data, and data of another kind, with the warnings."""
    yield "| model | calibrated on | quality | samples right | agreement | SQNR, dB | warnings |"
    yield "|---|---|---|---|---|---|---|"
    for subject in subjects:
        for name, values in strange_data(subject.entry).items():
            outputs, warnings = _built_on(subject, values)
            shown = "; ".join(warnings) or "none"
            yield f"| {subject.entry.name} | {name} | {scored(subject, outputs)} | {shown} |"


def _built_on(subject: Subject, values: np.ndarray | None) -> tuple[np.ndarray, tuple[str, ...]]:
    output = subject.folder / "strange"
    if values is not None:
        np.save(subject.folder / "strange.npy", values)
    result = mcuq.build(
        subject.entry.path,
        "cortex-m4",
        calibration=None if values is None else subject.folder / "strange.npy",
        output=output,
        name=subject.entry.name,
        verify="none",
    )
    warnings = result.warnings or (
        ("no calibration data: THE ACCURACY IS UNKNOWN",) if values is None else ()
    )
    return subject.outputs(mcuq.open_firmware(output)), warnings


def cost_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Time and memory of calibrating VWW on 200 samples with every method, in a process of its own."""
    yield "| what | seconds | processor, s | peak memory, MB |"
    yield "|---|---|---|---|"
    for what in ("all methods", "build with defaults"):
        text = subprocess.run(
            [sys.executable, __file__, "--measure", what], capture_output=True, text=True, check=True
        ).stdout
        yield f"| VWW, 200 samples, {what} | {text.strip()} |"


def measure_cost(what: str) -> None:
    """Print wall time, processor time and peak memory of this process."""
    start = time.perf_counter()
    entry = next(entry for entry in FOUR if entry.name == "vww")
    with tempfile.TemporaryDirectory() as folder:
        subject = prepare(entry, Path(folder) / "vww")
        if what == "all methods":
            graph = canonicalize(read(entry.path).graph)
            (port,) = graph.inputs
            samples = Samples.from_arrays({port.name: subject.data.cal_x.reshape(-1, *port.model_shape)})
            names = [name for name in calibrated_tensors(graph) if name != port.tensor]
            stores = collect(write_graph(graph, names), samples, [port.name, *names])
            for method in RANGE_METHODS.values():
                choose_ranges(stores, Scheme.ASYMMETRIC, method)
        else:
            subject.build(dataclasses.replace(STRATIFIED, samples=200))
    # The peak of resource.getrusage is that of the parent where a process was forked from a larger one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(f"{time.perf_counter() - start:.1f} | {time.process_time():.1f} | {peak:.0f}")


def ablation_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """The table of tools/ablation.py."""
    tool = Path(__file__).with_name("ablation.py")
    names = ",".join(subject.entry.name for subject in subjects)
    command = [sys.executable, str(tool), "--data", "evaluation", "--networks", names]
    yield from subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


SECTIONS = {
    "defaults": ("Defaults beside other quantizers, the same samples for all", default_rows),
    "seeds": ("Defaults over five seeds of the calibration sample", seed_rows),
    "widths": ("Other widths over the same seeds", width_rows),
    "margins": ("Agreement that an error of the lead, in logits, allows", margin_rows),
    "noise": ("Where the noise of the defaults comes from", noise_rows),
    "headroom": ("Headroom above the ranges of mse, on splits of the calibration data", headroom_rows),
    "weights": ("One weight scale per tensor", weight_rows),
    "ablation": ("What each algorithm is worth", ablation_rows),
    "data": ("Without data, and with data of another kind", data_rows),
    "others": ("Networks on which no default was chosen, beside other quantizers", other_rows),
    "blocks": ("Operators and blocks alone, at int8 in and out, on inputs of unit variance", block_rows),
    "exports": ("Exported QDQ models in onnxruntime, against the simulator", export_rows),
    "cost": ("Cost of calibration", cost_rows),
}
NETWORKS = {
    "blocks": (),
    "others": (MCUNET.name, GLYPHS.name),
    "margins": ("ic", "vww", "kws"),
    "weights": ("vww", "kws"),
    "data": ("ic", "vww", "kws"),
}
ALL: tuple[Entry, ...] = (*FOUR, MCUNET, *((GLYPHS,) if GLYPHS.path.exists() else ()))


def main() -> None:
    """Print the sections; write them to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--output", type=Path, help="also write the page here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        measure_cost(options.measure)
        return
    if GLYPHS not in ALL:
        print(f"{GLYPHS.name} is left out: tools/train_glyphs.py writes it", file=sys.stderr)
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mcuq-accuracy-") as folder:
        subjects: dict[str, Subject] = {}
        for key in options.sections.split(","):
            title, rows = SECTIONS[key]
            wanted = [each for each in ALL if each.name in NETWORKS.get(key, tuple(e.name for e in FOUR))]
            for each in wanted:
                if each.name not in subjects:
                    subjects[each.name] = prepare(each, Path(folder) / each.name)
            chosen = [subjects[each.name] for each in wanted]
            command = f"`python tools/accuracy.py --sections {key}`"
            for line in ("", f"## {title}", "", f"{command}:", "", *rows(chosen)):
                print(line, flush=True)
                lines.append(line)
    if options.output is not None:
        options.output.write_text(HEADER + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
