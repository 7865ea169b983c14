/* The body of the resampler's inner loops, included once per vector level by resample.h with
 * RTA_LEVEL (suffix of the names), RTA_LEVEL_TARGET (attribute) and RTA_LANES (floats in a register:
 * 4, 8 or 16) defined. No include guard.
 *
 * Vectors are the compiler's own vector types, which work on any architecture. Not one wide type for
 * all levels: gcc 12 cuts a 16-lane sum to 8 lanes by way of the stack, 6 times slower. And repeated
 * inclusion rather than inlining, since vectors are cut by the target of the function they were
 * written in, before it is inlined anywhere.
 *
 * Whatever the width, products are added up in the same order: 32 partial sums, then halves added
 * until one is left. Products are not fused with additions either (-std=c11 turns contraction off;
 * two operations cost no more than one fused here, as loading is what limits). So all levels give
 * the same bits. */

#define RTA_JOIN_(a, b) a##b
#define RTA_JOIN(a, b) RTA_JOIN_(a, b)
#define RTA_NAME(name) RTA_JOIN(name, RTA_LEVEL)
#define RTA_VECTOR RTA_JOIN(rta_f32x, RTA_LANES)
#define RTA_PRODUCT(type, i) (*(const type *)(a + (i)) * *(const type *)(b + (i)))
#define RTA_PER_16 (16 / RTA_LANES)

/* Dot product of `taps` (a multiple of 8) coefficients and samples, any alignment. */
RTA_LEVEL_TARGET
static inline float RTA_NAME(rta_dot_)(const float *a, const float *b, ptrdiff_t taps)
{
    RTA_VECTOR low[RTA_PER_16] = {{0}}, high[RTA_PER_16] = {{0}};
    ptrdiff_t i = 0;
    for (; i + 32 <= taps; i += 32)
        for (int v = 0; v < RTA_PER_16; v++) {
            low[v] += RTA_PRODUCT(RTA_VECTOR, i + v * RTA_LANES);
            high[v] += RTA_PRODUCT(RTA_VECTOR, i + v * RTA_LANES + 16);
        }
    if (i + 16 <= taps) {
        for (int v = 0; v < RTA_PER_16; v++)
            low[v] += RTA_PRODUCT(RTA_VECTOR, i + v * RTA_LANES);
        i += 16;
    }
    for (int v = 0; v < RTA_PER_16; v++)
        low[v] += high[v];

    /* 16 partial sums to 8, the last 8 products, 8 to 4 */
#if RTA_LANES == 4
    rta_f32x4 first = low[0] + low[2], second = low[1] + low[3];
    if (i + 8 <= taps) {
        first += RTA_PRODUCT(rta_f32x4, i);
        second += RTA_PRODUCT(rta_f32x4, i + 4);
    }
    rta_f32x4 sum = first + second;
#else
#if RTA_LANES == 16
    rta_f32x8 eight = __builtin_shufflevector(low[0], low[0], 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(low[0], low[0], 8, 9, 10, 11, 12, 13, 14, 15);
#else
    rta_f32x8 eight = low[0] + low[1];
#endif
    if (i + 8 <= taps)
        eight += RTA_PRODUCT(rta_f32x8, i);
    rta_f32x4 sum = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                    __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#endif
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* `count` outputs of one channel; see rta_fir in resample.h. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_fir_)(const rta_fir_filter *filter, const float *samples,
                               ptrdiff_t position, int32_t fraction, ptrdiff_t count, float *out)
{
    const int32_t up = filter->up, down = filter->down;
    const int32_t whole = down / up, part = down % up;
    const ptrdiff_t taps = filter->taps;
    const float *window = samples + position - (taps - 1);
    for (ptrdiff_t k = 0; k < count; k++) {
        if (filter->intervals == 0) {
            out[k] = RTA_NAME(rta_dot_)(filter->table + fraction * taps, window, taps);
        } else {
            /* at most 192000 * 2048 */
            int32_t scaled = fraction * filter->intervals;
            int32_t row = scaled / up;
            float weight = (float)(scaled - row * up) / (float)up;
            float low = RTA_NAME(rta_dot_)(filter->table + row * taps, window, taps);
            float high = RTA_NAME(rta_dot_)(filter->table + (row + 1) * taps, window, taps);
            out[k] = low + weight * (high - low);
        }
        window += whole;
        fraction += part;
        if (fraction >= up) {
            fraction -= up;
            window++;
        }
    }
}

/* One channel of interleaved PCM16 to floats of the same scale. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_load_)(const int16_t *samples, ptrdiff_t stride, ptrdiff_t count,
                                float *out)
{
    if (stride == 1)
        for (ptrdiff_t i = 0; i < count; i++)
            out[i] = samples[i];
    else
        for (ptrdiff_t i = 0; i < count; i++)
            out[i] = samples[i * stride];
}

static inline int16_t RTA_NAME(rta_round_)(float value)
{
    value = value > -32768.0f ? value : -32768.0f;
    value = value < 32767.0f ? value : 32767.0f;
    /* 1.5 * 2^23: adding it leaves no bits below 1, so the sum is rounded, to nearest even. */
    return (int16_t)((value + 12582912.0f) - 12582912.0f);
}

/* Floats to one channel of interleaved PCM16, rounded to nearest and saturated. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_store_)(const float *values, ptrdiff_t count, int16_t *out,
                                 ptrdiff_t stride)
{
    if (stride == 1)
        for (ptrdiff_t i = 0; i < count; i++)
            out[i] = RTA_NAME(rta_round_)(values[i]);
    else
        for (ptrdiff_t i = 0; i < count; i++)
            out[i * stride] = RTA_NAME(rta_round_)(values[i]);
}

#undef RTA_PER_16
#undef RTA_PRODUCT
#undef RTA_VECTOR
#undef RTA_NAME
#undef RTA_JOIN
#undef RTA_JOIN_
