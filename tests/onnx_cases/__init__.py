"""ONNX's own test cases, each compiled and held against its C and its expected values, as a table."""
