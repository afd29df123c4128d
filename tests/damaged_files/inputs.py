"""Damaged models, samples and labels, and what reads them."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import PIL.Image

from mcuq.calibrate.data import InputSpec, read_samples
from mcuq.calibrate.images import Color, Orientation, Preprocessing
from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize
from tests.damaged_files import mutate
from tests.damaged_files.mutate import Rng, change_npy, change_zip, npy, place
from tests.damaged_models.damage import damaged
from tests.interchange.models import small_net

X = InputSpec("x", (1, 4))
IMAGE = InputSpec("x", (1, 3, 4, 6))
VALUES = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


# ONNX, with weights inside and beside the file.


@functools.cache
def _model() -> bytes:
    return small_net().model("logits").SerializeToString()


def _damage_model(folder: Path, rng: Rng) -> None:
    place(folder / "model.onnx", damaged(_model(), int(rng.integers(1 << 31))), rng)


def _read_model(folder: Path) -> object:
    return canonicalize(read(folder / "model.onnx").graph)


LOCATIONS = [
    "weights",
    "weights",
    "weights",
    "",
    ".",
    "..",
    "../weights",
    "/dev/zero",
    "/etc/passwd",
    "sub/../weights",
    "pipe",
]
LOCATIONS += [
    "link",
    "loop",
    "model.onnx",
    "a\0b",
    "x" * 5000,
    "sub",
    "/proc/self/mem",
    "//weights",
    "weights/",
    "\\weights",
]
NUMBERS = [
    "0",
    "-1",
    "1",
    "288",
    "287",
    "4096",
    "1_0",
    " 8 ",
    "+8",
    "0x8",
    "8.0",
    "1e3",
    "9" * 30,
    "9" * 5000,
    "",
    "inf",
    "٣",
]


def _damage_external(folder: Path, rng: Rng) -> None:
    model = onnx.ModelProto()
    model.ParseFromString(_model())
    tensors = [tensor for tensor in model.graph.initializer if tensor.raw_data]
    data = b""
    for tensor in tensors:
        values = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        facts = {"location": "weights", "offset": str(len(data)), "length": str(len(values))}
        data += values
        if rng.random() < 0.5:
            key = ["location", "offset", "length", "checksum"][int(rng.integers(4))]
            facts[key] = mutate.pick(rng, LOCATIONS if key == "location" else NUMBERS)
        if rng.random() < 0.1:
            facts.pop(mutate.pick(rng, list(facts)))
        if rng.random() < 0.1 and tensor.dims:
            tensor.dims[0] = int(rng.choice([0, -1, 2**31, 2**62, 3]))
        for key, value in facts.items():
            tensor.external_data.add(key=key, value=value)
    place(folder / "weights", data[: int(rng.integers(len(data) + 1))] if rng.random() < 0.2 else data, rng)
    (folder / "link").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    (folder / "sub").mkdir()
    mutate.os.mkfifo(folder / "pipe")
    (folder / "model.onnx").write_bytes(model.SerializeToString())


# Samples.


def _members(rng: Rng) -> dict[str, bytes]:
    names = ["x"] if rng.random() < 0.5 else ["y", "x", "z"]
    return {f"{name}.npy": npy(VALUES) for name in names}


def _damage_npz(folder: Path, rng: Rng) -> None:
    data = change_zip(_members(rng), rng, lambda _, __: change_npy(VALUES, rng))
    place(folder / "a.npz", data, rng)


def _damage_folder(folder: Path, rng: Rng) -> None:
    (folder / "d").mkdir()
    for name in ("a", "b"):
        data = change_npy(VALUES[0], rng) if rng.random() < 0.5 else npy(VALUES[0])
        place(folder / "d" / f"{name}{mutate.pick(rng, ['.npy'] * 9 + ['.NPY', '', '.txt'])}", data, rng)


def _read_samples(
    name: str, spec: InputSpec, images: Preprocessing | None = None
) -> Callable[[Path], object]:
    return lambda folder: read_samples(folder / name, [spec], images).array("x")


@functools.cache
def _images() -> dict[str, bytes]:
    image = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    found = {}
    for suffix in ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", "EPS", "ICO"):
        for mode in ("RGB", "L", "P", "CMYK"):
            out = io.BytesIO()
            try:
                image.convert(mode).save(
                    out, suffix, **({"exif": exif} if suffix in ("JPEG", "PNG", "WEBP") else {})
                )
            except (OSError, KeyError, ValueError):
                continue
            found[f"{suffix} {mode}"] = out.getvalue()
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        out = io.BytesIO()
        image.save(out, "TIFF", compression=compression)
        found[compression] = out.getvalue()
    return found


def _damage_images(folder: Path, rng: Rng) -> None:
    (folder / "d").mkdir()
    data = _images()[mutate.pick(rng, list(_images()))]
    place(folder / "d" / "a.png", mutate.change_image(data, rng), rng)


def _read_images(folder: Path) -> object:
    orientation = Orientation.EXIF if len(list((folder / "d").iterdir())) % 2 else Orientation.STORED
    images = Preprocessing(Color.RGB, size=(4, 6), orientation=orientation)
    return read_samples(folder / "d", [IMAGE], images).array("x")


def _damage_labels(folder: Path, rng: Rng) -> None:
    if rng.random() < 0.7:
        place(folder / "l.npy", change_npy(np.array([1, 0, 2]), rng), rng)
        return
    (folder / "l.npy").mkdir()
    names = ["0", "1", "cat", "9" * 30, "9" * 250, "-1", "٣", "01", ".hidden", str(2**31), str(2**63)]
    for name in {mutate.pick(rng, names) for _ in range(3)}:
        (folder / "l.npy" / name).mkdir()
        place(folder / "l.npy" / name / "a", b"", rng)
