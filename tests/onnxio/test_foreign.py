"""Models in other formats are named, with the way to ONNX, and not called damaged."""

import io
import pickle
import zipfile
import zlib

import pytest

from .refusals import refusal


def archive(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, b"...")
    return stream.getvalue()


FOREIGN = {
    "model.lite": (b"\x1c\x00\x00\x00TFL3" + bytes(500), "a TensorFlow Lite model", ".tflite"),
    "model.h5": (b"\x89HDF\r\n\x1a\n" + bytes(500), "a Keras model", "model.export("),
    "model.keras": (
        archive("metadata.json", "config.json", "model.weights.h5"),
        "a Keras model",
        "format='onnx'",
    ),
    "model.pt": (archive("model/data.pkl", "model/data/0"), "a PyTorch model", "torch.onnx.export"),
    "model.pt2": (archive("model/archive_format"), "a PyTorch model", "torch.onnx.export"),
    "model.pth": (
        pickle.dumps("torch._utils._rebuild_tensor", protocol=2),
        "a PyTorch model",
        "torch.onnx.export",
    ),
    "weights.pkl": (
        pickle.dumps({"weight": [1.0]}, protocol=2),
        "a pickled Python object",
        "skl2onnx.to_onnx",
    ),
    "model.joblib": (zlib.compress(pickle.dumps([1.0])), "a pickled scikit-learn model", "skl2onnx.to_onnx"),
    "model.safetensors": (
        (8).to_bytes(8, "little") + b'{"a":{}}' + bytes(16),
        "a safetensors file, which holds weights without a network",
        "torch.onnx.export",
    ),
    "model.pkl": (
        pickle.dumps("sklearn.linear_model", protocol=4),
        "a pickled scikit-learn model",
        "skl2onnx.to_onnx",
    ),
    "saved_model.pb": (b"\x08\x01\x12\x04\x0a\x02\x08\x01", "a TensorFlow SavedModel", "--saved-model"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_read_of_another_format_tells_how_to_export(tmp_path, name):
    data, what, how = FOREIGN[name]
    (tmp_path / name).write_bytes(data)
    problem = refusal(tmp_path / name, tmp_path, "M001")
    assert problem.title == f"'{name}' is {what}, not an ONNX model"
    assert how in problem.fix


def test_read_of_a_saved_model_folder_tells_how_to_export(tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x08\x01")
    problem = refusal(folder, tmp_path, "M001")
    assert "a TensorFlow SavedModel" in problem.title
    assert "--saved-model" in problem.fix


def test_read_of_another_archive_stays_unreadable(tmp_path):
    problem = refusal(archive("notes.txt"), tmp_path, "M001")
    assert "is not a readable ONNX model" in problem.title
