/* Base64 (RFC 4648 section 4: A-Z a-z 0-9 + /, padded) between memory and memory.
 *
 * Both directions work through tables: encoding looks up two characters for every 12 bits,
 * decoding adds up one table entry per character. Nothing is read before or past the input, and
 * nothing is written past the lengths stated below.
 */
#ifndef RTA_BASE64_H
#define RTA_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RTA_BASE64_BAD 0x01000000u /* above the 24 bits that four characters carry */

static uint16_t rta_base64_pairs[4096];     /* 12 bits -> two characters, in memory order */
static uint32_t rta_base64_values[4][256];  /* character at place 0..3 -> its bits, or BAD */

/* Fills the tables. Call once, before anything else here. */
static inline void rta_base64_init(void)
{
    static const char alphabet[65] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int bits = 0; bits < 4096; bits++) {
        char pair[2] = {alphabet[bits >> 6], alphabet[bits & 63]};
        memcpy(&rta_base64_pairs[bits], pair, 2);
    }
    for (int place = 0; place < 4; place++) {
        for (int character = 0; character < 256; character++)
            rta_base64_values[place][character] = RTA_BASE64_BAD;
        for (int value = 0; value < 64; value++)
            rta_base64_values[place][(uint8_t)alphabet[value]] =
                (uint32_t)value << (18 - 6 * place);
    }
}

/* Encodes `length` bytes into exactly (length + 2) / 3 * 4 characters; returns that number. */
static inline ptrdiff_t rta_base64_encode(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = out;
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
    if (length == 0)
        return 0;
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
    return seen & RTA_BASE64_BAD ? -1 : 0;
}

#endif
