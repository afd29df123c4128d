"""Train a small complete CNN on scikit-learn's digits and write it as ONNX, with the arrays to deploy it.

Run it from anywhere, `--output` defaults to the folder of this script:

    pip install "mcuq[train]"
    python firmware_examples/digits/train.py

Batch normalization is deliberately written as its own nodes: folding it is the compiler's work. The same
machine and library versions give the same bytes on every run.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

from mcuq.calibrate.runtime import ort

SEED = 2024
TEST_IMAGES = 450
CALIBRATION_IMAGES = 200
EPOCHS = 80
BATCH_SIZE = 32
PEAK_LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05
MINIMUM_ACCURACY = 0.975
MAXIMUM_DIFFERENCE = 1e-5
CLASSES = 10
STEM_CHANNELS = 16
DOWN_CHANNELS = 48
OPSET = 17
IR_VERSION = 8

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Digits:
    """The data, split once; images are `[count, 1, 8, 8]` with the raw pixels 0..16.

    Attributes:
        train_images: Images the weights are fitted to.
        train_labels: Their classes, 0..9.
        test_images: Images that are neither trained on nor calibrated with.
        test_labels: Their classes, 0..9.
        calibration_images: A subset of the training images, the same number of every class.
        calibration_labels: Their classes, 0..9.
    """

    train_images: FloatArray
    train_labels: LabelArray
    test_images: FloatArray
    test_labels: LabelArray
    calibration_images: FloatArray
    calibration_labels: LabelArray


class ConvBlock(nn.Module):
    """A 'same' padded convolution without a bias, followed by its batch normalization."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return `bn(conv(x))`."""
        return self.bn(self.conv(x))


class DigitsNet(nn.Module):
    """Stem, depthwise separable residual block, strided convolution, global average pooling, classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBlock(1, STEM_CHANNELS, 3)
        self.depthwise = ConvBlock(STEM_CHANNELS, STEM_CHANNELS, 3, groups=STEM_CHANNELS)
        self.pointwise = ConvBlock(STEM_CHANNELS, STEM_CHANNELS, 1)
        self.down = ConvBlock(STEM_CHANNELS, DOWN_CHANNELS, 3, stride=2)
        self.classifier = nn.Linear(DOWN_CHANNELS, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits `[count, 10]` of `image`, `[count, 1, 8, 8]` with values 0..16."""
        stem = torch.relu(self.stem(image))
        branch = self.pointwise(torch.relu(self.depthwise(stem)))
        x = torch.relu(self.down(torch.relu(stem + branch)))
        return self.classifier(x.mean(dim=(2, 3)))


class GraphWriter:
    """Collects ONNX nodes and initializers; a node's output tensor carries the node's name."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state = state
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, op: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Append one node and return the name of its output."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def weight(self, key: str) -> str:
        """Append the state dict's entry `key` as an initializer and return its name."""
        name = key.replace(".", "/")
        self.initializers.append(numpy_helper.from_array(self._state[key].numpy(), name))
        return name

    def conv_block(self, x: str, part: str, block: ConvBlock) -> str:
        """Append `Conv` and `BatchNormalization` for one `ConvBlock` and return the output's name."""
        conv = block.conv
        x = self.node(
            "Conv",
            f"{part}/conv",
            [x, self.weight(f"{part}.conv.weight")],
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            pads=list(conv.padding) * 2,
            group=conv.groups,
        )
        fields = ("weight", "bias", "running_mean", "running_var")
        parameters = [self.weight(f"{part}.bn.{field}") for field in fields]
        return self.node("BatchNormalization", f"{part}/bn", [x, *parameters], epsilon=block.bn.eps)


def load_data() -> Digits:
    """Load scikit-learn's 1797 digits and split them, stratified by class.

    Returns:
        450 test images, 1347 training images, and 200 of the training images for calibration.
    """
    source = load_digits()
    images = source.images.astype(np.float32)[:, np.newaxis]
    labels = source.target.astype(np.int64)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=SEED
    )
    rng = np.random.default_rng(SEED)
    per_class = CALIBRATION_IMAGES // CLASSES
    chosen = [rng.permutation(np.flatnonzero(train_labels == c))[:per_class] for c in range(CLASSES)]
    calibration = rng.permutation(np.concatenate(chosen))
    return Digits(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        calibration_images=train_images[calibration],
        calibration_labels=train_labels[calibration],
    )


def shift_randomly(images: Tensor) -> Tensor:
    """Shift every image by -1, 0 or 1 pixel along each axis, filling with the background 0."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (1, 1, 1, 1))
    rows = torch.randint(0, 3, (count, 1)) + torch.arange(height)
    columns = torch.randint(0, 3, (count, 1)) + torch.arange(width)
    item = torch.arange(count)[:, None, None]
    return padded[item, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def train(images: FloatArray, labels: LabelArray) -> DigitsNet:
    """Fit the network; the last epoch's weights are taken, so that no image is used to choose them.

    Args:
        images: `[count, 1, 8, 8]`, float32, 0..16.
        labels: `[count]`, int64, 0..9.

    Returns:
        The trained network in inference mode.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    network = DigitsNet()
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    steps = len(y) // BATCH_SIZE
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        # The incomplete last batch is dropped; the next epoch's order is another.
        for batch in torch.randperm(len(y))[: steps * BATCH_SIZE].split(BATCH_SIZE):
            logits = network(shift_randomly(x[batch]))
            loss = functional.cross_entropy(logits, y[batch], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def build_onnx(network: DigitsNet) -> bytes:
    """Write the network as an ONNX model with batch normalization unfused.

    Args:
        network: The trained network in inference mode.

    Returns:
        The serialized model: `image` `[1, 1, 8, 8]` in, `probabilities` `[1, 10]` out.
    """
    g = GraphWriter({key: value.detach() for key, value in network.state_dict().items()})
    stem = g.node("Relu", "stem/relu", [g.conv_block("image", "stem", network.stem)])
    x = g.node("Relu", "depthwise/relu", [g.conv_block(stem, "depthwise", network.depthwise)])
    x = g.conv_block(x, "pointwise", network.pointwise)
    x = g.node("Relu", "residual/relu", [g.node("Add", "residual/add", [x, stem])])
    x = g.node("Relu", "down/relu", [g.conv_block(x, "down", network.down)])
    x = g.node("Flatten", "head/flatten", [g.node("GlobalAveragePool", "head/pool", [x])], axis=1)
    dense = [g.weight("classifier.weight"), g.weight("classifier.bias")]
    x = g.node("Gemm", "classifier/gemm", [x, *dense], transB=1)
    g.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], name="classifier/softmax", axis=1))
    graph = helper.make_graph(
        g.nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, CLASSES])],
        g.initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mcuq digits example",
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def run_onnx(model: bytes, images: FloatArray) -> FloatArray:
    """Return onnxruntime's probabilities `[count, 10]`; the model takes one image at a time."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": image[np.newaxis]})[0] for image in images])


def check_model(model: bytes, network: DigitsNet, data: Digits) -> float:
    """Check the ONNX model against the network it was written from, and its accuracy.

    Args:
        model: The serialized model.
        network: The trained network in inference mode.
        data: The split data; only the test images are used.

    Returns:
        The ONNX model's accuracy on the test images, 0..1.

    Raises:
        SystemExit: The outputs differ by more than `MAXIMUM_DIFFERENCE`, or the accuracy is below
            `MINIMUM_ACCURACY`.
    """
    with torch.no_grad():
        expected = torch.softmax(network(torch.from_numpy(data.test_images)), dim=1).numpy()
    found = run_onnx(model, data.test_images)
    difference = float(np.abs(found - expected).max())
    if not difference <= MAXIMUM_DIFFERENCE:
        raise SystemExit(f"error: ONNX and torch differ by {difference:.3g}, limit is {MAXIMUM_DIFFERENCE}")
    accuracy = float((found.argmax(axis=1) == data.test_labels).mean())
    if accuracy < MINIMUM_ACCURACY:
        raise SystemExit(f"error: test accuracy is {accuracy:.4f}, expected at least {MINIMUM_ACCURACY}")
    print(f"largest difference between onnxruntime and torch: {difference:.2g}")
    return accuracy


def write_files(folder: Path, model: bytes, data: Digits) -> None:
    """Write the model and the calibration and test arrays into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    np.save(folder / "calibration.npy", data.calibration_images)
    np.save(folder / "calibration_labels.npy", data.calibration_labels)
    np.save(folder / "test_images.npy", data.test_images)
    np.save(folder / "test_labels.npy", data.test_labels)


def main() -> None:
    """Train, check, and only then write the files."""
    parser = argparse.ArgumentParser(description="Train the digits example and write it as ONNX.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for the files")
    folder: Path = parser.parse_args().output
    data = load_data()
    network = train(data.train_images, data.train_labels)
    model = build_onnx(network)
    accuracy = check_model(model, network, data)
    write_files(folder, model, data)
    parameters = sum(p.numel() for p in network.parameters())
    print(f"test accuracy: {accuracy:.2%} of {len(data.test_labels)} images, {parameters} parameters")


if __name__ == "__main__":
    main()
