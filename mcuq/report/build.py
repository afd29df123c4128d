"""What a person and a script read after a build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from mcuq.codegen.dropped import dropped_document, dropped_totals
from mcuq.codegen.library import library_document, library_steps
from mcuq.codegen.manifest import kernels_document, refusals_document, sizes, strips_document, target_document
from mcuq.codegen.names import comment_text
from mcuq.ir.encodings import Note
from mcuq.ir.kernel_set import KernelSet
from mcuq.ir.plan import KernelCosts, MemoryRegion, Plan
from mcuq.memory.regions import placed_bytes
from mcuq.quantize.report import WeightReport
from mcuq.report.imports import imports_document
from mcuq.strips.totals import strip_totals
from mcuq.verify.report import VerifyReport


def layer_table(plan: Plan) -> Table:
    """One row per step in the order of execution."""
    table = Table(box=box.SIMPLE_HEAD)
    for title, justify in (
        ("#", "right"),
        ("layer", "left"),
        ("op", "left"),
        ("output", "left"),
        ("at", "right"),
        ("MACs", "right"),
        ("constants, B", "right"),
        *((("in", "left"),) if plan.constants else ()),
        ("kernel", "left"),
    ):
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=title != "layer")
    program = plan.program
    for position, index in enumerate(plan.memory.order):
        step, call = program.steps[index], plan.calls[index]
        tensor = program.tensors[step.output]
        place = plan.memory.places[tensor.storage]
        assert place is not None
        at = f"{place.offset}" if place.region is MemoryRegion.ARENA else place.region.value
        table.add_row(
            str(position),
            comment_text(step.name),
            step.op.kind,
            "x".join(map(str, tensor.shape)),
            at,
            f"{step.op.macs(tensor.shape):,}",
            f"{sum(array.values.nbytes for array in call.arrays):,}",
            *plan.constants[index : index + 1],
            call.kernel,
        )
    return table


def _library_line(plan: Plan, library: Mapping[str, object]) -> str:
    """What the library computes, and how to compile it."""
    count, times = library_steps(plan), plan.stored.library_times
    line = (
        f"library: {library['name']} computes {count} of {len(plan.calls)} steps, mcuq's kernels the others"
    )
    if count:
        line += f"; compile it {'with' if library['is_macro_defined'] else 'without'} {library['macro']}"
    if plan.stored.kernels is KernelSet.AUTO and times is not None:
        line += (
            f"; measured on {times.target}: {times.mixed_run:,} {times.unit} a run, "
            f"{times.own_run:,} by mcuq's kernels alone"
        )
    return line


def summary_lines(
    plan: Plan,
    name: str,
    directory: Path,
    report: VerifyReport | None,
    weights: WeightReport | None = None,
) -> Iterator[str]:
    """The lines below the table."""
    size = sizes(plan)
    mode = "" if plan.flash is None else f" in flash mode {plan.flash}"
    yield (
        f"{name} for {plan.target}{mode}: {size['macs']:,} MACs, {size['weights_bytes']:,} B constants, "
        f"{size['arena_bytes']:,} B arena (lower bound {plan.memory.least_bytes:,}), "
        f"{size['input_bytes']:,} B input, {size['output_bytes']:,} B output"
        + (f", {size['state_bytes']:,} B state" if "state_bytes" in size else "")
    )
    if plan.costs is not None and plan.costs.balanced is not None:
        yield optimize_line(plan.costs, plan.costs.balanced)
    if plan.place is not None:
        amounts = ", ".join(f"{size:,} B in {name}" for name, size in placed_bytes(plan).items())
        yield f"placed: {plan.place}: at most {amounts}"
    if (library := library_document(plan)) is not None:
        yield _library_line(plan, library)
    if any(plan.memory.staged):
        yield staged_line(plan)
    if (strips := strip_totals(plan.program)) is not None:
        yield (
            f"strips: {strips.layers} layers in {strips.steps} steps, "
            f"{strips.recompute:.3f} times the MACs (at most {plan.program.max_recompute:g})"
        )
    if weights is not None:
        yield weights_line(weights)
    if plan.dropped:
        yield dropped_line(plan)
    yield verify_line(report) if report is not None else "not verified (--verify none)"
    yield f"written to {directory}"


def optimize_line(costs: KernelCosts, balanced: KernelCosts) -> str:
    """What kernels were chosen for, and how that compares with `balanced` as far as it was measured."""
    found = []
    if costs.flash_bytes is not None and balanced.flash_bytes is not None:
        found.append(f"{costs.flash_bytes - balanced.flash_bytes:+,} B of flash")
    if costs.cycles is not None and balanced.cycles is not None:
        found.append(f"{costs.cycles - balanced.cycles:+,} cycles")
    if costs.instructions is not None and balanced.instructions is not None:
        found.append(f"{costs.instructions - balanced.instructions:+,} instructions")
    chosen = f"kernels: for {costs.optimize.value}"
    if not found:
        return f"{chosen}, in their declared order: their costs were not measured on this core"
    return f"{chosen}, about {' and '.join(found)} by the model beside balanced"


def staged_line(plan: Plan) -> str:
    """Which constants wait in the arena, in one line."""
    staged = [sum(each.size_bytes for each in step) for step in plan.memory.staged if step]
    return (
        f"flash: {sum(staged):,} B of constants of {len(staged)} layers are copied to free bytes of the "
        "arena, where they are read many times"
    )


def dropped_line(plan: Plan) -> str:
    """What elimination dropped, in one line."""
    total = dropped_totals(plan)
    return (
        f"channels: {total['dropped']:,} of {total['channels']:,} are constant or unread and were dropped, "
        f"{total['macs']:,} MACs and {total['weight_bytes']:,} B of weights less"
    )


def verify_line(report: VerifyReport) -> str:
    """What a verification found, in one line."""
    what = f"{report.values_compared:,} values of {report.samples} samples on {report.machine}"
    if report.is_identical:
        return f"bit-exact: {what}, 0 differ ({report.toolchain})"
    return f"NOT bit-exact: {what} ({report.toolchain})"


_TITLES = {"bias": "bias correction", "scale": "scale search", "rounding": "second-order rounding"}


def weights_line(report: WeightReport) -> str:
    """What adjusting the weights did, in one line."""
    parts = []
    if report.equalization is not None:
        found = report.equalization
        by = "" if found.measured_db is None else f" ({found.measured_db:+.1f} dB)"
        parts.append(f"equalization {'kept' if found.is_kept else 'refused'}{by}")
    for algorithm, title in _TITLES.items():
        kept, tried, gain = report.kept(algorithm)
        if tried:
            parts.append(f"{title} kept in {kept} of {tried} layers, mean gain {gain:.1f} dB")
    return f"weights: {'; '.join(parts) or 'nothing to adjust'}"


def build_document(
    plan: Plan,
    name: str,
    directory: Path,
    report: VerifyReport | None,
    weights: WeightReport | None = None,
    imported: Sequence[Note] = (),
) -> dict[str, object]:
    """What `mcuq build --json` prints."""
    return {
        "name": name,
        "target": plan.target,
        **target_document(plan),
        "directory": str(directory),
        "ranges": plan.program.origin.ranges.value,
        "model_sha256": plan.program.origin.model_sha256,
        **sizes(plan),
        "weights": None if weights is None else weights.to_json(),
        "kernels": kernels_document(plan),
        "strips": strips_document(plan),
        "steps": refusals_document(plan),
        "eliminated": dropped_document(plan),
        "imported": imports_document(imported),
        "verify": None if report is None else report.to_json(),
    }
