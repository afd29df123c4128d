"""Find the layers that cost a Cortex-M4 more than 3 cycles a product and 25 an output.

    python tools/cliffs.py [--graphs 200] [--first 0] [--portable] [--output docs/cliffs.md]

Builds the models of the zoo with default options, and random networks over the shapes that are easily
forgotten, counts the cycles of each layer on the emulator and prints those above the bar, worst first.
`--portable` also names layers that cost more than with the portable kernel.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcu.bar import PER_LAYER, PER_MAC, PER_OUTPUT, Cliff, every_layer
from mcu.networks import CORE, build_drawn, build_network, build_portable, measure, on_core
from mcu.offenders import Offender, find_offenders
from mcu.tables import offender_table, table
from zoo import SIX, SWW, ZOO, Entry

from mcuq.errors import McuqError

SHOWN = 40
HEADER = f"""# Cliffs

Written by `make cliffs`: layers of the real models, and of random networks over shapes that are easily
forgotten, that cost a Cortex-M4 more than {PER_MAC} cycles a product and {PER_OUTPUT} an output, at zero wait
states. A window that does not multiply counts an element that it reads as a product. What a layer costs once,
{PER_LAYER} cycles, is no cliff.

What is known of those that are left:

- Lines: outputs are computed by fours in a row, and a channel's walk over a band costs about 300 cycles:
  short rows and few rows pay for that; a row of three taps costs what one of four does.
- Softmax: a row costs about 53 cycles beside its codes: rows of a few codes cannot pay for it.
- Depthwise of any window: 3.7 cycles a product, 5.1 in a window that is cut; several filters per channel and
  fewer than four channels go along lines or from planes.
- Small layers take a kernel that a larger one needs anyway, where its flash weighs more than the cycles.
- Means and averages of fewer than four channels or over few codes: portable, or a division an output.
"""

Found = tuple[list[Cliff], list[Offender], str]


def examine(job: tuple[int | Entry, bool]) -> Found:
    """The layers of one network, those that the portable kernel beats, and why it was not built if so."""
    what, is_compared = job
    with tempfile.TemporaryDirectory(prefix="mcuq-cliffs-") as name:
        folder = Path(name)
        try:
            firmware = build_drawn(what, folder) if isinstance(what, int) else build_network(what, folder)
        except McuqError as error:
            return [], [], f"{what}: {error.problems[0].code}"
        special = measure(firmware)
        layers = list(every_layer(firmware.name, special))
        if not is_compared:
            return layers, [], ""
        portable = measure(on_core(build_portable(firmware, folder), CORE))
        return layers, list(find_offenders(firmware.name, special, portable)), ""


def page(layers: Sequence[Cliff], networks: int, offenders: Sequence[Offender] | None) -> Iterator[str]:
    """Everything above the bar, the worst layers one by one."""
    above = sorted((each for each in layers if each.times > 1), key=lambda each: -each.times)
    large = [each for each in above if not each.is_small]
    yield HEADER
    yield from (
        f"{len(layers)} layers of {networks} networks: {len(above)} above the bar,",
        f"{len(large)} of them by more than {PER_LAYER} cycles.",
        "",
    )
    yield from table(
        ("kernel", "layers", "above the bar", "worst, times the bar", "cycles above"),
        kernel_rows(layers, large),
    )
    yield from ("", f"The worst {SHOWN}:" if len(large) > SHOWN else "One by one:", "")
    yield from table(
        ("network", "layer", "kernel", "shapes", "cycles", "products", "outputs", "times the bar"),
        (
            (
                *(each.model, each.layer, f"`{each.kernel}`", each.shapes, f"{each.cycles:,}"),
                *(f"{each.work:,}", f"{each.outputs:,}", f"{each.times:.2f}"),
            )
            for each in large[:SHOWN]
        ),
    )
    if offenders is not None:
        yield from ("", "Layers that cost more than with the portable kernel:", "")
        yield from offender_table(offenders)


def kernel_rows(layers: Sequence[Cliff], above: Sequence[Cliff]) -> Iterator[tuple[str, ...]]:
    """What each kernel costs above the bar, the most first."""
    used = Counter(each.kernel for each in layers)
    by_kernel: dict[str, list[Cliff]] = {}
    for each in above:
        by_kernel.setdefault(each.kernel, []).append(each)
    lost = {kernel: sum(each.cycles - each.bar for each in found) for kernel, found in by_kernel.items()}
    for kernel in sorted(by_kernel, key=lambda kernel: -lost[kernel]):
        worst = max(each.times for each in by_kernel[kernel])
        count = len(by_kernel[kernel])
        yield f"`{kernel}`", f"{used[kernel]}", f"{count}", f"{worst:.2f}", f"{lost[kernel]:,}"


def main() -> None:
    """Print or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graphs", type=int, default=200, help="random networks")
    parser.add_argument("--first", type=int, default=0, help="the first one's seed")
    parser.add_argument("--portable", action="store_true", help="hold layers against the portable kernel")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--no-zoo", action="store_true", help="random networks alone")
    parser.add_argument("--output", type=Path, help="write the page there")
    options = parser.parse_args()
    entries: tuple[int | Entry, ...] = () if options.no_zoo else (*SIX, SWW, *ZOO)
    jobs = [
        (each, options.portable) for each in (*entries, *range(options.first, options.first + options.graphs))
    ]
    every: list[Cliff] = []
    offenders: list[Offender] = []
    measured = 0
    with multiprocessing.Pool(options.workers) as pool:
        for layers, found, refusal in pool.imap(examine, jobs):
            if refusal:
                print(refusal, file=sys.stderr, flush=True)
            measured += not refusal
            every += layers
            offenders += found
    text = "\n".join(page(every, measured, offenders if options.portable else None))
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
