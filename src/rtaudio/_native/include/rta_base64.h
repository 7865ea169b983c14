/* Base64 (RFC 4648 section 4: A-Z a-z 0-9 + /, padded) between memory and memory.
 *
 * Scalar code works through tables: encoding looks up two characters for every 12 bits, decoding adds
 * up one table entry per character. Where the processor has vectors, rta_base64_simd.h takes all
 * whole vectors first and leaves the rest, with the padding, to the scalar code. Nothing is read
 * before or past the input, nothing is written past the lengths stated below, and every level gives
 * the same answer.
 */
#ifndef RTA_BASE64_H
#define RTA_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd.h"

#define RTA_BASE64_BAD 0x01000000u /* above the 24 bits that four characters carry */

static const char rta_base64_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint16_t rta_base64_pairs[4096];    /* 12 bits -> two characters, in memory order */
static uint32_t rta_base64_values[4][256]; /* character at place 0..3 -> its bits, or BAD */

#include "rta_base64_simd.h"

/* A vector loop: takes as many whole steps of `length` bytes as it can, and returns how many bytes it
 * read. Decoding sets *bad where it met a character outside the alphabet. */
typedef ptrdiff_t (*rta_base64_encode_steps)(const uint8_t *in, ptrdiff_t length, uint8_t *out);
typedef ptrdiff_t (*rta_base64_decode_steps)(const uint8_t *in, ptrdiff_t length, uint8_t *out,
                                             int *bad);

static ptrdiff_t rta_base64_no_encode_steps(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    (void)in, (void)length, (void)out;
    return 0;
}

static ptrdiff_t rta_base64_no_decode_steps(const uint8_t *in, ptrdiff_t length, uint8_t *out,
                                            int *bad)
{
    (void)in, (void)length, (void)out, (void)bad;
    return 0;
}

static rta_base64_encode_steps rta_base64_encode_whole = rta_base64_no_encode_steps;
static rta_base64_decode_steps rta_base64_decode_whole = rta_base64_no_decode_steps;

/* Fills the tables and picks the vector loops of a level. Call once, before anything else here. */
static inline void rta_base64_init(int level)
{
    for (int bits = 0; bits < 4096; bits++) {
        char pair[2] = {rta_base64_alphabet[bits >> 6], rta_base64_alphabet[bits & 63]};
        memcpy(&rta_base64_pairs[bits], pair, 2);
    }
    for (int place = 0; place < 4; place++) {
        for (int character = 0; character < 256; character++)
            rta_base64_values[place][character] = RTA_BASE64_BAD;
        for (int value = 0; value < 64; value++)
            rta_base64_values[place][(uint8_t)rta_base64_alphabet[value]] =
                (uint32_t)value << (18 - 6 * place);
    }
    rta_base64_init_simd();
#if RTA_X86
    if (level >= RTA_LEVEL_AVX2) {
        rta_base64_encode_whole = rta_base64_encode_avx2;
        rta_base64_decode_whole = rta_base64_decode_avx2;
    }
    /* Byte permutations came to AVX-512 later than the rest of the level. */
    if (level == RTA_LEVEL_AVX512 && __builtin_cpu_supports("avx512vbmi")) {
        rta_base64_encode_whole = rta_base64_encode_avx512;
        rta_base64_decode_whole = rta_base64_decode_avx512;
    }
#elif defined(__aarch64__)
    if (level == RTA_LEVEL_NEON) {
        rta_base64_encode_whole = rta_base64_encode_neon;
        rta_base64_decode_whole = rta_base64_decode_neon;
    }
#else
    (void)level;
#endif
}

/* Encodes `length` bytes into exactly (length + 2) / 3 * 4 characters; returns that number. */
static inline ptrdiff_t rta_base64_encode(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = out;
    ptrdiff_t done = rta_base64_encode_whole(in, length, out);
    in += done;
    length -= done;
    out += done / 3 * 4;
    for (; length >= 3; length -= 3, in += 3, out += 4) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        memcpy(out, &rta_base64_pairs[bits >> 12], 2);
        memcpy(out + 2, &rta_base64_pairs[bits & 4095], 2);
    }
    if (length) {
        uint32_t bits = (uint32_t)in[0] << 16 | (length == 2 ? (uint32_t)in[1] << 8 : 0);
        memcpy(out, &rta_base64_pairs[bits >> 12], 2);
        memcpy(out + 2, &rta_base64_pairs[bits & 4095], 2);
        if (length == 1)
            out[2] = '=';
        out[3] = '=';
        out += 4;
    }
    return out - start;
}

/* The number of bytes that `length` characters decode to, or -1 where the length or the padding
 * cannot be right. Reads only the last two characters. */
static inline ptrdiff_t rta_base64_decoded_length(const uint8_t *in, ptrdiff_t length)
{
    if (length % 4)
        return -1;
    if (length == 0)
        return 0;
    return length / 4 * 3 - (in[length - 1] == '=') -
           (in[length - 1] == '=' && in[length - 2] == '=');
}

/* Decodes `length` characters into exactly rta_base64_decoded_length bytes, which must not be -1.
 * Returns 0, or -1 where a character is outside the alphabet; `out` is then undefined. Bits that
 * padding leaves over are ignored, as Python's base64 does. */
static inline int rta_base64_decode(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    uint32_t seen = 0;
    int bad = 0;
    ptrdiff_t done;
    if (length == 0)
        return 0;
    done = rta_base64_decode_whole(in, length - 4, out, &bad); /* the last four may be padded */
    in += done;
    length -= done;
    out += done / 4 * 3;
    for (; length > 4; length -= 4, in += 4, out += 3) {
        uint32_t bits = rta_base64_values[0][in[0]] | rta_base64_values[1][in[1]] |
                        rta_base64_values[2][in[2]] | rta_base64_values[3][in[3]];
        seen |= bits;
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    int padding = (in[3] == '=') + (in[3] == '=' && in[2] == '=');
    uint32_t bits = rta_base64_values[0][in[0]] | rta_base64_values[1][in[1]] |
                    (padding < 2 ? rta_base64_values[2][in[2]] : 0) |
                    (padding < 1 ? rta_base64_values[3][in[3]] : 0);
    seen |= bits;
    out[0] = (uint8_t)(bits >> 16);
    if (padding < 2)
        out[1] = (uint8_t)(bits >> 8);
    if (padding < 1)
        out[2] = (uint8_t)bits;
    return bad || seen & RTA_BASE64_BAD ? -1 : 0;
}

#endif
