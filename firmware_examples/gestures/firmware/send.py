"""Write test windows as the lines that main.c reads, to standard output.

python send.py [--count N] [--end]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Each window is a recording of its own: `[3, 64]` in g, 64 lines of thousandths, one that is empty."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--end", action="store_true", help="end the program behind the last window")
    options = parser.parse_args()
    for window in np.load(EXAMPLE / "test_windows.npy")[: options.count]:
        for row in np.rint(1000 * window.T).astype(int):
            print(*row)
        print()
    if options.end:
        print("E")


if __name__ == "__main__":
    main()
