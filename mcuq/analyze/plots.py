"""Pictures of an analysis as SVG text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mcuq.analyze.layers import CAUSES, LayerError
from mcuq.analyze.noise import NoiseBudget
from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import BINS, TensorStore
from mcuq.codegen.names import comment_text
from mcuq.errors import fail

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as NewFigure
    except ImportError:
        raise fail(
            "T002",
            "a tool that the request needs is not installed",
            where="--html",
            why="plots are drawn with matplotlib",
            fix='pip install "mcuq[report]"',
        ) from None
    except OSError as error:
        raise fail(
            "O012",
            "a temporary file cannot be written, or a file cannot be read",
            where="matplotlib",
            why=str(error),
            fix="free some space, or let MPLCONFIGDIR name a folder that can be written",
        ) from error
    # Without these the file would differ from run to run, and text would depend on installed fonts.
    mpl.rcParams["svg.hashsalt"] = "mcuq"
    mpl.rcParams["svg.fonttype"] = "none"
    figure = NewFigure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def plot_layers(layers: Sequence[LayerError]) -> str:
    """Local and cumulative SQNR of every layer."""
    figure, axes = _figure(10, 1.2 + 0.32 * len(layers))
    rows = np.arange(len(layers))
    series = (
        ("local", [layer.local_sqnr_db for layer in layers]),
        ("cumulative", [layer.cumulative_sqnr_db for layer in layers]),
    )
    for index, (label, values) in enumerate(series):
        shown = [0.0 if value is None else value for value in values]
        axes.barh(rows + (index - 0.5) * 0.35, shown, 0.33, label=label, color=_COLORS[index])
    _label_rows(axes, [layer.name for layer in layers])
    axes.set_xlabel("SQNR, dB (longer is better)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(CAUSES), frameon=False)
    return _svg(figure)


def plot_causes(layers: Sequence[LayerError]) -> str:
    """Noise of every layer by cause, relative to the layer's signal."""
    figure, axes = _figure(10, 1.2 + 0.26 * len(layers))
    rows = np.arange(len(layers))
    left = np.zeros(len(layers))
    for color, cause in zip(_COLORS, CAUSES, strict=True):
        values = np.array([layer.causes[cause] for layer in layers])
        axes.barh(rows, values, 0.7, left=left, label=cause, color=color)
        left += values
    _label_rows(axes, [layer.name for layer in layers])
    axes.set_xlabel("noise power at the layer's output / signal power")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(CAUSES), frameon=False)
    return _svg(figure)


def plot_noise(noise: NoiseBudget) -> str:
    """The share of every part in the noise at the judged tensors."""
    figure, axes = _figure(10, 1.2 + 0.26 * len(noise.parts))
    colors = [_COLORS[0] if part.kind == "weights" else _COLORS[1] for part in noise.parts]
    axes.barh(np.arange(len(noise.parts)), [part.share for part in noise.parts], 0.7, color=colors)
    _label_rows(axes, [f"{part.layer}, {part.kind}" for part in noise.parts])
    axes.set_xlabel("share of the noise (below 0: makes up for others)")
    return _svg(figure)


def _label_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(names)), [_short(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)


def _short(name: str) -> str:
    # `$` would start a formula.
    text = comment_text(name).replace("$", "_")
    return text if len(text) <= 40 else f"...{text[-37:]}"


def plot_histograms(stores: Mapping[str, TensorStore], scheme: Scheme, ranges: Mapping[str, Range]) -> str:
    """Histograms of tensors with the range in use and the limits that each calibration method sets."""
    parts = []
    for name, store in stores.items():
        figure, axes = _figure(10, 2.4)
        edges = np.arange(-BINS, BINS + 1) * store.width
        counts = np.concatenate([store.neg[::-1], store.pos]).reshape(-1, 16).sum(axis=1)
        axes.stairs(np.maximum(counts, 0.5), edges[::16], fill=True, color="#bbbbbb")
        axes.set_yscale("log")
        for color, (method, choose) in zip(_COLORS, METHODS.items(), strict=False):
            limits = choose(store, scheme)
            for index, limit in enumerate((limits.lo, limits.hi)):
                axes.axvline(limit, color=color, label=method if index == 0 else None)
        used = ranges[name]
        for limit in (used.lo, used.hi):
            axes.axvline(limit, color="black", linestyle="--", label="in use" if limit == used.hi else None)
        axes.set_xlim(min(store.lo, used.lo, 0) * 1.05, max(store.hi, used.hi, 0) * 1.05 or 1.0)
        axes.set_title(_short(name), fontsize=9)
        axes.legend(fontsize=8)
        parts.append(_svg(figure))
    return "\n".join(parts)
