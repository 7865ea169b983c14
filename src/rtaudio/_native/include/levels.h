/* Sums over PCM16. All arithmetic is in integers, so that every compiler and every vector width
 * gives the same result. */
#ifndef RTA_LEVELS_H
#define RTA_LEVELS_H

#include <stddef.h>
#include <stdint.h>

/* Exact for fewer than 2^33 samples: a square is at most 2^30. */
static inline int64_t rta_sum_of_squares_s16(const int16_t *samples, ptrdiff_t count)
{
    int64_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += (int32_t)samples[i] * samples[i];
    return sum;
}

/* 0..32768 */
static inline int32_t rta_peak_s16(const int16_t *samples, ptrdiff_t count)
{
    int32_t low = 0, high = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        low = samples[i] < low ? samples[i] : low;
        high = samples[i] > high ? samples[i] : high;
    }
    return -low > high ? -low : high;
}

/* The mean of all channels, rounded to nearest, halves upwards. In and out may be the same. */
static inline void rta_to_mono_s16(const int16_t *samples, ptrdiff_t samples_per_channel,
                                   int channels, int16_t *out)
{
    if (channels == 2) {
        for (ptrdiff_t i = 0; i < samples_per_channel; i++)
            out[i] = (int16_t)((samples[2 * i] + samples[2 * i + 1] + 1) >> 1);
        return;
    }
    for (ptrdiff_t i = 0; i < samples_per_channel; i++) {
        /* floor((2 sum + channels) / (2 channels)), made positive so that C's division floors */
        int32_t sum = 32768 * channels;
        for (int c = 0; c < channels; c++)
            sum += samples[i * channels + c];
        out[i] = (int16_t)((2 * sum + channels) / (2 * channels) - 32768);
    }
}

#endif
