"""Writing graphs and programs as ONNX models, with writers that are given."""
