"""Measure what each algorithm that adjusts weights is worth, at 8 and at 4 bits, on the real models.

    python tools/ablation.py [--networks ic,kws] [--bits 8,4] [--data calibration|evaluation]

Weights are fitted to 128 calibration samples. `--data calibration` measures on the other calibration samples:
that is what choices are made on. The evaluation halves are for reporting. At 4 bits the first layer, the last
and depthwise ones keep 8. The error is that of the logits where a softmax follows them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Iterator, Mapping

# One thread: small products, and the same bits everywhere.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bench import auc
from numpy.typing import NDArray
from zoo import DIGITS, FOUR, Entry, load_data, pack

from mcuq.calibrate.data import Samples
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.calibrate.select import select_samples
from mcuq.frontend import read
from mcuq.ir.graph import Graph
from mcuq.ir.integer import Rounding, dequantize_array
from mcuq.ir.program import Origin, Program, RangeSource
from mcuq.ops.conv import Conv2d
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.measure import Wanted, observe
from mcuq.quantize.adjust import adjust_graph
from mcuq.quantize.equalize.judged import judged_tensors
from mcuq.quantize.equalize.solve import equalize_graph
from mcuq.quantize.lower import lower_graph
from mcuq.quantize.reference import Reference, weighted_nodes
from mcuq.quantize.rounding.choose import Methods
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import samples_together, trace_program

FloatArray = NDArray[np.float32]
SAMPLES = 128
NEAREST = Methods(bias=False, scale=False, rounding="nearest", is_gated=False)
VARIANTS: Mapping[str, tuple[Methods, bool]] = {
    "nearest": (NEAREST, False),
    "+ H-scale": (dataclasses.replace(NEAREST, scale=True), False),
    "+ GPTQ": (dataclasses.replace(NEAREST, scale=True, rounding="gptq", sweeps=0), False),
    "+ CD": (dataclasses.replace(NEAREST, scale=True, rounding="gptq"), False),
    "+ bias correction": (Methods(is_gated=False), False),
    "+ held-out gate": (Methods(), False),
    "+ equalization": (Methods(), True),
    "nearest, bias correction": (dataclasses.replace(NEAREST, bias=True), False),
    "AdaRound for GPTQ + CD": (Methods(rounding="adaround", is_gated=False), False),
    "nearest, equalization": (NEAREST, True),
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """A network with what it is fitted to."""

    graph: Graph
    ranges: Ranges
    reference: Reference


class Subject:
    """A network, and data that is not fitted to.

    Args:
        entry: the model.
        seed: of the choice of samples.
        is_evaluation: whether to measure on the evaluation half.
        options: how ranges are measured.
    """

    def __init__(
        self, entry: Entry, seed: int, is_evaluation: bool, options: QuantOptions | None = None
    ) -> None:
        data = load_data(entry)
        assert data is not None
        self.entry, self._options = entry, options or QuantOptions()
        graph = canonicalize(read(entry.path).graph)
        self.port = graph.inputs[0]
        pool = data.cal_x.reshape(-1, *self.port.model_shape)
        sampling = "random" if data.cal_y is None else "stratified"
        chosen = select_samples(len(pool), SAMPLES, sampling, data.cal_y, seed)
        fitted = Samples.from_arrays({self.port.name: pool[chosen]})
        unused = np.setdiff1d(np.arange(len(pool)), chosen)
        self.x = data.eval_x.reshape(-1, *self.port.model_shape) if is_evaluation else pool[unused]
        self.labels = data.eval_y if is_evaluation else None
        self.judged = judged_tensors(graph)[0]
        run = FloatRun(graph, [self.judged])
        measured = Samples.from_arrays({self.port.name: self.x})
        found = run.values(measured, [self.judged])
        self.real = np.concatenate([values[self.judged] for values in found])
        self.settings = {False: self._setting(graph, fitted), True: self._equalized(graph, fitted)}

    def _setting(self, graph: Graph, fitted: Samples) -> Setting:
        seen = observe(graph, fitted, self._options, Wanted(fits_weights=True))
        assert seen.reference is not None
        return Setting(graph, seen.ranges, seen.reference)

    def _equalized(self, graph: Graph, fitted: Samples) -> Setting:
        seen = observe(graph, fitted, self._options, Wanted(equalizes=True))
        assert seen.channels is not None
        return self._setting(equalize_graph(graph, seen.channels.channels).graph, fitted)

    def compile(self, methods: Methods, is_equalized: bool, bits: int) -> Program:
        """The network in integers."""
        setting = self.settings[is_equalized]
        kept = dict.fromkeys(_sensitive(setting.graph), methods) if bits != 8 else {}
        quantized, _ = adjust_graph(
            setting.graph,
            setting.ranges,
            Scheme.ASYMMETRIC,
            Rounding.DOUBLE,
            setting.reference,
            dataclasses.replace(methods, bits=bits),
            exceptions=kept,
        )
        return lower_graph(quantized, Rounding.DOUBLE, Origin("0" * 64, RangeSource.CALIBRATED, ()))

    def measure(self, program: Program) -> tuple[float, str]:
        """SQNR in dB, and agreement or the area under the curve."""
        found = self._run(program)
        real = self.real.reshape(len(found), -1)
        error = np.square(found - real, dtype=np.float64).sum()
        sqnr = float(10 * np.log10(np.square(real, dtype=np.float64).sum() / error))
        if self.entry.task == "ad":
            return sqnr, "-" if self.labels is None else f"{self._auc(found) - self._auc(real):+.4f} AUC"
        return sqnr, f"{(found.argmax(axis=1) == real.argmax(axis=1)).mean():.2%}"

    def _auc(self, reconstruction: FloatArray) -> float:
        assert self.labels is not None
        return auc(pack().ad_scores(self.x.reshape(reconstruction.shape), reconstruction), self.labels)

    def _run(self, program: Program) -> FloatArray:
        codes = quantize_inputs(program, {self.port.name: self.x})
        parts = []
        together = samples_together(program)
        for start in range(0, len(self.x), together):
            chunk = [array[start : start + together] for array in codes]
            for _, step, (y,) in trace_program(program, chunk):
                tensor = program.tensors[step.output]
                if tensor.name == self.judged:
                    real = dequantize_array(y, tensor.quant.step, tensor.quant.zero_point)
                    parts.append(real.reshape(len(y), -1))
        return np.concatenate(parts)


def _sensitive(graph: Graph) -> tuple[str, ...]:
    """The layers that keep 8 bits, by output tensor: the first, the last, depthwise ones."""
    layers = weighted_nodes(graph)
    depthwise = (
        node.output
        for node, op in layers
        if isinstance(op, Conv2d) and op.groups == graph.tensors[node.inputs[0]].shape[-1] > 1
    )
    return (layers[0][0].output, layers[-1][0].output, *depthwise)


def rows(entry: Entry, bits: list[int], seeds: int, is_evaluation: bool) -> Iterator[str]:
    """One row per variant; with several seeds the mean SQNR, and the agreement of the first."""
    subjects = [Subject(entry, seed, is_evaluation) for seed in range(seeds)]
    for name, (methods, is_equalized) in VARIANTS.items():
        cells, start = [], time.process_time()
        for each in bits:
            found = [s.measure(s.compile(methods, is_equalized, each)) for s in subjects]
            cells += [f"{np.mean([sqnr for sqnr, _ in found]):.1f}", found[0][1]]
        seconds = (time.process_time() - start) / (len(bits) * seeds)
        yield f"| {entry.name} | {name} | {' | '.join(cells)} | {seconds:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default="ic,vww,kws,ad,digits")
    parser.add_argument("--bits", default="8,4")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", choices=["calibration", "evaluation"], default="calibration")
    options = parser.parse_args()
    bits = [int(each) for each in options.bits.split(",")]
    names = [f"{each} bits: SQNR, dB | {each} bits: agreement" for each in bits]
    print(f"| model | weights | {' | '.join(names)} | processor, s |")
    print("|---|---" + "|---" * (2 * len(bits) + 1) + "|")
    for entry in (*FOUR, DIGITS):
        if entry.name in options.networks.split(","):
            for row in rows(entry, bits, options.seeds, options.data == "evaluation"):
                print(row, flush=True)


if __name__ == "__main__":
    main()
