"""From a model and data to the builds that no other one beats."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.run import Progress
from mcuq.calibrate.select import select_samples
from mcuq.codegen.names import default_name
from mcuq.errors import McuqError, fail
from mcuq.frontend import read
from mcuq.ir.model import Model
from mcuq.ir.types import Float32, Int64
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Measured, calibrate_model, data_warnings
from mcuq.pipeline.calibration import CalibrationData, read_calibration, tie_model
from mcuq.pipeline.ranging import ranges_of
from mcuq.pipeline.stored import STORED_SUFFIX
from mcuq.pipeline.tune_measure import MeasuredBuild, measure_found, measure_rates
from mcuq.pipeline.tune_output import Tuned, answer, check_folder, publish_tuned
from mcuq.pipeline.tune_study import Study, evaluate_candidate, hold_out
from mcuq.quantize.activation_widths import resolve_widths
from mcuq.tune.cluster import ClusterExecutor
from mcuq.tune.database import Answer, Database
from mcuq.tune.executor import Executor, InlineExecutor, ProcessExecutor
from mcuq.tune.figures import Figures
from mcuq.tune.limits import BuildLimits
from mcuq.tune.moves import Move, MoveSet, candidate_key, find_moves, neutral_move, output_moves
from mcuq.tune.search import Exhausted, Search, thin_out

# Builds that are reported, at most, `int8` among them.
MOST_POINTS = 12
# Samples that builds are judged by: at least a quarter of those that were given, at most so many.
_HELD_OUT_PART, _MOST_HELD_OUT, _LEAST_SAMPLES = 4, 512, 16
# Builds this much beyond a limit by the cost model are measured before they are given up.
_NEARLY = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class SearchBudget:
    """How long a search goes on, and where it runs.

    Args:
        evaluations: at most.
        seconds: after so many no evaluation starts, None for any number.
        workers: processes of this machine.
        scheduler: address of a Dask scheduler, None for processes of this machine.
    """

    evaluations: int = 200
    seconds: float | None = None
    workers: int = 1
    scheduler: str | None = None


def tune(
    model: Path,
    target: str,
    data: CalibrationData,
    output: Path,
    options: QuantOptions | None = None,
    limits: BuildLimits | None = None,
    budget: SearchBudget | None = None,
    progress: Progress | None = None,
    wide_outputs: bool = False,
) -> Tuned:
    """Search for settings of single tensors and layers that make better or smaller firmware.

    Args:
        model: an ONNX or TensorFlow Lite file.
        target: a core or a board.
        data: samples; some calibrate, as in a build, and builds are judged by the others.
        output: a folder for `pareto.json`, a configuration for each build, and the file of results.
        options: of the build that the search starts from; its seed is that of the search too.
        limits: what builds may cost, and which is the best.
        budget: how long, and where.
        progress: called as evaluations are done.
        wide_outputs: whether builds may give outputs in int16 whose type the options leave open.

    Raises:
        McuqError: as a build; T006 where no build keeps to the limits, O021 for a cluster that cannot
            evaluate, O013 for models and data that leave nothing to choose.
    """
    start = time.monotonic()
    options, asked, budget = options or QuantOptions(), limits or BuildLimits(), budget or SearchBudget()
    check_folder(output)
    study, warnings = prepare(model, target, data, options)
    name = default_name(model)
    int8 = measure_found((study, name), ())
    _check_limits(asked, int8.figures)
    moves = find_useful_moves(study, wide_outputs)
    study = study if int8.modelled.cycles is None else with_rates(study, name, moves)
    spent = time.monotonic() - start
    output.mkdir(parents=True, exist_ok=True)
    with Database(output) as database:
        deadline = None if budget.seconds is None else start + budget.seconds - _reserved(spent)
        asker = _Asker(study, database, budget, deadline, progress)
        found = asker.search(moves, int8.modelled, lambda each: not asked.costs_excess(int8.correct(each)))
    candidates: list[MoveSet] = [()]
    modelled = [int8.modelled]
    for candidate, figures in found.items():
        if candidate:
            candidates.append(candidate)
            modelled.append(figures)
    chosen = _select([int8.correct(each) for each in modelled], asked)
    others = _measure((study, name), [candidates[index] for index in chosen if index], budget.workers)
    tuned = answer(study, [int8, *others], limits, warnings)
    publish_tuned(output, model, data, study, tuned)
    return tuned


def prepare(
    model: Path, target: str, data: CalibrationData, options: QuantOptions
) -> tuple[Study, tuple[str, ...]]:
    """Calibrate, and run the float model over held-out samples.

    Returns:
        What evaluations need, and what is suspicious about the data.
    """
    if model.name.endswith(STORED_SUFFIX) or options.equalize == "on":
        where = "--equalize on" if options.equalize == "on" else str(model)
        why = "it excludes settings of single tensors, which are all that is searched"
        raise _nothing_to_choose(where, why, "give a float model, and leave --equalize out")
    source = read(model, options.input_shapes)
    options, rest = _split(source, data, options)
    calibrated = calibrate_model(source, data, options, narrows=True)
    if not isinstance(calibrated, Measured):
        why = "it brings its quantization with it"
        raise _nothing_to_choose(str(model), why, "give the float model that it was made from")
    samples = read_calibration(calibrated.graph, data).take(rest)
    channels = calibrated.channels
    if channels is not None:
        channels = dataclasses.replace(channels, held_out=Samples.of_values(_values(channels.held_out)))
    study = Study(
        calibrated.graph,
        calibrated.stores,
        calibrated.reference,
        calibrated.model_sha256,
        data.record(),
        options,
        target,
        hold_out(calibrated.graph, samples),
        _values(calibrated.samples),
        channels,
        methods=calibrated.methods,
    )
    return study, (*source.notes, *data_warnings(calibrated))


def _values(samples: Samples) -> dict[str, Float32]:
    """Samples in memory: a study goes where their files are not."""
    return {name: samples.array(name) for name in samples.names}


def _split(model: Model, data: CalibrationData, options: QuantOptions) -> tuple[QuantOptions, Int64]:
    """Options with so many calibration samples that enough are left, and the indices of those that are."""
    samples = read_calibration(canonicalize(tie_model(model, options).graph), data)
    total = len(samples)
    if total < _LEAST_SAMPLES:
        why = f"found {total} samples, expected at least {_LEAST_SAMPLES}: some calibrate, others judge"
        raise _nothing_to_choose(
            "--calibration", why, "give more samples, 200 or more for a choice that lasts"
        )
    count = min(options.samples, total - total // _HELD_OUT_PART)
    labels = None if data.labels is None else read_labels(data.labels, total)
    chosen = set(select_samples(total, count, options.sampling, labels, options.seed).tolist())
    rest = [index for index in range(total) if index not in chosen]
    held_out = select_samples(len(rest), _MOST_HELD_OUT, "random", seed=options.seed)
    indices = [rest[index] for index in held_out.tolist()]
    return dataclasses.replace(options, samples=count), np.array(indices, np.int64)


def _nothing_to_choose(where: str, why: str, fix: str) -> McuqError:
    return fail("O013", "there is nothing to choose", where=where, why=why, fix=fix)


def _check_limits(limits: BuildLimits, figures: Figures) -> None:
    """Refuse limits on what is not known of any build.

    Raises:
        McuqError: O013.
    """
    unknown = {
        "--max-flash": limits.flash_bytes is not None and figures.flash_bytes is None,
        "--max-cycles": limits.cycles is not None and figures.cycles is None,
        "--min-agreement": limits.agreement is not None and figures.agreement is None,
        "--objective flash": limits.aim == "flash" and figures.flash_bytes is None,
        "--objective cycles": limits.aim == "cycles" and figures.cycles is None,
    }
    for option, is_unknown in unknown.items():
        if is_unknown:
            raise fail(
                "O013",
                "the limit is on something that is not known",
                where=option,
                why="the target has no measure of it, or the model's output has one element",
                fix="name a core that can be measured, or leave the option out",
            )


def _reserved(spent: float) -> float:
    """Seconds that are kept for measuring what will be reported, from those that the first build took."""
    return spent / 2 * (MOST_POINTS - 1) / 2


def find_useful_moves(study: Study, wide_outputs: bool = False) -> tuple[Move, ...]:
    """The moves of a study's model, without those that leave ranges or widths as they are.

    Args:
        study: what is searched.
        wide_outputs: whether there are moves of outputs.
    """
    options = study.options
    ranges = ranges_of(study.graph, study.stores, options, study.methods)
    widths = resolve_widths(study.graph, ranges, options)
    found = []
    for move in find_moves(study.graph, options):
        changed = study.options_of((move,))
        if move.ranges:
            stores = {name: study.stores[name] for name in move.tensors}
            after = ranges_of(study.graph, stores, changed, study.methods)
            is_useful = any(ranges[name] != after[name] for name in move.tensors)
        elif move.setting == "activation_bits":
            is_useful = resolve_widths(study.graph, ranges, changed) != widths
        else:
            is_useful = True
        if is_useful:
            found.append(move)
    # They are few, and half of the evaluations may end before all others were tried.
    return (*(output_moves(study.graph, options) if wide_outputs else ()), *found)


def with_rates(study: Study, name: str, moves: Sequence[Move]) -> Study:
    """The study with the cycles of kernels that have no model on its core.

    They are profiled in builds of all moves of a width, and of every second one: there tensors of both widths
    follow each other.

    Args:
        study: without them.
        name: a C name.
        moves: all there are.
    """
    for setting in dict.fromkeys(move.setting for move in moves if not move.ranges):
        all_of = tuple(move for move in moves if move.setting == setting)
        for chosen in (all_of, all_of[::2], all_of[1::2]):
            found = measure_rates((study, name), chosen) if chosen else {}
            study = dataclasses.replace(study, rates={**found, **study.rates})
    return study


class _Asker:
    """Gives a search its answers: remembered ones, or new ones, which are remembered.

    Args:
        study: of the search.
        database: the memory.
        budget: where evaluations run, and how many there may be.
        deadline: by `time.monotonic`, None for none.
        progress: called as evaluations are done.
    """

    def __init__(
        self,
        study: Study,
        database: Database,
        budget: SearchBudget,
        deadline: float | None,
        progress: Progress | None,
    ) -> None:
        self._study, self._key, self._database, self._budget = study, study.key(), database, budget
        self._deadline, self._progress = deadline, progress
        self._running = contextlib.ExitStack()
        self._executor: Executor[Answer] | None = None
        self._done = 0

    def search(
        self, moves: Sequence[Move], base: Figures, is_wanted: Callable[[Figures], bool]
    ) -> dict[MoveSet, Figures]:
        """Every build that was found, that without moves among them.

        Args:
            moves: all there are.
            base: the build without any.
            is_wanted: whether a build keeps to the limits as far as costs say.
        """
        with self._running:
            neutral = neutral_move(self._study.graph, self._study.options)
            seed = self._study.options.seed
            search = Search(moves, base, neutral, self._ask, self._budget.evaluations, seed, is_wanted)
            search.run()
            return search.found

    def _ask(self, batch: Sequence[MoveSet]) -> list[Figures | None]:
        """Answers to a whole batch.

        Raises:
            Exhausted: where time is over before the last came; what came is remembered.
        """
        if self._is_late():
            raise Exhausted
        answers: dict[int, Answer] = {}
        for index, candidate in enumerate(batch):
            known = self._database.get(self._key, candidate_key(candidate))
            if known is not None:
                answers[index] = known
        missing = [index for index in range(len(batch)) if index not in answers]
        if missing:
            for place, answer in self._started().run([batch[index] for index in missing]):
                answers[missing[place]] = answer
                self._database.put(self._key, candidate_key(batch[missing[place]]), answer)
                self._tell(len(answers))
                if len(answers) < len(batch) and self._is_late():
                    raise Exhausted
        self._done += len(batch)
        self._tell(0)
        return [answers[index].figures for index in range(len(batch))]

    def _tell(self, more: int) -> None:
        if self._progress is not None:
            self._progress(self._done + more, self._budget.evaluations)

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _started(self) -> Executor[Answer]:
        """The executor, which a search that remembers everything never starts."""
        if self._executor is None:
            self._executor = self._running.enter_context(_executor(self._study, self._budget))
        return self._executor


def _measure(given: tuple[Study, str], candidates: Sequence[MoveSet], workers: int) -> list[MeasuredBuild]:
    """What is reported, measured on this machine, so that one compiler counts all of it."""
    executor: Executor[MeasuredBuild] = InlineExecutor(measure_found, given)
    if workers > 1 and len(candidates) > 1:
        executor = ProcessExecutor(measure_found, given, min(workers, len(candidates)))
    with executor as running:
        found = dict(running.run(candidates))
    return [found[index] for index in range(len(candidates))]


def _executor(study: Study, budget: SearchBudget) -> Executor[Answer]:
    if budget.scheduler is not None:
        return ClusterExecutor(evaluate_candidate, study, budget.scheduler)
    if budget.workers == 1:
        return InlineExecutor(evaluate_candidate, study)
    return ProcessExecutor(evaluate_candidate, study, budget.workers)


def _select(builds: Sequence[Figures], limits: BuildLimits) -> list[int]:
    """The builds to measure, by figures that may be off a little: `int8`, which is the first, and the best.

    Where there are limits, those that keep to them, nearly keep to them, or are the nearest.
    """
    near = [index for index, each in enumerate(builds) if index == 0 or limits.excess(each) <= _NEARLY]
    chosen = {near[place] for place in thin_out([builds[index] for index in near], MOST_POINTS - 1)}
    return sorted(chosen | {limits.best(builds)})
