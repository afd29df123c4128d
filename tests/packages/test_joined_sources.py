"""Sources of two models that a build joins share kernels, and are refused where these are not the same."""

import re
import subprocess

import pytest

from mcuq.api import package
from mcuq.ir.integer import Rounding
from mcuq.pipeline.build import build
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.packages.projects import HOST, run
from tests.tools import require


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_joined_sources_of_two_contracts_are_refused(two_folders, tmp_path, order):
    require("cc")
    plan = contract(Rounding.SINGLE, "cortex-m4", ("portable",), 2, seed=4).plan
    write_firmware(tmp_path / "net", plan)
    folders = [("digits", two_folders["digits"]), ("net", tmp_path / "net")]
    source = tmp_path / "joined.c"
    paths = [folder / "src" / f"{name}.c" for name, folder in folders]
    source.write_text("".join(f'#include "{paths[at]}"\n' for at in order))
    command = ["cc", "-std=c99", *HOST, *(f"-I{folder / 'include'}" for _, folder in folders)]
    done = subprocess.run([*command, "-c", source, "-o", tmp_path / "x.o"], capture_output=True, text=True)
    assert done.returncode != 0
    assert re.search(r"#error .*two requantization contracts", done.stderr)


def test_joined_sources_of_two_models_compute_what_they_compute_alone(two_folders, tmp_path):
    """Kernels are the first model's, of the same text; every other name begins with the model's."""
    require("cc")
    twin = tmp_path / "twin"
    build(two_folders["digits"] / "digits.mcuq.npz", "cortex-m4", output=twin, name="twin", verify="none")
    folders = {"digits": two_folders["digits"], "twin": twin}
    lines, include = [], []
    for name, folder in folders.items():
        place = package(folder, "cmake", tmp_path / f"{name}_package").path
        lines += [f'#include "{place / "src" / f"{name}{part}.c"}"' for part in ("", "_weights")]
        lines.append(f'#include "{name}_example.h"')
        include += [f"-I{place / part}" for part in ("include", "examples")]
    lines.append(f"int main(void) {{ return {' + '.join(f'{name}_example()' for name in folders)}; }}")
    (tmp_path / "joined.c").write_text("\n".join([*lines, ""]))
    run("cc", "-std=c99", *HOST, *include, tmp_path / "joined.c", "-o", tmp_path / "program")
    run(tmp_path / "program")
