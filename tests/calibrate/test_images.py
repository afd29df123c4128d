import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mcuq.calibrate.data import InputSpec, read_samples
from mcuq.calibrate.images import Color, Layout, Preprocessing
from mcuq.errors import McuqError

from .helpers import refusal

NCHW = InputSpec("x", (1, 3, 4, 6))
NHWC = InputSpec("x", (1, 4, 6, 3))
GRAY = Preprocessing(Color.GRAY)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    for i, pixels in enumerate(PIXELS):
        PIL.Image.fromarray(pixels).save(path / f"{i}.png")
    return path


def test_pixels_become_values_in_both_layouts(folder: Path) -> None:
    expected = PIXELS.astype(np.float32)
    assert np.array_equal(read_samples(folder, [NHWC]).array("x")[:, 0], expected)
    assert np.array_equal(read_samples(folder, [NCHW]).array("x")[:, 0], expected.transpose(0, 3, 1, 2))
    assert read_samples(folder, [InputSpec("x", (3, 4, 6))]).array("x").shape == (2, 3, 4, 6)


def test_preprocessing_is_that_of_training(folder: Path) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    options = Preprocessing(mean=mean, std=std, scale=1 / 255)
    found = read_samples(folder, [NHWC], options).array("x")[:, 0]
    assert np.array_equal(found, ((PIXELS * (1 / 255) - mean) / std).astype(np.float32))
    mirrored = Preprocessing(Color.BGR, mean=mean[::-1], std=std[::-1], scale=1 / 255)
    assert np.array_equal(read_samples(folder, [NHWC], mirrored).array("x")[:, 0], found[..., ::-1])


@pytest.mark.parametrize("shape", [(1, 1, 4, 6), (1, 4, 6, 1), (1, 4, 6), (4, 6), (4, 6, 1)])
def test_gray_images_fit_any_shape_of_one_channel(folder: Path, shape: tuple[int, ...]) -> None:
    found = read_samples(folder, [InputSpec("x", shape)], GRAY).array("x")
    assert found.shape == (2, *shape)
    gray = [np.asarray(PIL.Image.fromarray(pixels).convert("L")) for pixels in PIXELS]
    assert np.array_equal(found.reshape(2, 4, 6), np.array(gray, np.float32))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
@pytest.mark.parametrize("color", Color)
def test_images_of_other_modes_are_converted(tmp_path: Path, mode: str, color: Color) -> None:
    PIL.Image.fromarray(PIXELS[0]).convert(mode).save(
        tmp_path / "a.tiff" if mode != "P" else tmp_path / "a.gif"
    )
    spec = InputSpec("x", (1, 4, 6, color.channels))
    values = read_samples(tmp_path, [spec], Preprocessing(color)).array("x")
    assert values.shape == (1, *spec.shape)


def test_size_resizes_and_its_absence_refuses(folder: Path) -> None:
    PIL.Image.fromarray(np.full((9, 3, 3), 77, np.uint8)).save(folder / "odd.png")
    text = refusal("O006", lambda: read_samples(folder, [NCHW]).array("x"))
    assert "odd.png" in text
    assert "found 9x3, expected 4x6" in text
    resized = read_samples(folder, [NCHW], Preprocessing(size=(4, 6))).array("x")
    assert np.array_equal(resized[2], np.full((1, 3, 4, 6), 77, np.float32))
    assert np.array_equal(resized[:2], read_samples(folder, [NCHW]).take([0, 1]).array("x"))
    refusal("O006", lambda: read_samples(folder, [NCHW], Preprocessing(size=(6, 4))))


def test_files_that_are_no_images_are_named(folder: Path) -> None:
    good = (folder / "0.png").read_bytes()
    for name, data in (("z.png", good[: len(good) // 2]), ("y.txt", b"text"), ("z.jpg", b"")):
        (folder / name).write_bytes(data)
        samples = read_samples(folder, [NCHW])
        assert name in refusal("O004", lambda samples=samples: samples.array("x"))
        (folder / name).unlink()
    samples = read_samples(folder, [NCHW])
    (folder / "1.png").unlink()
    refusal("O012", lambda: samples.array("x"))


def test_damaged_images_are_refused_or_decoded(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for suffix in ("png", "jpeg", "bmp", "gif", "tiff", "webp"):
        buffer = io.BytesIO()
        PIL.Image.fromarray(PIXELS[0]).save(buffer, suffix)
        for _ in range(60):
            data = bytearray(buffer.getvalue())
            for position in rng.integers(0, len(data), 3):
                data[position] = rng.integers(256)
            (folder / "0.png").write_bytes(data[: rng.integers(1, len(data) + 1)])
            samples = read_samples(folder, [NCHW])
            try:
                assert samples.array("x").shape == (2, *NCHW.shape)
            except McuqError as error:
                assert error.problems[0].code in {"O004", "O006", "O007"}


def test_deep_images_are_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(np.zeros((4, 6), np.uint16)).save(tmp_path / "a.png")
    assert "I;16" in refusal("O007", lambda: read_samples(tmp_path, [NCHW]).array("x"))


def test_huge_images_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (5, 20):  # an error and a warning of Pillow
        monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", limit)
        refusal("O004", lambda: read_samples(folder, [NCHW]).array("x"))


@pytest.mark.parametrize("shape", [(1, 784), (2, 3, 4, 6), (1, 4, 6, 2), (1, 1, 4, 6)])
def test_inputs_that_are_no_images_are_refused(folder: Path, shape: tuple[int, ...]) -> None:
    refusal("O006", lambda: read_samples(folder, [InputSpec("x", shape)]))


def test_layout_is_asked_for_only_in_doubt(tmp_path: Path) -> None:
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    spec = InputSpec("x", (1, 3, 3, 3))
    assert "--layout" in refusal("O001", lambda: read_samples(tmp_path, [spec]))
    for layout, expected in ((Layout.NHWC, pixels), (Layout.NCHW, pixels.transpose(2, 0, 1))):
        found = read_samples(tmp_path, [spec], Preprocessing(layout=layout)).array("x")
        assert np.array_equal(found[0, 0], expected)
    refusal("O006", lambda: read_samples(tmp_path, [NHWC], Preprocessing(layout=Layout.NCHW)))


@pytest.mark.parametrize(
    "options",
    [
        Preprocessing(mean=(1, 2)),
        Preprocessing(std=(1, 2, 3, 4)),
        Preprocessing(std=(0.0,)),
        Preprocessing(std=(float("nan"),)),
        Preprocessing(scale=float("inf")),
        Preprocessing(scale=1e38, std=(0.1,)),
        Preprocessing(mean=(float("nan"),)),
    ],
)
def test_preprocessing_without_sense_is_refused(folder: Path, options: Preprocessing) -> None:
    refusal("O001", lambda: read_samples(folder, [NCHW], options))


def test_class_folders_of_images_are_read_in_their_order(folder: Path) -> None:
    for i, name in enumerate(("b", "a")):
        (folder / name).mkdir()
        (folder / f"{i}.png").rename(folder / name / "same.png")
    assert np.array_equal(read_samples(folder, [NHWC]).array("x")[:, 0], PIXELS[::-1])
