"""The analysis as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping

from mcuq.analyze.layers import LayerError
from mcuq.analyze.plots import plot_causes, plot_histograms, plot_layers
from mcuq.analyze.result import Analysis
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.store import TensorStore
from mcuq.codegen.render import render

HEADS = ("layer", "op", "local", "isolated", "agreement", "cumulative", "saturated")


def db(value: float | None) -> str:
    """Decibels for people; "exact" where there is no error."""
    return "exact" if value is None else f"{value:.1f} dB"


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{value:.2%}"


def layer_row(layer: LayerError) -> tuple[str, ...]:
    """A layer as cells under `HEADS`."""
    return (
        layer.name,
        layer.op,
        db(layer.local_sqnr_db),
        db(layer.isolated_sqnr_db),
        percent(layer.isolated_agreement),
        db(layer.cumulative_sqnr_db),
        percent(layer.saturation),
    )


def render_page(analysis: Analysis, title: str, stores: Mapping[str, TensorStore], scheme: Scheme) -> bytes:
    """The page; no script, nothing loaded from elsewhere.

    Args:
        analysis: what to show.
        title: the model's name.
        stores: of the tensors to draw histograms of.
        scheme: of the activations.

    Raises:
        McuqError: T002 without matplotlib, O012 where it finds no place for its cache.
    """
    return render(
        "report/analysis.html.j2",
        title=title,
        samples=analysis.samples,
        outputs=[(name, db(sqnr), percent(agrees)) for name, (sqnr, agrees) in analysis.outputs.items()],
        advice=[
            (a.layer, percent(a.share), f"{a.gain_db:+.2f} dB", a.cause, a.action) for a in analysis.advice
        ],
        heads=HEADS,
        layers=[layer_row(layer) for layer in analysis.layers],
        layer_plot=plot_layers(analysis.layers),
        cause_plot=plot_causes(analysis.layers),
        histograms=plot_histograms(stores, scheme),
    )
