"""Arrays given to the Python API: with and without a batch axis, and what does not fit."""

import numpy as np
import pytest

from mcuq import api
from mcuq.errors import McuqError


@pytest.fixture(scope="module")
def images(digits):
    """`[n, 1, 8, 8]`: the model's shape is (1, 1, 8, 8)."""
    return np.load(digits.images)[:40]


def _build(digits, folder, values):
    result = api.build(
        digits.model, "host", calibration={"image": values}, output=folder, name="digits", verify="none"
    )
    return result.plan.program


def test_calibration_arrays_may_leave_the_batch_axis_out(digits, images, tmp_path):
    programs = [_build(digits, tmp_path / "out", values) for values in (images, images[:, None])]
    assert programs[0].tensors == programs[1].tensors


def test_inputs_may_leave_the_batch_axis_out(digits, images):
    firmware = api.open_firmware(digits.firmware)
    short, full = (api.simulate(firmware, {"image": values}) for values in (images, images[:, None]))
    (name,) = short
    assert (len(images), 1, 10) == short[name].shape
    np.testing.assert_array_equal(short[name], full[name])


def test_arrays_are_evaluated_like_files(digits, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    found = [
        api.evaluate(digits.firmware, digits.model, inputs)
        for inputs in ({"image": images}, {"image": images[:, None]}, tmp_path / "images.npy")
    ]
    assert found[0] == found[1] == found[2]
    assert found[0].samples == len(images)


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ({}, "O005"),
        ({"image": np.zeros((0, 1, 8, 8))}, "O005"),
        ({"image": np.float32(1)}, "O006"),
        ({"image": np.zeros((3, 8, 8, 1))}, "O006"),
        ({"image": np.zeros((3, 1, 1, 1, 8, 8))}, "O006"),
        ({"a": np.zeros((3, 1, 8, 8)), "b": np.zeros((3, 1, 8, 8))}, "O006"),
        ({"image": np.zeros((3, 1, 8, 8)), "b": np.zeros((2, 1))}, "O006"),
        ({"image": np.zeros((3, 1, 8, 8), complex)}, "O007"),
        ({"image": np.full((3, 1, 8, 8), np.nan)}, "O008"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(digits, tmp_path, arrays, code):
    firmware = api.open_firmware(digits.firmware)
    for use in (
        lambda: api.build(digits.model, "host", calibration=arrays, output=tmp_path / "out", verify="none"),
        lambda: api.simulate(firmware, arrays),
        lambda: api.verify(digits.firmware, inputs=arrays),
        lambda: api.evaluate(digits.firmware, digits.model, arrays),
    ):
        with pytest.raises(McuqError) as caught:
            use()
        assert [code] == [problem.code for problem in caught.value.problems]
    assert not (tmp_path / "out").exists()
