/*
 * What options of a compiler ask of a program: guards of the stack, hooks of every function, counters of calls.
 *
 * Compiled without these options. A hook leaves garbage in every register that a call may change: code that keeps
 * something there across one computes wrong values.
 */
#include <stddef.h>
#include <stdint.h>

#include "semihosting.h"

/* Exit codes, beyond those of the harness. */
#define UNUSED_HOOK 97
#define BROKEN_GUARD 98
#define OVERFLOW 99

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_UNALIGN_TRP 8u

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int mcuq_flags_main(void);
int main(void);
void abort(void);
void __stack_chk_fail(void);
void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);
void __gnu_mcount_nc(void);
int64_t __mulodi4(int64_t a, int64_t b, int *overflow);

uintptr_t __stack_chk_guard = 0x5A00C3F1u;
uint32_t mcuq_flags_calls = 0;

/* A function that lost its guard returns through this. */
void __stack_chk_fail(void)
{
    mcuq_semihosting_exit(BROKEN_GUARD);
}

/* The helpers of -ftrapv end here. */
void abort(void)
{
    mcuq_semihosting_exit(OVERFLOW);
}

static void change_registers(void)
{
    mcuq_flags_calls++;
    __asm__ volatile("ldr r0, =0xA5C3965B\n mov r1, r0\n mov r2, r0\n mov r3, r0\n mov r12, r0\n mov lr, r0\n"
                     "cmp r0, r0\n" ::
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
#if defined(__ARM_FP)
    __asm__ volatile("vmov s0, %0\n vmov s1, %0\n vmov s7, %0\n vmov s15, %0\n" ::"r"(0x7FC12345)
                     : "s0", "s1", "s7", "s15");
#endif
}

void __cyg_profile_func_enter(void *function, void *site)
{
    (void)function;
    (void)site;
    change_registers();
}

void __cyg_profile_func_exit(void *function, void *site)
{
    (void)function;
    (void)site;
    change_registers();
}

/* Of -pg: the caller's return address was pushed, arguments are in their registers; r12 and the flags are free. */
__attribute__((naked)) void __gnu_mcount_nc(void)
{
    __asm__ volatile(".syntax unified\n push {r0, r1}\n"
                     "ldr r0, =mcuq_flags_calls\n ldr r1, [r0]\n adds r1, #1\n str r1, [r0]\n"
                     "ldr r0, [sp, #8]\n mov r1, lr\n mov r12, r1\n mov lr, r0\n"
                     "pop {r0, r1}\n add sp, #4\n bx r12\n"
                     ".ltorg");
}

/* Clang's names for the functions of memory, which libgcc leaves to a C library; the digit is an alignment. */
#define MEMORY(digit)                                                                                      \
    void __aeabi_memcpy##digit(void *to, const void *from, size_t bytes);                                  \
    void __aeabi_memmove##digit(void *to, const void *from, size_t bytes);                                 \
    void __aeabi_memset##digit(void *to, size_t bytes, int value);                                         \
    void __aeabi_memclr##digit(void *to, size_t bytes);                                                    \
    void __aeabi_memcpy##digit(void *to, const void *from, size_t bytes) { (void)memcpy(to, from, bytes); }   \
    void __aeabi_memmove##digit(void *to, const void *from, size_t bytes) { (void)memmove(to, from, bytes); } \
    void __aeabi_memset##digit(void *to, size_t bytes, int value) { (void)memset(to, value, bytes); }      \
    void __aeabi_memclr##digit(void *to, size_t bytes) { (void)memset(to, 0, bytes); }
MEMORY()
MEMORY(4)
MEMORY(8)

/* Clang's -ftrapv multiplies 64 bits by this, which libgcc does not have. Operands here have 32 bits at most. */
int64_t __mulodi4(int64_t a, int64_t b, int *overflow)
{
    const uint64_t product = (uint64_t)a * (uint64_t)b;
    const int64_t limit = INT64_C(1) << 31;
    *overflow = (a < -limit) || (a >= limit) || (b < -limit) || (b >= limit);
    return (int64_t)product;
}

#if !defined(NO_MAIN)
int main(void)
{
#if defined(TRAP_UNALIGNED)
    CCR |= CCR_UNALIGN_TRP;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
#if defined(HAS_BASE)
    __asm__ volatile("ldr r0, 1f\n 2: add r0, pc\n mov r9, r0\n b 3f\n .p2align 2\n"
                     "1: .word _GLOBAL_OFFSET_TABLE_ - (2b + 4)\n 3:" ::: "r0", "cc", "memory");
#endif
    const int status = mcuq_flags_main();
#if defined(HAS_HOOKS)
    if (mcuq_flags_calls == 0u) {
        return UNUSED_HOOK;
    }
#endif
    return status;
}
#endif
