"""Time and code bytes of kernels; `python -m tests.kernels.measured_costs [CORE ...]` writes costs.toml.

Time: steps of random shapes, each with every variant that accepts it, are profiled on the machine that runs
the core, in cycles where a model of them is validated and in instructions elsewhere; the coefficients of
their terms (`Variant.terms`) are fitted to them, none negative, by relative error. Cores that are named are
added to those that the files hold; without a name, these are measured again.
Bytes: every kernel is compiled by itself at -O2 and -Os for all cores, and its functions are counted by file.
The files state those of one core, and for which others they hold, within a quarter.
Run it after a change of kernels, with the compiler that the files name.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from scipy.optimize import nnls

from mcuq.codegen.kernels import kernel_sources
from mcuq.ir.integer import Rounding
from mcuq.kernels.core import core_kernels
from mcuq.kernels.costs import PARTS, UNITS, Unit
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.kernels.variant import AnyVariant, StepShapes, for_step
from mcuq.profile.profile import profile_firmware
from mcuq.reading.text import parse_toml
from mcuq.resources import targets_dir
from mcuq.targets import Core, load_target
from mcuq.verify.toolchain import find_toolchain
from tests.builders import ProgramBuilder, stacked_plan, type_params, write_firmware
from tests.kernels.cost_examples import MAKERS, random_examples
from tests.kernels.machines import cost_core, emulated_cores
from tests.ops.randoms import Example

# Three of each maker: how plain C is inlined depends on whether a program calls a kernel once or more often.
PER_IMAGE = 3 * len(MAKERS)
ROUNDS = 56  # of each maker of examples
OPTIONS = ("-O2", "-Os")
# How far bytes may be off on a core that they are said to hold for.
CODE_REL, CODE_ABS = 0.25, 16
_FUNCTION = re.compile(r"^(?:MCUQ_KERNEL|MCUQ_CALLED|static)\b[^;{=]*?\b(mcuq_\w+)\s*\(", re.MULTILINE)

Measured = dict[str, list[tuple[Mapping[str, int], int]]]
Fits = dict[str, Mapping[str, int]]  # coefficients by term, by kernel
CodeBytes = dict[str, tuple[dict[str, int], ...]]  # by core, at each option, by file


@dataclasses.dataclass
class IsaCosts:
    """What a file states.

    Args:
        code_cores: where the bytes hold.
        code: bytes of files at -O2 and -Os.
        files: of each kernel.
        times: coefficients by unit and core.
    """

    code_cores: list[str]
    code: dict[str, tuple[int, int]]
    files: dict[str, list[str]]
    times: dict[Unit, dict[str, Fits]]

    @classmethod
    def read(cls, isa: str) -> IsaCosts:
        path = costs_file(isa)
        table = parse_toml(path.read_bytes()) if path.is_file() else {}
        code = {name: (o2, os) for name, (o2, os) in table.get("code", {}).items()}
        times = {unit: dict(table.get(unit, {})) for unit in UNITS}
        return cls(list(table.get("code_cores", ())), code, dict(table.get("files", {})), times)

    def lines(self) -> Iterator[str]:
        yield "# Written by `python -m tests.kernels.measured_costs`: what kernels cost."
        yield "# On which cores the bytes hold; on all others nothing is known."
        yield f"code_cores = {json.dumps(self.code_cores)}"
        yield ""
        yield "# code: bytes of each file's functions at -O2 and -Os, arm-none-eabi-gcc 12.2."
        yield "[code]"
        yield from (f'"{name}" = [{o2}, {os}]' for name, (o2, os) in sorted(self.code.items()))
        yield ""
        yield "# Files that a kernel brings along."
        yield "[files]"
        yield from (f"{kernel} = {json.dumps(names)}" for kernel, names in sorted(self.files.items()))
        for unit, cores in self.times.items():
            if any(cores.values()):
                yield ""
                yield (
                    f"# 1 / {PARTS} {unit} per count of terms, by core and kernel, at -O2, "
                    "fitted to cost_examples.py."
                )
            yield from _joined(
                [f"[{unit}.{core}.{kernel}]", *(f"{name} = {value}" for name, value in fit.items())]
                for core, kernels in sorted(cores.items())
                for kernel, fit in sorted(kernels.items())
            )


def _joined(parts: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of parts with an empty one between two."""
    for number, part in enumerate(parts):
        yield from ("",) if number else ()
        yield from part


def costs_file(isa: str) -> Path:
    return targets_dir() / isa / "costs.toml"


def timed_variants(core: Core, example: Example, only: Container[str] | None = None) -> list[AnyVariant]:
    """The variants that an example is measured with; `only`: of these kernels."""
    kernels = core_kernels(core)
    variants = [
        variant
        for variant in kernels.variants
        if kernels.missing(variant) is None and (only is None or variant.kernel in only)
    ]
    shapes = StepShapes.of(example.op, example.shapes, example.types)
    found = for_step(variants, example.op, shapes)
    return [each for each in found if each.terms() is not None and each.refusal() is None]


def measure_time(
    core: Core,
    examples: Iterable[Example],
    folder: Path,
    opt: str = "-O2",
    only: Container[str] | None = None,
) -> tuple[Unit, Measured]:
    """The unit, and terms and time by kernel, of every example with every variant that has terms."""
    builder, calls, terms = ProgramBuilder(), [], []
    for example in examples:
        for variant in timed_variants(core, example, only):
            types = map(type_params, example.types)
            inputs = map(builder.input, example.shapes, types)
            for output in builder.outputs_of(example.op, *inputs):
                builder.output(output)
            calls.append(variant.call())
            terms.append(variant.terms() or {})
    plan = stacked_plan(builder.program(), calls, core.name)
    write_firmware(folder, plan)
    found: Measured = defaultdict(list)
    profile = profile_firmware(folder, plan, "net", opt=opt)
    for layer, counts in zip(profile.layers, terms, strict=True):
        found[layer.kernel].append((counts, layer.instructions if layer.cycles is None else layer.cycles))
    return UNITS[0] if profile.cycles is not None else UNITS[1], found


def fit(samples: Sequence[tuple[Mapping[str, int], int]]) -> tuple[dict[str, int], list[float]]:
    """Coefficients in 1 / PARTS of a unit, and each sample's modelled share of its time."""
    names = list(dict.fromkeys(name for counts, _ in samples for name in counts))
    rows = np.array([[counts.get(name, 0) for name in names] for counts, _ in samples], np.float64)
    times = np.array([each for _, each in samples], np.float64)
    # A call of a few hundred cycles matters less than one of many thousands.
    weight = 1 / (times + 500)
    found = nnls(rows * weight[:, None], times * weight)[0]
    whole = np.rint(found * PARTS).astype(int)
    return dict(zip(names, map(int, whole), strict=True)), list(rows @ whole / PARTS / times)


def fit_core(core: Core, rounds: int, only: Container[str] | None = None) -> tuple[Unit, Fits]:
    """Measure a core's kernels on so many examples of each maker, and print how well the model fits."""
    every: Measured = defaultdict(list)
    examples = [each for each in random_examples(rounds, 1) if timed_variants(core, each, only)]
    unit = UNITS[0]
    with tempfile.TemporaryDirectory() as name:
        for first in range(0, len(examples), PER_IMAGE):
            folder = Path(name) / str(first)
            folder.mkdir()
            unit, found = measure_time(core, examples[first : first + PER_IMAGE], folder, only=only)
            for kernel, samples in found.items():
                every[kernel] += samples
    fits: Fits = {}
    for kernel, samples in every.items():
        fits[kernel], shares = fit(samples)
        low, middle, high = np.percentile(shares, [2, 50, 98])
        shown = f"model / measured {low:.2f} {middle:.2f} {high:.2f}"
        print(f"{core.name}, {kernel}: {len(samples)} samples, {unit}, {shown}", file=sys.stderr)
    return unit, fits


def kernel_names(isa: str) -> list[str]:
    return sorted({variant.kernel for variant in isa_variants(isa)})


def code_bytes(kernels: Iterable[str], folder: Path, opt: str, core: Core) -> dict[str, int]:
    """Bytes of the functions of every kernel file, as compiled for the kernels one by one.

    A function that is inlined counts where it ends up; files of nothing else have 0 bytes.
    """
    toolchain = find_toolchain(core)
    sources, files = [], {}
    for kernel in kernels:
        files[kernel] = kernel_sources([kernel], core.isa, Rounding.DOUBLE)
        for name, text in files[kernel].items():
            (folder / name).write_bytes(text)
        source = folder / f"only_{kernel}.c"
        source.write_text(
            f'#include "{kernel}.h"\n'
            f"void *mcuq_keep(void);\nvoid *mcuq_keep(void) {{ return (void *)&{kernel}; }}\n"
        )
        sources.append(source)
    # The compiler for RISC-V comes without a C library; where there is one, its headers make other code.
    without_library = [targets_dir() / "support" / "freestanding"] if core.arch == "riscv32" else []
    include_dirs = [folder, *without_library]
    objects = toolchain.compile(sources, workdir=folder, include_dirs=include_dirs, opt=opt)
    found: dict[str, int] = {}
    for kernel, path in zip(files, objects, strict=True):
        own = {name: set(_FUNCTION.findall(text.decode())) for name, text in files[kernel].items()}
        sizes = function_bytes(path)
        for name, functions in own.items():
            found[name] = max(found.get(name, 0), sum(sizes.get(each, 0) for each in functions))
    return found


def function_bytes(path: Path) -> dict[str, int]:
    """Bytes of an object's functions; of clones of one function the sum."""
    found: dict[str, int] = defaultdict(int)
    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        for symbol in table.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol.name != "mcuq_keep":
                found[symbol.name.split(".")[0]] += symbol["st_size"]
    return found


def measure_code(cores: Iterable[Core], folder: Path) -> CodeBytes:
    """Bytes of the files of all kernels that cores may take."""
    return {
        core.name: tuple(
            code_bytes([kernel for isa in core.isa for kernel in kernel_names(isa)], folder, opt, core)
            for opt in OPTIONS
        )
        for core in cores
    }


def state_code(isa: str, costs: IsaCosts, sizes: CodeBytes) -> None:
    """Put in what an instruction set's files take on one of its cores, and where else that holds."""
    own = cost_core(isa)
    names = {
        kernel: sorted(kernel_sources([kernel], own.isa, Rounding.DOUBLE)) for kernel in kernel_names(isa)
    }
    o2, os = sizes[own.name]
    costs.files = names
    costs.code = {file: (o2[file], os[file]) for file in o2 if _stands_in(isa, file)}
    costs.code_cores = [
        core.name
        for core in emulated_cores(isa)
        if core.arch == own.arch and _agree(names, sizes[own.name], sizes[core.name])
    ]


def _agree(
    files: Mapping[str, Sequence[str]],
    stated: Sequence[Mapping[str, int]],
    found: Sequence[Mapping[str, int]],
) -> bool:
    """Whether every kernel is about as large, with its files, at each option."""
    return all(
        abs(sum(one[file] for file in names) - sum(other[file] for file in names))
        <= max(CODE_REL * sum(one[file] for file in names), CODE_ABS)
        for one, other in zip(stated, found, strict=True)
        for names in files.values()
    )


def _stands_in(isa: str, file: str) -> bool:
    """Whether a file is of an instruction set, or a name for the two contracts of one there."""
    folder = targets_dir() / isa / "kernels"
    return (folder / file).is_file() or any(folder.glob(f"{Path(file).stem}_double.h"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print how well it fits, write the files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("cores", nargs="*", help="cores to measure; by default those that the files hold")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--kernels", nargs="*", help="kernels to measure; by default all")
    asked = parser.parse_args(arguments)
    stated = {isa: IsaCosts.read(isa) for isa in instruction_sets()}
    known = {core for costs in stated.values() for cores in costs.times.values() for core in cores}
    for name in asked.cores or sorted(known):
        core = load_target(name).core
        unit, fits = fit_core(core, asked.rounds, asked.kernels)
        for isa in core.isa:
            mine = {kernel: fits[kernel] for kernel in kernel_names(isa) if kernel in fits}
            kept = stated[isa].times[unit].get(core.name, {}) if asked.kernels else {}
            stated[isa].times[unit][core.name] = {**kept, **mine}
    with tempfile.TemporaryDirectory() as folder:
        sizes = measure_code(emulated_cores(), Path(folder))
    for isa, costs in stated.items():
        state_code(isa, costs, sizes)
        costs_file(isa).write_text("\n".join(costs.lines()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
