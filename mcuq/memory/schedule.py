"""The order of steps that keeps the fewest bytes of the arena alive at once.

Which bytes are alive depends on the set of finished steps, not on the order that led to it. An order is
therefore a path through such sets (bit masks here), and its cost is the largest peak on the way.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterator, Sequence

from mcuq.ir.program import Program
from mcuq.memory.lifetimes import Access, Walks, accesses, arena_sizes, consumed_inputs, state_readers
from mcuq.memory.overlap import round_up, union_bytes

# Sets of finished steps that the exact search looks at, and that the beam keeps of each size; fewer where
# the graph is so wide that the beam would look at more next steps than BEAM_MOVES.
EXACT_STATES = 20_000
BEAM_STATES = 16
BEAM_MOVES = 200_000


def choose_order(
    program: Program, scratch_bytes: Sequence[int], *, alignment: int = 4, walks: Walks = ()
) -> tuple[int, ...]:
    """The order with the smallest peak of live arena bytes; the given one if none is better.

    Args:
        program: the program.
        scratch_bytes: per step, the work memory it needs while it runs.
        alignment: what every size is rounded up to.
        walks: per step, those of its kernel.

    Returns:
        Step indices; optimal where the exact search ends within `EXACT_STATES`.
    """
    liveness = Liveness(program, scratch_bytes, alignment, walks)
    best = liveness.follow(range(len(program.steps)))
    start = liveness.start()
    start = dataclasses.replace(start, peak=max(start.peak, liveness.floor()))
    for search in (_beam, _best_first):
        if best.peak > start.peak:
            best = search(liveness, start, best)
    return best.order()


def live_peak(
    program: Program,
    scratch_bytes: Sequence[int],
    order: Sequence[int],
    *,
    alignment: int = 4,
    walks: Walks = (),
) -> int:
    """The most arena bytes alive during a step of this order: no arena can be smaller.

    Args:
        program: the program.
        scratch_bytes: per step, the work memory it needs while it runs.
        order: step indices.
        alignment: what every size is rounded up to.
        walks: per step, those of its kernel.
    """
    return Liveness(program, scratch_bytes, alignment, walks).follow(order).peak


@dataclasses.dataclass(frozen=True, slots=True)
class PartialSchedule:
    """The program after some of its steps.

    Args:
        peak: the most bytes alive so far.
        live: bytes alive now.
        done: mask of the finished steps.
        ready: the steps that can be next, ascending.
        before: the state before the last step.
        step: the last step.
    """

    peak: int
    live: int
    done: int
    ready: tuple[int, ...]
    before: PartialSchedule | None = None
    step: int = -1

    def order(self) -> tuple[int, ...]:
        """The steps from first to last."""
        steps, state = [], self
        while state.before:
            steps.append(state.step)
            state = state.before
        return tuple(reversed(steps))


class Liveness:
    """Who needs which storage: what it costs to do a step after a set of others."""

    def __init__(
        self, program: Program, scratch_bytes: Sequence[int], alignment: int, walks: Walks = ()
    ) -> None:
        """Collect the readers of every storage and the successors of every step."""
        self.accesses = accesses(program, walks)
        self.scratch = [round_up(size, alignment) for size in scratch_bytes]
        self.sizes = {s: round_up(size, alignment) for s, size in arena_sizes(program).items()}
        self.readers = dict.fromkeys(self.sizes, 0)
        self.given = sum(self.sizes[s] for s in consumed_inputs(program))
        self.successors: list[list[int]] = [[] for _ in self.accesses]
        self.needs = [0] * len(self.accesses)
        producers = {s: step for step, access in enumerate(self.accesses) for s in access.writes}
        for step, access in enumerate(self.accesses):
            for storage in access.reads:
                self.readers[storage] = self.readers.get(storage, 0) | 1 << step
                if storage in producers:
                    self._order(producers[storage], step)
        for writer, readers in state_readers(program).items():
            for reader in readers:
                self._order(reader, writer)

    def _order(self, first: int, then: int) -> None:
        """A step comes after another."""
        self.needs[then] |= 1 << first
        self.successors[first].append(then)

    def start(self) -> PartialSchedule:
        """Nothing is done."""
        ready = tuple(step for step, needs in enumerate(self.needs) if not needs)
        return PartialSchedule(self.given, self.given, 0, ready)

    def floor(self) -> int:
        """A lower bound for every order: the largest step with nothing else alive."""
        return max(map(self._demand, range(len(self.accesses))), default=self.given)

    def _demand(self, step: int) -> int:
        access = self.accesses[step]
        read = sum(self.sizes.get(s, 0) for s in access.reads)
        return self.scratch[step] + read + self._made(access, access.reads)

    def _made(self, access: Access, dying: Sequence[int]) -> int:
        """Bytes that a step's outputs take beside what it reads, if it is the last that reads some of it."""
        made = sum(self.sizes.get(s, 0) for s in access.writes[1:])
        if any(s in dying for s in access.heritable):
            return made
        under = [(self.sizes[s], allowed) for s, allowed in access.overlaps.items() if s in dying]
        size = self.sizes.get(access.writes[0], 0)
        return made + union_bytes(size, under) - sum(size for size, _ in under)

    def advance(self, state: PartialSchedule, step: int) -> PartialSchedule:
        """The state after one more step."""
        access, done = self.accesses[step], state.done | 1 << step
        dying = [s for s in access.reads if not self.readers[s] & ~done]
        peak = state.live + self.scratch[step] + self._made(access, dying)
        live = state.live - sum(self.sizes.get(s, 0) for s in dying)
        live += sum(self.sizes.get(s, 0) for s in access.writes if self.readers.get(s))
        woken = [s for s in self.successors[step] if not self.needs[s] & ~done]
        return PartialSchedule(
            peak=max(state.peak, peak),
            live=live,
            done=done,
            ready=tuple(sorted({*state.ready, *woken} - {step})),
            before=state,
            step=step,
        )

    def follow(self, order: Sequence[int]) -> PartialSchedule:
        """The state after all steps in an order."""
        state = self.start()
        for step in order:
            state = self.advance(state, step)
        return state

    def options(self, state: PartialSchedule) -> list[PartialSchedule]:
        """The states one step further that can lead to a smaller peak.

        A step that sets no new peak and leaves no more bytes alive does the same after any others that
        could precede it, so that doing it now loses nothing: it is the only option.
        """
        options = []
        for step in state.ready:
            after = self.advance(state, step)
            if after.peak == state.peak and after.live <= state.live:
                return [after]
            options.append(after)
        return options


def _beam(liveness: Liveness, start: PartialSchedule, best: PartialSchedule) -> PartialSchedule:
    """Keep the states of each length with the smallest peaks: fast, good, and proves nothing."""
    beam, width = [start], BEAM_STATES
    while beam[0].ready:
        layer: dict[int, PartialSchedule] = {}
        for state in beam:
            for after in liveness.options(state):
                if after.peak < best.peak and after.peak < layer.get(after.done, best).peak:
                    layer[after.done] = after
        if not layer:
            return best
        beam = heapq.nsmallest(width, layer.values(), key=lambda s: (s.peak, s.live))
        width = min(BEAM_STATES, 1 + BEAM_MOVES // (len(liveness.needs) * max(1, len(beam[0].ready))))
    return beam[0]


def _best_first(liveness: Liveness, start: PartialSchedule, best: PartialSchedule) -> PartialSchedule:
    """Follow the state with the smallest peak, the longest first: the first complete one is optimal."""
    serial: Iterator[int] = iter(range(EXACT_STATES))
    heap, known = [(start.peak, 0, next(serial), start)], {start.done: start.peak}
    while heap:
        _, depth, _, state = heapq.heappop(heap)
        if not state.ready:
            return state
        for after in liveness.options(state):
            if after.peak < known.get(after.done, best.peak):
                known[after.done] = after.peak
                ticket = next(serial, None)
                if ticket is None:
                    return best
                heapq.heappush(heap, (after.peak, depth - 1, ticket, after))
    return best
