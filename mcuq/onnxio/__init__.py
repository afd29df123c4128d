"""ONNX files in and out; the only users of onnx."""
