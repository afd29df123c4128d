"""Bounded proofs of kernels: every portable kernel has one, and harnesses notice defects."""

import re
import shutil
import subprocess

import pytest

from mcuq.kernels.registry import isa_variants
from mcuq.resources import targets_dir
from tests.project.source import ROOT
from tests.tools import optional

CBMC = ROOT / "proofs" / "cbmc"
KERNELS = targets_dir() / "portable" / "kernels"
HARNESSES = sorted(path.parent.name for path in CBMC.glob("*/harness.c"))
PAGE = (ROOT / "docs" / "proofs.md").read_text("utf-8")
# What is proved with the tests; `make proofs` runs all of them.
QUICK = ("requantize_double", "requantize_single", "linear_s8", "gather_s8", "topk_s8", "strided_copy_s16")
# A harness, a change of its kernel's file, and a property that has to fail then.
DEFECTS = (
    (
        "requantize_double",
        "mcuq_requantize_double.h",
        "(-shift - 1)",
        "(-shift - 2)",
        "shift distance is negative",
    ),
    (
        "requantize_double",
        "mcuq_requantize_double.h",
        "(1 << shift)",
        "(1 << (shift + 1))",
        "arithmetic overflow",
    ),
    (
        "gather_s8",
        "mcuq_gather_s8.h",
        "(above < p->rows)",
        "(above <= p->rows)",
        "memcpy source region readable",
    ),
    ("gather_s8", "mcuq_gather_s8.h", "(index < 0) ? 0 : index", "index", "memcpy source region readable"),
    ("linear_s8", "mcuq_linear_s8.h", "k < p->in_c", "k <= p->in_c", "pointer outside object bounds"),
    (
        "resize_linear_s8",
        "mcuq_resize_linear_s8.h",
        "((v != 0) ? 1 : 0); /*",
        "1; /*",
        "pointer outside object bounds",
    ),
    ("topk_s8", "mcuq_topk_s8.h", "(at > 0) && ", "", "pointer outside object bounds"),
    ("requantize_s16_s8", "mcuq_common.h", "(above > hi) ? hi : above", "above", "signed type conversion"),
    (
        "threshold_s32",
        "mcuq_threshold_s32.h",
        "i < p->count",
        "i <= p->count",
        "pointer outside object bounds",
    ),
)


def _make(target, tmp_path, **variables):
    optional("cbmc")
    settings = [f"{name}={value}" for name, value in {"BUILD": tmp_path, **variables}.items()]
    command = ["make", "-C", str(CBMC), target, *settings]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _reasons():
    """The kernels without a harness, by the page's table of them."""
    section = PAGE.split("## Kernels without a harness", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `mcuq_(\w+)` \| .{20,} \|$", section, re.MULTILINE))


def test_every_portable_kernel_has_a_harness_or_a_reason():
    kernels = {variant.kernel.removeprefix("mcuq_") for variant in isa_variants("portable")}
    contracts = {"requantize_double", "requantize_single"}
    assert kernels == (set(HARNESSES) - contracts) | _reasons()
    assert not set(HARNESSES) & _reasons()


@pytest.mark.parametrize("name", HARNESSES)
def test_harness_calls_its_kernel_and_ends_with_what_can_be_reached(name):
    text = (CBMC / name / "harness.c").read_text("utf-8")
    assert f'#include "mcuq_{name}.h"' in text
    for family in re.findall(r'#include "(families/\w+\.h)"', text):
        text += (CBMC / family).read_text("utf-8")
    for family in re.findall(r'#include "(families/\w+\.h)"', text):
        text += (CBMC / family).read_text("utf-8")
    assert "    HARNESS_END;\n}" in text
    assert f"| `{name}` |" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_kernel_is_proved(name, tmp_path):
    run = _make(name, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(rf"^{name}: \d+ properties hold$", run.stdout, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file", "old", "new", "says"), DEFECTS)
def test_defect_of_a_kernel_is_found(name, file, old, new, says, tmp_path):
    optional("cbmc")
    kernels = tmp_path / "kernels"
    shutil.copytree(KERNELS, kernels)
    text = (kernels / file).read_text("utf-8")
    assert old in text
    (kernels / file).write_text(text.replace(old, new), "utf-8")
    run = _make(name, tmp_path, KERNELS=kernels)
    assert run.returncode != 0
    assert f"{name}: NOT PROVED" in run.stdout
    assert re.search(rf"{re.escape(says)}.*: FAILURE", run.stdout), run.stdout


@pytest.mark.slow
def test_harness_whose_assumptions_forbid_everything_is_found(tmp_path):
    optional("cbmc")
    folder = tmp_path / "cbmc"
    shutil.copytree(CBMC, folder)
    path = folder / "clip_s8" / "harness.c"
    family = folder / "families" / "clip.h"
    family.write_text(
        family.read_text("utf-8").replace("    HARNESS_END", "    ASSUME(0);\n    HARNESS_END"), "utf-8"
    )
    assert path.is_file()
    command = ["make", "-C", str(folder), "clip_s8", f"KERNELS={KERNELS}", f"BUILD={tmp_path / 'build'}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "clip_s8: NOT REACHED" in run.stdout
