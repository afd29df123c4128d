"""From ranges to quantization parameters and integer programs."""
