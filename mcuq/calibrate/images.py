"""Image folders: pixels to the values a model takes."""

from __future__ import annotations

import dataclasses
import enum
import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcuq.calibrate.arrays import corrupt
from mcuq.calibrate.columns import wrong_shape
from mcuq.errors import McuqError, fail
from mcuq.ir.types import Float32, Int64, Shape
from mcuq.options import READING, option
from mcuq.reading.files import read_file

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling

# What Pillow may decode. It knows many formats more, and runs other programs for some of them.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# More than cameras have; decoding, converting and resizing hold three such images of 3 or 4 bytes a pixel.
MAX_PIXELS = 50_000_000
_MAX_FILE_BYTES = 256 << 20
_ORIENTATION_TAG = 0x0112
_EIGHT_BIT_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
)
_DECODE_ERRORS = (
    OSError,  # Pillow's UnidentifiedImageError among them
    ValueError,
    TypeError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    RecursionError,
    AttributeError,
    ArithmeticError,  # of sizes and resolutions that are zero
    struct.error,
    zlib.error,
)


class Color(enum.Enum):
    """Order of the channels a model takes."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"

    @property
    def channels(self) -> int:
        """How many they are."""
        return 1 if self is Color.GRAY else 3


class Layout(enum.Enum):
    """Where a model wants the channels."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Orientation(enum.Enum):
    """Which way up an image is: as its pixels are stored, or turned as its EXIF data says."""

    STORED = "stored"
    EXIF = "exif"


def _image_option(default: object, flag: str, text: str, metavar: str | None = None) -> Any:  # noqa: ANN401
    """Declare an option of image folders; what is not given is as in the build, or as here."""
    return option(
        default,
        flag,
        f"Image folders: {text}",
        commands=READING,
        recorded_as=f"image.{flag.removeprefix('--')}",
        metavar=metavar,
        is_left_open=True,
        is_about_samples=True,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a decoded image becomes values: resize, then `(pixel * scale - mean) / std` with pixels 0..255.

    Grey images become equal channels, alpha is dropped. Stored pixels are what PIL, torchvision and
    TensorFlow train on; OpenCV turns them.
    """

    color: Color = _image_option(Color.RGB, "--color", "order of the channels.")
    # (height, width), bilinear, the aspect not kept; None takes only images of the model's size.
    size: tuple[int, int] | None = _image_option(None, "--size", "resize to this.", metavar="HxW")
    # One value, or one per channel in the order of `color`.
    mean: tuple[float, ...] = _image_option((0.0,), "--mean", "subtracted after --scale.", metavar="M[,M,M]")
    std: tuple[float, ...] = _image_option((1.0,), "--std", "divisor.", metavar="S[,S,S]")
    scale: float = _image_option(1.0, "--scale", "factor of the pixels 0..255.")
    # None where the model's shape leaves no doubt.
    layout: Layout | None = _image_option(None, "--layout", "where the model wants channels.")
    orientation: Orientation = _image_option(
        Orientation.STORED, "--orientation", "pixels as stored (default), or turned as EXIF says."
    )

    def table(self) -> Float32:
        """Value of every pixel code, `[channels, 256]`, computed in float64 and rounded once.

        Raises:
            McuqError: O001 for options that do not fit the channels or give no finite value.
        """
        channels = self.color.channels
        for flag, values in (("--mean", self.mean), ("--std", self.std)):
            if len(values) not in (1, channels):
                raise _wrong_option(flag, f"found {len(values)} values, expected 1 or {channels}")
        if not all(math.isfinite(std) and std != 0 for std in self.std):
            raise _wrong_option("--std", f"found {self.std}, expected finite values other than 0")
        mean, std = (
            np.broadcast_to(np.array(v, np.float64), channels)[:, None] for v in (self.mean, self.std)
        )
        with np.errstate(over="ignore", invalid="ignore"):
            table = ((np.arange(256) * self.scale - mean) / std).astype(np.float32)
        if not np.isfinite(table).all():
            raise _wrong_option("--scale, --mean", "pixels become infinite or NaN in float32")
        return table


@dataclasses.dataclass(frozen=True, slots=True)
class ImageColumn:
    """One sample an image file.

    Args:
        paths: the files, decoded when they are read.
        shape: the shape of one sample.
        preprocessing: how pixels become values.
        layout: where the channels go.
        size: height and width of the model's input.
    """

    paths: tuple[Path, ...]
    shape: Shape
    preprocessing: Preprocessing
    layout: Layout
    size: tuple[int, int]

    @classmethod
    def open(cls, paths: tuple[Path, ...], shape: Shape, preprocessing: Preprocessing) -> ImageColumn:
        """Fit images to an input; no file is read.

        Raises:
            McuqError: O001 options that make no sense; O006 when the input cannot be an image.
        """
        preprocessing.table()
        layout = _find_layout(shape, preprocessing)
        planes = _image_shape(shape)
        size = planes[1:] if layout is Layout.NCHW else planes[:2]
        height, width = size
        if preprocessing.size not in (None, (height, width)):
            raise wrong_shape("--size", preprocessing.size or (), f"the model's {(height, width)}")
        return cls(paths, shape, preprocessing, layout, (height, width))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Int64) -> Float32:
        table = self.preprocessing.table()
        channels = np.arange(len(table))
        out = np.empty((len(indices), *self.shape), np.float32)
        for row, index in enumerate(indices):
            values = table[channels, self._pixels(self.paths[index])]
            if self.layout is Layout.NCHW:
                values = values.transpose(2, 0, 1)
            out[row] = values.reshape(self.shape)
        return out

    def _pixels(self, path: Path) -> NDArray[np.uint8]:
        """Codes of one image, `[height, width, channels]`."""
        color = self.preprocessing.color
        mode = "L" if color is Color.GRAY else "RGB"
        image = _decode(path, mode, self.preprocessing.orientation, self._check_size)
        if self.preprocessing.size is not None:
            image = image.resize(self.size[::-1], _bilinear())
        pixels = np.asarray(image, np.uint8).reshape(*self.size, color.channels)
        return pixels[:, :, ::-1] if color is Color.BGR else pixels

    def _check_size(self, path: Path, size: tuple[int, int]) -> None:
        """Refuse an image of another (height, width) than the model's, unless it is resized.

        Raises:
            McuqError: O006.
        """
        if self.preprocessing.size is not None or size == self.size:
            return
        height, width = self.size
        raise fail(
            "O006",
            "an image has another size than the model's input",
            where=str(path),
            why=f"found {size[0]}x{size[1]}, expected {height}x{width} (height x width)",
            fix="resize the images as in training, or let --size do it",
        )


def _bilinear() -> Resampling:
    import PIL.Image

    return PIL.Image.Resampling.BILINEAR


def _decode(
    path: Path, mode: str, orientation: Orientation, check_size: Callable[[Path, tuple[int, int]], None]
) -> Image:
    """An image in mode L or RGB; what can be refused by its header is, before anything is decoded."""
    import PIL.Image

    data = io.BytesIO(read_file(path, _MAX_FILE_BYTES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(data, formats=FORMATS) as image:
                _check_header(path, image)
                turn = _turn(image, orientation)
                size = image.size if turn in _TRANSPOSING else image.size[::-1]
                check_size(path, size)
                converted = image.convert(mode)
                return converted if turn is None else converted.transpose(PIL.Image.Transpose(turn))
    except (*_DECODE_ERRORS, PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        why = f"not an image that is read ({', '.join(FORMATS)}), or damaged: {_first_line(error)}"
        raise corrupt(path, why) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _check_header(path: Path, image: Image) -> None:
    """Refuse what would not be the 8-bit image that training saw.

    Raises:
        McuqError: O004 too many pixels, or several frames; O007 more than 8 bits.
    """
    if image.width * image.height > MAX_PIXELS:
        raise corrupt(path, f"it has {image.width} x {image.height} pixels, the limit is {MAX_PIXELS:_}")
    # A camera's preview or depth map beside a JPEG is no animation.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise corrupt(path, "it has several frames or pages; save the one that is meant as a file of its own")
    found = " ".join(f"{tile[0]} {tile[3]}" for tile in getattr(image, "tile", ()))
    # Pillow would drop the lower half of 16-bit colours without a word.
    if image.mode not in _EIGHT_BIT_MODES or ";16" in found:
        raise _wrong_mode(path, f"{image.mode}, stored with 16 bits" if ";16" in found else image.mode)
    if image.format == "PPM" and not found.startswith("raw"):
        raise _wrong_mode(path, "PPM as text, or with another greatest value than 255")


# How the values of the tag turn an image, as members of Pillow's Transpose; 5 to 8 exchange height and width.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
_TRANSPOSING = frozenset({5, 4, 6, 2})


def _turn(image: Image, orientation: Orientation) -> int | None:
    """What turns an image upright, None where nothing has to.

    Pillow itself turns TIFF, whose orientation is part of the format.
    """
    if orientation is Orientation.STORED or image.format == "TIFF":
        return None
    return _TURNS.get(image.getexif().get(_ORIENTATION_TAG, 1))


def _image_shape(shape: Shape) -> Shape:
    """The three axes of an image input: without its batch axis, with a channel axis."""
    if len(shape) == 4 and shape[0] == 1:
        return shape[1:]
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3:
        return shape
    raise wrong_shape("the model's input", shape, "an image, such as (1, 3, 96, 96), for a folder of images")


def _find_layout(shape: Shape, preprocessing: Preprocessing) -> Layout:
    """The layout that puts as many channels where the model has them."""
    planes = _image_shape(shape)
    channels = preprocessing.color.channels
    axes = {Layout.NCHW: 0, Layout.NHWC: 2}
    fits = [layout for layout, axis in axes.items() if planes[axis] == channels]
    if preprocessing.layout is not None:
        fits = [layout for layout in fits if layout is preprocessing.layout]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise _wrong_option("--layout", f"shape {shape} could be nchw or nhwc, expected a choice")
    layout = preprocessing.layout.value if preprocessing.layout else "nchw or nhwc"
    expected = f"{channels} channels in {layout} layout, as --color {preprocessing.color.value} gives"
    raise wrong_shape("the model's input", shape, expected)


def _wrong_option(option: str, why: str) -> McuqError:
    """O001 for a preprocessing option."""
    return fail(
        "O001",
        f"{option} makes no sense here",
        where=option,
        why=why,
        fix="see the preprocessing of training",
    )


def _wrong_mode(path: Path, mode: str) -> McuqError:
    """O007 for images that are not of 8 bits per channel."""
    return fail(
        "O007",
        "an image is not of 8 bits per channel, grey or colour",
        where=str(path),
        why=f"found {mode}, expected one of Pillow's modes {', '.join(sorted(_EIGHT_BIT_MODES))}",
        fix="convert the images to 8 bits, or give the values as .npy",
    )
