"""What a search leaves in its folder: the builds that no other one beats, and how to build them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcuq.errors import McuqError, fail
from mcuq.files import replace_file
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.tune_measure import MeasuredBuild
from mcuq.pipeline.tune_study import Study
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_json
from mcuq.tune.database import DATABASE
from mcuq.tune.figures import Figures
from mcuq.tune.limits import BuildLimits
from mcuq.tune.moves import config_text, types_of
from mcuq.tune.plot import plot_points
from mcuq.tune.search import is_beaten

PARETO, PLOT = "pareto.json", "pareto.svg"
BASE_NAME = "int8"


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A build that is reported.

    Args:
        name: in the table; the configuration is `<name>.toml`.
        found: its moves and figures.
    """

    name: str
    found: MeasuredBuild

    @property
    def config(self) -> str:
        """The file name of its configuration."""
        return f"{self.name}.toml"

    def to_json(self) -> dict[str, object]:
        """As in `pareto.json`; `outputs` where the build gives some of another type than the first."""
        figures, types = self.found.figures, types_of(self.found.candidate)
        return {
            "name": self.name,
            "config": self.config,
            "flash_bytes": figures.flash_bytes,
            "ram_bytes": figures.ram_bytes,
            "cycles": figures.cycles,
            "agreement": figures.agreement,
            "sqnr_db": figures.sqnr_db,
            **({"outputs": types} if types else {}),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found.

    Args:
        points: the build without moves first, the others by flash.
        chosen: the name of that which answers best what was asked, None where nothing was.
        calibrated: samples that calibrate every build.
        held_out: samples by which they were judged.
        warnings: what is suspicious about the data.
    """

    points: tuple[Point, ...]
    chosen: str | None
    calibrated: int
    held_out: int
    warnings: tuple[str, ...] = ()

    @property
    def notes(self) -> dict[str, str]:
        """By name, figures that were not measured, and what they are instead."""
        return {name: text for point in self.points for name, text in point.found.notes}

    @property
    def wide_outputs(self) -> dict[str, str]:
        """By name, which outputs of a build are int16 that the first has otherwise."""
        types = {point.name: types_of(point.found.candidate) for point in self.points}
        return {name: ", ".join(map(repr, found)) for name, found in types.items() if found}

    def to_json(self) -> dict[str, object]:
        """As `pareto.json`; `chosen` and `notes` where there is something to say."""
        return {
            "points": [point.to_json() for point in self.points],
            **({} if self.chosen is None else {"chosen": self.chosen}),
            **({"notes": self.notes} if self.notes else {}),
        }


def answer(
    study: Study, builds: Sequence[MeasuredBuild], limits: BuildLimits | None, warnings: Sequence[str]
) -> Tuned:
    """The measured builds that are reported: the first, and those that keep to the limits and are not beaten.

    Args:
        study: of the search.
        builds: measured; the first is that without moves.
        limits: what was asked, None for nothing.
        warnings: what is suspicious about the data.

    Raises:
        McuqError: T006 where none keeps to the limits.
    """
    asked = limits or BuildLimits()
    figures = [each.figures for each in builds]
    best = builds[asked.best(figures)]
    if asked.excess(best.figures) > 0:
        raise _too_tight(best, asked)
    kept = [each for each in builds[1:] if not asked.excess(each.figures)]
    kept = [each for each in kept if not is_beaten(each.figures, figures)]
    if best not in (builds[0], *kept):
        kept.append(best)
    kept.sort(key=lambda each: (each.figures.flash_bytes or 0, each.figures.cycles or 0, each.figures.noise))
    points = [Point(BASE_NAME, builds[0])]
    points += [Point(f"tuned-{number}", each) for number, each in enumerate(kept, 1)]
    chosen = next(point.name for point in points if point.found is best)
    return Tuned(
        tuple(points),
        None if limits is None else chosen,
        study.options.samples,
        study.held_out.count,
        tuple(warnings),
    )


def _too_tight(nearest: MeasuredBuild, limits: BuildLimits) -> McuqError:
    moves = "; ".join(map(str, nearest.candidate)) or "the build without any setting"
    return fail(
        "T006",
        "no build that was found keeps to the limits",
        where=limits.text() or "the board's memory",
        why=f"the nearest takes {describe(nearest.figures)}: {moves}",
        fix="allow that much, search longer, or choose another target",
    )


def describe(figures: Figures) -> str:
    """A build's figures in words."""
    parts = [
        None if figures.flash_bytes is None else f"{figures.flash_bytes:,} B flash",
        f"{figures.ram_bytes:,} B RAM",
        None if figures.cycles is None else f"{figures.cycles:,} cycles",
        None if figures.agreement is None else f"{figures.agreement:.2%} agreement",
        None if figures.sqnr_db is None else f"{figures.sqnr_db:.1f} dB",
    ]
    return ", ".join(part for part in parts if part is not None)


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but what a search left there.

    Raises:
        McuqError: O010.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise _foreign(folder, "it is not a folder")
    names = sorted(path.name for path in folder.iterdir())
    if names and DATABASE not in names:
        raise _foreign(folder, f"it holds {len(names)} files, and no {DATABASE} of a search, as {names[0]!r}")


def _foreign(folder: Path, why: str) -> McuqError:
    return fail(
        "O010",
        "the output path holds something that is not mcuq's",
        where=str(folder),
        why=why,
        fix="move it away, or choose another --output",
    )


def publish_tuned(folder: Path, model: Path, data: CalibrationData, study: Study, tuned: Tuned) -> None:
    """Write configurations, plot and `pareto.json`, and remove configurations that it names no more.

    Raises:
        McuqError: O012, O018 as `replace_file`.
    """
    before = _configurations(folder)
    for point in tuned.points:
        comments = _comments(point, model, data, study)
        text = config_text(study.options_of(point.found.candidate), comments)
        replace_file(folder / point.config, text.encode(), "a configuration")
    picture = plot_points([(point.name, point.found.figures) for point in tuned.points])
    if picture is not None:
        replace_file(folder / PLOT, picture, "the plot")
    document = json.dumps(tuned.to_json(), indent=1, allow_nan=False) + "\n"
    replace_file(folder / PARETO, document.encode(), "the builds")
    for name in before - {point.config for point in tuned.points}:
        (folder / name).unlink(missing_ok=True)


def _configurations(folder: Path) -> set[str]:
    """The configurations that a search before left."""
    try:
        document: Any = parse_json(read_file(folder / PARETO))
        return {
            name for name in (str(each["config"]) for each in document["points"]) if Path(name).name == name
        }
    except (McuqError, ValueError, LookupError, TypeError):
        return set()


def _comments(point: Point, model: Path, data: CalibrationData, study: Study) -> list[str]:
    # Names alone: the same search elsewhere leaves the same bytes.
    source = data.source.name if isinstance(data.source, Path) else "SAMPLES"
    return [
        f"{point.name}: {describe(point.found.figures)} on {study.held_out.count} held-out samples",
        f"mcuq build {model.name} --target {study.target} --calibration {source}"
        f" --samples {study.options.samples} --config {point.config}, with the other options of the search",
        f"stored program: sha256 {point.found.figures.program_sha256}",
    ]
