"""Compile models with two versions of mcuq and compare what they write: a refactoring shows no difference.

Usage: python tools/replay.py [--base REVISION]

The models are all .onnx and .mcuq.npz files under version control in this tree, and all .onnx files below the
folder MCUQ_SHARED, if it is set. A calibration.npy beside a model is its data; others get synthetic inputs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 40  # of a difference; the folders are kept for the rest


def corpus() -> list[Path]:
    """The models to compile."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name.endswith((".onnx", ".mcuq.npz"))]
    shared = os.environ.get("MCUQ_SHARED")
    more = sorted(Path(shared).rglob("*.onnx")) if shared else []
    return [*(ROOT / name for name in sorted(names)), *more]


def build(tree: Path, model: Path, output: Path) -> str | None:
    """Compile one model with the mcuq of a tree; returns what it said when it refused."""
    command = [sys.executable, "-m", "mcuq", "build", str(model), "--target", "cortex-m4", "--verify", "none"]
    command += ["--output", str(output), "--name", "model"]
    data = model.with_name("calibration.npy")
    if model.suffix == ".onnx" and data.is_file():
        command += ["--calibration", str(data)]
    env = {**os.environ, "PYTHONPATH": str(tree), "MCUQ_TRACEBACK": ""}
    run = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    return None if run.returncode == 0 else run.stderr.strip()


def compare(before: Path, after: Path) -> Iterator[str]:
    """What differs between two folders, as lines of text."""
    names = {path.relative_to(top) for top in (before, after) for path in top.rglob("*") if path.is_file()}
    for name in sorted(names, key=lambda name: (name.suffix == ".json", name)):  # the C first
        sides = [(top / name).read_bytes() if (top / name).is_file() else b"" for top in (before, after)]
        if sides[0] == sides[1]:
            continue
        try:
            base, now = (side.decode("utf-8").splitlines() for side in sides)
        except UnicodeDecodeError:
            yield f"{name}: {len(sides[0])} and {len(sides[1])} bytes differ"
            continue
        yield from difflib.unified_diff(base, now, f"base/{name}", f"now/{name}", lineterm="", n=1)


def replay(base: Path, folder: Path) -> bool:
    """Compile and compare every model; returns whether nothing differs."""
    is_same = True
    for number, model in enumerate(corpus()):
        sides = (folder / f"{number:03d}-base", folder / f"{number:03d}-now")
        refusals = [build(tree, model, side) for tree, side in zip((base, ROOT), sides, strict=True)]
        title = model.relative_to(ROOT).as_posix() if model.is_relative_to(ROOT) else model.name
        if refusals[0] != refusals[1]:
            print(f"DIFFERS  {title}\n  base: {refusals[0] or 'built'}\n  now:  {refusals[1] or 'built'}")
            is_same = False
            continue
        lines = list(compare(*sides))
        is_same = is_same and not lines
        print(f"{'DIFFERS' if lines else 'same   '}  {title}{' (refused by both)' if refusals[0] else ''}")
        for line in lines[:MAX_LINES]:
            print(f"  {line}")
        if len(lines) > MAX_LINES:
            print(f"  ... {len(lines) - MAX_LINES} lines more; see {sides[0]} and {sides[1]}")
    return is_same


def main() -> int:
    """Check the base out beside this tree, replay, and remove it again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base", default="main", help="the revision to compare with (default: main)")
    base = parser.parse_args().base
    folder = Path(tempfile.mkdtemp(prefix="mcuq-replay-"))
    tree = folder / "tree"
    git = ["git", "-C", str(ROOT)]
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(tree), base], check=True)
    try:
        is_same = replay(tree, folder)
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)
    if is_same:
        shutil.rmtree(folder)
    print(f"nothing differs from {base}" if is_same else f"this tree differs from {base}; builds: {folder}")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
