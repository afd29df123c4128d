"""Samples that follow each other in time, and what state is in each of them by the float model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mcuq.calibrate.arrays import Npz, open_npy
from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.run import FloatSession
from mcuq.ir.graph import Port
from mcuq.ir.types import Float32, Shape


@dataclasses.dataclass(frozen=True, slots=True)
class TimedSamples:
    """Samples in the order of time.

    Args:
        samples: of all sequences, one behind the other.
        steps: how many make a sequence; state begins anew with each.
    """

    samples: Samples
    steps: int

    @property
    def starts(self) -> range:
        """The first sample of each sequence."""
        return range(0, len(self.samples), self.steps)


def read_sequences(
    source: Path | Samples, specs: Sequence[InputSpec], preprocessing: Preprocessing | None = None
) -> TimedSamples:
    """Read `[sequences, steps, *shape]`, or `[steps, *shape]` of one sequence.

    Args:
        source: as of `read_samples`, or samples in memory; a folder is one sequence.
        specs: the model's inputs that are no state.
        preprocessing: of image folders.

    Raises:
        McuqError: as `read_samples` and `Samples.fit`.
    """
    found = _sample_shapes(source, specs)
    inner = {spec.name: _sequence_of(found.get(spec.name, ()), spec) for spec in specs}
    if not all(inner.values()):
        samples = (
            source.fit(specs) if isinstance(source, Samples) else read_samples(source, specs, preprocessing)
        )
        return TimedSamples(samples, len(samples))
    # Each sequence is read as one sample.
    wide = [dataclasses.replace(spec, shape=inner[spec.name]) for spec in specs]
    whole = source.fit(wide) if isinstance(source, Samples) else read_samples(source, wide, preprocessing)
    steps = [inner[spec.name][0] for spec in specs]
    arrays = {spec.name: whole.array(spec.name) for spec in specs}
    if len(set(steps)) > 1:
        # The inputs' numbers of samples differ: `from_arrays` says so.
        return TimedSamples(Samples.from_arrays({name: array[0] for name, array in arrays.items()}), 1)
    flat = {spec.name: arrays[spec.name].reshape(-1, *spec.shape) for spec in specs}
    return TimedSamples(Samples.from_arrays(flat), steps[0])


def _sequence_of(found: Shape, spec: InputSpec) -> Shape:
    """The shape of a sequence where that is what samples are, else none."""
    forms = [spec.shape, spec.shape[1:]] if spec.shape[:1] == (1,) else [spec.shape]
    return found if found not in forms and found[1:] in forms and found[0] > 0 else ()


def _sample_shapes(source: Path | Samples, specs: Sequence[InputSpec]) -> dict[str, Shape]:
    """The shapes of stored samples by input, as far as they tell."""
    if isinstance(source, Samples):
        names = {spec.name: spec.name for spec in specs if spec.name in source.names}
        if len(specs) == len(source.names) == 1:
            names = {specs[0].name: source.names[0]}
        return {name: source.shape(key) for name, key in names.items()}
    suffix = source.suffix.lower()
    if not source.is_file() or suffix not in (".npy", ".npz"):
        return {}  # whoever reads it says what is wrong
    if suffix == ".npy":
        return {spec.name: open_npy(source).shape[1:] for spec in specs}
    archive = Npz(source)
    keys = {spec.name: spec.name for spec in specs if spec.name in archive.keys}
    if len(specs) == len(archive.keys) == 1:
        keys = {specs[0].name: archive.keys[0]}
    return {name: archive.header(key).shape[1:] for name, key in keys.items()}


def add_state(model: bytes, outputs: Iterable[Port], given: TimedSamples) -> Samples:
    """The samples with what state is in each of them: what the float model left in the one before.

    Samples do not depend on each other any more; they may be chosen from, and run in any order.

    Args:
        model: a serialized ONNX model that returns all states.
        outputs: of its graph.
        given: the other inputs.

    Raises:
        McuqError: as `FloatSession`.
    """
    ties = {port.name: port.feeds for port in outputs if port.feeds is not None}
    session, samples = FloatSession(model), given.samples
    kept: dict[str, list[Float32]] = {tie.input: [] for tie in ties.values()}
    state: Mapping[str, Float32] = {}
    for number, feeds in enumerate(samples.batches(1)):
        if number in given.starts:
            state = {tie.input: tie.initial for tie in ties.values()}
        for name, values in kept.items():
            values.append(state[name])
        found = session.run({**{name: x[0] for name, x in feeds.items()}, **state}, list(ties), number)
        state = {
            tie.input: np.asarray(found[name], np.float32).reshape(tie.initial.shape)
            for name, tie in ties.items()
        }
    columns = {name: samples.array(name) for name in samples.names}
    # A float model that runs away is for the ranges to refuse, which count what is not finite.
    return Samples.of_values({**columns, **{name: np.stack(values) for name, values in kept.items()}})
