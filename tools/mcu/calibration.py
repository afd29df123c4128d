"""How far the model of the flash is from silicon, in words: CMSIS-NN's code as modelled and as published."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from mcu.anchors import BARS, PUBLISHED_HZ, STACKS, WITHOUT_CONSTANT_CHANNELS
from mcu.flash import mode_title, silicon_modes
from mcuq.profile.silicon import Silicon

# By network and option of the compiler.
Library: TypeAlias = Mapping[str, Mapping[str, Silicon]]
# A network, and what is modelled over what is published, less 1.
Error: TypeAlias = tuple[str, float]
_CAVEAT = (
    "Not in the modelled figures are the layers that the library does not cover (additions, softmax) and "
    "what a stack does between layers; version, compiler options and flash mode of the published runs are "
    "not known here. So these figures compare code in one mode; of a board's own latency they say no more "
    "than the ranges above."
)
_LOW, _HIGH, _BOTH = "low", "high", "both"


def comparable_cycles(name: str) -> tuple[int, ...]:
    """What was published of a network for stacks that run CMSIS-NN's kernels on all of its channels."""
    dropped = WITHOUT_CONSTANT_CHANNELS.get(name, ())
    return tuple(
        round(ms * 1e-3 * PUBLISHED_HZ)
        for stack, ms in zip(STACKS, BARS[name].published_ms, strict=True)
        if "CMSIS-NN" in stack and stack not in dropped
    )


def errors_by_mode(library: Library) -> list[list[Error]]:
    """Per mode of the flash the error of every network, option and published result.

    Args:
        library: CMSIS-NN's layers on modelled silicon.
    """
    return [
        [
            (name, silicon.totals[mode] / published - 1)
            for name, by_option in library.items()
            for silicon in by_option.values()
            for published in comparable_cycles(name)
        ]
        for mode in range(len(silicon_modes()))
    ]


def calibration_lines(library: Library) -> Iterator[str]:
    """The errors of the model: range and mean in every mode, and what it takes for too fast or too slow.

    Args:
        library: CMSIS-NN's layers on modelled silicon; nothing is said where there are none.
    """
    by_mode = errors_by_mode(library)
    if not by_mode[0]:
        return
    yield from textwrap.wrap(
        f"How far off the model is, over {len(by_mode[0])} pairs of a modelled and a published figure in "
        "each mode (every network and option beside every published result that computes all channels):",
        110,
    )
    yield ""
    for mode, found in zip(silicon_modes(), by_mode, strict=True):
        yield f"- {mode_title(mode)}: {_spread(found)}."
    yield ""
    yield from textwrap.wrap(f"{' '.join(_leaning(library))} {_CAVEAT}", 110)


def _spread(errors: Sequence[Error]) -> str:
    """Range and mean."""
    (least, low), (most, high) = (extreme(errors, key=lambda error: error[1]) for extreme in (min, max))
    mean = sum(error for _, error in errors) / len(errors)
    size = sum(abs(error) for _, error in errors) / len(errors)
    return (
        f"from {_share(low)} ({BARS[least].title}) to {_share(high)} ({BARS[most].title}), "
        f"mean {_share(mean)}, mean size {size:.1%}"
    )


def _share(error: float) -> str:
    return f"{abs(error):.1%} {'too low' if error < 0 else 'too high'}"


def _leaning(library: Library) -> Iterator[str]:
    """Which code is under- or overestimated by every pair in every mode, and which by some."""
    groups: dict[str, list[str]] = {}
    for name, by_option in library.items():
        for option, silicon in by_option.items():
            found = [cycles / each - 1 for cycles in silicon.totals for each in comparable_cycles(name)]
            title = f"{BARS[name].title} with {option} (mean {_share(sum(found) / len(found))})"
            groups.setdefault(_side(found), []).append(title)
    for side, verb in (
        (_LOW, "The model underestimates in every mode"),
        (_HIGH, "It overestimates in every mode"),
        (_BOTH, "Above one published result or in one mode and below another is what it says of"),
    ):
        if side in groups:
            yield f"{verb} {_listed(groups[side])}."


def _side(errors: Sequence[float]) -> str:
    if max(errors) < 0:
        return _LOW
    return _HIGH if min(errors) > 0 else _BOTH


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
