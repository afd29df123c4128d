"""An operator from `make new-op` to firmware, in a copy of the tree, and what misses a part of it.

`filled` holds what a developer wrote into the stubs of `channel_prelu`: PRelu with a slope per channel.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_models import Net, save

from tests.project.source import ROOT, tracked_files
from tests.tools import require

FILLED = Path(__file__).parent / "filled"
ROW = "docs/numerics.md"
REGISTRY = "mcuq/ops/registry.py"
NEW = tuple(
    sorted(
        path.relative_to(FILLED).as_posix()
        for path in FILLED.rglob("*")
        if path.suffix in (".py", ".h") and "__pycache__" not in path.parts
    )
)
COPIED = ("mcuq", "targets", "templates", "tests", "tools", "docs")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with the operator as `make new-op` starts it."""
    require("cc")
    root = tmp_path_factory.mktemp("tree")
    for path in [*tracked_files(), *FILLED.rglob("*.py"), *FILLED.rglob("*.h")]:
        where = path.relative_to(ROOT)
        if where.parts[0] in COPIED or where.name in ("pyproject.toml", "conftest.py"):
            (root / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / where)
    return root


def run(root, *command):
    # Bytecode stays beside the tree: it saves most of the time of ten runs.
    bytecode = str(root.with_name("bytecode"))
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )


def check(root, *more):
    """The tests of the operator; all of them are found by its name."""
    options = ("-q", "-p", "no:cacheprovider", "-k", "channel_prelu or registry")
    return run(root, "-m", "pytest", *options, "tests/ops/test_parts.py", *more)


def snapshot(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def fill(root):
    for where in NEW:
        shutil.copy(FILLED / where, root / where)
    law = (root / ROW).read_text("utf-8")
    row = (FILLED / "docs" / "numerics_row.md").read_text("utf-8")
    started = next(line for line in law.splitlines() if line.startswith("| channel_prelu |"))
    (root / ROW).write_text(law.replace(f"{started}\n", row), "utf-8")


def build(root, folder):
    """Build a network with the operator and verify it on the host; returns the run."""
    net = Net(13, x=(1, 3, 8, 8))
    slopes = net.const(np.array([0.1, 0.5, 0.0, 1.25], np.float32).reshape(4, 1, 1))
    y = net.add("PRelu", net.conv("x", 3, 4, (3, 3)), slopes)
    path = save(net.model(net.conv(y, 4, 2, (3, 3))), folder)
    np.save(folder / "data.npy", np.random.default_rng(0).normal(size=(16, 3, 8, 8)).astype(np.float32))
    options = ("--calibration", str(folder / "data.npy"), "--output", str(folder / "firmware"))
    return run(root, "-m", "mcuq", "build", str(path), "--target", "cortex-m4", "--verify", "host", *options)


@pytest.mark.slow
def test_new_operator_is_six_files_and_a_line_and_every_part_is_missed(tree, tmp_path):
    before = snapshot(tree)
    started = run(tree, "tools/new_op.py", "channel_prelu")
    assert started.returncode == 0, started.stderr
    after = snapshot(tree)
    touched = sorted(name for name, text in after.items() if before.get(name) != text)
    assert touched == sorted([*NEW, ROW, REGISTRY])
    assert len(touched) - 1 == 6
    lines = [set(each[REGISTRY].splitlines()) for each in (before, after)]
    assert lines[1] - lines[0] == {b'    "channel_prelu",'}

    stubs = check(tree)
    assert "mcuq/ops/channel_prelu.py has something left to do" in stubs.stdout

    fill(tree)
    done = check(tree, "tests/ops/test_reference.py", "tests/kernels/test_mutants.py")
    assert done.returncode == 0, done.stdout
    built = build(tree, tmp_path)
    assert built.returncode == 0, built.stderr
    assert " 0 differ" in built.stdout
    assert "mcuq_channel_prelu_s8" in built.stdout

    whole = snapshot(tree)
    for part, named in (
        ("mcuq/ops/channel_prelu.py", "No module named 'mcuq.ops.channel_prelu'"),
        ("mcuq/ops/onnx/channel_prelu.py", "operator 'channel_prelu' has no reader"),
        ("mcuq/kernels/portable/channel_prelu.py", "operator 'channel_prelu' has no kernel variant"),
        ("targets/portable/kernels/mcuq_channel_prelu_s8.h", "operator 'channel_prelu' has no kernel"),
        ("tests/ops/channel_prelu.py", "operator 'channel_prelu' has no EXAMPLES"),
        (ROW, "operator 'channel_prelu' has no row in docs/numerics.md"),
        (REGISTRY, "operator 'channel_prelu' is not registered"),
    ):
        (tree / part).unlink()
        if part in before:
            (tree / part).write_bytes(before[part])
        missed = check(tree)
        assert missed.returncode not in (0, 5), part
        assert named in missed.stdout + missed.stderr, (part, missed.stdout)
        (tree / part).write_bytes(whole[part])
    assert check(tree).returncode == 0
