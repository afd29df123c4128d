"""Programs that take a window of time become programs that take one hop of it (docs/adr/0012)."""
