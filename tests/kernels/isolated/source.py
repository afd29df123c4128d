"""C that calls kernels one by one, and changed kernels in place of those that mcuq has."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcuq.ir.integer import Rounding
from mcuq.kernels.registry import instruction_sets
from mcuq.resources import targets_dir
from tests.kernels.isolated.cases import Case, Signature, signatures

FOLDER = Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """Kernels and what they are called with.

    Args:
        cases: of kernels.
        rounding: the contract that `mcuq_requantize.h` keeps.
        replace: other texts of headers, by name.
    """

    cases: Sequence[Case]
    rounding: Rounding = Rounding.DOUBLE
    replace: Mapping[str, str] = dataclasses.field(default_factory=dict)


def header(name: str) -> Path:
    """A kernel's file; of one that an instruction set has its own form of, the portable one."""
    portable = targets_dir() / "portable" / "kernels" / name
    if portable.is_file():
        return portable
    (path,) = (p for isa in instruction_sets() if (p := targets_dir() / isa / "kernels" / name).is_file())
    return path


@functools.cache
def included(name: str) -> frozenset[str]:
    """A header and what it includes, but for the one that depends on the rounding."""
    if name == "mcuq_requantize.h":
        return frozenset()
    names = re.findall(r'#include "(\w+\.h)"', header(name).read_text("utf-8"))
    return frozenset({name}).union(*map(included, names))


def write_program(program: Program, number: int, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The C file of a program, and the kernels in the order of their numbers; `folder` holds it alone."""
    folder.mkdir(parents=True)
    found = signatures(program.cases)
    rounding = header(f"mcuq_requantize_{program.rounding.value}.h").read_text("utf-8")
    # All headers lie together: what one includes is first looked for beside it.
    texts = {name: header(name).read_text("utf-8") for kernel in found for name in included(f"{kernel}.h")}
    for name, text in {**texts, "mcuq_requantize.h": rounding, **program.replace}.items():
        (folder / name).write_text(text, "utf-8")
    lines = ['#include "isolated.h"', *(f'#include "{kernel}.h"' for kernel in found)]
    lines += [line for kernel, signature in found.items() for line in _kernel(kernel, signature)]
    lines.append(f"extern const isolated_kernel isolated_program_{number}[];")
    lines.append(f"const isolated_kernel isolated_program_{number}[] = {{")
    lines += [f"    {{sizeof({kernel}_params), offsets_{kernel}, call_{kernel}}}," for kernel in found]
    path = folder / "program.c"
    path.write_text("\n".join([*lines, "};"]) + "\n", "utf-8")
    return path, tuple(found)


def _kernel(kernel: str, signature: Signature) -> list[str]:
    inputs = ["x"] if signature.inputs is None else [f"(const void *)x[{i}]" for i in range(signature.inputs)]
    arguments = ", ".join(["params", *inputs, "y", *(["scratch"] if signature.has_scratch else [])])
    offsets = [f"    ISOLATED_INTEGER({kernel}_params, {name})," for name in signature.fields]
    offsets += [f"    ISOLATED_POINTER({kernel}_params, {name})," for name in signature.arrays]
    return [
        f"static const uint32_t offsets_{kernel}[] = {{",
        *offsets,
        "};",
        f"static void call_{kernel}(const void *params, const int8_t *const *x, void *y, int8_t *scratch)",
        "{",
        "    (void)x;",
        "    (void)scratch;",
        f"    {kernel}({arguments});",
        "}",
    ]


def include_dirs(folder: Path) -> list[Path]:
    """The program's own headers, and what describes kernels."""
    return [folder, FOLDER]
