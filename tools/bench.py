"""Measure accuracy and speed on the real models, in one run, beside other tools.

    python tools/bench.py [--output docs/benchmarks.md]

Accuracy is taken on the evaluation halves of the data pack; no default was chosen on them. Times are wall
times of this machine, best of several runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peers import METHODS, onnxruntime_static
from tflm import TflmInterpreter
from zoo import DIGITS, FOUR, Data, Entry, load_data, pack

import mcuq
from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import run_float
from mcuq.calibrate.session import open_session
from mcuq.options import QuantOptions
from mcuq.pipeline.firmware import Firmware
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program

HEADER = """# Benchmarks

Written by `make bench`, as measured in one run. Accuracy is taken on the evaluation halves of the data
pack (IC 530, VWW 400, KWS 397 samples, AD 24,304 windows of 124 recordings); one standard deviation of an
accuracy is about 1.4 points, so the agreement with the float model and the SQNR are the sharper measures.
All variants calibrate with 128 samples of the calibration half. Every model on every core:
[verification.md](verification.md). On microcontrollers: [benchmarks-mcu.md](benchmarks-mcu.md);
layers that cost more than they should: [cliffs.md](cliffs.md).

onnxruntime's static quantization is run as its manual says: `quant_pre_process` first, which folds
normalizations, then `quantize_static`, per channel, signed, on the samples that calibrate mcuq.

"""
FloatArray = NDArray[np.float32]
SIMULATED = 512
VARIANTS = {
    "MSE (default)": QuantOptions(sampling="stratified"),
    "min-max": QuantOptions(sampling="stratified", method="minmax"),
    "percentile 99.999": QuantOptions(sampling="stratified", method="percentile"),
    "KL divergence": QuantOptions(sampling="stratified", method="kl"),
    "per-tensor weights": QuantOptions(sampling="stratified", weights="per-tensor"),
    "symmetric activations": QuantOptions(sampling="stratified", activations="symmetric"),
    "single rounding": QuantOptions(sampling="stratified", rounding="single"),
}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model with its data on disk, and its float outputs on the evaluation half."""

    entry: Entry
    data: Data
    folder: Path
    reference: FloatArray

    def build(self, options: QuantOptions) -> Firmware:
        """The firmware with these options, not verified."""
        output = self.folder / "firmware"
        labels = self.folder / "cal_y.npy" if self.data.cal_y is not None else None
        if labels is None:
            options = dataclasses.replace(options, sampling="random")
        mcuq.build(
            self.entry.path,
            "cortex-m4",
            calibration=self.folder / "cal_x.npy",
            labels=labels,
            output=output,
            name=self.entry.name,
            verify="none",
            options=options,
        )
        return mcuq.open_firmware(output)

    def outputs(self, firmware: Firmware) -> FloatArray:
        """The integers' real outputs on the evaluation half, `[n, features]`."""
        port = firmware.plan.program.inputs[0]
        values = self.data.eval_x.reshape(-1, *port.model_shape)
        (found,) = mcuq.simulate(firmware, {port.name: values}).values()
        return found.reshape(len(values), -1)


def prepare(entry: Entry, folder: Path) -> Subject:
    """Write the calibration half to files and run the float model on the evaluation half."""
    data = load_data(entry)
    assert data is not None
    folder.mkdir()
    np.save(folder / "cal_x.npy", data.cal_x)
    if data.cal_y is not None:
        np.save(folder / "cal_y.npy", data.cal_y)
    reference = float_outputs(entry, data.eval_x)
    return Subject(entry, data, folder, reference)


def float_outputs(entry: Entry, x: FloatArray) -> FloatArray:
    """The float model's outputs `[n, features]` in onnxruntime."""
    from mcuq.frontend import read
    from mcuq.ops.onnx.write import write_graph

    graph = read(entry.path).graph
    port = graph.inputs[0]
    samples = Samples.from_arrays({port.name: x.reshape(-1, *port.model_shape)})
    (found,) = run_float(write_graph(graph), samples, [graph.outputs[0].name]).values()
    return found.reshape(len(x), -1)


def quality(subject: Subject, outputs: FloatArray) -> float:
    """Top-1 accuracy, or the area under the ROC curve for the anomaly detector."""
    labels = subject.data.eval_y
    assert labels is not None
    if subject.entry.task == "ad":
        return auc(pack().ad_scores(subject.data.eval_x, outputs), labels)
    return float((outputs.argmax(axis=1) == labels).mean())


def auc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Area under the ROC curve: the share of pairs in the right order, ties one half."""
    bad, good = scores[labels == 1], scores[labels == 0]
    above = (bad[:, None] > good[None]).mean() + 0.5 * (bad[:, None] == good[None]).mean()
    return float(above)


def sqnr_db(reference: FloatArray, found: FloatArray) -> float:
    """10 log10 of signal power over error power."""
    signal = np.square(reference, dtype=np.float64).sum()
    return float(10 * np.log10(signal / np.square(reference - found, dtype=np.float64).sum()))


def accuracy_rows(subjects: list[Subject]) -> Iterator[str]:
    """One row per model and variant."""
    yield "| model | samples | variant | float | int8 | difference | agreement | SQNR, dB |"
    yield "|---|---|---|---|---|---|---|---|"
    for subject in subjects:
        real = quality(subject, subject.reference)
        is_ad = subject.entry.task == "ad"
        for name, options in VARIANTS.items():
            found = subject.outputs(subject.build(options))
            got = quality(subject, found)
            shown = [f"{v:.4f}" if is_ad else f"{v:.2%}" for v in (real, got)]
            change = f"{got - real:+.4f}" if is_ad else f"{100 * (got - real):+.2f} points"
            agreement = float((found.argmax(axis=1) == subject.reference.argmax(axis=1)).mean())
            agree = "-" if is_ad else f"{agreement:.2%}"
            yield (
                f"| {subject.entry.name} | {len(found)} | {name} | {shown[0]} | {shown[1]} | {change} "
                f"| {agree} | {sqnr_db(subject.reference, found):.1f} |"
            )


def peer_rows(subjects: list[Subject]) -> Iterator[str]:
    """Defaults beside onnxruntime's static quantization with the same number of samples."""
    yield "| model | tool | quality | samples right | agreement | SQNR, dB |"
    yield "|---|---|---|---|---|---|"
    for subject in subjects:
        if subject.entry.name == "digits":
            continue
        options = QuantOptions(sampling="stratified")
        found = {"mcuq, defaults": subject.outputs(subject.build(options))}
        for method in METHODS:
            found[f"onnxruntime, {method}"] = onnxruntime_static(
                subject.entry, subject.data, method, options.samples
            )
        for name, outputs in found.items():
            got = quality(subject, outputs)
            agreement = float((outputs.argmax(axis=1) == subject.reference.argmax(axis=1)).mean())
            is_ad = subject.entry.task == "ad"
            right = "-" if is_ad else f"{round(got * len(outputs))} of {len(outputs)}"
            shown = f"{got:.4f} AUC | {right} | -" if is_ad else f"{got:.2%} | {right} | {agreement:.2%}"
            yield f"| {subject.entry.name} | {name} | {shown} | {sqnr_db(subject.reference, outputs):.1f} |"


def best_time(run: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of several runs, after one that does not count."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def float_rate(entry: Entry, x: FloatArray) -> float:
    """Samples per second of onnxruntime's float run at batch 32, default optimizations and threads."""
    import onnx

    model = onnx.load(entry.path)
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    for tensor in model.graph.initializer:
        # Exported reshapes of the input name the batch 1; -1 lets it grow.
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.int64 and values.ndim == 1 and len(values) == 4 and values[0] == 1:
            changed = values.copy()
            changed[0] = -1
            tensor.CopyFrom(onnx.numpy_helper.from_array(changed, tensor.name))
    session = open_session(model.SerializeToString(), is_optimized=True, threads=0)
    feed = {model.graph.input[0].name: x}
    return len(x) / best_time(lambda: session.run(None, feed))


def simulator_rate(firmware: Firmware, x: FloatArray) -> float:
    """Samples per second of the simulator, which divides them as it likes."""
    program = firmware.plan.program
    port = program.inputs[0]
    codes = quantize_inputs(program, {port.name: x.reshape(-1, *port.model_shape)})
    return len(x) / best_time(lambda: simulate_program(program, codes))


def tflm_rate(firmware: Firmware, samples: int) -> float | None:
    """Samples per second of the `tflite-micro` wheel on the same program, None where it is not installed."""
    try:
        # All channels: nothing drops any from a model that TFLM reads.
        interpreter = TflmInterpreter(firmware.plan.stored)
    except ImportError:
        return None
    return samples / best_time(lambda: interpreter.run(samples), 3)


def speed_rows(subjects: list[Subject]) -> Iterator[str]:
    """Throughput of the simulator beside the others, in samples per second."""
    yield "| model | simulator, batch 512 | onnxruntime float, batch 32 | ratio | tflite-micro | ratio |"
    yield "|---|---|---|---|---|---|"
    for subject in subjects:
        x = subject.data.eval_x[:32]
        firmware = subject.build(QuantOptions())
        own = simulator_rate(firmware, subject.data.eval_x[:SIMULATED])
        real = float_rate(subject.entry, x)
        tflm = tflm_rate(firmware, len(x))
        other = ("-", "-") if tflm is None else (f"{tflm:,.0f}", f"{own / tflm:.1f}")
        rates = f"{own:,.0f} | {real:,.0f} | {own / real:.2f} | {other[0]} | {other[1]}"
        yield f"| {subject.entry.name} | {rates} |"


def build_rows(subjects: list[Subject]) -> Iterator[str]:
    """Wall time of a build with 128 samples and no verification, in a process that has the imports."""
    yield "| model | build, s |"
    yield "|---|---|"
    for subject in subjects:
        seconds = best_time(lambda subject=subject: subject.build(QuantOptions()), 3)
        yield f"| {subject.entry.name} | {seconds:.2f} |"


def main() -> None:
    """Print all tables; write them to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="also write the tables here")
    options = parser.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mcuq-bench-") as name:
        subjects = [prepare(entry, Path(name) / entry.name) for entry in (*FOUR, DIGITS)]
        for title, rows in (
            ("Accuracy on the evaluation halves", accuracy_rows),
            ("Beside onnxruntime's static quantization", peer_rows),
            ("Throughput", speed_rows),
            ("Build time", build_rows),
        ):
            for line in ("", f"### {title}", "", *rows(subjects)):
                print(line, flush=True)
                lines.append(line)
    if options.output is not None:
        options.output.write_text(HEADER + "\n".join(lines).strip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
