/*
 * memcpy, memmove, memset and memcmp for images without a C library. The compiler calls them on its
 * own account too, so they have to exist even where no source names them.
 *
 * Compile with -fno-builtin (and for GCC -fno-tree-loop-distribute-patterns): otherwise the loops
 * below are recognized as what they implement and replaced by calls of themselves.
 */
#include <stddef.h>
#include <stdint.h>

/* Declared here and not through <string.h>, whose macros would rewrite the definitions. */
void *memcpy(void *restrict dst, const void *restrict src, size_t bytes);
void *memmove(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

/* A word that may alias objects of any type. */
typedef uint32_t __attribute__((may_alias)) any_word;

/* Whether both addresses are multiples of four: the only case in which words may be moved. */
static int are_words(const void *a, const void *b)
{
    return ((((uintptr_t)a) | ((uintptr_t)b)) & 3u) == 0u;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t bytes)
{
    unsigned char *to = dst;
    const unsigned char *from = src;
    if (are_words(dst, src) != 0) {
        for (; bytes >= 4u; bytes -= 4u) {
            *(any_word *)(void *)to = *(const any_word *)(const void *)from;
            to += 4;
            from += 4;
        }
    }
    for (; bytes > 0u; bytes--) {
        *to++ = *from++;
    }
    return dst;
}

void *memmove(void *dst, const void *src, size_t bytes)
{
    unsigned char *to = dst;
    const unsigned char *from = src;
    /* Compared as integers: pointers into different objects have no order. Copying forwards is right
     * whenever the destination lies below the source. */
    if ((uintptr_t)dst <= (uintptr_t)src) {
        for (; bytes > 0u; bytes--) {
            *to++ = *from++;
        }
    } else {
        for (; bytes > 0u; bytes--) {
            to[bytes - 1u] = from[bytes - 1u];
        }
    }
    return dst;
}

void *memset(void *dst, int value, size_t bytes)
{
    unsigned char *to = dst;
    const unsigned char byte = (unsigned char)value;
    if (are_words(dst, dst) != 0) {
        const uint32_t word = 0x01010101u * byte;
        for (; bytes >= 4u; bytes -= 4u) {
            *(any_word *)(void *)to = word;
            to += 4;
        }
    }
    for (; bytes > 0u; bytes--) {
        *to++ = byte;
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    for (; bytes > 0u; bytes--) {
        if (*left != *right) {
            return (int)*left - (int)*right;
        }
        left++;
        right++;
    }
    return 0;
}
