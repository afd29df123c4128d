"""The builds that a search reports, measured: real plan, real firmware, emulated core."""

from __future__ import annotations

import dataclasses

from mcuq.codegen.emit import emit_firmware
from mcuq.errors import McuqError
from mcuq.files import scratch_folder
from mcuq.ir.plan import Plan
from mcuq.pipeline.directory import write_files
from mcuq.pipeline.tune_study import Study, compile_candidate, judge, unmeasured_work
from mcuq.profile.profile import profile_firmware
from mcuq.profile.result import Profile
from mcuq.tune.figures import Figures
from mcuq.tune.moves import MoveSet

# Without compilers or an emulator for it, a core is not measured; the host never is.
_NOT_MEASURED = ("T002", "O013")


@dataclasses.dataclass(frozen=True, slots=True)
class MeasuredBuild:
    """A build with what it costs.

    Args:
        candidate: its moves, none of the build that they start from.
        figures: measured as far as can be.
        modelled: the same by the cost model of kernels, as the search sees it.
        notes: by name, what of them was not measured, and what it is instead.
    """

    candidate: MoveSet
    figures: Figures
    modelled: Figures
    notes: tuple[tuple[str, str], ...] = ()

    def correct(self, modelled: Figures) -> Figures:
        """What another build would be measured to cost, if the model is off by as much as for this one."""
        flash, cycles = modelled.flash_bytes, modelled.cycles
        if flash is not None and self.figures.flash_bytes and self.modelled.flash_bytes:
            flash += self.figures.flash_bytes - self.modelled.flash_bytes
        if cycles is not None and self.figures.cycles and self.modelled.cycles:
            cycles = round(cycles * self.figures.cycles / self.modelled.cycles)
        return dataclasses.replace(modelled, flash_bytes=flash, cycles=cycles)


def measure_found(given: tuple[Study, str], candidate: MoveSet) -> MeasuredBuild:
    """Build again what a search found, as `mcuq build` does, and profile it as `mcuq profile` does.

    Args:
        given: the study of the search, and the C name.
        candidate: what to build.

    Raises:
        McuqError: as a build and a profile.
    """
    study, name = given
    compiled = compile_candidate(study, candidate)
    figures, plan = judge(study, compiled, study.options_of(candidate))
    try:
        profile = _profile(plan, name)
    except McuqError as error:
        if error.problems[0].code not in _NOT_MEASURED:
            raise
        why = f"{error.problems[0].title}: {error.problems[0].why}"
        notes = (("flash_bytes", _modelled(why)), ("cycles", _modelled(why)))
        return MeasuredBuild(candidate, figures, figures, notes)
    measured = dataclasses.replace(figures, flash_bytes=profile.flash.total)
    if profile.cycles is None:
        why = f"no model of cycles is validated for {profile.core}"
        return MeasuredBuild(candidate, measured, figures, (("cycles", _modelled(why)),))
    return MeasuredBuild(candidate, dataclasses.replace(measured, cycles=profile.cycles), figures)


def measure_rates(given: tuple[Study, str], candidate: MoveSet) -> dict[str, float]:
    """Cycles for each unit of work of the kernels of a build that have neither a model nor a rate, profiled.

    Args:
        given: as of `measure_found`.
        candidate: what to build.

    Returns:
        By kernel; nothing where the build is refused, or the core cannot be measured.
    """
    study, name = given
    try:
        _, plan = judge(study, compile_candidate(study, candidate), study.options_of(candidate))
        work = unmeasured_work(plan)
        if study.rates.keys() >= {kernel for kernel, _ in work.values()}:
            return {}
        layers = _profile(plan, name).layers
    except McuqError:
        return {}
    found: dict[str, tuple[int, int]] = {}
    for index, layer in zip(plan.memory.order, layers, strict=True):
        if index in work and layer.cycles is not None:
            cycles, amount = found.get(layer.kernel, (0, 0))
            found[layer.kernel] = cycles + layer.cycles, amount + work[index][1]
    return {kernel: cycles / amount for kernel, (cycles, amount) in sorted(found.items())}


def _modelled(why: str) -> str:
    return f"not measured, by the cost model of kernels: {why}"


def _profile(plan: Plan, name: str) -> Profile:
    files = emit_firmware(plan, name, plan.resolved.core.isa)
    with scratch_folder("tune") as folder:
        write_files(folder, files)
        return profile_firmware(folder, plan, name)
