"""What adjusting the weights did."""

from __future__ import annotations

import dataclasses

from mcuq.quantize.rounding.choose import Gain

ALGORITHMS = ("bias", "rounding", "scale")


@dataclasses.dataclass(frozen=True, slots=True)
class LayerReport:
    """What was tried on one layer.

    Args:
        layer: the node's name.
        gains: by algorithm, in the order they were tried.
    """

    layer: str
    gains: tuple[Gain, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Equalization:
    """What cross-layer equalization did to a network.

    Args:
        groups: how many groups of tensors it rescaled.
        predicted_db: by how much the noise of the outputs should have fallen.
        measured_db: by how much their SQNR rose on held-out samples, None where that was not asked.
        is_kept: whether the firmware is equalized.
    """

    groups: int
    predicted_db: float
    measured_db: float | None
    is_kept: bool

    def record(self) -> tuple[tuple[str, str], ...]:
        """As a pair for the manifest."""
        what = "kept" if self.is_kept else "refused"
        gain = "" if self.measured_db is None else f":{self.measured_db:+.1f}dB"
        return (("adjusted.equalization", f"{what}{gain}"),)

    def to_json(self) -> dict[str, object]:
        """As `mcuq build --json` prints it."""
        return {
            "groups": self.groups,
            "predicted_db": round(self.predicted_db, 3),
            "gain_db": None if self.measured_db is None else round(self.measured_db, 3),
            "kept": self.is_kept,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class WeightReport:
    """What was tried on all layers, and on the network as a whole.

    Args:
        layers: those that were adjusted.
        equalization: None where it was not tried.
    """

    layers: tuple[LayerReport, ...]
    equalization: Equalization | None = None

    def kept(self, algorithm: str) -> tuple[int, int, float]:
        """In how many layers an algorithm was kept and tried, and its mean gain in dB where it was kept."""
        gains = [gain for layer in self.layers for gain in layer.gains if gain.algorithm == algorithm]
        kept = [gain.gain_db for gain in gains if gain.is_kept]
        return len(kept), len(gains), sum(kept) / len(kept) if kept else 0.0

    def record(self) -> tuple[tuple[str, str], ...]:
        """Sorted pairs for the manifest: by algorithm, `kept/tried layers` and the mean gain."""
        pairs = []
        for algorithm in ALGORITHMS:
            kept, tried, gain = self.kept(algorithm)
            if tried:
                pairs.append((f"adjusted.{algorithm}", f"{kept}/{tried}:{gain:+.1f}dB"))
        return tuple(pairs)

    def to_json(self) -> dict[str, object]:
        """`{equalization: ... | null, layers: [{layer, adjusted: {algorithm: {gain_db, kept}}}]}`."""
        layers = [
            {
                "layer": layer.layer,
                "adjusted": {
                    gain.algorithm: {"gain_db": round(gain.gain_db, 3), "kept": gain.is_kept}
                    for gain in layer.gains
                },
            }
            for layer in self.layers
        ]
        equalization = None if self.equalization is None else self.equalization.to_json()
        return {"equalization": equalization, "layers": layers}
