"""`python -m tests.flags`: real models under every option of every compiler, on emulated cores.

Prints a table of what differs from the simulator in any layer; 1 where something does or a program fails.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mcuq.verify.inputs import standard_inputs
from tests.e2e.models import Built, build_case
from tests.flags.cells import COMPILERS, CORES, SETS, Cell, cells
from tests.flags.compilers import versions_for
from tests.flags.run import Result, run_cell
from tests.flags.stack import paint_cell
from tests.flags.table import DOCUMENT, table, write_section

MODELS = {"flags": "digits,kws,ic", "compilers": "digits", "stack": "digits,kws"}
REAL_SAMPLES = 1


@dataclasses.dataclass(frozen=True)
class Job:
    """One model in one cell."""

    model: str
    cell: Cell


def build_all(models: list[str], cores: list[str], folder: Path) -> dict[tuple[str, str], Built]:
    """Every model for every core, by both."""
    return {(model, core): build_case(model, folder / core, core) for core in cores for model in models}


def run_job(job: Job, built: Built, asked: str) -> Result:
    """Run it in a folder of its own."""
    if asked == "stack":
        with tempfile.TemporaryDirectory(prefix="mcuq-flags-") as folder:
            return paint_cell(job.cell, built.result.directory, built.result.plan, job.model, Path(folder))
    program = built.result.plan.program
    inputs = standard_inputs(program, [x[:REAL_SAMPLES] for x in built.codes], 1)
    with tempfile.TemporaryDirectory(prefix="mcuq-flags-") as folder:
        return run_cell(job.cell, built.result.directory, built.result.plan, job.model, inputs, Path(folder))


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--set", default="flags", choices=SETS, help="options, versions of compilers, their stack"
    )
    parser.add_argument("--models", help="comma separated")
    parser.add_argument("--cores", help="comma separated")
    parser.add_argument("--compilers", help="comma separated; by default those that are installed")
    parser.add_argument("--options", help="comma separated; by default all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--output", type=Path, help=f"write the table into its section there ({DOCUMENT})")
    return parser.parse_args()


def installed() -> list[str]:
    """The compilers that are there."""
    names = {"gcc": "arm-none-eabi-gcc", "clang": "clang"}
    return [name for name in COMPILERS if name == "zig" or shutil.which(names[name])]


def all_cells(options: argparse.Namespace) -> list[Cell]:
    """The cells that are asked for."""
    every = (*CORES, "host") if options.set == "compilers" else CORES
    found = []
    for core in options.cores.split(",") if options.cores else every:
        names = options.compilers.split(",") if options.compilers else None
        if options.set != "flags":
            names = [name for name in versions_for(core) if names is None or name in names]
        found += cells((core,), tuple(installed() if names is None else names), options.set)
    wanted = options.options.split(",") if options.options else SETS[options.set]
    return [cell for cell in found if cell.option in wanted]


def main() -> int:
    """Run all cells of all models."""
    options = parse()
    models = (options.models or MODELS[options.set]).split(",")
    asked = all_cells(options)
    cores = list(dict.fromkeys(cell.core for cell in asked))
    with (
        tempfile.TemporaryDirectory(prefix="mcuq-flags-") as folder,
        ProcessPoolExecutor(options.workers) as pool,
    ):
        firmware = build_all(models, cores, Path(folder))
        jobs = [Job(model, cell) for cell in asked for model in models]
        futures = [pool.submit(run_job, job, firmware[job.model, job.cell.core], options.set) for job in jobs]
        results = []
        for job, future in zip(jobs, futures, strict=True):
            results.append((job.model, job.cell, future.result()))
            if not options.json:
                print(
                    job.model,
                    *dataclasses.astuple(job.cell),
                    *dataclasses.astuple(results[-1][2]),
                    flush=True,
                )
    if options.json:
        print(
            json.dumps(
                [{"model": m, **dataclasses.asdict(c), **dataclasses.asdict(r)} for m, c, r in results]
            )
        )
    else:
        print("\n".join(table(results)))
    if options.output is not None:
        write_section(options.output, results, options.set)
    return int(any(result.status in ("differs", "failed", "exceeded") for _, _, result in results))


if __name__ == "__main__":
    sys.exit(main())
