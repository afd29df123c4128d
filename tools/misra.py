"""Hold docs/c-code.md against what cppcheck's MISRA addon finds in generated firmware.

    python tools/misra.py [--only digits|sunspots|kws]

Builds the examples, a convolutional network and a recurrent one, and the keyword network where it is there,
for a core with DSP kernels and for one without; exit code 1 where a rule fires that the page's list of
deviations does not name.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo import DIGITS, FOUR, ROOT, Entry

import mcuq

PAGE = ROOT / "docs/c-code.md"
SUNSPOTS = Entry("sunspots", ROOT / "firmware_examples/sunspots/locked/sunspots.mcuq.npz", None)
TARGETS = ("cortex-m4", "cortex-m0plus")
DEFINES = {
    "cortex-m4": ("__GNUC__=12", "__ARM_ARCH=7", "__thumb2__=1", "__ARM_FEATURE_DSP=1"),
    "cortex-m0plus": ("__GNUC__=12", "__ARM_ARCH=6", "__thumb__=1"),
}


def listed_rules(page: str) -> set[str]:
    """The rules that the section on deviations names in the first column of its table."""
    section = page.split("## Deviations from MISRA", 1)[1].split("\n## ", 1)[0]
    cells = (line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    return {rule for cell in cells for rule in re.findall(r"\b\d+\.\d+\b", cell)}


def fired_rules(folder: Path, defines: tuple[str, ...]) -> dict[str, str]:
    """The rules that fire in a firmware folder, each with the first place."""
    command = [
        *("cppcheck", "--addon=misra", "--std=c99", "--suppress=missingIncludeSystem"),
        *("--template={id} {file}:{line}", f"-I{folder / 'include'}", f"-I{folder / 'src'}"),
        *(f"-D{each}" for each in ("__STDC_VERSION__=199901L", *defines)),
        *(str(folder / part) for part in ("src", "include", "selftest")),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.findall(r"^misra-c2012-([\d.]+) (.*)$", run.stderr, re.MULTILINE)
    places: dict[str, str] = {}
    for rule, place in found:
        places.setdefault(rule, str(Path(place.rsplit(":", 1)[0]).name) + ":" + place.rsplit(":", 1)[1])
    return places


def build(entry: Entry, target: str, folder: Path) -> Path:
    """A firmware folder; ranges come from synthetic inputs, which the C does not depend on."""
    output = folder / f"{entry.name}-{target}"
    mcuq.build(entry.path, target, output=output, name=entry.name, verify="none")
    return output


def unlisted(entries: list[Entry]) -> Iterator[str]:
    """A line for each rule that fires and is not listed."""
    listed = listed_rules(PAGE.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="mcuq-misra-") as name:
        for entry in entries:
            for target in TARGETS:
                fired = fired_rules(build(entry, target, Path(name)), DEFINES[target])
                print(f"{entry.name}, {target}: {' '.join(sorted(fired, key=_number))}", flush=True)
                for rule in sorted(set(fired) - listed, key=_number):
                    yield f"rule {rule} fires in {entry.name} for {target}, {fired[rule]}"


def _number(rule: str) -> tuple[int, ...]:
    return tuple(map(int, rule.split(".")))


def main() -> None:
    """Print what fires."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [DIGITS, SUNSPOTS, *(entry for entry in FOUR if entry.name == "kws")]
    parser.add_argument("--only", choices=[entry.name for entry in known], help="one network")
    options = parser.parse_args()
    if shutil.which("cppcheck") is None:
        print("error: cppcheck is not installed", file=sys.stderr)
        sys.exit(2)
    entries = [each for each in known if options.only in (None, each.name) and each.path.is_file()]
    missing = list(unlisted(entries))
    for line in missing:
        print(f"error: {line}; mend it, or justify it in docs/c-code.md", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
