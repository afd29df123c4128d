"""Run a firmware directory and compare every value of every step with the simulator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.errors import fail
from mcuq.files import scratch_folder
from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.ir.types import Array
from mcuq.simulator.simulate import trace_program
from mcuq.targets import Core, load_target
from mcuq.verify.image import Image, build_image, support_include_dirs
from mcuq.verify.library import Library, find_library
from mcuq.verify.machines import MachineName, emulator, run_image
from mcuq.verify.report import Difference, VerifyReport
from mcuq.verify.toolchain import Kind, Toolchain, find_toolchain

Where = Literal["host", "emulator", "qemu"]

_HARNESS_FAILURES = {
    30: "it wrote outside its buffers",
    31: "it wrote to its inputs",
    21: "a pointer was NULL",
    22: "the arena or a buffer is not aligned",
    23: "CMSIS-NN refused a step, or asks for more work memory than there is",
}


def verify_firmware(
    directory: Path,
    plan: Plan,
    name: str,
    inputs: Sequence[Array],
    on: Where = "host",
    *,
    compiler: Kind = "auto",
    opt: str = "-O2",
    sanitize: Sequence[str] = (),
    timeout_s: float = 600.0,
    cmsis_nn: Path | None = None,
    has_trace: bool = True,
) -> VerifyReport:
    """Compile the C of a firmware directory, run it, and compare.

    Two programs run: one with trace, whose every step is compared, and one without, whose outputs are. Where
    there is state, the samples are two sequences, and state is initialized before each.

    Args:
        directory: the firmware directory.
        plan: what it was built from.
        name: its C name.
        inputs: codes per input port, `[samples, *device shape]`.
        on: the host, or the target's core: on the emulator that has it, Unicorn before QEMU, or on QEMU.
        compiler: which compiler; by default the one that users of the core ship with.
        opt: its optimization option.
        sanitize: sanitizers, on the host.
        timeout_s: the longest a run may take.
        cmsis_nn: where that library is, for firmware that calls it; by default where the environment says.
        has_trace: whether the one with trace runs; it adds nothing where all that steps give are outputs.

    Raises:
        McuqError: O029 without the library, T002 without tools, T003 for code that does not compile, V003
            for a crash.
    """
    core, machine = _core_and_machine(plan, on)
    toolchain = find_toolchain(core, compiler)
    firmware = _Firmware(directory, plan, name, find_library(plan, cmsis_nn))
    stdin = harness_input(plan.program, inputs)
    with scratch_folder("verify") as folder:
        traces = {
            is_traced: _run(image, stdin, machine, timeout_s)
            for is_traced, image in firmware.images(core, toolchain, folder, opt, sanitize, has_trace)
        }
    samples = len(inputs[0])
    difference, compared = compare_outputs(plan, inputs, traces.get(True), traces[False])
    return VerifyReport(
        samples, compared, difference, "host" if core.is_host else f"{core.name} on {machine}", str(toolchain)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Firmware:
    """What is compiled: a firmware directory, and the library that it calls."""

    directory: Path
    plan: Plan
    name: str
    library: Library | None

    def images(
        self,
        core: Core,
        toolchain: Toolchain,
        folder: Path,
        opt: str,
        sanitize: Sequence[str],
        has_trace: bool,
    ) -> Iterator[tuple[bool, Image]]:
        """The program with trace where that is wanted, and the one without."""
        directory, name, library = self.directory, self.name, self.library
        model = model_view(self.plan, name, ())
        harness = folder / "harness.c"
        harness.write_bytes(render("verify/harness.c.j2", model=model))
        parts = folder / "library"
        objects = [] if library is None else library.compile(toolchain, directory, parts, opt=opt)
        objects += self._constants(toolchain, folder / "constants", sanitize)
        for is_traced in (True, False) if has_trace else (False,):
            image = build_image(
                core,
                toolchain,
                [harness, directory / f"src/{name}.c"],
                workdir=folder / ("traced" if is_traced else "plain"),
                include_dirs=[directory / "include", directory / "src"],
                defines={f"{model.macro}_TRACE": "1"} if is_traced else {},
                opt=opt,
                warnings=True,
                sanitize=sanitize,
                extra_flags=() if library is None else library.headers,
                more_objects=objects,
            )
            yield is_traced, image

    def _constants(self, toolchain: Toolchain, workdir: Path, sanitize: Sequence[str]) -> list[Path]:
        """What both share: data, and functions of headers, which the least optimization drops."""
        workdir.mkdir()
        own = (self.directory / "include", self.directory / "src")
        return toolchain.compile(
            [self.directory / f"src/{self.name}_weights.c"],
            workdir=workdir,
            include_dirs=[*own, *support_include_dirs(toolchain.core)],
            opt="-O1",
            warnings=True,
            sanitize=sanitize,
            extra_flags=() if self.library is None else self.library.headers,
        )


def _core_and_machine(plan: Plan, on: Where) -> tuple[Core, MachineName]:
    if on == "host":
        return load_target("host").core, "host"
    core = plan.resolved.core
    if core.is_host:
        raise fail(
            "O013",
            f"firmware for the host does not run on an {on}",
            where=f"--on {on}",
            why=f"the firmware was built for {plan.target!r}",
            fix="use --on host, or build for a microcontroller",
        )
    return core, emulator(core) if on == "emulator" else "qemu"


def harness_input(program: Program, inputs: Sequence[Array]) -> bytes:
    """What the harness reads: the number of samples, then the codes of each, port after port.

    Where there is state, the sample before which it is initialized again stands behind their number.
    """
    samples = len(inputs[0])
    header = [samples, _restart(samples)] if program.state else [samples]
    rows = [
        _bytes(x.astype(program.tensors[port.tensor].quant.dtype.numpy))
        for x, port in zip(inputs, program.inputs, strict=True)
    ]
    return np.array(header, "<i4").tobytes() + np.concatenate(rows, axis=1).tobytes()


def _restart(samples: int) -> int:
    """The first sample of the second sequence."""
    return (samples + 1) // 2


def _bytes(values: Array) -> Array:
    """`[samples, ...]` of any type as int8 `[samples, bytes]`."""
    return np.ascontiguousarray(values).reshape(len(values), -1).view(np.int8)


# An output of a step: the step's index and the output's number.
_Result: TypeAlias = tuple[int, int]


def _expected(program: Program, inputs: Sequence[Array]) -> dict[_Result, Array]:
    """What every output of every step must be, `[samples, elements]`."""
    samples = len(inputs[0])
    cut = _restart(samples) if program.state else samples
    found: dict[_Result, list[Array]] = {}
    for part in (slice(0, cut), slice(cut, samples)):
        if part.start == part.stop:
            continue
        for index, _, ys in trace_program(program, [x[part] for x in inputs]):
            for number, y in enumerate(ys):
                found.setdefault((index, number), []).append(y.reshape(len(y), -1))
    return {result: np.concatenate(parts) for result, parts in found.items()}


def _run(image: Image, stdin: bytes, machine: MachineName, timeout_s: float) -> bytes:
    run = run_image(image, stdin, machine, timeout_s)
    if run.exit_code != 0:
        raise fail(
            "V003",
            "the firmware failed",
            where=f"{machine} {image.core.name}",
            why=_HARNESS_FAILURES.get(run.exit_code, f"the exit code is {run.exit_code}"),
            fix="build it again if its files were changed; otherwise report it",
        )
    return run.output


def compare_outputs(
    plan: Plan, inputs: Sequence[Array], traced: bytes | None, plain: bytes
) -> tuple[Difference | None, int]:
    """The first difference in the order of execution, and how many values were compared.

    Args:
        plan: what the firmware was built from.
        inputs: codes per input port, `[samples, *device shape]`.
        traced: what the harness returned of a build with trace, None where none ran.
        plain: the same without.

    Raises:
        McuqError: V003 for another number of values.
    """
    program = plan.program
    expected = _expected(program, inputs)
    producer = {
        program.storage(tensor): (index, number)
        for index, step in enumerate(program.steps)
        for number, tensor in enumerate(step.outputs)
    }
    outputs = [producer[program.storage(port.tensor)] for port in program.outputs]
    order = [
        (index, number) for index in plan.memory.order for number in range(len(program.steps[index].outputs))
    ]
    steps = [] if traced is None else [*order, *outputs]
    difference = None
    if traced is not None:
        difference = _first_difference(plan, steps, expected, traced, len(order))
    if difference is None:
        difference = _first_difference(plan, outputs, expected, plain, 0)
    compared = sum(expected[result].size for result in (*steps, *outputs))
    return difference, compared


def _first_difference(
    plan: Plan, results: Sequence[_Result], expected: dict[_Result, Array], raw: bytes, traced: int
) -> Difference | None:
    """The first of a run's values that differs; columns are `results`, the first `traced` of them traced."""
    columns = [np.ascontiguousarray(expected[result]) for result in results]
    wanted = np.concatenate([_bytes(values) for values in columns], axis=1)
    found = np.frombuffer(raw, np.int8)
    if found.size != wanted.size:
        raise fail(
            "V003",
            "the firmware returned another number of values",
            where="verification",
            why=f"expected {wanted.size} bytes, found {found.size}",
            fix="build it again if its files were changed; otherwise report it",
        )
    differs = wanted != found.reshape(wanted.shape)
    if not differs.any():
        return None
    sample = int(np.argmax(differs.any(axis=1)))
    ends = np.cumsum([values[0].nbytes for values in columns])
    column = int(np.searchsorted(ends, np.argmax(differs[sample]), side="right"))
    values = columns[column][sample]
    raw_values = found.reshape(wanted.shape)[sample, ends[column] - values.nbytes : ends[column]]
    position = plan.memory.order.index(results[column][0]) if column < traced else None
    return _describe(plan, results[column], sample, position, values, raw_values.tobytes())


def _describe(
    plan: Plan, result: _Result, sample: int, position: int | None, expected: Array, raw: bytes
) -> Difference:
    """The first difference between what a step should give and the bytes it gave."""
    index, number = result
    step = plan.program.steps[index]
    shape = plan.program.tensors[step.outputs[number]].shape
    found = np.frombuffer(raw, expected.dtype.newbyteorder("<"))
    differs = expected != found
    element = int(np.argmax(differs))
    return Difference(
        sample=sample,
        step=position,
        layer=step.name,
        kernel=plan.calls[index].kernel,
        element=tuple(int(i) for i in np.unravel_index(element, shape)),
        expected=int(expected[element]),
        found=int(found[element]),
        differing=int(differs.sum()),
    )
