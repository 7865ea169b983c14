/* The filters' inner loops, for each_level.h.
 *
 * Vectors are the compiler's own vector types, which work on any architecture. Not one wide type for
 * all levels: gcc 12 cuts a 16-lane sum to 8 lanes by way of the stack, 6 times slower. And repeated
 * inclusion rather than inlining, since vectors are cut by the target of the function they were
 * written in, before it is inlined anywhere.
 *
 * Whatever the width, the products of one output are added up in the same order. Where the level has
 * fused multiply-adds they are used, always, and otherwise never: by intrinsics, since a compiler left
 * to contract as it likes might treat a loop and its remainder differently. So a level's results do
 * not depend on how a signal is cut, and all levels that fuse agree to the bit. */

/* Vectors of periods that a group takes at a time: as many as leave few registers idle, 32 of them
 * with AVX-512 and NEON, else 16. */
#if RTA_LANES == 16 || defined(__aarch64__)
#define RTA_VECTORS_2 5
#define RTA_VECTORS_3 5
#define RTA_VECTORS_4 5
#else
#define RTA_VECTORS_2 4
#define RTA_VECTORS_3 3
#define RTA_VECTORS_4 2
#endif
#define RTA_VECTOR RTA_JOIN(rta_f32x, RTA_LANES)
#define RTA_UNALIGNED RTA_JOIN(RTA_JOIN(rta_f32x, RTA_LANES), _unaligned)

/* A sum of vectors and the product of two more, and a vector of equal values. */
#if RTA_LANES == 16
#define RTA_PLUS_PRODUCT(sum, a, b) _mm512_fmadd_ps(a, b, sum)
#define RTA_SPREAD(value) _mm512_set1_ps(value)
#elif RTA_LANES == 8
#define RTA_PLUS_PRODUCT(sum, a, b) _mm256_fmadd_ps(a, b, sum)
#define RTA_SPREAD(value) _mm256_set1_ps(value)
#elif defined(__aarch64__)
#define RTA_PLUS_PRODUCT(sum, a, b) vfmaq_f32(sum, a, b)
#define RTA_SPREAD(value) vdupq_n_f32(value)
#else
#define RTA_PLUS_PRODUCT(sum, a, b) ((sum) + (a) * (b))
#define RTA_SPREAD(value) (value)
#endif

/* --- by phases ------------------------------------------------------------------------------- */

/* `width` outputs of `vectors` * RTA_LANES periods, both known when this is compiled into its
 * callers. Each coefficient meets as many periods at once as fit into registers, so the loop is bound
 * by multiplications: with 16 lanes, two vectors of them per cycle. `row` is where the first coefficient's samples are, at place `samples`. */
RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_block_)(
    const int width, const int vectors, const float *coefficients, ptrdiff_t taps, ptrdiff_t row,
    ptrdiff_t rows, const float *samples, ptrdiff_t stride, float *out, ptrdiff_t out_stride)
{
    RTA_VECTOR sums[RTA_MAX_WIDTH][RTA_MAX_VECTORS];
#pragma GCC unroll 16
    for (int c = 0; c < width; c++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            sums[c][v] = (RTA_VECTOR){0};

    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *at = samples + row * stride;
        for (ptrdiff_t t = 0; t < taps; t += rows, at++, coefficients += width) {
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) {
                RTA_VECTOR x = *(const RTA_UNALIGNED *)(at + v * RTA_LANES);
                RTA_KEEP(x);
#pragma GCC unroll 16
                for (int c = 0; c < width; c++)
                    sums[c][v] = RTA_PLUS_PRODUCT(sums[c][v], x, RTA_SPREAD(coefficients[c]));
            }
        }
        if (++row == rows) {
            row = 0;
            samples++;
        }
    }

#pragma GCC unroll 16
    for (int c = 0; c < width; c++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            *(RTA_UNALIGNED *)(out + c * out_stride + v * RTA_LANES) = sums[c][v];
}

/* As many blocks as the periods that are left fill. */
#define RTA_BLOCKS(width, vectors)                                                                 \
    for (; periods > (vectors - 1) * RTA_LANES;                                                    \
         periods -= vectors * RTA_LANES, samples += vectors * RTA_LANES, out += vectors * RTA_LANES) \
    RTA_NAME(rta_block_)(width, vectors, coefficients, filter->taps, row, filter->down, samples,   \
                         stride, out, out_stride)

/* All periods of a group: as many vectors at a time as there are registers for, and the rest in few
 * steps, since one vector alone would wait for its sums of the coefficient before. */
#define RTA_ALL_BLOCKS(width, vectors)                                                             \
    do {                                                                                           \
        RTA_BLOCKS(width, vectors);                                                                \
        if (vectors > 3)                                                                           \
            RTA_BLOCKS(width, 3);                                                                  \
        if (vectors > 2)                                                                           \
            RTA_BLOCKS(width, 2);                                                                  \
        RTA_BLOCKS(width, 1);                                                                      \
    } while (0)

RTA_LEVEL_TARGET
static void RTA_NAME(rta_phases_)(const rta_fir_filter *filter, ptrdiff_t group,
                                  const float *samples, ptrdiff_t stride, ptrdiff_t periods,
                                  float *out, ptrdiff_t out_stride)
{
    const float *coefficients = filter->table + group * filter->taps * filter->width;
    ptrdiff_t start = filter->starts[group], row = start % filter->down;
    row += row < 0 ? filter->down : 0;
    samples += (start - row) / filter->down;
    switch (filter->width) {
    case 2:
        RTA_ALL_BLOCKS(2, RTA_VECTORS_2);
        break;
    case 3:
        RTA_ALL_BLOCKS(3, RTA_VECTORS_3);
        break;
    default:
        RTA_ALL_BLOCKS(4, RTA_VECTORS_4);
    }
}

/* --- by rows ---------------------------------------------------------------------------------- */

/* `count` (1, 2 or 4) dot products of `taps` (a multiple of 16) coefficients and samples, any
 * alignment; with `shared`, all of the first row. Their products are added to 16 sums each, of which
 * then always the upper half is added to the lower. One after the other they would wait for additions
 * to end, or for rows to come from beyond the first cache. */
RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_dots_)(
    const int count, const int shared, const float *const *rows, const float *const *windows,
    ptrdiff_t taps, float *out)
{
    enum { PARTS = 16 / RTA_LANES };
    RTA_VECTOR sums[4][PARTS];
    rta_f32x4 quarter[4] = {{0}}, first, second;
#pragma GCC unroll 4
    for (int k = 0; k < count; k++)
#pragma GCC unroll 4
        for (int v = 0; v < PARTS; v++)
            sums[k][v] = (RTA_VECTOR){0};
    for (ptrdiff_t i = 0; i < taps; i += 16)
#pragma GCC unroll 4
        for (int v = 0; v < PARTS; v++) {
            RTA_VECTOR row = *(const RTA_UNALIGNED *)(rows[0] + i + v * RTA_LANES);
            if (shared)
                RTA_KEEP(row);
#pragma GCC unroll 4
            for (int k = 0; k < count; k++) {
                if (!shared)
                    row = *(const RTA_UNALIGNED *)(rows[k] + i + v * RTA_LANES);
                sums[k][v] = RTA_PLUS_PRODUCT(
                    sums[k][v], row, *(const RTA_UNALIGNED *)(windows[k] + i + v * RTA_LANES));
            }
        }
#pragma GCC unroll 4
    for (int k = 0; k < count; k++) {
#if RTA_LANES == 4
        quarter[k] = (sums[k][0] + sums[k][2]) + (sums[k][1] + sums[k][3]);
#else
#if RTA_LANES == 8
        rta_f32x8 half = sums[k][0] + sums[k][1];
#else
        RTA_VECTOR all = sums[k][0];
        rta_f32x8 half = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
        quarter[k] = __builtin_shufflevector(half, half, 0, 1, 2, 3) +
                     __builtin_shufflevector(half, half, 4, 5, 6, 7);
#endif
    }
    first = __builtin_shufflevector(quarter[0], quarter[1], 0, 1, 4, 5) +
            __builtin_shufflevector(quarter[0], quarter[1], 2, 3, 6, 7);
    second = __builtin_shufflevector(quarter[2], quarter[3], 0, 1, 4, 5) +
             __builtin_shufflevector(quarter[2], quarter[3], 2, 3, 6, 7);
    *(rta_f32x4_unaligned *)out = __builtin_shufflevector(first, second, 0, 2, 4, 6) +
                                  __builtin_shufflevector(first, second, 1, 3, 5, 7);
}

/* Where the next output is: `down / up` samples on. Division would take as long as a few taps. */
#define RTA_NEXT_OUTPUT() (window += whole + (fraction + part >= up), \
                           fraction += part - (fraction + part >= up ? up : 0))

/* Outputs of the same fraction, `up` apart, are computed together, as they share a row. The table has
 * its rows in the order of outputs, so that it streams from the second cache: 4 to 9 % faster. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_rows_)(const rta_fir_filter *filter, const float *samples,
                                int32_t fraction, ptrdiff_t count, float *out)
{
    const ptrdiff_t up = filter->up, down = filter->down, taps = filter->taps;
    const int32_t whole = (int32_t)(down / up), part = (int32_t)(down % up);
    const float *window = samples - (taps - 1);
    const float *row = filter->table + (int64_t)fraction * filter->inverse % up * taps;
    const float *end = filter->table + up * taps;
    for (ptrdiff_t k = 0; k < count && k < up; k++) {
        const float *at = window;
        ptrdiff_t same = k;
        float sums[4];
        for (; same + up < count; same += 4 * up, at += 4 * down) {
            const float *windows[4] = {at, at + down, at + 2 * down, at + 3 * down};
            if (same + 2 * up >= count) {
                RTA_NAME(rta_dots_)(2, 1, &row, windows, taps, sums);
            } else {
                if (same + 3 * up >= count)
                    windows[3] = at; /* past the end; computed for nothing */
                RTA_NAME(rta_dots_)(4, 1, &row, windows, taps, sums);
            }
            for (int i = 0; i < 4 && same + i * up < count; i++)
                out[same + i * up] = sums[i];
        }
        if (same < count) {
            RTA_NAME(rta_dots_)(1, 1, &row, &at, taps, sums);
            out[same] = sums[0];
        }
        row = row + taps == end ? filter->table : row + taps;
        RTA_NEXT_OUTPUT();
    }
}

/* The same where rows of the table lie between fractions: two outputs at a time, from two rows each,
 * between which the result is interpolated. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_between_rows_)(const rta_fir_filter *filter, const float *samples,
                                        int32_t fraction, ptrdiff_t count, float *out)
{
    const int32_t up = filter->up, whole = filter->down / up, part = filter->down % up;
    const int32_t intervals = filter->intervals;
    const ptrdiff_t taps = filter->taps;
    const float *window = samples - (taps - 1);
    for (ptrdiff_t k = 0; k < count; k += 2) {
        const float *rows[4], *windows[4];
        float weights[2], sums[4];
        for (int i = 0; i < 2; i++) {
            int32_t scaled = fraction * intervals; /* at most 192000 * 2048 */
            int32_t row = scaled / up;
            weights[i] = (float)(scaled - row * up) / (float)up;
            rows[2 * i] = filter->table + row * taps;
            rows[2 * i + 1] = rows[2 * i] + taps;
            windows[2 * i] = windows[2 * i + 1] = window;
            if (k + 1 < count) /* else the one output is computed twice */
                RTA_NEXT_OUTPUT();
        }
        RTA_NAME(rta_dots_)(4, 0, rows, windows, taps, sums);
        out[k] = sums[0] + weights[0] * (sums[1] - sums[0]);
        if (k + 1 < count)
            out[k + 1] = sums[2] + weights[1] * (sums[3] - sums[2]);
    }
}

#undef RTA_NEXT_OUTPUT
#undef RTA_BLOCKS
#undef RTA_ALL_BLOCKS
#undef RTA_PLUS_PRODUCT
#undef RTA_SPREAD
#undef RTA_VECTORS_2
#undef RTA_VECTORS_3
#undef RTA_VECTORS_4
#undef RTA_UNALIGNED
#undef RTA_VECTOR
