/* ITU-T G.711 (11/88), as its reference software (G.191) computes it on 16-bit samples: mu-law
 * reads the upper 14 bits, A-law the upper 13 (of which it resolves 12), and a negative value is
 * folded by one's complement, so that a value that stands exactly on a decision threshold belongs
 * to the smaller magnitude.
 *
 * A G.711 code is a tiny floating-point number: three bits of exponent (the segment), four of
 * mantissa. In segment s, magnitude m has code (m >> s) + 16 s: a straight line per segment.
 * Outside its segment each line lies above the curve, as that is concave, so the code is the
 * smallest of all eight. That leaves no branch, no leading zeros to count and no table, and fits
 * lanes of 16 bits. */
#ifndef RTA_G711_H
#define RTA_G711_H

#include <stddef.h>
#include <stdint.h>

#include "simd.h"

#if RTA_X86
#include <immintrin.h>
#endif

static inline int16_t rta_smaller_s16(int16_t a, int16_t b)
{
    return a < b ? a : b;
}

/* (m >> s) + 16 s, where s makes m >> s less than 32; 0 <= m < 4096. */
static inline int16_t rta_float_code(int16_t m)
{
    int16_t code = m;
    code = rta_smaller_s16(code, (int16_t)((m >> 1) + 16));
    code = rta_smaller_s16(code, (int16_t)((m >> 2) + 32));
    code = rta_smaller_s16(code, (int16_t)((m >> 3) + 48));
    code = rta_smaller_s16(code, (int16_t)((m >> 4) + 64));
    code = rta_smaller_s16(code, (int16_t)((m >> 5) + 80));
    code = rta_smaller_s16(code, (int16_t)((m >> 6) + 96));
    return rta_smaller_s16(code, (int16_t)((m >> 7) + 112));
}

static inline uint8_t rta_ulaw_from_s16(int16_t sample)
{
    int16_t sign = (int16_t)(sample >> 15);
    /* 33 on the 14-bit scale are added so that every segment starts at a power of two; what lies
     * beyond the last one is clipped. */
    int16_t biased = (int16_t)((uint16_t)((sample ^ sign) + 4 * 33) >> 3);
    int16_t code = (int16_t)(rta_float_code(rta_smaller_s16(biased, 4095)) - 16);
    /* All bits are inverted on the line; the sign bit is 1 for samples of 0 and above. */
    return (uint8_t)((0x7F - code) | (~sign & 0x80));
}

static inline uint8_t rta_alaw_from_s16(int16_t sample)
{
    int16_t sign = (int16_t)(sample >> 15);
    int16_t code = rta_float_code((int16_t)((int16_t)(sample ^ sign) >> 4));
    /* Every other bit is inverted on the line. */
    return (uint8_t)((code | (~sign & 0x80)) ^ 0x55);
}

static inline int16_t rta_s16_from_ulaw(uint8_t code)
{
    int32_t c = code ^ 0xFF;
    int32_t magnitude = ((((c & 0x0F) << 1) + 33) << ((c >> 4) & 7)) - 33;
    return (int16_t)(((c & 0x80) ? -magnitude : magnitude) * 4);
}

static inline int16_t rta_s16_from_alaw(uint8_t code)
{
    int32_t c = code ^ 0xD5;
    int32_t segment = (c >> 4) & 7;
    int32_t magnitude = ((c & 0x0F) << 1) + 1; /* the middle of the step */
    magnitude = segment ? (magnitude + 32) << (segment - 1) : magnitude;
    return (int16_t)(((c & 0x80) ? -magnitude : magnitude) * 8);
}

/* What each code stands for. */
static int16_t rta_ulaw_table[256], rta_alaw_table[256];

#define RTA_BODY "g711_loops.h"
#include "each_level.h"

/* `count` values each; in and out may not overlap. */
typedef void (*rta_g711_encoder)(const int16_t *samples, ptrdiff_t count, uint8_t *out);
typedef void (*rta_g711_decoder)(const uint8_t *codes, ptrdiff_t count, int16_t *out);

typedef struct {
    rta_g711_encoder ulaw_encode, alaw_encode;
    rta_g711_decoder ulaw_decode, alaw_decode;
} rta_g711_kernels;

/* Fills the tables and picks the loops of a level. */
static inline rta_g711_kernels rta_pick_g711_kernels(int level)
{
    for (int code = 0; code < 256; code++) {
        rta_ulaw_table[code] = rta_s16_from_ulaw((uint8_t)code);
        rta_alaw_table[code] = rta_s16_from_alaw((uint8_t)code);
    }
    return (rta_g711_kernels){
        RTA_PICK(level, rta_ulaw_encode_),
        RTA_PICK(level, rta_alaw_encode_),
        RTA_PICK(level, rta_ulaw_decode_),
        RTA_PICK(level, rta_alaw_decode_),
    };
}

#endif
