"""Proofs by an SMT solver that every form of requantization is the law of docs/numerics.md."""
