/* From float to PCM16, in a form that compilers turn into vectors at every level. */
#ifndef RTA_ROUNDING_H
#define RTA_ROUNDING_H

#include <stdint.h>
#include <string.h>

static inline int16_t rta_saturated_s16(int32_t value)
{
    value = value < -32768 ? -32768 : value;
    value = value > 32767 ? 32767 : value;
    return (int16_t)value;
}

/* To the nearest integer, halves to even, saturated, for |value| < 2^22. 1.5 * 2^23 has no bits below
 * 1, so adding it rounds, and leaves the result in the low bits of the sum. */
static inline int16_t rta_rounded_s16(float value)
{
    int32_t rounded;
    value += 12582912.0f;
    memcpy(&rounded, &value, sizeof(rounded));
    return rta_saturated_s16(rounded - 0x4B400000);
}

/* The same of a double, for |value| < 2^31: 1.5 * 2^52 has no bits below 1. */
static inline int16_t rta_rounded_s16_of_double(double value)
{
    const double rounder = 6755399441055744.0;
    return rta_saturated_s16((int32_t)((value + rounder) - rounder));
}

#endif
