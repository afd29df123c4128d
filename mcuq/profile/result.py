"""What a profile says, for people and for scripts."""

from __future__ import annotations

import dataclasses

from mcuq.flash_modes import FlashMode
from mcuq.profile.flash import Flash


@dataclasses.dataclass(frozen=True, slots=True)
class LayerCost:
    """One step's price.

    Args:
        name: of the layer.
        op: its kind.
        kernel: the C function.
        macs: multiply-accumulates.
        instructions: executed.
        cycles: estimated, on the flash that was modelled; None without a validated model.
        zero_wait_cycles: likewise, at zero wait states.
    """

    name: str
    op: str
    kernel: str
    macs: int
    instructions: int
    cycles: int | None
    zero_wait_cycles: int | None

    @property
    def time(self) -> int:
        """Cycles, or instructions without a validated model."""
        return self.instructions if self.cycles is None else self.cycles


@dataclasses.dataclass(frozen=True)
class Profile:
    """The price of a whole model.

    Args:
        toolchain: what compiled it.
        flags: with which options.
        core: what it ran on.
        board: whose memories count, None for a core alone.
        flash_mode: how its flash was modelled, None at zero wait states.
        note: how far to trust the cycles.
        instructions: of the whole run, without marks.
        cycles: likewise, on the flash that was modelled; None without a validated model.
        zero_wait_cycles: likewise, at zero wait states.
        macs: of all layers.
        flash: of a minimal application, without its own code.
        arena_bytes: work memory, scratch included.
        io_bytes: input and output buffers, and state.
        stack_bytes: the deepest chain of calls, from the code.
        stack_painted_bytes: what one run wrote to; never more.
        clock_hz: of the board, None for a bare core.
        layers: in order.
    """

    toolchain: str
    flags: str
    core: str
    board: str | None
    flash_mode: FlashMode | None
    note: str
    instructions: int
    cycles: int | None
    zero_wait_cycles: int | None
    macs: int
    flash: Flash
    arena_bytes: int
    io_bytes: int
    stack_bytes: int
    stack_painted_bytes: int
    clock_hz: int | None
    layers: tuple[LayerCost, ...]

    @property
    def code_bytes(self) -> int:
        """Of the model's function and its kernels."""
        return self.flash.code

    @property
    def weights_bytes(self) -> int:
        """Of the constant arrays."""
        return self.flash.weights

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
            "board": self.board,
            "flash_mode": None if self.flash_mode is None else dataclasses.asdict(self.flash_mode),
            "note": self.note,
            "instructions": self.instructions,
            "cycles": self.cycles,
            "zero_wait_cycles": self.zero_wait_cycles,
            "macs": self.macs,
            "latency_ms": self.latency_ms,
            "flash": {
                "code_bytes": self.flash.code,
                "weights_bytes": self.flash.weights,
                "parameters_bytes": self.flash.parameters,
                "library_bytes": self.flash.library,
                "memory_functions_bytes": self.flash.memory_functions,
                "total_bytes": self.flash.total,
            },
            "ram": {
                "arena_bytes": self.arena_bytes,
                "io_bytes": self.io_bytes,
                "stack_bytes": self.stack_bytes,
                "stack_painted_bytes": self.stack_painted_bytes,
            },
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
        }
