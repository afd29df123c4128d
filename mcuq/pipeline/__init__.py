"""The pipeline's table of contents: each stage is a value made from the one before.

read      a model file becomes a Model (`mcuq.frontend.read`)
calibrate a Model becomes a canonical graph with ranges (`pipeline.calibrate`): one run of the float model
compile   that becomes a Program (`pipeline.compile`, `pipeline.equalizing`): quantize, lower; or a Program is
          read back (`pipeline.stored`)
plan      a Program becomes a Plan for a target (`pipeline.planning`): select kernels, place memory, check
emit      a Plan becomes files (`mcuq.codegen.emit`)
verify    the files compute what the simulator computes (`mcuq.verify.firmware`)
publish   the files become a directory, all or nothing (`pipeline.directory`)
"""
