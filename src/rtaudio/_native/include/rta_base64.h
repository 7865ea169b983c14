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

#define RTA_BASE64_BAD 0x01000000u /* above the three bytes that four characters carry */

static const char rta_base64_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint16_t rta_base64_pairs[4096];    /* 12 bits -> two characters, in memory order */
static uint32_t rta_base64_values[4][256]; /* character at place 0..3 -> its bits, or BAD */

#include "rta_base64_simd.h"

/* A vector loop: takes whole groups (of three bytes, of four characters) from the front of `length`,
 * as many as suit its vectors, and returns how many bytes it read. Decoding ends before the first
 * group that holds anything but the alphabet, at the latest. */
typedef ptrdiff_t (*rta_base64_steps)(const uint8_t *in, ptrdiff_t length, uint8_t *out);

static ptrdiff_t rta_base64_no_steps(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    (void)in, (void)length, (void)out;
    return 0;
}

static rta_base64_steps rta_base64_encode_whole = rta_base64_no_steps;
static rta_base64_steps rta_base64_decode_whole = rta_base64_no_steps;

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
        for (int value = 0; value < 64; value++) {
            uint32_t bits = (uint32_t)value << (18 - 6 * place);
            rta_base64_values[place][(uint8_t)rta_base64_alphabet[value]] =
                bits >> 16 | (bits & 0xff00) | (bits & 0xff) << 16;
        }
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
    for (; length >= 8; length -= 6, in += 6, out += 8) {
        uint64_t bits, text = 0;
        memcpy(&bits, in, 8);
        bits = __builtin_bswap64(bits);
        for (int i = 0; i < 4; i++)
            text |= (uint64_t)rta_base64_pairs[bits >> (52 - 12 * i) & 4095] << (16 * i);
        memcpy(out, &text, 8);
    }
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

/* Three bytes in memory order, of the little-endian machines that are built for; or with BAD. */
static inline uint32_t rta_base64_group(const uint8_t *in)
{
    return rta_base64_values[0][in[0]] | rta_base64_values[1][in[1]] |
           rta_base64_values[2][in[2]] | rta_base64_values[3][in[3]];
}

/* Decodes a text that a quote ends, in the one pass that also looks for the quote. `in` is the text's
 * first character, `end` the end of what may be read; `out` has room for (end - in) / 4 * 3 bytes,
 * and that much may be written to. Returns the quote and sets *written, or returns NULL where the
 * text up to the next quote is not base64. Bits that padding leaves over are ignored, as Python's
 * base64 does. */
static inline const uint8_t *rta_base64_decode(const uint8_t *in, const uint8_t *end, uint8_t *out,
                                               ptrdiff_t *written)
{
    const uint8_t *const start = out;
    uint32_t last;
    ptrdiff_t done = rta_base64_decode_whole(in, end - in, out);
    in += done;
    out += done / 4 * 3;
    for (; end - in >= 8; in += 4, out += 3) {
        uint32_t bits = rta_base64_group(in);
        if (bits & RTA_BASE64_BAD)
            break;
        memcpy(out, &bits, 4); /* the next group's first byte will be there */
    }
    if (end - in >= 4 && !((last = rta_base64_group(in)) & RTA_BASE64_BAD)) {
        memcpy(out, &last, 3);
        in += 4, out += 3;
    }
    if (end - in > 4 && in[3] == '=') {
        int padding = 1 + (in[2] == '=');
        const uint8_t filled[4] = {in[0], in[1], padding == 2 ? 'A' : in[2], 'A'};
        last = rta_base64_group(filled);
        if (last & RTA_BASE64_BAD)
            return NULL;
        memcpy(out, &last, 3);
        in += 4, out += 3 - padding;
    }
    *written = out - start;
    return in < end && *in == '"' ? in : NULL;
}

#endif
