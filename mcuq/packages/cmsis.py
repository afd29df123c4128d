"""For which cores a CMSIS-Pack offers its component: those that have what its kernels are made of."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from mcuq.errors import fail
from mcuq.ir.plan import Plan
from mcuq.kernels.core import core_kernels
from mcuq.kernels.registry import isa_variants, libraries
from mcuq.kernels.variant import VariantType
from mcuq.targets import Core, list_targets

# What the pack's schema calls a core; the first is the core itself, others have its instructions.
DCORES: Mapping[str, tuple[str, ...]] = {
    "cortex-m0plus": ("Cortex-M0+", "Cortex-M0"),
    "cortex-m3": ("Cortex-M3",),
    "cortex-m33": ("Cortex-M33",),
    "cortex-m4": ("Cortex-M4",),
    "cortex-m55": ("Cortex-M55",),
    "cortex-m7": ("Cortex-M7",),
}
# Extensions that makers of devices may leave out of a core, by what a device with them declares. The others
# are part of every core that has them; floating point is asked for by no kernel.
_OPTIONAL: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("cortex-m33", "dsp"): ('Ddsp="DSP"',),
    ("cortex-m55", "mve"): ('Dmve="MVE"', 'Dmve="FP_MVE"'),
}


def accepted_cores(plan: Plan) -> tuple[str, ...]:
    """The attributes of a condition's `accept` elements, one of which a device has to match.

    A core is accepted where mcuq would let it run every kernel of the firmware: it has their instruction set,
    what they need, and nothing that they are for cores without.

    Args:
        plan: of the firmware.

    Raises:
        McuqError: O013 for firmware of a core that is no Cortex-M.
    """
    if plan.resolved.core.arch == "riscv32":
        raise fail(
            "O013",
            "a CMSIS-Pack is for Cortex-M",
            where="--format cmsis-pack",
            why=f"the firmware is for '{plan.resolved.core.name}', whose kernels no Cortex-M has",
            fix="choose another format, or build for a Cortex-M",
        )
    used = _used(plan)
    found: list[str] = []
    for core in _cores():
        if not all(_runs(core, isa, variant) for isa, variant in used):
            continue
        needs = sorted({need for _, variant in used for need in variant.needs})
        declared = [_OPTIONAL[core.name, need] for need in needs if (core.name, need) in _OPTIONAL]
        for dcore in DCORES[core.name]:
            found += _joined(f'Dcore="{dcore}"', declared)
    return tuple(found)


def has_library_calls(plan: Plan) -> bool:
    """Whether the component needs that of CMSIS-NN beside it."""
    return any(call.is_library_call for call in plan.calls)


def _joined(first: str, declared: Iterable[tuple[str, ...]]) -> list[str]:
    """Every way to have one of each.

    >>> _joined("a", [("b", "c")])
    ['a b', 'a c']
    """
    ways = [first]
    for choices in declared:
        ways = [f"{way} {choice}" for way in ways for choice in choices]
    return ways


@functools.cache
def _cores() -> tuple[Core, ...]:
    return tuple(each.core for each in list_targets() if each.board is None and each.core.arch == "arm")


def _used(plan: Plan) -> list[tuple[str, VariantType]]:
    """The variants that the plan calls, each with the instruction set or the library that it is of."""
    core = plan.resolved.core
    kernels = core_kernels(core)
    called = {call.kernel for call in plan.calls}
    return [
        (isa, variant)
        for isa in (*core.isa, *libraries())
        for variant in isa_variants(isa)
        if variant.kernel in called and kernels.missing(variant) is None
    ]


def _runs(core: Core, isa: str, variant: VariantType) -> bool:
    return (isa in core.isa or isa in libraries()) and core_kernels(core).missing(variant) is None
