"""The pipeline's table of contents: each stage is a value made from the one before.

load      a model file becomes a Program (`pipeline.model`): read, canonicalize, calibrate, quantize, lower
plan      a Program becomes a Plan for a target (`pipeline.planning`): select kernels, place memory, check
emit      a Plan becomes files (`mcuq.codegen.emit`)
verify    the files compute what the simulator computes (`mcuq.verify.firmware`)
publish   the files become a directory, all or nothing (`pipeline.directory`)
"""
