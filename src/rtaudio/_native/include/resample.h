/* Inner loops of the polyphase resampler, one set of functions per vector level. */
#ifndef RTA_RESAMPLE_H
#define RTA_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rounding.h"
#include "simd.h"

#if RTA_X86
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Vectors of floats; the unaligned ones are for loading from and storing to any address. */
typedef float rta_f32x16 __attribute__((vector_size(64)));
typedef float rta_f32x8 __attribute__((vector_size(32)));
typedef float rta_f32x4 __attribute__((vector_size(16)));
typedef float rta_f32x16_unaligned __attribute__((vector_size(64), aligned(4), may_alias));
typedef float rta_f32x8_unaligned __attribute__((vector_size(32), aligned(4), may_alias));
typedef float rta_f32x4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* A filter as its designer laid it out; see FilterDesign for what each field means. */
typedef struct {
    const float *table;
    const int32_t *starts; /* one per group */
    ptrdiff_t taps;
    int32_t up, down;
    int32_t intervals;
    int32_t width; /* 0: by rows */
    int32_t inverse;
} rta_fir_filter;

/* The most periods that one step of the loop over phases writes at once: results have room for a
 * multiple of this. */
#define RTA_PERIOD_STEP 16

typedef struct {
    /* Deal `count` interleaved samples (NULL: zeros) out to `rows` arrays of floats, `stride`
     * apart: sample k goes to row (at + k) % rows, place (at + k) / rows. `at` is 0 or more. */
    void (*split)(const int16_t *samples, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t at, float *out,
                  ptrdiff_t stride);
    /* The outputs of group `group` in `periods` periods. samples[0] is the first sample of the
     * first period; there are `down` rows, `stride` apart, and places before and after this one, as
     * far as the group reaches. Output c of the group goes to out + c * out_stride, in places 0
     * to `periods`, and rubbish from there up to a multiple of RTA_PERIOD_STEP. */
    void (*phases)(const rta_fir_filter *filter, ptrdiff_t group, const float *samples,
                   ptrdiff_t stride, ptrdiff_t periods, float *out, ptrdiff_t out_stride);
    /* `count` outputs by rows, the first at time `fraction / up` of `samples`. Reads samples[1 -
     * taps] up to the whole time of the last output. The second is for rows between fractions. */
    void (*rows)(const rta_fir_filter *filter, const float *samples, int32_t fraction,
                 ptrdiff_t count, float *out);
    void (*between_rows)(const rta_fir_filter *filter, const float *samples, int32_t fraction,
                         ptrdiff_t count, float *out);
    /* The reverse of split: collect `count` samples from `rows` arrays, beginning with place at /
     * rows of row at % rows, rounded to nearest (halves to even) and saturated. */
    void (*join)(const float *values, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t at,
                 ptrdiff_t count, int16_t *out);
} rta_resample_kernels;

/* Vectors of periods that a group of 2, 3 or 4 outputs takes at a time. */
#define RTA_MAX_WIDTH 4
#define RTA_MAX_VECTORS 5

/* Samples on their way to or from more than four rows: 1 KB for each of the first step's rows. */
#define RTA_MAX_OUTER 8
#define RTA_STEP_SAMPLES 512

/* Keeps a vector in its register: gcc 12 would load it again for every product that it enters. */
#if RTA_X86
#define RTA_KEEP(vector) __asm__("" : "+v"(vector))
#elif defined(__aarch64__)
#define RTA_KEEP(vector) __asm__("" : "+w"(vector))
#else
#define RTA_KEEP(vector) ((void)0)
#endif

#define RTA_BODY "resample_fir.h"
#include "each_level.h"
#define RTA_BODY "resample_rows.h"
#include "each_level.h"

static inline rta_resample_kernels rta_pick_resample_kernels(int level)
{
    return (rta_resample_kernels){
        RTA_PICK(level, rta_split_),        RTA_PICK(level, rta_phases_),
        RTA_PICK(level, rta_rows_),         RTA_PICK(level, rta_between_rows_),
        RTA_PICK(level, rta_join_),
    };
}

#endif
