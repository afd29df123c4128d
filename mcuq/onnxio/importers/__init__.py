"""Reading ONNX nodes into a float graph, with readers that are given."""
