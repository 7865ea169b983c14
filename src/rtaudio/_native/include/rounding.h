/* From float to PCM16, in a form that compilers turn into vectors at every level. */
#ifndef RTA_ROUNDING_H
#define RTA_ROUNDING_H

#include <stdint.h>
#include <string.h>

/* To the nearest integer, halves to even, saturated, for |value| < 2^22. 1.5 * 2^23 has no bits below
 * 1, so adding it rounds, and leaves the result in the low bits of the sum. */
static inline int16_t rta_rounded_s16(float value)
{
    int32_t rounded;
    value += 12582912.0f;
    memcpy(&rounded, &value, sizeof(rounded));
    rounded -= 0x4B400000;
    rounded = rounded < -32768 ? -32768 : rounded;
    rounded = rounded > 32767 ? 32767 : rounded;
    return (int16_t)rounded;
}

#endif
