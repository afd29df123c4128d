"""Running the float model and choosing ranges."""
