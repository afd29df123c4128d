"""Hold docs/c-code.md against what clang-tidy and GCC's analyzer find in generated firmware.

    python tools/analyze_c.py [--only digits|sunspots|kws] [--target cortex-m4|cortex-m0plus]

Builds the examples, a convolutional network and a recurrent one, and the keyword network where it is there,
for a core with DSP kernels (their C forms are analyzed) and for one without; exit code 1 where a check fires
that the page's section on static analysis does not name.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo import FOUR, ROOT

import mcuq

PAGE = ROOT / "docs/c-code.md"
TARGETS = ("cortex-m4", "cortex-m0plus")
NETWORKS = {
    "digits": ROOT / "firmware_examples/digits/locked/digits.mcuq.npz",
    "sunspots": ROOT / "firmware_examples/sunspots/locked/sunspots.mcuq.npz",
    **{entry.name: entry.path for entry in FOUR if entry.name == "kws"},
}
# Neighbouring parameters of one type are a matter of taste, which kernels cannot do without.
CHECKS = "-*,clang-analyzer-*,bugprone-*,cert-*,misc-*,-bugprone-easily-swappable-parameters"
ANALYZER = ("gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-fanalyzer", "-c", "-o", "/dev/null")
FINDING = re.compile(r"^(.*?):(\d+):\d+: (?:warning|error): .*\[([^\[\]]+)\]$", re.MULTILINE)


def listed_checks(page: str) -> set[str]:
    """The checks that the section on static analysis names in the first column of its table."""
    section = page.split("## Static analysis", 1)[1].split("\n## ", 1)[0]
    cells = (line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    return {check for cell in cells for check in re.findall(r"`([^`]+)`", cell)}


def fired_checks(folder: Path) -> dict[str, str]:
    """The checks that fire in a firmware folder, each with the first place."""
    options = ["-DMCUQ_C_FORMS", f"-I{folder / 'include'}", f"-I{folder / 'src'}"]
    files = sorted(map(str, (folder / "src").glob("*.c")))
    commands = [["clang-tidy", f"-checks={CHECKS}", "--quiet", *files, "--", "-std=c99", *options]]
    commands += [[*ANALYZER, *options, file] for file in files]
    places: dict[str, str] = {}
    for command in commands:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        for path, line, checks in FINDING.findall(run.stdout + run.stderr):
            for check in checks.split(","):
                places.setdefault(check.split("=")[0], f"{Path(path).name}:{line}")
        if run.returncode != 0:
            places.setdefault(f"{command[0]}, exit code {run.returncode}", command[-1])
    return places


def unlisted(names: Iterable[str], targets: Iterable[str]) -> Iterator[str]:
    """A line for each check that fires and is not listed."""
    listed = listed_checks(PAGE.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="mcuq-analyze-") as parent:
        for name in names:
            for target in targets:
                folder = Path(parent) / f"{name}-{target}"
                mcuq.build(NETWORKS[name], target, output=folder, name=name, verify="none")
                fired = fired_checks(folder)
                print(f"{name}, {target}: {' '.join(sorted(fired)) or 'nothing fires'}", flush=True)
                for check in sorted(set(fired) - listed):
                    yield f"{check} fires in {name} for {target}, {fired[check]}"


def main() -> None:
    """Print what fires."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(NETWORKS), help="one network")
    parser.add_argument("--target", choices=TARGETS, help="one core")
    options = parser.parse_args()
    for tool in ("clang-tidy", "gcc"):
        if shutil.which(tool) is None:
            print(f"error: {tool} is not installed", file=sys.stderr)
            sys.exit(2)
    names = [name for name, path in NETWORKS.items() if options.only in (None, name) and path.is_file()]
    missing = list(unlisted(names, [each for each in TARGETS if options.target in (None, each)]))
    for line in missing:
        print(f"error: {line}; mend it, or justify it in docs/c-code.md", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
