"""Sources of two models that a build joins into one do not compile: they would share kernels."""

import re
import subprocess

import pytest

from mcuq.ir.integer import Rounding
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.packages.projects import HOST
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
