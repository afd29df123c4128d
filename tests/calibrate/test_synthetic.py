import numpy as np
import pytest

from mcuq.calibrate.data import InputSpec
from mcuq.calibrate.params import Range
from mcuq.calibrate.synthetic import synthetic_samples

IMAGE = InputSpec("image", (1, 3, 32, 40))


def test_synthetic_samples_depend_on_seed_index_and_input_only() -> None:
    pair = [IMAGE, InputSpec("other", (1, 3, 32, 40))]
    ten, four = synthetic_samples(pair, 10, seed=5), synthetic_samples(pair, 4, seed=5)
    assert np.array_equal(ten.array("image")[:4], four.array("image"))
    assert np.array_equal(ten.take([9, 2]).array("image"), ten.array("image")[[9, 2]])
    assert not np.array_equal(four.array("image"), four.array("other"))
    assert not np.array_equal(four.array("image"), synthetic_samples(pair, 4, seed=6).array("image"))


PINNED = [
    "-0x1.6893980000000p-4",
    "0x1.0000000000000p+0",
    "-0x1.0000000000000p+0",
    "-0x1.d5e5da0000000p-5",
    "-0x1.05a9860000000p-1",
    "0x1.46f6740000000p-2",
]


def test_synthetic_values_are_the_same_on_every_machine() -> None:
    values = synthetic_samples([InputSpec("x", (1, 3))], 2, seed=1).array("x")
    assert [v.hex() for v in values.ravel().tolist()] == PINNED


RANGES = [Range(0.0, 255.0), Range(-0.1, 1 / 3), Range(2.0, 2.0), Range(-3e38, 3e38)]


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("shape", [(1, 3, 32, 40), (1, 490), (1,), (), (2, 1, 17)])
def test_synthetic_values_stay_in_range(value_range: Range, shape: tuple[int, ...]) -> None:
    samples = synthetic_samples([InputSpec("x", shape)], 9, ranges={"x": value_range})
    values = samples.array("x")
    assert values.shape == (9, *shape)
    assert values.min() >= np.float32(value_range.lo)
    assert values.max() <= np.float32(value_range.hi)
    if values.size > 100:
        assert (values.min(), values.max()) == (np.float32(value_range.lo), np.float32(value_range.hi))


def test_synthetic_samples_are_of_four_kinds() -> None:
    values = synthetic_samples([IMAGE], 4).array("image")[:, 0].astype(np.float64)
    steps = [float(np.abs(np.diff(kind, axis=2)).mean()) for kind in values]
    assert steps[0] == pytest.approx(2 / 3, rel=0.05)  # white: two uniform values
    assert steps[1] < 0.5
    assert steps[2] < 0.2
    assert np.mean(np.diff(values[3], axis=2) == 0) > 0.7
    assert np.mean(values[3] == -1) > 0.3
