"""Export small networks of well-known kinds, build and verify each, and compare it with its float model.

    python tools/networks.py [--only NAME,...] [--output docs/networks.md]

Needs what `make networks` installs beside the project: torch, onnxscript, skl2onnx, keras.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from nets.subject import Subject
from numpy.typing import NDArray

import mcuq
from mcuq.calibrate.session import open_session
from mcuq.errors import McuqError
from mcuq.verify.report import VerifyReport

BAR = 0.99
SOURCES = ("nets.torch_nets", "nets.keras_nets", "nets.pipelines")
HEADER = """# Networks of well-known kinds

Written by `make networks`, as measured. Small networks with seeded weights, written in plain PyTorch, Keras
and scikit-learn (`tools/nets`), go through the exporters of their frameworks, are calibrated on samples of
their own, built, and verified on the host and on an emulated Cortex-M4, every value of every step. Cosines
compare the outputs of other samples with the float model's, dequantized: of all values, and of their
differences from the mean output, which is what decides where outputs of all samples look alike. Labels count
how often the class is the float model's.

"""
COLUMNS = """| network | exporter | steps | differing values | cosine | centred | labels |
|---|---|---|---|---|---|---|"""


@dataclasses.dataclass(frozen=True)
class Row:
    """What one network gave.

    Args:
        subject: the network.
        steps: integer steps; 0 where it was not built.
        differing: values that firmware has otherwise than the simulator, on host and core.
        cosine: the lowest of its real outputs.
        centred: likewise, without the mean output.
        labels: share of equal labels, NaN where it has none.
        refusal: why it was not built.
    """

    subject: Subject
    steps: int = 0
    differing: str = ""
    cosine: float = float("nan")
    centred: float = float("nan")
    labels: float = float("nan")
    refusal: str = ""

    @property
    def key(self) -> str:
        """How the row of the table begins."""
        return f"| {self.subject.name} | {self.subject.exporter} |"

    def text(self) -> str:
        """The row of the table."""
        head = self.key
        if self.refusal:
            return f"{head} refused: {self.refusal} | | | | |"
        labels = "" if np.isnan(self.labels) else f"{100 * self.labels:.1f} %"
        real = ("", "") if np.isnan(self.cosine) else (f"{self.cosine:.4f}", f"{self.centred:.4f}")
        return f"{head} {self.steps} | {self.differing} | {real[0]} | {real[1]} | {labels} |"

    @property
    def is_good(self) -> bool:
        """Whether nothing differs and the outputs are near enough."""
        return not self.refusal and self.differing.startswith("0") and not self.cosine < BAR


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of all values at once; 1 of zeros."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / norm if norm else 1.0


def float_outputs(subject: Subject) -> dict[str, NDArray[np.generic]]:
    """What onnxruntime computes from the model file, `[n, ...]` by output."""
    session = open_session(subject.path.read_bytes(), is_optimized=True)
    names = [each.name for each in session.get_outputs()]
    rows = [session.run(names, {subject.input_name: x}) for x in subject.evaluation]
    return {name: np.stack([_array(row[index]) for row in rows]) for index, name in enumerate(names)}


def _array(value: object) -> NDArray[np.generic]:
    """An output, or the scores of a dictionary of ZipMap."""
    if isinstance(value, list):
        return np.array([list(each.values()) for each in value])
    return np.asarray(value)


def compare(
    expected: dict[str, NDArray[np.generic]], found: dict[str, NDArray[np.generic]]
) -> tuple[float, float, float]:
    """The lowest cosines, whole and centred, of real outputs, and the share of equal labels."""
    plain, centred, labels = [], [], []
    for name, y in found.items():
        x = np.asarray(expected[name])
        if x.dtype.kind in "iu":
            labels.append(float(np.mean(x.reshape(-1) == y.reshape(-1))))
            continue
        a, b = (each.astype(np.float64).reshape(len(each), -1) for each in (x, y))
        plain.append(cosine(a, b))
        centred.append(cosine(a - a.mean(0), b - a.mean(0)))
    nothing = float("nan")
    return (min(plain, default=nothing), min(centred, default=nothing), min(labels, default=nothing))


def differing(reports: Sequence[VerifyReport]) -> str:
    """How many values differ of how many compared."""
    first = [report.first_difference for report in reports if report.first_difference is not None]
    total = sum(report.values_compared for report in reports)
    return f"0 of {total:,}" if not first else f"from {first[0].layer} on"


def measure(subject: Subject, folder: Path) -> Row:
    """Build, verify and compare one network."""
    data = {subject.input_name: subject.calibration}
    try:
        host = mcuq.build(subject.path, "host", calibration=data, output=folder / "host", name="net")
        (program,) = (folder / "host").rglob("*.mcuq.npz")
        core = mcuq.build(program, "cortex-m4", output=folder / "core", name="net", verify="emulator")
    except McuqError as error:
        reasons = dict.fromkeys(f"{each.code}, {each.title}: {each.why}" for each in error.problems)
        return Row(subject, refusal=" ".join("; ".join(reasons).replace("|", "/").split()))
    reports = [each.report for each in (host, core) if each.report is not None]
    firmware = mcuq.open_firmware(host.directory)
    found = mcuq.simulate(firmware, {subject.input_name: subject.evaluation})
    return Row(
        subject, len(host.plan.program.steps), differing(reports), *compare(float_outputs(subject), found)
    )


def subjects(folder: Path, only: Sequence[str]) -> Iterator[Subject]:
    """Every network of every framework, exported one after the other."""
    for source in SOURCES:
        yield from importlib.import_module(source).subjects(folder, only)


def rows_of(document: Path) -> dict[str, str]:
    """The rows of a page by how they begin: those of networks that are not run again stay."""
    lines = document.read_text("utf-8").splitlines() if document.is_file() else []
    rows = [line for line in lines if line.startswith("| ") and line not in COLUMNS.splitlines()]
    return {"|".join(row.split("|")[:3]) + "|": row for row in rows}


def main() -> int:
    """Print the table, and write it where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="names of networks, with commas between them")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    print(COLUMNS)
    with tempfile.TemporaryDirectory(prefix="mcuq-networks-") as name:
        for number, subject in enumerate(
            subjects(Path(name), [each for each in options.only.split(",") if each])
        ):
            rows.append(measure(subject, Path(name) / str(number)))
            print(rows[-1].text(), flush=True)
    if options.output is not None:
        known = rows_of(options.output)
        known.update((row.key, row.text()) for row in rows)
        table = "\n".join((COLUMNS, *known.values()))
        options.output.write_text(f"{HEADER}{table}\n", "utf-8")
    return 0 if all(row.is_good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
