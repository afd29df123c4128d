"""What a profile says, for people and for scripts."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class LayerCost:
    """One step's price.

    Args:
        name: of the layer.
        op: its kind.
        kernel: the C function.
        macs: multiply-accumulates.
        instructions: executed.
        cycles: estimated, None without a validated model.
    """

    name: str
    op: str
    kernel: str
    macs: int
    instructions: int
    cycles: int | None


@dataclasses.dataclass(frozen=True)
class Profile:
    """The price of a whole model.

    Args:
        toolchain: what compiled it.
        flags: with which options.
        core: what it ran on.
        note: how far to trust the cycles.
        instructions: of the whole run, without marks.
        cycles: likewise, None without a validated model.
        macs: of all layers.
        code_bytes: of the model's functions.
        weights_bytes: of its constants.
        arena_bytes: work memory, scratch included.
        io_bytes: input and output buffers.
        stack_bytes: the deepest chain of calls.
        clock_hz: of the board, None for a bare core.
        layers: in order.
    """

    toolchain: str
    flags: str
    core: str
    note: str
    instructions: int
    cycles: int | None
    macs: int
    code_bytes: int
    weights_bytes: int
    arena_bytes: int
    io_bytes: int
    stack_bytes: int
    clock_hz: int | None
    layers: tuple[LayerCost, ...]

    @property
    def latency_ms(self) -> float | None:
        """Time of one run on the board."""
        if self.cycles is None or self.clock_hz is None:
            return None
        return 1e3 * self.cycles / self.clock_hz

    def to_json(self) -> dict[str, object]:
        """As `mcuq profile --json` prints it."""
        return {
            "toolchain": self.toolchain,
            "flags": self.flags,
            "core": self.core,
            "note": self.note,
            "instructions": self.instructions,
            "cycles": self.cycles,
            "macs": self.macs,
            "latency_ms": self.latency_ms,
            "flash": {"code_bytes": self.code_bytes, "weights_bytes": self.weights_bytes},
            "ram": {
                "arena_bytes": self.arena_bytes,
                "io_bytes": self.io_bytes,
                "stack_bytes": self.stack_bytes,
            },
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
        }
