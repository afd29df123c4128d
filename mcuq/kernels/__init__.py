"""Kernel variants, one package per instruction set, and the choice between them.

`mcuq/kernels/<isa>/` mirrors `targets/<isa>/kernels/`: the package says which steps a kernel accepts, how
their constants are packed and what cycles are made of; the folder holds the C. Modules are named like the
operators' families. Every package found here is an instruction set.
"""
