"""What a flash with wait states costs a kernel: reads of constants and code that no cache holds.

Constants are modelled as they are read, from end to end. Code is a rule of thumb, fitted to layers of IC and
KWS.

Source: what `mcuq profile --board nucleo-l4r5zi` counts for the five networks of MLPerf Tiny, in all four
modes, with and without constants that wait. The cycles of a run come within 2 % of that, a network's stalls
at 64 bits within 7 %, at 128 bits within 28 %: where a prefetch hides most of them, the rule says too little.
"""

from __future__ import annotations

from mcuq.flash_modes import FlashMode
from mcuq.ir.plan import KernelCall

# What a copy into RAM takes on top of the reads from flash, measured with `mcuq profile` on the Cortex-M4.
_COPY_CYCLES = 60
_COPY_CYCLES_PER_BYTE = 1
# Of a kernel's code so much runs in a step.
_RUN_PERCENT = 50
# A round through more code than the cache holds fetches so much of what that holds: the rest is small loops.
_REFETCHED_PERCENT = 70
# With a prefetch of at least so many bytes, the core runs while the next read is on its way.
_AHEAD_BYTES = 16
_AHEAD_PERCENT = 25


def cached_bytes(mode: FlashMode) -> int:
    """Bytes of constants that the flash's cache holds."""
    return 0 if mode.data_cache is None else mode.data_cache.size_bytes


def stall_cycles(mode: FlashMode, size_bytes: int, passes: int) -> int:
    """Cycles for which the core waits while it reads constants from flash that no cache holds.

    Args:
        mode: how it sees the flash.
        size_bytes: of the constants.
        passes: how often it reads all of them.
    """
    return passes * -(-size_bytes // mode.read_bytes) * mode.wait_states


def saved_cycles(mode: FlashMode, size_bytes: int, passes: int) -> int:
    """What copying constants before the step saves of their stalls; negative where it costs more.

    Args:
        mode: how the core sees the flash.
        size_bytes: of the constants.
        passes: how often it reads all of them.
    """
    copy = _COPY_CYCLES + _COPY_CYCLES_PER_BYTE * size_bytes + stall_cycles(mode, size_bytes, 1)
    return stall_cycles(mode, size_bytes, passes) - copy


def call_stalls(mode: FlashMode, call: KernelCall, code_bytes: int, rounds: int) -> int:
    """Cycles that the flash adds to a kernel, whose constants wait in the arena where that saves any.

    Args:
        mode: how the core sees the flash.
        call: the kernel with its constants.
        code_bytes: of the kernel.
        rounds: how often a run goes through all of that.
    """
    return _constant_stalls(mode, call) + _code_stalls(mode, code_bytes, rounds)


def _constant_stalls(mode: FlashMode, call: KernelCall) -> int:
    once = sum(stall_cycles(mode, array.values.nbytes, 1) for array in call.arrays)
    if sum(array.values.nbytes for array in call.arrays) <= cached_bytes(mode):
        return once
    read = [(array.values.nbytes, array.passes) for array in call.arrays]
    return sum(stall_cycles(mode, *each) - max(saved_cycles(mode, *each), 0) for each in read)


def _code_stalls(mode: FlashMode, code_bytes: int, rounds: int) -> int:
    cached = 0 if mode.code_cache is None else mode.code_cache.size_bytes
    first = stall_cycles(mode, code_bytes * _RUN_PERCENT // 100, 1)
    if code_bytes <= cached:
        return first
    fetched = code_bytes if cached == 0 else cached * _REFETCHED_PERCENT // 100
    share = _AHEAD_PERCENT if mode.has_prefetch and mode.read_bytes >= _AHEAD_BYTES else 100
    return first + stall_cycles(mode, fetched, rounds) * share // 100
