"""The program as NumPy: the definition of what the firmware computes."""
