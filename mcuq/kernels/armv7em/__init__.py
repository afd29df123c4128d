"""Kernels for cores with DSP instructions (Armv7E-M, Armv8-M with DSP): two products per instruction.

Fast requantization takes channels whose right shift is 1 to 23 and whose sums stay below 2^30; weights of
two channels in a halfword take sums of the second below 2^23 and no -128 of it beside a negative weight.
Whether a channel keeps to that is proved when a model is compiled. One that does not is *odd* and stays in
its layer:

| kernel | an odd channel |
|---|---|
| `*_paired` | its four channels are requantized one by one, from sums in parts |
| `*_winograd_2x2`, `*_winograd_4x4` | is transformed back once more, in full |
| `mcuq_depthwise_conv2d_s8_3x3` | is computed once more, from the tile |
| `mcuq_depthwise_conv2d_s8_dsp` | is computed once more, in plain C |
| `*_lines` | is summed up in plain C |
| `*_gemm`, `*_planes`, `*_dsp` of int16 | is requantized in full, as its neighbour is |

One odd channel costs its layer 1 to 8 % on a Cortex-M4, 15 % where it has only 12 outputs of 64 inputs.
Where all second channels have sums of 2^23, convolutions cost 6 % more and fully connected layers 25 %. What
is refused as a whole is the contract `single`, and by `mcuq_linear_s8_dsp` and `mcuq_conv2d_s8_gemm` a layer
with such shifts or sums: another kernel takes it.
"""
