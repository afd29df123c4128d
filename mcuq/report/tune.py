"""What a search found, as a table and lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from mcuq.tune.figures import Figures


def points_table(points: Sequence[tuple[str, Figures]]) -> Table:
    """One row per build; costs also as shares of the first one's."""
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("build", "flash, B", "", "RAM, B", "", "cycles", "", "agreement", "SQNR"):
        table.add_column(title, justify="left" if title == "build" else "right", no_wrap=True)
    base = points[0][1]
    for name, figures in points:
        cells: list[str] = []
        for cost, whole in (
            (figures.flash_bytes, base.flash_bytes),
            (figures.ram_bytes, base.ram_bytes),
            (figures.cycles, base.cycles),
        ):
            cells += ["-" if cost is None else f"{cost:,}", f"{cost / whole:.0%}" if cost and whole else "-"]
        agreement = "-" if figures.agreement is None else f"{figures.agreement:.2%}"
        sqnr = "exact" if figures.sqnr_db is None else f"{figures.sqnr_db:.1f} dB"
        table.add_row(name, *cells, agreement, sqnr)
    return table


def points_lines(
    held_out: int,
    calibrated: int,
    chosen: str | None,
    notes: dict[str, str],
    wide_outputs: dict[str, str],
    is_plotted: bool,
) -> Iterator[str]:
    """The lines below the table."""
    yield f"judged by {held_out} samples that nothing was fitted to; {calibrated} samples calibrate"
    for name, text in notes.items():
        yield f"note: {name}: {text}"
    for name, outputs in wide_outputs.items():
        yield f"note: {name} gives {outputs} in int16: who reads them must know"
    if not is_plotted:
        yield 'note: no plot, matplotlib is not installed: pip install "mcuq[report]"'
    if chosen is not None:
        yield f"best for what was asked: {chosen}"
