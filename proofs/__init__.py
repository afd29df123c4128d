"""What is proved about the generated C and its arithmetic: docs/proofs.md."""
