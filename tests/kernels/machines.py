"""Which machine runs the kernels of an instruction set: asked of the targets, never of a name."""

from __future__ import annotations

from mcuq.profile.cycles import load_cycle_model
from mcuq.targets import Core, list_targets
from mcuq.verify.firmware import Where
from tests.tools import require_machine


def emulated_cores(isa: str | None = None) -> list[Core]:
    """The cores that a machine runs, of one instruction set or of all."""
    cores = [target.core for target in list_targets() if target.board is None and not target.core.is_host]
    return [core for core in cores if isa is None or isa in core.isa]


def where_it_runs(core: Core) -> Where:
    """On the host, on Unicorn if it has the core, otherwise on QEMU; goes on only where that is installed."""
    where: Where = "host" if core.is_host else "qemu" if core.unicorn_cpu is None else "emulator"
    require_machine(core, {"host": "host", "emulator": "unicorn", "qemu": "qemu"}[where])
    return where


def contract_core(isa: str) -> Core:
    """Where an instruction set's kernels compute many examples: the plainest core that has nothing better."""
    return min(
        emulated_cores(isa),
        key=lambda core: (
            core.isa[0] != isa,
            core.unicorn_cpu is None,
            len(core.features),
            not _has_cycles(core),
        ),
    )


def cost_core(isa: str) -> Core:
    """Where an instruction set's kernels are measured: if possible, a core with a model of cycles."""
    return min(
        emulated_cores(isa),
        key=lambda core: (not _has_cycles(core), core.unicorn_cpu is None, -len(core.features)),
    )


def _has_cycles(core: Core) -> bool:
    return load_cycle_model(core.name) is not None
