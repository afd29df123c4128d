"""Write test images as a C header, to compile them in: python samples.py samples.h [--count N]."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[1]


def main() -> None:
    """The first images and labels of the test set; pixels are whole numbers from 0 to 16."""
    parser = argparse.ArgumentParser()
    parser.add_argument("header", type=Path)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    images = np.load(EXAMPLE / "test_images.npy")[: options.count].reshape(options.count, -1).astype(int)
    labels = np.load(EXAMPLE / "test_labels.npy")[: options.count]
    rows = ",\n".join("    {" + ", ".join(map(str, row)) + "}" for row in images)
    text = (
        "#include <stdint.h>\n\n"
        f"#define SAMPLES {options.count}U\n\n"
        f"static const uint8_t samples[SAMPLES][{images.shape[1]}] = {{\n{rows},\n}};\n\n"
        f"static const uint8_t labels[SAMPLES] = {{{', '.join(map(str, labels))}}};\n"
    )
    options.header.parent.mkdir(parents=True, exist_ok=True)
    options.header.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
