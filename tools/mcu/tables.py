"""Measurements as tables of a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mcu.anchors import (
    BARS,
    CODE_LIMIT_BYTES,
    PUBLISHED_HZ,
    STACKS,
    WITHOUT_CONSTANT_CHANNELS,
    Bars,
    weights_limit,
)
from mcu.bakenn_code import BakennResult
from mcu.flash import mode_title, silicon_modes
from mcu.networks import Measured, live_parameters, output_channels
from mcu.offenders import Offender
from mcuq.flash_modes import FlashMode
from mcuq.profile.silicon import Silicon

OPTS = ("-O2", "-Ofast")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table with its head."""
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def cost_table(name: str, measured: Mapping[str, Measured]) -> Iterator[str]:
    """What a network costs, by core and kernels."""
    rows = []
    for title, each in measured.items():
        profile = each.profile
        rows.append(
            (
                title,
                f"{each.cycles:,}",
                f"{each.cycles / profile.macs:.2f}",
                f"{profile.code_bytes:,}",
                f"{profile.weights_bytes:,}",
                f"{profile.arena_bytes:,}",
                f"{profile.stack_bytes:,}",
            )
        )
    titles = ("core and kernels", "cycles", "per MAC", "code, B", "weights, B", "arena, B", "stack, B")
    yield from table(titles, rows)


def bars_table(name: str, special: Measured, silicon: Silicon) -> Iterator[str]:
    """The limits, what was measured, and by how much they are kept or missed."""
    bars, profile = BARS[name], special.profile
    limit = weights_limit(live_parameters(special.plan), output_channels(special.plan))
    cycles, arena = special.cycles, profile.arena_bytes
    modes = zip(silicon_modes(), silicon.totals, strict=True)
    found = (
        ("cycles at zero wait, must", cycles, bars.cycles[0]),
        ("cycles at zero wait, aim", cycles, bars.cycles[1]),
        *_silicon_bars(bars, dict(modes)),
        ("weights, B", profile.weights_bytes, limit),
        ("arena, B, must", arena, bars.arena[0]),
        ("arena, B, aim", arena, bars.arena[1]),
        ("code, B", profile.code_bytes, CODE_LIMIT_BYTES),
    )
    rows = [(what, f"{got:,}", f"{most:,}", verdict(got, most)) for what, got, most in found]
    yield from table(("bar", "measured", "limit", "verdict"), rows)


def _silicon_bars(bars: Bars, cycles: Mapping[FlashMode, int]) -> Iterator[tuple[str, int, int]]:
    for mode, found in cycles.items():
        title = f"modelled silicon, {mode_title(mode)}"
        if mode.name in bars.silicon_cycles:
            yield f"{title}, must", found, bars.silicon_cycles[mode.name]
        yield f"{title}, best published", found, bars.best_cycles


def verdict(got: int, most: int) -> str:
    """Whether a limit is kept, and by how much."""
    share = abs(got - most) / most
    if got <= most:
        return f"holds, {share:.1%} below"
    return f"**misses** by {got - most:,} ({share:.1%})"


def published_table() -> Iterator[str]:
    """The published latencies, in milliseconds and in cycles."""
    rows = []
    for number, stack in enumerate(STACKS):
        cells = [stack]
        for name, bars in BARS.items():
            ms = bars.published_ms[number]
            star = "*" if stack in WITHOUT_CONSTANT_CHANNELS.get(name, ()) else ""
            cells.append(f"{ms:g} ms{star}, {ms * 1e-3 * PUBLISHED_HZ / 1e6:.2f} M")
        rows.append(cells)
    yield from table(("stack", *(bars.title for bars in BARS.values())), rows)


def summary_table(
    measured: Mapping[str, Mapping[str, Measured]], library: Mapping[str, str]
) -> Iterator[str]:
    """All networks in one table, at zero wait."""
    rows = []
    for name, each in measured.items():
        bars, (special, *others) = BARS[name], each.values()
        rows.append(
            (
                bars.title,
                f"{special.cycles:,}",
                f"{special.cycles / special.profile.macs:.2f}",
                *(f"{other.cycles:,}" for other in others),
                library.get(name, "-"),
                verdict(special.cycles, bars.cycles[0]),
            )
        )
    titles = ("network", "M4, DSP kernels", "per MAC", "M4, portable", "M3", "CMSIS-NN, M4")
    yield from table((*titles, "must"), rows)


def silicon_table(ours: Mapping[str, Silicon]) -> Iterator[str]:
    """All networks on modelled silicon, beside the best that was published for it."""
    rows = []
    for name, silicon in ours.items():
        best = BARS[name].best_cycles
        ratios = sorted(best / cycles for cycles in silicon.totals)
        rows.append(
            (
                BARS[name].title,
                f"{sum(silicon.ideal):,}",
                *(f"{cycles:,}" for cycles in silicon.totals),
                f"{best:,}",
                f"{ratios[0]:.2f} .. {ratios[-1]:.2f}",
            )
        )
    titles = ("network", "zero wait", *map(mode_title, silicon_modes()))
    yield from table((*titles, "best published", "published / modelled"), rows)


def library_silicon_table(library: Mapping[str, Mapping[str, Silicon]]) -> Iterator[str]:
    """CMSIS-NN's layers on modelled silicon, beside what was published with CMSIS-NN."""
    rows = []
    for name, by_opt in library.items():
        published = [
            f"{ms * 1e-3 * PUBLISHED_HZ / 1e6:.2f} M"
            for stack, ms in zip(STACKS, BARS[name].published_ms, strict=True)
            if "CMSIS-NN" in stack
        ]
        for opt, silicon in by_opt.items():
            cycles = (f"{each:,}" for each in silicon.totals)
            rows.append((BARS[name].title, opt, f"{sum(silicon.ideal):,}", *cycles, " / ".join(published)))
    titles = ("network", "option", "zero wait", *map(mode_title, silicon_modes()))
    yield from table((*titles, "published with CMSIS-NN"), rows)


def layer_table(
    special: Measured, portable: Measured, library: Mapping[str, Mapping[int, int]]
) -> Iterator[str]:
    """Our cycles per layer beside the portable kernels' and CMSIS-NN's."""
    plain, rows = portable.by_step(), []
    for index, layer in special.by_step().items():
        assert layer.cycles is not None
        theirs = [library[opt].get(index) for opt in OPTS if opt in library]
        ratio = "-" if not theirs or theirs[0] is None else f"{layer.cycles / theirs[0]:.2f}"
        rows.append(
            (
                str(index),
                layer.kernel.removeprefix("mcuq_"),
                f"{layer.macs:,}",
                f"{layer.cycles:,}",
                f"{layer.cycles / layer.macs:.2f}" if layer.macs else "-",
                f"{plain[index].cycles:,}",
                *("-" if value is None else f"{value:,}" for value in theirs),
                ratio,
            )
        )
    titles = ("step", "kernel", "MACs", "cycles", "per MAC", "portable")
    yield from table((*titles, *(f"CMSIS-NN {opt}" for opt in library), "ours / theirs"), rows)


def covered_line(special: Measured, library: Mapping[str, Mapping[int, int]]) -> str:
    """The layers that the library covers, together."""
    found = library.get(OPTS[0], {})
    if not found:
        return "CMSIS-NN was not measured: the package bakenn is not installed."
    ours = sum(special.by_step()[index].cycles or 0 for index in found)
    theirs = sum(found.values())
    return (
        f"On the {len(found)} layers that it covers: ours {ours:,}, CMSIS-NN {theirs:,} cycles, "
        f"ours / theirs {ours / theirs:.2f}."
    )


def bakenn_table(ours: Measured, results: Sequence[BakennResult]) -> Iterator[str]:
    """The code that bakenn generates."""
    rows = []
    for each in results:
        if each.cycles is None:
            rows.append((each.kernels, "-", "-", "-", "-", "-", each.note))
            continue
        rows.append(
            (
                each.kernels,
                f"{each.cycles:,}",
                f"{ours.cycles / each.cycles:.2f}",
                f"{each.code_bytes:,}",
                f"{each.constant_bytes:,}",
                f"{each.arena_bytes:,}",
                each.note,
            )
        )
    titles = ("bakenn's kernels", "cycles", "ours / theirs", "code, B", "constants, B", "arena, B", "note")
    yield from table(titles, rows)


def offender_table(offenders: Sequence[Offender]) -> Iterator[str]:
    """The layers that cost more than with the portable kernel."""
    rows = [
        (each.model, f"`{each.layer}`", each.kernel, f"{each.cycles:,}", f"{each.portable:,}")
        for each in offenders
    ]
    yield from table(("model", "layer", "kernel", "cycles", "portable"), rows)
