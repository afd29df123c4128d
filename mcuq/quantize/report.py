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
class WeightReport:
    """What was tried on all layers."""

    layers: tuple[LayerReport, ...]

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

    def to_json(self) -> list[dict[str, object]]:
        """One object per layer: `{layer, adjusted: {algorithm: {gain_db, kept}}}`."""
        return [
            {
                "layer": layer.layer,
                "adjusted": {
                    gain.algorithm: {"gain_db": round(gain.gain_db, 3), "kept": gain.is_kept}
                    for gain in layer.gains
                },
            }
            for layer in self.layers
        ]
