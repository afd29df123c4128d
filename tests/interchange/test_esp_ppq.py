"""PPQ itself, where it is installed (it needs torch): mcuq reads its native JSON."""

import importlib.util
import json

import pytest

from tests.interchange.models import compile_with, quant, small_model

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("esp_ppq") is None, reason="'esp-ppq' is not installed"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,
]


def test_native_json_that_ppq_writes_is_read_with_the_model_beside_it(tmp_path, monkeypatch):
    from tests.interchange import record

    monkeypatch.setattr(record, "FOLDER", tmp_path)
    path = record.explicit(small_model(tmp_path))
    record.record_ppq(path)
    document = json.loads((tmp_path / "ppq_trt.json").read_text())
    # Its own copy of the model, and the one that it read: it has not changed the names.
    for model in (path, tmp_path / "trt.onnx"):
        found = quant(compile_with(model, tmp_path / "ppq_trt.json").program)
        for name, operator in (("image", "node_0"), ("relu_out", "node_1"), ("logits", "node_4")):
            key = str(document["configs"][operator][name]["dominator"])
            assert found[name] == (document["values"][key]["scale"], 0)
