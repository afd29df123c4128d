"""Stack of kernels; `python -m tests.kernels.measured_stack` compiles them and writes targets/*/stack.toml.

Every kernel is compiled for every core whose instruction sets have it, called once and as a function of its
own, by two compilers at every level of optimization and with both contracts of requantization; the largest
figure counts. Run it after a change of kernels; it takes some minutes. With `--kernels` all others keep their
figures.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from mcuq.codegen.kernels import kernel_sources
from mcuq.ir.integer import Rounding
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.profile.stack import deepest, read_frames, read_stack_usage
from mcuq.reading.text import parse_toml
from mcuq.resources import targets_dir
from mcuq.targets import Core, load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines.disassembly import disassemble
from mcuq.verify.toolchain import find_toolchain
from tests.kernels.machines import emulated_cores

CORES = tuple(core.name for core in emulated_cores())
OPTIMIZED = ("-O1", "-Os", "-O2", "-O3")
PLAIN = ("-O0", "-Og")  # without kernels inlined
COMPILERS = ("gcc", "zig")

# Of each kernel: the frame of a function that it is inlined into, and the deepest chain from it on.
Stack = dict[str, tuple[int, int]]


def kernel_names(core: Core, isa: str | None = None) -> list[str]:
    """The kernels that a core may take, of one instruction set or of all."""
    names = core.isa if isa is None else [isa]
    return sorted({variant.kernel for name in names for variant in isa_variants(name)})


def measure(
    core: Core, kind: str, opt: str, rounding: Rounding, folder: Path, only: Container[str] | None = None
) -> Stack:
    """The stack of a core's kernels, as one compiler makes them: called once, and as functions."""
    kernels = [each for each in kernel_names(core) if only is None or each in only]
    folder.mkdir()
    lines, roots, others = [], [], []
    for kernel in kernels:
        files = kernel_sources([kernel], core.isa, rounding)
        signature, names = _signature(kernel, files[f"{kernel}.h"].decode())
        for prefix in (f"alone_{kernel}", f"shared_{kernel}"):
            for name, text in files.items():
                (folder / _own(name, prefix)).write_text(_own(text.decode(), prefix))
            lines.append(f'#include "{_own(kernel, prefix)}.h"')
        once, shared = (_own(kernel, prefix) for prefix in (f"alone_{kernel}", f"shared_{kernel}"))
        # As in a model, parameters are a constant that lies elsewhere, so that reads of it may be moved.
        lines.append(f"extern const {once}_params p_{kernel};")
        others.append(f"const int p_{kernel}[64];")
        types = _own(signature.split(",", 1)[1], f"alone_{kernel}")
        call = f"{once}(&p_{kernel}, {names.split(', ', 1)[1]})"
        lines.append(f"void call_{kernel}({types});\nvoid call_{kernel}({types}) {{ {call}; }}")
        roots += [f"call_{kernel}", shared]
    table = ", ".join(f"(void *)&{root}" for root in roots)
    lines += [f"void *volatile mcuq_keep[] = {{{table}}};"]
    lines += ["int main(void) { return mcuq_keep[0] == (void *)0; }"]
    source, parameters = folder / "all_kernels.c", folder / "parameters.c"
    source.write_text("\n".join(lines) + "\n")
    parameters.write_text("\n".join(others) + "\n")
    image = build_image(
        core,
        find_toolchain(core, kind),
        [source, parameters],
        workdir=folder / "image",
        include_dirs=[folder],
        opt=opt,
        extra_flags=["-fstack-usage"],
    )
    frames = read_frames(disassemble(image))
    reported = read_stack_usage(sorted((folder / "image").glob("*.o")))
    found = {}
    for kernel, once, shared in zip(kernels, roots[::2], roots[1::2], strict=True):
        inlined = max(frames[once].bytes, reported.get(once, 0))
        below = deepest(once, frames, reported) - inlined
        found[kernel] = inlined, max(below, deepest(shared, frames, reported))
    return found


def _signature(kernel: str, text: str) -> tuple[str, str]:
    """A kernel's parameters: with their types, and their names alone."""
    found = re.search(rf"^MCUQ_CALLED void {kernel}\(([^)]*)\)", text, re.MULTILINE)
    assert found is not None, kernel
    names = [re.search(r"(\w+)(\[\])?$", each.strip()) for each in found[1].split(",")]
    return found[1], ", ".join(name[1] for name in names if name is not None)


def _own(text: str, prefix: str) -> str:
    """A copy of a kernel's code under names of its own: its helpers are inlined as where it is alone."""
    return re.sub(r"\b(mcuq|MCUQ)_", rf"\g<1>_{prefix}_", text)


def largest(
    core: Core,
    opts: Sequence[str],
    folder: Path,
    compilers: Sequence[str] = COMPILERS,
    only: Container[str] | None = None,
) -> Stack:
    """The largest figures of some compilers and options, with both contracts."""
    found: Stack = {}
    for kind in compilers:
        for opt in opts:
            for rounding in Rounding:
                place = folder / f"{core.name}{kind}{opt}{rounding.value}"
                one = measure(core, kind, opt, rounding, place, only)
                for kernel, figures in one.items():
                    before = found.get(kernel, (0, 0))
                    found[kernel] = max(before[0], figures[0]), max(before[1], figures[1])
    return found


def _figures(core: Core, only: Container[str] | None, folder: Path) -> dict[str, list[int]]:
    """What the files state of a core's kernels."""
    optimized, plain = (largest(core, opts, folder, only=only) for opts in (OPTIMIZED, PLAIN))
    return {each: [*figures, max(plain[each])] for each, figures in optimized.items()}


def _stated(isa: str, core: str) -> dict[str, list[int]]:
    """What a file says, nothing where there is none."""
    path = targets_dir() / isa / "stack.toml"
    return dict(parse_toml(path.read_bytes()).get(core, {})) if path.is_file() else {}


def _lines(isa: str, found: Mapping[str, Mapping[str, list[int]]]) -> Iterator[str]:
    yield "# Written by `python -m tests.kernels.measured_stack`: stack of kernels, bytes at the most."
    yield "# Per kernel: its frame where it is inlined, and the deepest chain of calls from it on otherwise,"
    yield "# optimized; the latter not optimized."
    for arch, core in {core.arch: core for core in emulated_cores()}.items():
        yield f"# Compilers for {arch}: {', '.join(str(find_toolchain(core, kind)) for kind in COMPILERS)}."
    yield f"# Options: {' '.join(OPTIMIZED)}; {' '.join(PLAIN)}."
    for name, figures in found.items():
        core = load_target(name).core
        names = kernel_names(core, isa)
        if isa in core.isa and names:
            known = {**_stated(isa, name), **figures}
            yield ""
            yield f"[{name}]"
            yield from (f"{each} = {known[each]}" for each in names)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--kernels", nargs="*", help="kernels to measure; by default all")
    only = parser.parse_args(arguments).kernels
    found: dict[str, Mapping[str, list[int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for core in map(load_target, CORES):
            print(core.core.name, file=sys.stderr)
            known = only is None or {*only} & {*kernel_names(core.core)}
            found[core.core.name] = _figures(core.core, only, Path(name)) if known else {}
    for isa in instruction_sets():
        text = "\n".join(_lines(isa, found)) + "\n"
        (targets_dir() / isa / "stack.toml").write_text(text)


if __name__ == "__main__":
    main()
