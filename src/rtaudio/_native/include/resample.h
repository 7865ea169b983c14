/* Inner loops of the polyphase resampler, one set of functions per vector level. */
#ifndef RTA_RESAMPLE_H
#define RTA_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "simd.h"

/* Unaligned vectors of floats that may alias anything. */
typedef float rta_f32x16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float rta_f32x8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float rta_f32x4 __attribute__((vector_size(16), aligned(4), may_alias));

typedef struct {
    const float *table; /* rows of `taps`, oldest sample first; belongs to the filter's designer */
    ptrdiff_t taps;     /* a multiple of 8 */
    int32_t up, down;   /* ratio in lowest terms */
    int32_t intervals;  /* 0: row r is for fraction r / up; else r / intervals, interpolated */
} rta_fir_filter;

typedef struct {
    /* `count` outputs of one channel, the first at time `position + fraction / up` of `samples`.
     * Reads samples[position - taps + 1] up to the position of the last output. */
    void (*fir)(const rta_fir_filter *filter, const float *samples, ptrdiff_t position,
                int32_t fraction, ptrdiff_t count, float *out);
    void (*load)(const int16_t *samples, ptrdiff_t stride, ptrdiff_t count, float *out);
    void (*store)(const float *values, ptrdiff_t count, int16_t *out, ptrdiff_t stride);
} rta_resample_kernels;

#define RTA_LEVEL baseline
#define RTA_LANES 4
#define RTA_LEVEL_TARGET RTA_TARGET_BASELINE
#include "resample_fir.h"
#undef RTA_LANES
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET

#if RTA_X86
#define RTA_LEVEL avx2
#define RTA_LANES 8
#define RTA_LEVEL_TARGET RTA_TARGET_AVX2
#include "resample_fir.h"
#undef RTA_LANES
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET

#define RTA_LEVEL avx512
#define RTA_LANES 16
#define RTA_LEVEL_TARGET RTA_TARGET_AVX512
#include "resample_fir.h"
#undef RTA_LANES
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET
#endif

static inline rta_resample_kernels rta_pick_resample_kernels(int level)
{
    rta_resample_kernels kernels = {rta_fir_baseline, rta_load_baseline, rta_store_baseline};
#if RTA_X86
    if (level == RTA_LEVEL_AVX2)
        kernels = (rta_resample_kernels){rta_fir_avx2, rta_load_avx2, rta_store_avx2};
    if (level == RTA_LEVEL_AVX512)
        kernels = (rta_resample_kernels){rta_fir_avx512, rta_load_avx512, rta_store_avx512};
#else
    (void)level;
#endif
    return kernels;
}

#endif
