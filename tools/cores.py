"""Hold every layer on every core against the portable kernels.

    python tools/cores.py [--core NAME] [--graphs 100] [--first 0] [--no-zoo] [--output docs/verification.md]

Builds the models of the zoo and random networks for each core with the kernels that a build chooses, and
again with each portable kernel for every layer; counts each layer there, in cycles where `mcuq profile` has a
model of them and in instructions elsewhere. Ends with 1 where the chosen kernel costs more.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mcu.networks import build_drawn, build_network
from mcu.rivals import NOISE, NOISE_PERCENT, Rivalry, find_rivalries, unit
from mcu.tables import table
from zoo import DIGITS, SIX, SWW, ZOO, Entry

from mcuq.errors import McuqError
from mcuq.targets import list_targets

BEGIN, END = "<!-- begin: make cores -->", "<!-- end: make cores -->"
HEADER = f"""## Layers beside the portable kernels

Written by `make cores`: every layer with the kernel that a build for the core chooses, beside the same layer
with each portable kernel that takes it, in a build of its own; layers without another kernel are left out.
A layer is slower where it costs more than the best of them by more than {NOISE_PERCENT} % and {NOISE}
instructions or cycles, what two builds of one kernel may differ by. Counted as `mcuq profile` counts,
without wait states, at -O2, with kernels that do not know their parameters, as the costs that choose are
measured: adr/0033 says what knowing them changes.
"""
Found = tuple[dict[str, list[Rivalry]], str]


def examine(cores: Sequence[str], what: int | Entry) -> Found:
    """The rivalries of one network by core, and why it was not built if so."""
    with tempfile.TemporaryDirectory(prefix="mcuq-cores-") as name:
        folder = Path(name)
        try:
            firmware = build_drawn(what, folder) if isinstance(what, int) else build_network(what, folder)
            program = firmware.plan.stored
            return {
                core: list(find_rivalries(firmware.name, program, core, folder / f"on-{core}"))
                for core in cores
            }, ""
        except McuqError as error:
            return {}, f"{what}: {error.problems[0]}"


def section(found: Mapping[str, Sequence[Rivalry]], networks: str) -> Iterator[str]:
    """All cores in one table, and the layers that are slower one by one."""
    yield from (HEADER, networks, "")
    yield from table(
        ("core", "counted in", "layers compared", "slower", "worst ratio", "cost of all", "portable"),
        (_core_row(core, rivalries) for core, rivalries in found.items()),
    )
    slower = [(core, each) for core, some in found.items() for each in some if each.is_slower]
    if not slower:
        return
    yield from ("", "Slower are:", "")
    yield from table(
        ("core", "network", "layer", "shapes", "kernel", "cost", "portable kernel", "cost", "ratio"),
        (
            (
                *(core, each.network, f"`{each.layer}`", each.shapes, f"`{each.kernel}`", f"{each.cost:,}"),
                *(f"`{each.rival}`", f"{each.rival_cost:,}", f"{each.ratio:.2f}"),
            )
            for core, each in sorted(slower, key=lambda found: -found[1].ratio)
        ),
    )


def _core_row(core: str, rivalries: Sequence[Rivalry]) -> tuple[str, ...]:
    worst = max((each.ratio for each in rivalries), default=0)
    slower = sum(each.is_slower for each in rivalries)
    costs = (f"{sum(each.cost for each in rivalries):,}", f"{sum(each.rival_cost for each in rivalries):,}")
    return core, unit(core), f"{len(rivalries):,}", f"{slower}", f"{worst:.2f}", *costs


def write_section(path: Path, text: str) -> None:
    """Put the section into a page, in the place of what stands there."""
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    behind = rest.partition(f"{END}\n")[2]
    path.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{text}\n{END}\n{behind}", "utf-8")


def main() -> int:
    """Print the section; write it into a page if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [each.name for each in list_targets() if each.board is None and not each.core.is_host]
    parser.add_argument("--core", choices=every, action="append", help="one core, or several; by default all")
    parser.add_argument("--graphs", type=int, default=100, help="random networks")
    parser.add_argument("--first", type=int, default=0, help="the first one's seed")
    parser.add_argument("--no-zoo", action="store_true", help="random networks alone")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--output", type=Path, help="the page whose section to replace")
    options = parser.parse_args()
    cores = tuple(options.core or every)
    entries = () if options.no_zoo else (DIGITS, *SIX, SWW, *ZOO)
    jobs = (*entries, *range(options.first, options.first + options.graphs))
    found: dict[str, list[Rivalry]] = {core: [] for core in cores}
    networks = 0
    with multiprocessing.Pool(options.workers) as pool:
        for rivalries, refusal in pool.imap(functools.partial(examine, cores), jobs):
            if refusal:
                print(refusal, file=sys.stderr, flush=True)
            networks += not refusal
            for core, some in rivalries.items():
                found[core] += some
                for each in some:
                    if each.is_slower:
                        print(core, each, file=sys.stderr, flush=True)
    drawn = f"random ones of seeds {options.first} to {options.first + options.graphs - 1}"
    title = f"{networks} networks: {len(entries)} real ones, {drawn}."
    text = "\n".join(section(found, title))
    print(text)
    if options.output is not None:
        write_section(options.output, text)
    return int(any(each.is_slower for some in found.values() for each in some))


if __name__ == "__main__":
    sys.exit(main())
