"""Train a MobileNetV1 of width 0.25 on 1,000 characters, and write it as ONNX with the arrays to measure it.

    pip install torch onnxscript matplotlib
    python tools/train_glyphs.py [--output build/glyphs] [--steps 1200]

No data set of 1,000 classes comes with a package, but matplotlib comes with twelve faces of a typeface that
hold thousands of characters. Classes are characters that look different from each other; an image is one
in any face, turned, scaled, moved, of any contrast, under noise. The network is trained as published, without
regard to quantization: BatchNorm, ReLU6 and depthwise filters make int8 hard. Files are those that `zoo.py`
reads.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib import font_manager, ft2font
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 1000
SIZE = 64  # pixels of an image's side
SEED = 7
BATCH = 128
CALIBRATION, EVALUATION = 1024, 2000  # images
ALIKE = 0.93  # correlation above which two characters are the same to an eye
_DRAWN = 40  # pixels of the size at which characters are drawn
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), *5 * ((512, 1),), (512, 2), (1024, 2), (1024, 1))


def faces() -> list[Path]:
    """The twelve files of matplotlib's own typeface."""
    folder = Path(font_manager.findfont("DejaVu Sans", fallback_to_default=False)).parent
    kinds = ("", "-Bold", "-Oblique", "-BoldOblique")
    serif = ("", "-Bold", "-Italic", "-BoldItalic")
    names = [f"DejaVu{family}{kind}" for family in ("Sans", "SansMono") for kind in kinds]
    return [folder / f"{name}.ttf" for name in [*names, *(f"DejaVuSerif{kind}" for kind in serif)]]


def drawn(face: Path, characters: list[str]) -> np.ndarray:
    """Characters in the middle of images: uint8 `[n, SIZE, SIZE]`."""
    font = ImageFont.truetype(str(face), _DRAWN)
    found = []
    for character in characters:
        image = Image.new("L", (SIZE, SIZE))
        ImageDraw.Draw(image).text((SIZE // 2, SIZE // 2), character, fill=255, font=font, anchor="mm")
        found.append(np.asarray(image))
    return np.stack(found)


def distinct(paths: list[Path]) -> list[str]:
    """CLASSES characters that every face has and that look different in the first one."""
    maps = [set(ft2font.FT2Font(str(path)).get_charmap()) for path in paths]
    shared = sorted(code for code in set.intersection(*maps) if chr(code).isprintable() and code > 32)
    order = np.random.default_rng(SEED).permutation(len(shared))
    characters = [chr(shared[i]) for i in order]
    images = drawn(paths[0], characters).reshape(len(characters), -1).astype(np.float32)
    images -= images.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(images, axis=1)
    kept: list[int] = []
    for i, norm in enumerate(norms):
        alike = images[kept] @ images[i] / (norms[kept] * norm) if norm > 0 and kept else np.zeros(1)
        if norm > 0 and alike.max() < ALIKE:
            kept.append(i)
        if len(kept) == CLASSES:
            return [characters[i] for i in kept]
    raise SystemExit(f"only {len(kept)} characters look different; {CLASSES} are needed")


class Glyphs:
    """Draws images: any face, turned, scaled, moved, of any contrast, under noise."""

    def __init__(self) -> None:
        """Draws every character of every face once."""
        paths = faces()
        characters = distinct(paths)
        self._plain = torch.from_numpy(np.stack([drawn(path, characters) for path in paths]))

    def batch(self, count: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images float32 `[count, 1, SIZE, SIZE]` of 0..1 and classes int64 `[count]`."""

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(count, *shape, generator=draws)

        labels = torch.randint(CLASSES, (count,), generator=draws)
        face = torch.randint(len(self._plain), (count,), generator=draws)
        plain = self._plain[face, labels][:, None].float() / 255
        angle, scale = uniform(-0.2, 0.2), uniform(0.8, 1.25)
        cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
        moved = uniform(-0.15, 0.15, 2)
        places = torch.stack([cosine, -sine, moved[:, 0], sine, cosine, moved[:, 1]], dim=1)
        places = places.reshape(count, 2, 3)
        grid = functional.affine_grid(places, list(plain.shape), align_corners=False)
        turned = functional.grid_sample(plain, grid, align_corners=False)
        contrast, ground = uniform(0.35, 0.8, 1, 1, 1), uniform(0.0, 0.2, 1, 1, 1)
        noise = 0.05 * torch.randn(turned.shape, generator=draws)
        return (ground + contrast * turned + noise).clamp(0, 1), labels


def mobilenet(width: float = 0.25) -> nn.Sequential:
    """MobileNetV1 with ReLU6, for images of one channel."""

    def block(given: int, made: int, size: int, stride: int, groups: int) -> list[nn.Module]:
        convolution = nn.Conv2d(given, made, size, stride, size // 2, groups=groups, bias=False)
        return [convolution, nn.BatchNorm2d(made), nn.ReLU6()]

    channels = int(32 * width)
    layers = block(1, channels, 3, 2, 1)
    for wide, stride in _BLOCKS:
        made = int(wide * width)
        layers += block(channels, channels, 3, stride, channels) + block(channels, made, 1, 1, 1)
        channels = made
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


def learning_rates(steps: int) -> Iterator[float]:
    """A short rise, then a cosine to nothing."""
    rise = steps // 20
    for step in range(steps):
        falls = (step - rise) / (steps - rise)
        yield 4e-3 * (step / rise if step < rise else 0.5 * (1 + math.cos(math.pi * falls)))


def train(glyphs: Glyphs, steps: int) -> nn.Sequential:
    """The trained network, in evaluation mode."""
    network = mobilenet()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    draws = torch.Generator().manual_seed(SEED)
    for step, rate in enumerate(learning_rates(steps)):
        for group in optimizer.param_groups:
            group["lr"] = rate
        images, labels = glyphs.batch(BATCH, draws)
        found = network(images)
        loss = functional.cross_entropy(found, labels, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 99:
            right = (found.argmax(dim=1) == labels).float().mean()
            print(f"{step + 1} of {steps}: loss {loss:.3f}, {right:.1%} of the batch right", flush=True)
    return network.eval()


def main() -> None:
    """Train, write model.onnx and the arrays, print the accuracy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("build/glyphs"))
    parser.add_argument("--steps", type=int, default=1200)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    glyphs = Glyphs()
    network = train(glyphs, options.steps)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("calibration", CALIBRATION, 1), ("test", EVALUATION, 2)):
        images, labels = glyphs.batch(count, torch.Generator().manual_seed(seed))
        np.save(options.output / f"{name}_images.npy", images.numpy())
        np.save(options.output / f"{name}_labels.npy", labels.numpy())
        with torch.no_grad():
            right = (network(images).argmax(dim=1) == labels).float().mean()
        print(f"{name}: {right:.2%} of {count} images right")
    torch.onnx.export(network, (images[:1],), options.output / "model.onnx", dynamo=False, opset_version=17)


if __name__ == "__main__":
    main()
