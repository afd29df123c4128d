"""What the measurements are held to: published latencies, limits of size, bars of speed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

PUBLISHED_HZ = 120_000_000


@dataclasses.dataclass(frozen=True)
class Bars:
    """What a network has to keep to.

    Args:
        title: its name in MLPerf Tiny.
        must_cycles: the most that a Cortex-M4 may take.
        aim_cycles: what is aimed at.
        arena_bytes: TensorFlow Lite Micro's tensors.
        expanded_bytes: on top of 1.1 times these, an input widened to 16 bits.
        published_ms: NUCLEO-L4R5ZI, Cortex-M4 at 120 MHz, in the order of `STACKS`. Source:
            mlcommons/tiny_results_v0.5 to v1.3.
    """

    title: str
    must_cycles: int
    aim_cycles: int
    arena_bytes: int
    expanded_bytes: int
    published_ms: tuple[float, ...]

    @property
    def best_cycles(self) -> int:
        """Of the published results."""
        return round(min(self.published_ms) * 1e-3 * PUBLISHED_HZ)

    @property
    def arena_limit(self) -> int:
        """The most that the arena may take, scratch included."""
        return int(1.10 * self.arena_bytes) + self.expanded_bytes


STACKS = (
    "TFLM reference",
    "microTVM + CMSIS-NN",
    "Skymizer ONNC + CMSIS-NN",
    "Bosch HALE",
    "Plumerai",
    "X-CUBE-AI 9.0",
)
# These results dropped provably constant channels.
WITHOUT_CONSTANT_CHANNELS = {"vww": ("Skymizer ONNC + CMSIS-NN", "Plumerai", "X-CUBE-AI 9.0")}
BARS: Mapping[str, Bars] = {
    "ic": Bars("IC ResNet8", 17_500_000, 15_500_000, 49_152, 0, (704.2, 389.6, 298.7, 180.5, 167.8, 165.1)),
    "vww": Bars("VWW MobileNetV1", 8_800_000, 6_800_000, 73_728, 0, (600.6, 301.2, 172.2, 180.5, 98.8, 88.9)),
    "kws": Bars("KWS DS-CNN", 4_700_000, 4_100_000, 16_000, 0, (181.9, 99.8, 82.0, 60.2, 47.8, 43.2)),
    "ad": Bars("AD autoencoder", 430_000, 350_000, 768, 2 * 640, (10.05, 8.60, 8.07, 5.84, 4.05, 5.26)),
}
CODE_LIMIT_BYTES = 24 * 1024


def weights_limit(parameters: int, channels: int) -> int:
    """The most that constants may take.

    Args:
        parameters: int8 weights that the firmware reads.
        channels: output channels of all layers with weights.
    """
    return int(1.10 * parameters) + 12 * channels
