"""Quantized ONNX graphs: read as a float graph with its parameters, and written."""
