/* ITU-T G.711 (11/88), as its reference software (G.191) computes it on 16-bit samples: mu-law
 * reads the upper 14 bits, A-law the upper 13 (of which it resolves 12), and a negative value is
 * folded by one's complement, so that a value that stands exactly on a decision threshold belongs
 * to the smaller magnitude.
 *
 * A G.711 code is a tiny floating-point number: three bits of exponent (the segment), four of
 * mantissa. So the encoders let the processor find the segment: a magnitude below 2^24 converts
 * exactly to float32, and bits 19 and up of that are exponent and the four mantissa bits. That
 * leaves no branch, no leading-zero count and no table, and compilers vectorise it anywhere. */
#ifndef RTA_G711_H
#define RTA_G711_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd.h"

enum {
    RTA_ULAW_BIAS = 33,      /* in units of the 14-bit scale; makes every segment start at 2^n */
    RTA_ULAW_CLIP = 8191,    /* largest biased magnitude of the 14-bit scale */
    RTA_F32_EXPONENT_0 = 127 /* exponent field of 1.0f */
};

/* Exponent and four mantissa bits of a positive integer below 2^24. */
static inline int32_t rta_float_code(int32_t magnitude)
{
    float f = (float)magnitude;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (int32_t)(bits >> 19);
}

static inline uint8_t rta_ulaw_from_s16(int16_t sample)
{
    int32_t v = sample;
    int32_t magnitude = ((v ^ (v >> 31)) >> 2) + RTA_ULAW_BIAS;
    magnitude = magnitude > RTA_ULAW_CLIP ? RTA_ULAW_CLIP : magnitude;
    /* Segment 0 is 2^5..2^6-1. All bits are inverted on the line; the sign bit is 1 for v >= 0. */
    int32_t code = rta_float_code(magnitude) - ((RTA_F32_EXPONENT_0 + 5) << 4);
    return (uint8_t)((0x7F - code) | (~(v >> 31) & 0x80));
}

static inline uint8_t rta_alaw_from_s16(int16_t sample)
{
    int32_t v = sample;
    int32_t magnitude = (v ^ (v >> 31)) >> 4;
    /* Segments 0 and 1 share one step, so below 2^4 the magnitude is the code; from there on
     * segment 1 is 2^4..2^5-1. Every other bit is inverted on the line. */
    int32_t code = rta_float_code(magnitude) - ((RTA_F32_EXPONENT_0 + 3) << 4);
    /* Chosen by a mask: a compiler may not turn a branch around a conversion into vectors, as
     * conversions can raise floating-point exceptions. */
    int32_t small = (magnitude - 32) >> 31;
    code = (code & ~small) | (magnitude & small);
    return (uint8_t)((code | (~(v >> 31) & 0x80)) ^ 0x55);
}

static inline int16_t rta_s16_from_ulaw(uint8_t code)
{
    int32_t c = code ^ 0xFF;
    int32_t magnitude = ((((c & 0x0F) << 1) + RTA_ULAW_BIAS) << ((c >> 4) & 7)) - RTA_ULAW_BIAS;
    return (int16_t)(((c & 0x80) ? -magnitude : magnitude) * 4);
}

static inline int16_t rta_s16_from_alaw(uint8_t code)
{
    int32_t c = code ^ 0x55;
    int32_t segment = (c >> 4) & 7;
    int32_t magnitude = ((c & 0x0F) << 4) + 8; /* the middle of the step */
    magnitude = segment ? (magnitude + 256) << (segment - 1) : magnitude;
    return (int16_t)((c & 0x80) ? magnitude : -magnitude);
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
