"""Layers computed in strips of rows, so that most of them never exist as a whole (docs/adr/0019)."""
