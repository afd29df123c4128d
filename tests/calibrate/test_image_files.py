"""What image files may be: the listed formats, one frame, 8 bits, one way up; nothing else runs."""

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mcuq.calibrate.data import InputSpec, read_samples
from mcuq.calibrate.images import FORMATS, MAX_PIXELS, Orientation, Preprocessing
from tests.project.source import ROOT

from .helpers import refusal

NCHW = InputSpec("x", (1, 3, 4, 6))
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 6 4
%%EndComments
showpage
%%EOF
"""


def _values(folder: Path, preprocessing: Preprocessing | None = None, spec: InputSpec = NCHW) -> np.ndarray:
    return read_samples(folder, [spec], preprocessing).array("x")


def _save(path: Path, image: PIL.Image.Image, suffix: str, **options: object) -> None:
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize("suffix", FORMATS)
def test_listed_formats_are_read(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "WEBP" else {"quality": 100} if suffix == "JPEG" else {}
    _save(tmp_path / "a.png", PIL.Image.fromarray(PIXELS), suffix, **options)
    values = _values(tmp_path)
    assert values.shape == (1, *NCHW.shape)
    if suffix not in ("JPEG", "GIF"):
        assert np.array_equal(values[0, 0], PIXELS.transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["ICO", "PCX", "TGA", "JPEG2000", "SGI", "EPS"])
def test_other_formats_are_refused(tmp_path: Path, suffix: str) -> None:
    _save(tmp_path / "a.png", PIL.Image.fromarray(PIXELS), suffix)
    assert "BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP" in refusal("O004", lambda: _values(tmp_path))


def test_an_image_that_is_postscript_starts_no_program(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(EPS)
    started = tmp_path / "started"
    script = tmp_path / "gs"
    script.write_text(f"#!/bin/sh\ntouch '{started}'\nexit 1\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    # In a process of its own: Pillow looks for Ghostscript once.
    code = (
        "import sys\nfrom pathlib import Path\nimport PIL.Image\n"
        "from mcuq.calibrate.data import InputSpec, read_samples\n"
        "folder = Path(sys.argv[1])\n"
        "try:\n    PIL.Image.open(folder / 'a.png').load() if sys.argv[2] == 'pillow' else "
        "read_samples(folder, [InputSpec('x', (1, 3, 4, 6))]).array('x')\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run(reader: str) -> str:
        command = [sys.executable, "-c", code, str(tmp_path / "images"), reader]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment).stdout

    assert run("mcuq").strip() == "McuqError"
    assert not started.exists()
    run("pillow")
    assert started.exists(), "the trap does not work"


def test_images_of_several_frames_are_refused(tmp_path: Path) -> None:
    frames = [PIL.Image.fromarray(PIXELS), PIL.Image.fromarray(255 - PIXELS)]
    for suffix in ("GIF", "PNG", "TIFF", "WEBP"):
        _save(tmp_path / "a.png", frames[0], suffix, save_all=True, append_images=frames[1:])
        assert "several frames" in refusal("O004", lambda: _values(tmp_path)), suffix


def test_a_camera_file_with_a_preview_is_its_first_picture(tmp_path: Path) -> None:
    frames = [PIL.Image.fromarray(PIXELS), PIL.Image.fromarray(255 - PIXELS)]
    _save(tmp_path / "a.jpg", frames[0], "MPO", save_all=True, append_images=frames[1:])
    alone = tmp_path / "alone"
    alone.mkdir()
    _save(alone / "a.jpg", frames[0], "JPEG")
    (tmp_path / "both").mkdir()
    (tmp_path / "a.jpg").rename(tmp_path / "both" / "a.jpg")
    assert np.array_equal(_values(tmp_path / "both"), _values(alone))


@pytest.mark.parametrize(("bits", "kind"), [(16, 0), (16, 2), (16, 6), (16, 4)])
def test_png_of_16_bits_is_refused_also_in_colour(tmp_path: Path, bits: int, kind: int) -> None:
    (tmp_path / "a.png").write_bytes(_png(6, 4, bits, kind))
    assert "16" in refusal("O007", lambda: _values(tmp_path))


def test_ppm_of_another_greatest_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6 6 4 65535\n" + bytes(6 * 4 * 6))
    refusal("O007", lambda: _values(tmp_path))
    (tmp_path / "a.ppm").write_bytes(b"P3 6 4 255\n" + b"1 " * (6 * 4 * 3))
    refusal("O007", lambda: _values(tmp_path))


def test_huge_images_are_refused_by_their_header(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    (tmp_path / "a.png").write_bytes(_png(side, side, 8, 2))
    assert str(side) in refusal("O004", lambda: _values(tmp_path, Preprocessing(size=(4, 6))))
    # Of another size than the model's, nothing is decoded: the pixels are missing.
    (tmp_path / "a.png").write_bytes(_png(7, 4, 8, 2))
    assert "found 4x7" in refusal("O006", lambda: _values(tmp_path))


def _png(width: int, height: int, bits: int, kind: int) -> bytes:
    """The head of a PNG file whose pixels are missing."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("tag", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65535])
@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP"])
def test_exif_turns_images_only_where_asked(tmp_path: Path, tag: int, suffix: str) -> None:
    from PIL import ImageOps

    exif = PIL.Image.Exif()
    exif[0x0112] = tag
    image = PIL.Image.fromarray(PIXELS)
    _save(tmp_path / "a.png", image, suffix, exif=exif)
    decoded = PIL.Image.open(tmp_path / "a.png")
    stored = np.asarray(decoded.convert("RGB"))
    upright = np.asarray(ImageOps.exif_transpose(decoded).convert("RGB"))
    assert np.array_equal(_values(tmp_path)[0, 0], stored.transpose(2, 0, 1))
    turned = InputSpec("x", (1, 3, *upright.shape[:2]))
    found = _values(tmp_path, Preprocessing(orientation=Orientation.EXIF), turned)
    assert np.array_equal(found[0, 0], upright.transpose(2, 0, 1))
    if upright.shape != stored.shape:
        refusal("O006", lambda: _values(tmp_path, Preprocessing(orientation=Orientation.EXIF)))


def test_damaged_exif_does_not_turn(tmp_path: Path) -> None:
    _save(tmp_path / "a.jpg", PIL.Image.fromarray(PIXELS), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    try:
        found = _values(tmp_path, Preprocessing(orientation=Orientation.EXIF))
    except Exception as error:
        assert "O004" in str(error)
    else:
        assert np.array_equal(found, _values(tmp_path))
    assert _values(tmp_path).shape == (1, *NCHW.shape)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "it is a pipe" in refusal("O014", lambda: _values(tmp_path))
    (tmp_path / "a.png").unlink()
    (tmp_path / "a.png").symlink_to("/dev/zero")
    assert "it is a device" in refusal("O014", lambda: _values(tmp_path))


def test_absurdly_large_files_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as stream:
        stream.truncate(1 << 40)
    refusal("O015", lambda: _values(tmp_path))
