"""The analysis as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping

from mcuq.analyze.layers import LayerError
from mcuq.analyze.noise import NoiseBudget
from mcuq.analyze.plots import plot_causes, plot_histograms, plot_layers, plot_noise
from mcuq.analyze.result import Analysis
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import TensorStore
from mcuq.codegen.names import comment_text
from mcuq.codegen.render import render

HEADS = ("layer", "op", "local", "cumulative", "weights", "rounding", "gain", "saturated")


def db(value: float | None) -> str:
    """Decibels for people; "exact" where there is no error."""
    return "exact" if value is None else f"{value:.1f} dB"


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{value:.2%}"


def layer_row(layer: LayerError, noise: NoiseBudget) -> tuple[str, ...]:
    """A layer as cells under `HEADS`."""
    weights, rounding, gain = noise.of(layer.tensor)
    return (
        layer.name,
        layer.op,
        db(layer.local_sqnr_db),
        db(layer.cumulative_sqnr_db),
        f"{weights:.1%}",
        f"{rounding:.1%}",
        f"{gain:+.2f} dB",
        percent(layer.saturation),
    )


def noise_line(noise: NoiseBudget) -> str:
    """What the noise is measured at, and what its parts say."""
    found = f"at {', '.join(map(comment_text, noise.judged))}: SQNR {db(noise.sqnr_db)}"
    return f"{found}; parts add up to {db(noise.predicted_db)}, if independent {db(noise.independent_db)}"


def render_page(
    analysis: Analysis,
    title: str,
    stores: Mapping[str, TensorStore],
    scheme: Scheme,
    ranges: Mapping[str, Range],
) -> bytes:
    """The page; no script, nothing loaded from elsewhere.

    Args:
        analysis: what to show.
        title: the model's name.
        stores: of the tensors to draw histograms of.
        scheme: of the activations.
        ranges: that are in use, of the same tensors.

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
        layers=[layer_row(layer, analysis.noise) for layer in analysis.layers],
        noise=noise_line(analysis.noise),
        noise_plot=plot_noise(analysis.noise),
        layer_plot=plot_layers(analysis.layers),
        cause_plot=plot_causes(analysis.layers),
        histograms=plot_histograms(stores, scheme, ranges),
    )
