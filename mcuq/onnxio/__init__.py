"""ONNX as a format, the only place that imports onnx; it is given the readers and writers of operators."""
