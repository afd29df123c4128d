"""Write inputs as the frames that main.c reads, to standard output.

python frames.py kws_mcuq features.npy --count 20 > /dev/ttyACM0

An array of int16 holds samples of sound, which sound.c takes in quarters of a second; others hold inputs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mcuq import api

MARK, END = b"MCUQ", b"MCUE"
QUARTER = 4_000  # samples of a frame of sound


def main() -> None:
    """Quantize as the firmware wants its input; the first axis of the array counts inputs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("firmware", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--end", action="store_true", help="end the program behind the last frame")
    options = parser.parse_args()
    values = np.load(options.inputs)[: options.count]
    if values.dtype == np.int16:
        samples = values.ravel()
        frames = samples[: samples.size // QUARTER * QUARTER].reshape(-1, QUARTER).astype("<i2")
    else:
        firmware = api.open_firmware(options.firmware)
        (frames,) = api.quantize(firmware, {firmware.plan.program.inputs[0].name: values})
    for frame in frames:
        sys.stdout.buffer.write(MARK + frame.tobytes())
    if options.end:
        sys.stdout.buffer.write(END)


if __name__ == "__main__":
    main()
