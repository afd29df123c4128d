"""Calls of CMSIS-NN: kernels whose C is the library's, which the user's build brings along.

They stand beside the instruction sets and are asked only for programs that want the library (`KernelSet`).
The library is version 7: its names, structs and sizes of buffers are those of its public headers.
"""
