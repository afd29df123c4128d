"""The builds that a search found as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from mcuq.tune.figures import Figures

_COSTS = (
    ("flash, KB", "flash_bytes", 1e-3),
    ("RAM, KB", "ram_bytes", 1e-3),
    ("million cycles", "cycles", 1e-6),
)


def plot_points(points: Sequence[tuple[str, Figures]]) -> bytes | None:
    """SQNR over flash, RAM and cycles as SVG, the same for the same points.

    Args:
        points: names and figures; the first is what the others are compared with.

    Returns:
        The file, None where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return None
    # Without these the file would differ from run to run, and text would depend on installed fonts.
    with mpl.rc_context({"svg.hashsalt": "mcuq", "svg.fonttype": "none"}):
        figure = Figure(figsize=(12, 4), layout="constrained")
        for axes, (label, field, unit) in zip(figure.subplots(1, 3, sharey=True), _COSTS, strict=True):
            axes.set_xlabel(label)
            axes.grid(alpha=0.3)
            for number, (name, figures) in enumerate(points):
                cost, sqnr = getattr(figures, field), figures.sqnr_db
                if cost is None or sqnr is None:
                    continue
                axes.plot(
                    cost * unit,
                    sqnr,
                    "s" if number == 0 else "o",
                    color="#ee6677" if number == 0 else "#4477aa",
                )
                axes.annotate(
                    name, (cost * unit, sqnr), textcoords="offset points", xytext=(4, 4), fontsize=7
                )
        figure.axes[0].set_ylabel("SQNR of the outputs, dB")
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()
