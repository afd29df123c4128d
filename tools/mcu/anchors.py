"""What the measurements are held to: published latencies, limits of size, bars of speed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

PUBLISHED_HZ = 120_000_000


@dataclasses.dataclass(frozen=True)
class Bars:
    """What a network has to keep to on a Cortex-M4.

    Args:
        title: its name in MLPerf Tiny.
        cycles: the most that it may take at zero wait, and what is aimed at.
        speed_cycles: the same for `--optimize speed`.
        silicon_cycles: the most on modelled silicon, by the mode of its flash.
        arena: bytes of work memory with scratch that it may take, and what is aimed at.
        ram_arena: the same for `--optimize ram`, None where nothing is asked.
        published_ms: NUCLEO-L4R5ZI, Cortex-M4 at 120 MHz, in the order of `STACKS`. Source:
            mlcommons/tiny_results_v0.5 to v1.3.
    """

    title: str
    cycles: tuple[int, int]
    speed_cycles: tuple[int, int]
    silicon_cycles: Mapping[str, int]
    arena: tuple[int, int]
    ram_arena: tuple[int, int] | None
    published_ms: tuple[float, ...]

    @property
    def best_cycles(self) -> int:
        """Of the published results."""
        return round(min(self.published_ms) * 1e-3 * PUBLISHED_HZ)


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
    "ic": Bars(
        "IC ResNet8",
        cycles=(15_400_000, 14_800_000),
        speed_cycles=(11_500_000, 9_500_000),
        silicon_cycles={"64": 18_500_000, "64-prefetch": 18_500_000, "128-prefetch": 17_000_000},
        arena=(36_864, 34_000),
        ram_arena=(26_624, 20_000),
        published_ms=(704.2, 389.6, 298.7, 180.5, 167.8, 165.1),
    ),
    "vww": Bars(
        "VWW MobileNetV1",
        cycles=(7_400_000, 6_800_000),
        speed_cycles=(7_400_000, 6_500_000),
        silicon_cycles={"64": 10_000_000, "64-prefetch": 10_000_000, "128-prefetch": 8_800_000},
        arena=(46_080, 40_000),
        ram_arena=(30_720, 20_000),
        published_ms=(600.6, 301.2, 172.2, 180.5, 98.8, 88.9),
    ),
    "kws": Bars(
        "KWS DS-CNN",
        cycles=(3_850_000, 3_600_000),
        speed_cycles=(3_850_000, 3_500_000),
        silicon_cycles={"64": 4_900_000, "64-prefetch": 4_900_000, "128-prefetch": 4_500_000},
        arena=(11_900, 9_000),
        ram_arena=(9_000, 6_000),
        published_ms=(181.9, 99.8, 82.0, 60.2, 47.8, 43.2),
    ),
    "ad": Bars(
        "AD autoencoder",
        cycles=(350_000, 330_000),
        speed_cycles=(350_000, 330_000),
        silicon_cycles={"64": 480_000, "64-prefetch": 480_000, "128-prefetch": 430_000},
        arena=(1_408, 1_400),
        ram_arena=None,
        published_ms=(10.05, 8.60, 8.07, 5.84, 4.05, 5.26),
    ),
}
# Of convolution and depthwise layers: the most instructions on a core, and what is aimed at, by network.
CORE_BARS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "cortex-m0plus": {"ic": (85_000_000, 70_000_000), "kws": (26_000_000, 22_000_000)},
    "cortex-m3": {"ic": (36_000_000, 30_000_000), "kws": (9_500_000, 8_000_000)},
    "cortex-m4": {},
    "cortex-m55": {"ic": (4_200_000, 3_000_000), "kws": (1_700_000, 1_200_000)},
    "rv32imc": {"ic": (45_000_000, 36_000_000), "kws": (13_000_000, 11_000_000)},
}
CODE_LIMIT_BYTES = 24 * 1024


def weights_limit(parameters: int, channels: int) -> int:
    """The most that constants may take.

    Args:
        parameters: int8 weights that the firmware reads.
        channels: output channels of all layers with weights.
    """
    return int(1.10 * parameters) + 12 * channels
