"""Cross-layer equalization: rescaling channels between layers without changing the float function."""
