/*
 * Products of four windows with weights, four channels at a time, for RV32: sixteen sums stay in registers.
 */
#ifndef MCUQ_BLOCK_4X4_H
#define MCUQ_BLOCK_4X4_H

#include "mcuq_common.h"

/* The form in C is for tests on a computer (MCUQ_C_FORMS) and for cores without multiplication or 32 registers. */
#if defined(__GNUC__) && defined(__riscv_mul) && (__riscv_xlen == 32) && !defined(__riscv_32e) && !defined(MCUQ_C_FORMS)

/* The code of one window by the weight in a3, added to a sum. */
#define MCUQ_BLOCK_4X4_PRODUCT(code, sum) "mul a4, " #code ", a3\n add " #sum ", " #sum ", a4\n"

/* A channel's weight by the codes of four windows. */
#define MCUQ_BLOCK_4X4_CHANNEL(c, s_a, s_b, s_c, s_d)                                                       \
    "lb a3, 4*\\k+" #c "(a1)\n" MCUQ_BLOCK_4X4_PRODUCT(t0, s_a) MCUQ_BLOCK_4X4_PRODUCT(t1, s_b)              \
        MCUQ_BLOCK_4X4_PRODUCT(t2, s_c) "mul a3, ra, a3\n add " #s_d ", " #s_d ", a3\n"

/* One code of each window by the weights of four channels, for each k of a list. */
#define MCUQ_BLOCK_4X4_TAPS(list)                                                                           \
    ".irp k," list "\n lb t0, \\k(a0)\n lb t1, \\k(a5)\n lb t2, \\k(a6)\n lb ra, \\k(a7)\n"                   \
    MCUQ_BLOCK_4X4_CHANNEL(0, s0, s1, s2, s3) MCUQ_BLOCK_4X4_CHANNEL(1, s4, s5, s6, s7)                     \
        MCUQ_BLOCK_4X4_CHANNEL(2, s8, s9, s10, s11) MCUQ_BLOCK_4X4_CHANNEL(3, t3, t4, t5, t6) ".endr\n"

/*
 * Sums [4][4] of four channels by four windows, begun with the bias; weights [count][4].
 *
 * a0, a5 to a7: windows, a1: weights, a2: where the first window's loop ends, t0 to t2 and ra: codes, a3: a weight, a4:
 * a product, s0 to s11 and t3 to t6: sums. Four codes a round, then one.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_4x4(const int8_t *const *x, const int8_t *w, int32_t count,
                                              const int32_t *bias, int32_t *sums)
{
    MCUQ_REGISTER(const int8_t *const *, a0, x);
    MCUQ_REGISTER(const int8_t *, a1, w);
    MCUQ_REGISTER(int32_t, a2, count);
    MCUQ_REGISTER(const int32_t *, a3, bias);
    MCUQ_REGISTER(int32_t *, a4, sums);
    __asm__ volatile("addi sp, sp, -64\n sw s0, 0(sp)\n sw s1, 4(sp)\n sw s2, 8(sp)\n sw s3, 12(sp)\n sw s4, 16(sp)\n"
                     "sw s5, 20(sp)\n sw s6, 24(sp)\n sw s7, 28(sp)\n sw s8, 32(sp)\n sw s9, 36(sp)\n sw s10, 40(sp)\n"
                     "sw s11, 44(sp)\n sw ra, 48(sp)\n sw a4, 52(sp)\n"
                     "lw s0, 0(a3)\n lw s4, 4(a3)\n lw s8, 8(a3)\n lw t3, 12(a3)\n"
                     "mv s1, s0\n mv s2, s0\n mv s3, s0\n mv s5, s4\n mv s6, s4\n mv s7, s4\n"
                     "mv s9, s8\n mv s10, s8\n mv s11, s8\n mv t4, t3\n mv t5, t3\n mv t6, t3\n"
                     "lw a5, 4(a0)\n lw a6, 8(a0)\n lw a7, 12(a0)\n lw a0, 0(a0)\n"
                     "add a3, a0, a2\n sw a3, 56(sp)\n andi a2, a2, -4\n add a2, a0, a2\n beq a0, a2, 2f\n"
                     "1:\n" MCUQ_BLOCK_4X4_TAPS("0,1,2,3")
                     "addi a0, a0, 4\n addi a5, a5, 4\n addi a6, a6, 4\n addi a7, a7, 4\n addi a1, a1, 16\n"
                     "bne a0, a2, 1b\n"
                     "2: lw a2, 56(sp)\n beq a0, a2, 4f\n"
                     "3:\n" MCUQ_BLOCK_4X4_TAPS("0")
                     "addi a0, a0, 1\n addi a5, a5, 1\n addi a6, a6, 1\n addi a7, a7, 1\n addi a1, a1, 4\n"
                     "bne a0, a2, 3b\n"
                     "4: lw a4, 52(sp)\n"
                     "sw s0, 0(a4)\n sw s1, 4(a4)\n sw s2, 8(a4)\n sw s3, 12(a4)\n sw s4, 16(a4)\n sw s5, 20(a4)\n"
                     "sw s6, 24(a4)\n sw s7, 28(a4)\n sw s8, 32(a4)\n sw s9, 36(a4)\n sw s10, 40(a4)\n"
                     "sw s11, 44(a4)\n sw t3, 48(a4)\n sw t4, 52(a4)\n sw t5, 56(a4)\n sw t6, 60(a4)\n"
                     "lw s0, 0(sp)\n lw s1, 4(sp)\n lw s2, 8(sp)\n lw s3, 12(sp)\n lw s4, 16(sp)\n lw s5, 20(sp)\n"
                     "lw s6, 24(sp)\n lw s7, 28(sp)\n lw s8, 32(sp)\n lw s9, 36(sp)\n lw s10, 40(sp)\n"
                     "lw s11, 44(sp)\n lw ra, 48(sp)\n addi sp, sp, 64\n"
        : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4)
        :
        : "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
}

#else

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_4x4(const int8_t *const *x, const int8_t *w, int32_t count,
                                              const int32_t *bias, int32_t *sums)
{
    for (int32_t i = 0; i < 16; i++) {
        const int8_t *const window = x[i % 4];
        int32_t sum = bias[i / 4];
        for (int32_t k = 0; k < count; k++) {
            sum += window[k] * w[(4 * k) + (i / 4)];
        }
        sums[i] = sum;
    }
}

#endif

/* Sums of one channel by four windows, begun with the bias. */
MCUQ_KERNEL void mcuq_block_4x4_single(const int8_t *const *x, const int8_t *w, int32_t count, int32_t bias,
                                       int32_t *sums)
{
    const int8_t *const a = x[0];
    const int8_t *const b = x[1];
    const int8_t *const c = x[2];
    const int8_t *const d = x[3];
    int32_t sum_a = bias;
    int32_t sum_b = bias;
    int32_t sum_c = bias;
    int32_t sum_d = bias;
    for (int32_t k = 0; k < count; k++) {
        sum_a += a[k] * w[k];
        sum_b += b[k] * w[k];
        sum_c += c[k] * w[k];
        sum_d += d[k] * w[k];
    }
    sums[0] = sum_a;
    sums[1] = sum_b;
    sums[2] = sum_c;
    sums[3] = sum_d;
}

#endif
