"""Print what the MLPerf Tiny networks take on a Cortex-M4 whose flash has wait states.

    python tools/flash_model.py [--only ic|vww|kws|ad] [--library]

Builds each with default options, runs it on the emulator, and prints cycles at zero wait and for each setting
of the flash, beside the best published. `--library` does the same with CMSIS-NN's code, which shows
how near the model comes to silicon.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from mcu.calibration import calibration_lines
from mcu.cmsis_nn import build_bench, measure_library_silicon
from mcu.flash import measure_silicon
from mcu.library import find_library
from mcu.networks import CORE, build_for_board, build_network
from mcu.tables import OPTS, library_silicon_table, silicon_table
from zoo import FOUR


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=[entry.name for entry in FOUR], help="one network")
    parser.add_argument("--library", action="store_true", help="CMSIS-NN's code as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcuq-flash-") as name:
        folder = Path(name)
        firmware = {
            entry.name: build_network(entry, folder) for entry in FOUR if options.only in (None, entry.name)
        }
        ours = {name: measure_silicon(each, folder / "ours" / name) for name, each in firmware.items()}
        print("Built for the core alone:", "", *silicon_table(ours), sep="\n")
        boards = {name: build_for_board(each, folder) for name, each in firmware.items()}
        ours = {name: measure_silicon(each, folder / "board" / name) for name, each in boards.items()}
        print("", "Built for the board, where constants wait in RAM:", "", *silicon_table(ours), sep="\n")
        library = find_library() if options.library else None
        if library is None:
            return
        images = {opt: build_bench(library, CORE, opt, folder / f"library{opt}") for opt in OPTS}
        theirs = {
            name: {
                opt: measure_library_silicon(image, each.plan.stored, folder / f"theirs{opt}" / name)
                for opt, image in images.items()
            }
            for name, each in firmware.items()
        }
        print("", *library_silicon_table(theirs), "", *calibration_lines(theirs), sep="\n")


if __name__ == "__main__":
    main()
