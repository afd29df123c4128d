"""Measure what the MLPerf Tiny networks cost on Cortex-M cores, beside other people's code.

    python tools/bench_mcu.py [--only NAME] [--cmsis-nn FOLDER] [--output docs/benchmarks-mcu.md]

Everything is compiled by one compiler and counted by one profiler on one emulator. Then every real model is
built, and each layer with a special kernel is held against the portable kernel: exit code 1 where one costs
more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mcu.anchors import BARS
from mcu.bakenn_code import measure_bakenn
from mcu.calibration import calibration_lines
from mcu.cmsis_nn import build_bench, measure_layers, measure_library_silicon
from mcu.cores import cores_section, measure_cores
from mcu.flash import measure_silicon
from mcu.library import Library, find_library
from mcu.modes import measure_modes, modes_section
from mcu.networks import (
    CORE,
    PORTABLE_CORE,
    Measured,
    build_for_board,
    build_network,
    build_portable,
    measure,
    on_core,
)
from mcu.offenders import Offender, find_offenders
from mcu.streams import stream_section
from mcu.tables import (
    OPTS,
    bakenn_table,
    bars_table,
    cost_table,
    covered_line,
    layer_table,
    library_silicon_table,
    offender_table,
    published_table,
    silicon_table,
    summary_table,
)
from mcu.wide import build_wide, vector_section, wide_section
from zoo import DIGITS, FOUR, SIX, SWW, ZOO, Entry

from mcuq.pipeline.firmware import Firmware
from mcuq.profile.silicon import Silicon
from mcuq.verify.image import Image

SPECIAL, PORTABLE, SMALL = "Cortex-M4, DSP kernels", "Cortex-M4, portable kernels", "Cortex-M3"
HEADER = """# Benchmarks on microcontrollers

Written by `make bench-mcu`, as measured in one run: default options (balanced), 128 calibration samples, one
whole run of the network, counted by `mcuq profile`.

- Compiler: {toolchain}.
- Options: `{flags}`, and what selects the Cortex-M3 for that core.
- Cycles: an estimate at zero wait states, about 5 % either way; they repeat exactly.
- Weights are all constant arrays, arena is all work memory with scratch. Input and output are not in it.
- Portable kernels are ours in plain C, which every core can run.
- CMSIS-NN is the library's own C, {library}: convolution,
  depthwise, fully connected, average and maximum pool; no softmax, add or mean. Compiled by the same
  compiler with -O2 and with -Ofast, called through the library's wrappers on the same shapes, run on the
  same emulator under the same counter; its outputs equal ours bit for bit. Its fully connected layers
  have one scale for all channels, ours one per channel. Beside a mean stands its average pool, which sums
  the same but does not rescale.
- bakenn's code is generated from the same integers, whose results it has to give, with no channel dropped,
  by the same compiler with the same options. Its importer lacks softmax and takes our means only as depthwise
  convolutions over the whole image.
- Published latencies contain flash wait states. What is held against them is therefore not the estimate at
  zero wait but a build for that board (`--target nucleo-l4r5zi`) on a model of it: five wait states, reads of
  64 bits (as the board is shipped) or of 128, with and without prefetch, 1 KB of cache for code and 256 bytes
  for data, unaligned accesses and misplaced instructions (`make flash-model`). It says nothing of other
  traffic on the bus; how near it comes shows in what it says of CMSIS-NN's code, whose latencies are
  published as well.

"""


class Bench:
    """Builds and measures, each thing once."""

    def __init__(self, folder: Path, library: Library | None) -> None:
        """Compile CMSIS-NN where it is at hand."""
        self.folder = folder
        self.cmsis_nn = library
        self._built: dict[str, tuple[Firmware, Firmware]] = {}
        self._measured: dict[str, tuple[Measured, Measured]] = {}
        self._silicon: dict[str, Silicon] = {}
        self._images: dict[str, Image] = {}
        if library is not None:
            self._images = {opt: build_bench(library, CORE, opt, folder / f"library{opt}") for opt in OPTS}

    def build(self, entry: Entry) -> tuple[Firmware, Firmware]:
        """With the core's own kernels, and with the portable ones."""
        if entry.name not in self._built:
            progress(f"{entry.name}: build")
            special = build_network(entry, self.folder)
            self._built[entry.name] = special, build_portable(special, self.folder)
        return self._built[entry.name]

    def measure_both(self, entry: Entry) -> tuple[Measured, Measured]:
        """On the Cortex-M4, with its own kernels and with the portable ones."""
        if entry.name not in self._measured:
            special, portable = self.build(entry)
            progress(f"{entry.name}: profile")
            self._measured[entry.name] = measure(special), measure(on_core(portable, CORE))
        return self._measured[entry.name]

    def measure_all(self, entry: Entry) -> dict[str, Measured]:
        """On all cores, by title."""
        special, portable = self.measure_both(entry)
        return {
            SPECIAL: special,
            PORTABLE: portable,
            SMALL: measure(on_core(self.build(entry)[1], PORTABLE_CORE)),
        }

    def library(self, entry: Entry, is_whole: bool) -> dict[str, dict[int, int]]:
        """CMSIS-NN's cycles per step and option; `is_whole` with the channels that we drop."""
        plan = self.build(entry)[0].plan
        program = plan.stored if is_whole else plan.program
        return {
            opt: {
                index: cycles
                for index, (_, cycles) in measure_layers(image, program, self.folder / "counter").items()
            }
            for opt, image in self._images.items()
        }

    def silicon(self, entry: Entry) -> Silicon:
        """Our cycles on modelled silicon, built for its board."""
        if entry.name not in self._silicon:
            progress(f"{entry.name}: flash model")
            board = build_for_board(self.build(entry)[0], self.folder)
            self._silicon[entry.name] = measure_silicon(board, self.folder / "flash" / entry.name)
        return self._silicon[entry.name]

    def library_silicon(self, entry: Entry) -> dict[str, Silicon]:
        """CMSIS-NN's cycles on modelled silicon per option, with the channels that we drop."""
        program = self.build(entry)[0].plan.stored
        return {
            opt: measure_library_silicon(image, program, self.folder / "flash" / f"{entry.name}{opt}")
            for opt, image in self._images.items()
        }

    def bakenn(self, entry: Entry) -> Iterator[str]:
        """The table of bakenn's generated code."""
        progress(f"{entry.name}: bakenn")
        plan = self.build(entry)[0].plan
        results = list(measure_bakenn(plan.stored, entry.name, self.folder / "bakenn"))
        yield from bakenn_table(self.measure_both(entry)[0], results)

    def offenders(self, entries: list[Entry]) -> list[Offender]:
        """The layers that cost more than with the portable kernel."""
        return [
            offender
            for entry in entries
            for offender in find_offenders(entry.name, *self.measure_both(entry))
        ]


def entries_of(measured: dict[str, dict[str, Measured]]) -> dict[str, Entry]:
    """The networks that were measured, by name."""
    return {entry.name: entry for entry in FOUR if entry.name in measured}


def progress(text: str) -> None:
    """Say what is going on."""
    print(text, file=sys.stderr, flush=True)


def network_section(bench: Bench, entry: Entry, measured: dict[str, Measured]) -> Iterator[str]:
    """All about one network."""
    bars = BARS[entry.name]
    library = bench.library(entry, is_whole=False)
    yield from (f"## {bars.title}", "")
    yield from cost_table(entry.name, measured)
    yield ""
    yield from bars_table(entry.name, measured[SPECIAL], bench.silicon(entry))
    yield from ("", "Layers on the Cortex-M4, in the order in which they run:", "")
    yield from layer_table(measured[SPECIAL], measured[PORTABLE], library)
    yield from ("", covered_line(measured[SPECIAL], library), "")
    yield from bench.bakenn(entry)
    yield ""


def summary_section(bench: Bench, measured: dict[str, dict[str, Measured]]) -> Iterator[str]:
    """All networks, and what was published."""
    totals = {}
    for entry in entries_of(measured).values():
        whole = bench.library(entry, is_whole=True)
        totals[entry.name] = " / ".join(f"{sum(cycles.values()):,}" for cycles in whole.values())
    yield from ("## Summary", "")
    yield from summary_table(measured, totals)
    yield from (
        "",
        "CMSIS-NN: the layers that it covers, with -O2 / -Ofast, without dropping any channel.",
        "",
        "On modelled silicon, beside the best that was published:",
        "",
    )
    entries = list(entries_of(measured).values())
    yield from silicon_table({entry.name: bench.silicon(entry) for entry in entries})
    yield from ("", "The same model on CMSIS-NN's code, the layers that it covers:", "")
    library = {entry.name: bench.library_silicon(entry) for entry in entries}
    yield from library_silicon_table(library)
    yield ""
    yield from calibration_lines(library)
    yield from (
        "",
        "Published on NUCLEO-L4R5ZI, a Cortex-M4 at 120 MHz (mlcommons/tiny_results_v0.5 to v1.3), cycles",
        "with flash wait states; * dropped provably constant channels:",
        "",
    )
    yield from published_table()
    yield ""


def offender_section(offenders: list[Offender], entries: list[Entry]) -> Iterator[str]:
    """The check over all real models."""
    names = ", ".join(entry.name for entry in entries)
    yield from ("## Layers beside the portable kernels", "")
    if not offenders:
        yield "No layer with a kernel of its own costs more cycles than with the portable one. Looked at:"
        yield f"{names}."
        return
    yield from (f"Looked at: {names}. **Missed** by:", "")
    yield from offender_table(offenders)


def page(bench: Bench, only: str | None) -> tuple[str, bool]:
    """The page, and whether no layer costs more than with the portable kernel."""
    measured = {}
    for entry in FOUR:
        if only in (None, entry.name):
            measured[entry.name] = bench.measure_all(entry)
    sections: list[str] = []
    if measured:
        profile = next(iter(measured.values()))[SPECIAL].profile
        library = "not at hand" if bench.cmsis_nn is None else bench.cmsis_nn.title
        head = HEADER.format(toolchain=profile.toolchain, flags=profile.flags, library=library)
        sections += head.splitlines()
        sections += summary_section(bench, measured)
    for entry in entries_of(measured).values():
        sections += network_section(bench, entry, measured[entry.name])
    if measured:
        built = {name: bench.build(entry)[0] for name, entry in entries_of(measured).items()}
        progress("every aim")
        sections += modes_section(measure_modes(built, bench.folder / "modes"))
        progress("16 bits")
        wide = {name: build_wide(each, bench.folder / "wide") for name, each in entries_of(measured).items()}
        sections += wide_section(
            {name: (measured[name][SPECIAL], measure(each)) for name, each in wide.items()}
        )
        both = {name: (built[name], each) for name, each in wide.items()}
        sections += vector_section(both, bench.folder / "vectors")
        progress("other cores")
        sections += cores_section(measure_cores(built, bench.cmsis_nn, bench.folder / "cores"))
    if only in (None, SWW.name):
        progress(f"{SWW.name}: streams")
        sections += stream_section(SWW, bench.folder)
    entries = [entry for entry in (DIGITS, *SIX, *ZOO) if only in (None, entry.name)]
    offenders = bench.offenders(entries)
    sections += offender_section(offenders, entries)
    return "\n".join(sections) + "\n", not offenders


def main() -> None:
    """Print the page; write it to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [entry.name for entry in (DIGITS, *SIX, SWW, *ZOO)]
    parser.add_argument("--only", choices=names, help="one model")
    parser.add_argument("--cmsis-nn", type=Path, metavar="FOLDER", help="the library's repository")
    parser.add_argument("--output", type=Path, help="also write the page here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcuq-bench-") as folder:
        bench = Bench(Path(folder), find_library(options.cmsis_nn))
        text, is_good = page(bench, options.only)
    print(text, end="")
    if options.output is not None:
        options.output.write_text(text, "utf-8")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
