"""Run a firmware directory and compare every value of every step with the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mcuq.codegen.render import render
from mcuq.codegen.view import model_view
from mcuq.errors import fail
from mcuq.files import scratch_folder
from mcuq.ir.plan import Plan
from mcuq.ir.types import Array
from mcuq.simulator.simulate import trace_program
from mcuq.targets import Core, load_target
from mcuq.verify.image import Image, build_image
from mcuq.verify.machines import MachineName, run_image
from mcuq.verify.report import Difference, VerifyReport
from mcuq.verify.toolchain import Kind, find_toolchain

Where = Literal["host", "emulator", "qemu"]

_HARNESS_FAILURES = {
    30: "it wrote outside its buffers",
    31: "it wrote to its inputs",
    21: "a pointer was NULL",
    22: "the arena or a buffer is not aligned",
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
) -> VerifyReport:
    """Compile the C of a firmware directory, run it, and compare.

    Two programs run: one with trace, whose every step is compared, and one without, whose outputs are.

    Args:
        directory: the firmware directory.
        plan: what it was built from.
        name: its C name.
        inputs: codes per input port, `[samples, *device shape]`.
        on: the host, the target's core on Unicorn, or on QEMU.
        compiler: which compiler; by default the one that users of the core ship with.
        opt: its optimization option.
        sanitize: sanitizers, on the host.
        timeout_s: the longest a run may take.

    Raises:
        McuqError: T002 without tools, T003 for code that does not compile, V003 for a crash.
    """
    core, machine = _core_and_machine(plan.target, on)
    toolchain = find_toolchain(core, compiler)
    model = model_view(plan, name, ())
    stdin = harness_input(inputs)
    traces = {}
    with scratch_folder("verify") as folder:
        harness = folder / "harness.c"
        harness.write_bytes(render("verify/harness.c.j2", model=model))
        for is_traced in (True, False):
            image = build_image(
                core,
                toolchain,
                [harness, directory / f"src/{name}.c", directory / f"src/{name}_weights.c"],
                workdir=folder / ("traced" if is_traced else "plain"),
                include_dirs=[directory / "include", directory / "src"],
                defines={f"{model.macro}_TRACE": "1"} if is_traced else {},
                opt=opt,
                warnings=True,
                sanitize=sanitize,
            )
            traces[is_traced] = _run(image, stdin, machine, timeout_s)
    samples = len(inputs[0])
    difference, compared = compare_outputs(plan, inputs, traces[True], traces[False])
    return VerifyReport(
        samples, compared, difference, "host" if core.is_host else f"{core.name} on {machine}", str(toolchain)
    )


def _core_and_machine(target: str, on: Where) -> tuple[Core, MachineName]:
    if on == "host":
        return load_target("host").core, "host"
    core = load_target(target).core
    if core.is_host:
        raise fail(
            "O013",
            f"firmware for the host does not run on an {on}",
            where=f"--on {on}",
            why=f"the firmware was built for {target!r}",
            fix="use --on host, or build for a microcontroller",
        )
    return core, "unicorn" if on == "emulator" else "qemu"


def harness_input(inputs: Sequence[Array]) -> bytes:
    """What the harness reads: the number of samples, then the codes of each, port after port."""
    samples = len(inputs[0])
    rows = np.concatenate([x.reshape(samples, -1).astype(np.int8) for x in inputs], axis=1)
    return np.array([samples], "<i4").tobytes() + rows.tobytes()


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
    plan: Plan, inputs: Sequence[Array], traced: bytes, plain: bytes
) -> tuple[Difference | None, int]:
    """The first difference in the order of execution, and how many values were compared.

    Args:
        plan: what the firmware was built from.
        inputs: codes per input port, `[samples, *device shape]`.
        traced: what the harness returned of a build with trace.
        plain: the same without.

    Raises:
        McuqError: V003 for another number of values.
    """
    program, samples = plan.program, len(inputs[0])
    expected = {index: y.reshape(samples, -1) for index, _, y in trace_program(program, inputs)}
    assert all(y.dtype in (np.int8, np.int32) for y in expected.values())
    producer = {program.storage(step.output): index for index, step in enumerate(program.steps)}
    outputs = [producer[program.storage(port.tensor)] for port in program.outputs]
    order = list(plan.memory.order)
    difference = _first_difference(plan, [*order, *outputs], expected, traced, len(order))
    if difference is None:
        difference = _first_difference(plan, outputs, expected, plain, 0)
    compared = sum(expected[index].size for index in (*order, *outputs, *outputs))
    return difference, compared


def _first_difference(
    plan: Plan, indices: Sequence[int], expected: dict[int, Array], raw: bytes, steps: int
) -> Difference | None:
    """The first of a run's values that differs; columns are the outputs of the steps `indices`."""
    columns = [np.ascontiguousarray(expected[index]) for index in indices]
    wanted = np.concatenate([values.view(np.int8) for values in columns], axis=1)
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
    ends = np.cumsum([values.view(np.int8).shape[1] for values in columns])
    position = int(np.searchsorted(ends, np.argmax(differs[sample]), side="right"))
    values = columns[position][sample]
    raw_values = found.reshape(wanted.shape)[sample, ends[position] - values.nbytes : ends[position]]
    index = indices[position]
    return _describe(
        plan, index, sample, position if position < steps else None, values, raw_values.tobytes()
    )


def _describe(
    plan: Plan, index: int, sample: int, position: int | None, expected: Array, raw: bytes
) -> Difference:
    """The first difference between what a step should give and the bytes it gave."""
    step = plan.program.steps[index]
    shape = plan.program.tensors[step.output].shape
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
