"""Several firmware directories in one program, run on the host or on an emulated core."""

from __future__ import annotations

import dataclasses
import json
import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcuq.ir.plan import MemoryRegion, Plan
from mcuq.ir.program import Program
from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines import MachineName, run_image
from mcuq.verify.toolchain import find_toolchain

TIMEOUT_S = 600.0  # a busy machine is no failure
SOURCES = Path(__file__).parent
# A step's index and the number of its output.
Result = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Unit:
    """One model of a program.

    Args:
        name: its C name.
        directory: its firmware.
        plan: what it was emitted from.
        inputs: codes per port, `[samples, *device shape]`.
        expected: codes per output of a step, by its step and its number, `[samples, *output shape]`.
    """

    name: str
    directory: Path
    plan: Plan
    inputs: tuple[np.ndarray, ...]
    expected: dict[Result, np.ndarray]

    @property
    def samples(self) -> int:
        return len(self.inputs[0])

    def results(self, *, is_traced: bool) -> list[Result]:
        """Outputs of steps in the order in which they are traced."""
        steps = self.plan.program.steps
        order = self.plan.memory.order if is_traced else ()
        return [(index, number) for index in order for number in range(len(steps[index].outputs))]

    def columns(self, *, is_traced: bool) -> list[np.ndarray]:
        """What a program gives for all samples: steps in order, inputs, outputs; each `[samples, values]`."""
        program = self.plan.program
        steps = [self.expected[result] for result in self.results(is_traced=is_traced)]
        found = producers(program)
        outputs = [self.expected[found[program.storage(port.tensor)]] for port in program.outputs]
        return [np.ascontiguousarray(y).reshape(self.samples, -1) for y in (*steps, *self.inputs, *outputs)]


def producers(program: Program) -> dict[int, Result]:
    """Which output of which step every storage holds in the end."""
    return {
        program.storage(tensor): (index, number)
        for index, step in enumerate(program.steps)
        for number, tensor in enumerate(step.outputs)
    }


def run_units(
    units: Sequence[Unit], on: str, folder: Path, *, opt: str, is_traced: bool, sanitize: Sequence[str] = ()
) -> list[bytes]:
    """Compile all units into one program and run it.

    Args:
        units: with different names.
        on: "host", or a core to emulate.
        folder: for what is made on the way.
        opt: the optimization option.
        is_traced: whether every step is returned, else inputs and outputs alone.
        sanitize: sanitizers, on the host.

    Returns:
        The bytes that each unit returned.

    Raises:
        McuqError: when the code does not compile or the program crashes.
        AssertionError: when a unit reports a failure or returns another number of bytes.
    """
    sources = _write_sources(units, folder, is_traced)
    core = load_target(on).core
    toolchain = find_toolchain(core)
    image = build_image(
        core,
        toolchain,
        sources,
        workdir=folder,
        include_dirs=[SOURCES, *(unit.directory / "include" for unit in units)],
        defines={f"{unit.name.upper()}_TRACE": "1" for unit in units} if is_traced else {},
        opt=opt,
        warnings=True,
        sanitize=[name for name in sanitize if name in toolchain.sanitizers],
    )
    machine: MachineName = "host" if core.is_host else "qemu" if core.unicorn_cpu is None else "unicorn"
    run = run_image(image, _stdin(units), machine, TIMEOUT_S)
    assert run.exit_code == 0, f"the harness ended with code {run.exit_code}"
    return _parts(units, run.output, is_traced)


def _write_sources(units: Sequence[Unit], folder: Path, is_traced: bool) -> list[Path]:
    """All sources of the program; those of the firmware stay where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [folder / "group.c"]
    sources[0].write_text(_group_source(units))
    for unit in units:
        sources.append(folder / f"{unit.name}_unit.c")
        sources[-1].write_text(_unit_source(unit, is_traced))
        sources += [unit.directory / f"src/{unit.name}.c", unit.directory / f"src/{unit.name}_weights.c"]
    return sources


def _stdin(units: Sequence[Unit]) -> bytes:
    parts = []
    for unit in units:
        rows = [np.ascontiguousarray(x).reshape(unit.samples, -1).view(np.uint8) for x in unit.inputs]
        parts += [np.array([unit.samples], "<i4").tobytes(), np.concatenate(rows, axis=1).tobytes()]
    return b"".join(parts)


def _parts(units: Sequence[Unit], output: bytes, is_traced: bool) -> list[bytes]:
    sizes = [sum(column.nbytes for column in unit.columns(is_traced=is_traced)) for unit in units]
    assert len(output) == sum(sizes), f"expected {sum(sizes)} bytes, found {len(output)}"
    ends = np.cumsum(sizes).tolist()
    return [output[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _group_source(units: Sequence[Unit]) -> str:
    lines = [f"int {unit.name}_main(void);" for unit in units]
    lines += ["", "int main(void)", "{", "    int status = 0;"]
    lines += [f"    status = (status != 0) ? status : {unit.name}_main();" for unit in units]
    return "\n".join([*lines, "    return status;", "}", ""])


def _unit_source(unit: Unit, is_traced: bool) -> str:
    """The C that connects one model with `harness.h`."""
    manifest = json.loads((unit.directory / f"{unit.name}.mcuq.json").read_text())
    ports = [*manifest["inputs"], *manifest["outputs"]]
    has_state = bool(unit.plan.program.state)
    accesses = _accesses(unit.plan)
    values = {
        "name": unit.name,
        "macro": unit.name.upper(),
        "buffers": "\n".join(
            f"BUFFER({port['dtype']}_t, port{i}, {int(np.prod(port['shape']))});"
            for i, port in enumerate(ports)
        ),
        "spans": "".join(f", SPAN(port{i})" for i in range(len(ports))),
        "accesses": ", ".join(accesses),
        "members": "\n".join(f"    io.{port['member']} = port{i}.data;" for i, port in enumerate(ports)),
        "sizes": f"{len(manifest['inputs'])}, {len(manifest['outputs'])}",
        "access_count": str(len(accesses)),
        "is_traced": str(int(is_traced)),
        "state": f"GUARDED({unit.name}_state, state);" if has_state else "",
        "state_span": "&state, sizeof state, (uint8_t *)&state.data, sizeof state.data",
        "argument": "&state.data, " if has_state else "",
        "begin": f"return {unit.name}_reset(&state.data);" if has_state else "return 0;",
    }
    if not has_state:
        values["state_span"] = "NULL, 0, NULL, 0"
    return string.Template(_UNIT + (_TRACE if is_traced else "")).substitute(values)


_UNIT = """\
#include "harness.h"
#include "$name.h"
BUFFER(int64_t, work, (${macro}_ARENA_BYTES + 7) / 8);
$buffers
$state
static const span spans[] = {SPAN(work)$spans};
static const access accesses[] = {$accesses};
static int begin(void)
{
    $begin
}
static int run(void)
{
    ${name}_io io;
$members
    return ${name}_run(&io, ${argument}work.data);
}
static const model self = {spans, $sizes, accesses, $access_count, {$state_span}, begin, run};
int ${name}_main(void);
int ${name}_main(void)
{
    return run_samples(&self, $is_traced);
}
"""
_TRACE = """\
void ${name}_trace(unsigned step, const void *output, size_t bytes)
{
    allow_all(&self); /* of several outputs, after the first one */
    (void)mcuq_io_write(output, bytes);
    allow_step(&self, step + 1U);
}
"""


def _accesses(plan: Plan) -> list[str]:
    """Per step its inputs, its outputs and its scratch as initializers; trace counts outputs."""
    program, lines, position = plan.program, list[str](), 0
    for index in plan.memory.order:
        step, call = program.steps[index], plan.calls[index]
        for tensor in (*step.inputs, *step.outputs):
            place = plan.memory.places[tensor]
            assert place is not None
            bases = {
                MemoryRegion.ARENA: "work",
                MemoryRegion.INPUT: f"port{place.index}",
                MemoryRegion.OUTPUT: f"port{len(program.inputs) + place.index}",
                MemoryRegion.STATE: "state",
            }
            if place.region is MemoryRegion.STATE:
                continue  # the whole struct is open to all steps
            size = program.tensors[tensor].size_bytes
            lines.append(f"{{{position}U, (int8_t *){bases[place.region]}.data + {place.offset}, {size}U}}")
        if call.scratch_bytes:
            offset = plan.memory.scratch_offsets[index]
            lines.append(f"{{{position}U, (int8_t *)work.data + {offset}, {call.scratch_bytes}U}}")
        position += len(step.outputs)
    return lines
