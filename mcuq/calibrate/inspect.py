"""What is odd about calibration samples in themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from mcuq.calibrate.data import Samples

FEW_SAMPLES = 16
_BATCH = 16


def inspect_samples(samples: Samples) -> Iterator[str]:
    """Warnings about samples: too few, exact repetitions, samples of one value.

    Args:
        samples: the ones that calibrate; all are read once.
    """
    if len(samples) < FEW_SAMPLES:
        yield f"there are only {len(samples)} calibration samples: 100 to 200 give reliable ranges"
    seen: dict[bytes, int] = {}
    repeated: list[tuple[int, int]] = []
    constant: list[int] = []
    number = 0
    for batch in samples.batches(_BATCH):
        for row in range(len(next(iter(batch.values())))):
            arrays = [values[row] for values in batch.values()]
            digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).digest()
            if digest in seen:
                repeated.append((number, seen[digest]))
            seen.setdefault(digest, number)
            # A single value is no picture of another one.
            if all(array.size > 1 and array.min() == array.max() for array in arrays):
                constant.append(number)
            number += 1
    of_all = f"of {number} calibration samples"
    if repeated:
        again, first = repeated[0]
        yield f"{len(repeated)} {of_all} repeat others exactly, as {again} does {first}"
    if constant:
        yield f"{len(constant)} {of_all} hold one value throughout, as sample {constant[0]}"
