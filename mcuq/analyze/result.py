"""The result of an analysis, for people and for scripts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mcuq.analyze.advice import Advice
from mcuq.analyze.layers import LayerError, ObservedNetwork
from mcuq.analyze.measures import agreement, sqnr_db
from mcuq.analyze.noise import NoiseBudget
from mcuq.ir.types import Array
from mcuq.simulator.ports import dequantize_outputs


@dataclasses.dataclass(frozen=True)
class Analysis:
    """Everything measured.

    Args:
        samples: how many were used.
        outputs: (SQNR in dB, top-1 agreement) of the quantized network by output name.
        noise: where that at the judged tensors comes from.
        layers: errors in order.
        advice: ranked.
        warnings: what is suspicious about the calibration.
    """

    samples: int
    outputs: Mapping[str, tuple[float | None, float | None]]
    noise: NoiseBudget
    layers: tuple[LayerError, ...]
    advice: tuple[Advice, ...]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As `mcuq analyze --json` prints it."""
        return {
            "samples": self.samples,
            "outputs": {
                name: {"sqnr_db": sqnr, "agreement": agrees} for name, (sqnr, agrees) in self.outputs.items()
            },
            "noise": {
                "judged": self.noise.judged,
                "sqnr_db": self.noise.sqnr_db,
                "predicted_db": self.noise.predicted_db,
                "independent_db": self.noise.independent_db,
                "parts": [dataclasses.asdict(part) for part in self.noise.parts],
            },
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "advice": [dataclasses.asdict(advice) for advice in self.advice],
            "warnings": self.warnings,
        }


def summarize(
    network: ObservedNetwork, noise: NoiseBudget, layers: Sequence[LayerError], advice: Sequence[Advice]
) -> Analysis:
    """The analysis of a network whose layers are measured."""
    program = network.program
    codes: list[Array] = [network.codes[program.tensors[port.tensor].name] for port in program.outputs]
    found = dequantize_outputs(program, codes)
    outputs = {
        name: (sqnr_db(network.outputs[name], found[name]), agreement(network.outputs[name], found[name]))
        for name in found
    }
    samples = len(next(iter(network.inputs.values())))
    return Analysis(samples, outputs, noise, tuple(layers), tuple(advice))
