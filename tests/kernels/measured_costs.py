"""Cycles and code bytes of kernels; `python -m tests.kernels.measured_costs` measures and writes costs.toml.

Cycles: steps of random shapes, each with every variant that accepts it, are profiled on the Cortex-M4 model;
the coefficients of their terms (`Variant.terms`) are fitted to them, none negative, by relative error. They
hold for that core alone.
Bytes: every kernel is compiled by itself at -O2 and -Os for Cortex-M4, and its functions are counted by file.
A test compiles for the other cores of `CODE_CORES` and finds the same within a quarter.
Run it after a change of kernels, with the compiler that the files name.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from scipy.optimize import nnls

from mcuq.codegen.kernels import kernel_sources
from mcuq.ir.integer import Rounding
from mcuq.kernels.costs import UNIT
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import StepShapes, for_step
from mcuq.profile.profile import profile_firmware
from mcuq.resources import targets_dir
from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain
from tests.builders import ProgramBuilder, stacked_plan, write_firmware
from tests.kernels.cost_examples import random_examples
from tests.ops.randoms import Example

CORE = "cortex-m4"
ISA = ("armv7em", "portable")
CODE_CORES = {
    "armv7em": ("cortex-m33", "cortex-m4", "cortex-m55", "cortex-m7"),
    "portable": ("cortex-m3", "cortex-m33", "cortex-m4", "cortex-m55", "cortex-m7"),
}
PER_IMAGE = 24
_FUNCTION = re.compile(r"^(?:MCUQ_KERNEL|static)\b[^;{=]*?\b(mcuq_\w+)\s*\(", re.MULTILINE)

Measured = dict[str, list[tuple[dict[str, int], int]]]


def measure_cycles(examples: Iterable[Example], folder: Path, opt: str = "-O2") -> Measured:
    """Terms and cycles of every example with every variant that has terms, by kernel."""
    builder, calls, terms = ProgramBuilder(), [], []
    variants = [variant for isa in ISA for variant in isa_variants(isa)]
    for example in examples:
        shapes = StepShapes.of(example.op, example.shapes)
        for variant in for_step(variants, example.op, shapes):
            counts = variant.terms()
            if counts is not None and variant.refusal() is None:
                builder.output(builder.step(example.op, *map(builder.input, example.shapes)))
                calls.append(variant.call())
                terms.append(counts)
    plan = stacked_plan(builder.program(), calls, CORE)
    write_firmware(folder, plan, isa=ISA)
    found: Measured = defaultdict(list)
    layers = profile_firmware(folder, plan, "net", opt=opt).layers
    for layer, counts in zip(layers, terms, strict=True):
        found[layer.kernel].append((counts, layer.cycles))
    return found


def fit(samples: list[tuple[dict[str, int], int]]) -> tuple[dict[str, int], list[float]]:
    """Coefficients in 1 / UNIT cycles, and each sample's modelled share of its cycles."""
    names = list(dict.fromkeys(name for counts, _ in samples for name in counts))
    rows = np.array([[counts.get(name, 0) for name in names] for counts, _ in samples], np.float64)
    cycles = np.array([each for _, each in samples], np.float64)
    # A call of a few hundred cycles matters less than one of many thousands.
    weight = 1 / (cycles + 500)
    found = nnls(rows * weight[:, None], cycles * weight)[0]
    whole = np.rint(found * UNIT).astype(int)
    return dict(zip(names, map(int, whole), strict=True)), list(rows @ whole / UNIT / cycles)


def kernel_names() -> dict[str, list[str]]:
    """Kernels by instruction set."""
    return {isa: sorted({variant.kernel for variant in isa_variants(isa)}) for isa in ISA}


def code_bytes(kernels: Iterable[str], folder: Path, opt: str, core: str = CORE) -> dict[str, int]:
    """Bytes of the functions of every kernel file, as compiled for the kernels one by one.

    A function that is inlined counts where it ends up; files of nothing else have 0 bytes.
    """
    toolchain = find_toolchain(load_target(core).core)
    sources, files = [], {}
    for kernel in kernels:
        files[kernel] = kernel_sources([kernel], ISA, Rounding.DOUBLE)
        for name, text in files[kernel].items():
            (folder / name).write_bytes(text)
        source = folder / f"only_{kernel}.c"
        source.write_text(
            f'#include "{kernel}.h"\n'
            f"void *mcuq_keep(void);\nvoid *mcuq_keep(void) {{ return (void *)&{kernel}; }}\n"
        )
        sources.append(source)
    objects = toolchain.compile(sources, workdir=folder, include_dirs=[folder], opt=opt)
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


def _lines(
    isa: str, code: Mapping[str, tuple[int, int]], fits: Mapping[str, dict[str, int]]
) -> Iterator[str]:
    yield "# Written by `python -m tests.kernels.measured_costs`: what kernels cost."
    yield "# On which cores the cycles, and on which the bytes hold; on all others nothing is known."
    yield f"cycles_cores = {json.dumps([CORE])}"
    yield f"code_cores = {json.dumps(CODE_CORES[isa])}"
    yield ""
    yield "# code: bytes of each file's functions at -O2 and -Os, arm-none-eabi-gcc 12.2."
    yield "[code]"
    for name, pair in sorted(code.items()):
        if (targets_dir() / isa / "kernels" / name).is_file() or (isa == "portable" and "requantize" in name):
            yield f'"{name}" = [{pair[0]}, {pair[1]}]'
    yield ""
    yield "# Files that a kernel brings along."
    yield "[files]"
    for kernel in kernel_names()[isa]:
        yield f"{kernel} = {json.dumps(sorted(kernel_sources([kernel], ISA, Rounding.DOUBLE)))}"
    for kernel in kernel_names()[isa]:
        if kernel in fits:
            yield ""
            yield f"# 1 / {UNIT} cycles per count of its terms, at -O2, fitted to cost_examples.py."
            yield f"[cycles.{kernel}]"
            yield from (f"{name} = {value}" for name, value in fits[kernel].items())


def main(count: int = 500) -> None:
    """Measure everything, print how well it fits, write the files."""
    every: Measured = defaultdict(list)
    examples = random_examples(count, 1)
    with tempfile.TemporaryDirectory() as name:
        for first in range(0, count, PER_IMAGE):
            folder = Path(name) / str(first)
            folder.mkdir()
            for kernel, samples in measure_cycles(examples[first : first + PER_IMAGE], folder).items():
                every[kernel] += samples
        kernels = [kernel for names in kernel_names().values() for kernel in names]
        o2, os = (code_bytes(kernels, Path(name), opt) for opt in ("-O2", "-Os"))
    code = {file: (o2[file], os[file]) for file in o2}
    fits = {}
    for kernel, samples in every.items():
        fits[kernel], shares = fit(samples)
        low, middle, high = np.percentile(shares, [2, 50, 98])
        print(
            f"{kernel}: {len(samples)} samples, model / measured {low:.2f} {middle:.2f} {high:.2f}",
            file=sys.stderr,
        )
    for isa in ISA:
        (targets_dir() / isa / "costs.toml").write_text("\n".join(_lines(isa, code, fits)) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
