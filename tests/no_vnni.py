"""`python -m tests.no_vnni ARGUMENT...`: pytest on a processor whose int8 products saturate in onnxruntime.

x86-64 processors without VNNI add pairs of uint8 x int8 products in int16. Where this one has VNNI, QEMU's
user emulation or valgrind hide it: both say by CPUID that there is none. Whether products really saturate is
measured before anything is run, so that the run proves something.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.project.source import ROOT

# QEMU 7.2 is the first that emulates AVX2; older ones stop at SSE4.2, where products saturate just as well.
# Switched off is what it would warn of.
_EMULATORS = (
    ("qemu-x86_64", "-cpu", "Haswell-noTSX,-tsc-deadline,-invpcid,-pcid,-x2apic"),
    ("valgrind", "--tool=none", "-q"),
)
_COUNT = 64


def extreme_products() -> bytes:
    """A model that sums 64 products of 255 by 127, the first two of which already exceed int16."""
    weights = np.full((_COUNT, 4), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "extreme",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, _COUNT])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def is_saturating() -> bool:
    """Whether onnxruntime, asked for nothing, computes these products wrongly here."""
    from mcuq.calibrate.runtime import ort

    session = ort.InferenceSession(extreme_products(), providers=["CPUExecutionProvider"])
    (sums,) = session.run(None, {"x": np.full((1, _COUNT), 255, np.uint8)})
    return bool((sums != _COUNT * 255 * 127).any())


def is_x86_64() -> bool:
    """Whether this is the kind of processor that may saturate."""
    return platform.machine().lower() in ("x86_64", "amd64")


def saturating_python() -> list[str] | None:
    """The command of a Python where products saturate, None where there is none."""
    if not is_x86_64():
        return None
    probe = "import sys; from tests.no_vnni import is_saturating; sys.exit(0 if is_saturating() else 3)"
    for emulator in ((), *_EMULATORS):
        if emulator and shutil.which(emulator[0]) is None:
            continue
        command = [*emulator, sys.executable]
        if subprocess.run([*command, "-c", probe], cwd=ROOT, capture_output=True).returncode == 0:
            return command
    return None


def main(arguments: Sequence[str]) -> int:
    """Run pytest in one process, since a child of it would run on the real processor."""
    command = saturating_python()
    if command is None:
        print(f"error: nothing here behaves as an x86-64 processor without VNNI ({platform.machine()})")
        print("  fix: on x86-64 install QEMU's user emulation (Debian: qemu-user) or valgrind")
        return 2
    print(" ".join([*command, "-m", "pytest", *arguments]), flush=True)
    return subprocess.run([*command, "-m", "pytest", "-p", "no:xdist", *arguments], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
