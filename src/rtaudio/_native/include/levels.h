/* Small per-sample work on PCM16: sums, gain, mixing, channels and float samples. */
#ifndef RTA_LEVELS_H
#define RTA_LEVELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rounding.h"
#include "simd.h"
#include "types.h"

#define RTA_BODY "levels_loops.h"
#include "each_level.h"

/* What each of these does is said in levels_loops.h. */
typedef struct {
    int64_t (*sum_of_squares)(const int16_t *samples, ptrdiff_t count);
    int32_t (*peak)(const int16_t *samples, ptrdiff_t count);
    void (*to_mono)(const int16_t *samples, ptrdiff_t samples_per_channel, int channels,
                    int16_t *out);
    void (*interleave)(const int16_t *left, const int16_t *right, ptrdiff_t samples_per_channel,
                       int16_t *out);
    void (*split)(const int16_t *samples, ptrdiff_t samples_per_channel, int channels,
                  int16_t *out);
    void (*add)(const int16_t *samples, ptrdiff_t count, int32_t *sums);
    void (*saturate)(const int32_t *values, ptrdiff_t count, int16_t *out);
    void (*scale)(const int16_t *samples, ptrdiff_t count, double factor, int16_t *out);
    void (*add_scaled)(const int16_t *samples, ptrdiff_t count, double factor, double *sums);
    void (*round_to_s16)(const double *values, ptrdiff_t count, int16_t *out);
    void (*s16_to_f32)(const int16_t *samples, ptrdiff_t count, rta_f32 *out);
    void (*f32_to_s16)(const rta_f32 *values, ptrdiff_t count, int16_t *out);
} rta_level_kernels;

static inline rta_level_kernels rta_pick_level_kernels(int level)
{
    return (rta_level_kernels){
        RTA_PICK(level, rta_sum_of_squares_), RTA_PICK(level, rta_peak_),
        RTA_PICK(level, rta_to_mono_),        RTA_PICK(level, rta_interleave_),
        RTA_PICK(level, rta_split_),          RTA_PICK(level, rta_add_),
        RTA_PICK(level, rta_saturate_),       RTA_PICK(level, rta_scale_),
        RTA_PICK(level, rta_add_scaled_),     RTA_PICK(level, rta_round_to_s16_),
        RTA_PICK(level, rta_s16_to_f32_),     RTA_PICK(level, rta_f32_to_s16_),
    };
}

#endif
