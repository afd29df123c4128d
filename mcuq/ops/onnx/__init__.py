"""Operators as ONNX has them, one family a file: readers, float writers and writers of quantized models."""
