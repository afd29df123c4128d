"""Verify real models with parts in the memories of boards that QEMU emulates: docs/verification.md.

Usage: python tools/placement.py

Prints a table: each model of MLPerf Tiny is built for each board and placement, and every value of every step
is compared with the simulator, of two random samples and the two extremes. Ranges come from synthetic inputs:
what is compared are bits, not accuracy.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

from zoo import FOUR, SWW

from mcuq import api
from mcuq.options import QuantOptions
from mcuq.verify.firmware import Where

OPTIONS = QuantOptions(samples=4, equalize="off", weight_rounding="nearest")


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A board, what is placed in which of its memories, and the emulator that runs it."""

    board: str
    place: str
    on: Where


CASES = (
    Case("mps3-an547", "weights=itcm+flash,arena=dtcm,kernels=itcm", "qemu"),
    Case("mps3-an547", "weights=dtcm+ddr,arena=itcm,kernels=ddr", "qemu"),
    Case("mps2-an500", "weights=psram,arena=psram,kernels=psram", "emulator"),
    Case("mps2-an386", "weights=psram+flash,kernels=psram", "qemu"),
    Case("mps2-an385", "arena=psram", "qemu"),
)


def main() -> int:
    """Print the table; 1 where a value differs."""
    print("| model | board | placement | run on | values compared | result |\n|---|---|---|---|---|---|")
    is_identical = True
    with tempfile.TemporaryDirectory(prefix="mcuq-placement-") as name:
        folder = Path(name)
        for entry in (*FOUR, SWW):
            model = entry.path
            for case in CASES:
                place, output = case.place, folder / "net"
                api.build(
                    model,
                    case.board,
                    output=output,
                    name=entry.name,
                    verify="none",
                    options=OPTIONS,
                    place=place,
                )
                if model == entry.path:
                    # From its integers it is built again in no time.
                    model = folder / f"{entry.name}.mcuq.npz"
                    model.write_bytes((output / model.name).read_bytes())
                report = api.verify(output, case.on, 2)
                is_identical &= report.is_identical
                result = "0 differ" if report.is_identical else "**differs**"
                row = (
                    entry.name,
                    case.board,
                    f"`{place}`",
                    report.machine,
                    f"{report.values_compared:,}",
                    result,
                )
                print("| " + " | ".join(row) + " |", flush=True)
    return int(not is_identical)


if __name__ == "__main__":
    sys.exit(main())
