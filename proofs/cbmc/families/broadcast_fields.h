/* The fields that all kernels with broadcasting have. */
#define SIZES(of) .size_0 = (of)[0], .size_1 = (of)[1], .size_2 = (of)[2], .size_3 = (of)[3]
#define STRIDES(name, of)                                                                                  \
    .name##_stride_0 = (of)[0], .name##_stride_1 = (of)[1], .name##_stride_2 = (of)[2], .name##_stride_3 = (of)[3]
#define ELEMENTS(of) ((of)[0] * (of)[1] * (of)[2] * (of)[3])
