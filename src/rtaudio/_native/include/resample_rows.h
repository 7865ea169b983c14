/* Between interleaved PCM16 and rows of floats, for each_level.h. Results of filters are rounded on
 * the way; none here takes 16 bits further than 2^18.
 *
 * Up to four rows, the compiler finds the shuffles if it is told their number; a few more are split
 * and joined in two steps. Any other number takes one sample at a time. */

RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_split_columns_)(
    const ptrdiff_t rows, const int16_t *restrict samples, ptrdiff_t columns, float *restrict out,
    ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < columns; i++)
        for (ptrdiff_t r = 0; r < rows; r++)
            out[r * stride + i] = samples[i * rows + r];
}

/* First into `outer` rows, then each of these into `inner` ones. */
RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_split_twice_)(
    const ptrdiff_t outer, const ptrdiff_t inner, const int16_t *samples, ptrdiff_t columns,
    float *out, ptrdiff_t stride)
{
    int16_t steps[RTA_MAX_OUTER][RTA_STEP_SAMPLES];
    const ptrdiff_t room = RTA_STEP_SAMPLES / inner;
    for (ptrdiff_t now; columns > 0; columns -= now, out += now) {
        now = columns < room ? columns : room;
        for (ptrdiff_t i = 0; i < now * inner; i++)
            for (ptrdiff_t r = 0; r < outer; r++)
                steps[r][i] = samples[i * outer + r];
        for (ptrdiff_t r = 0; r < outer; r++)
            RTA_NAME(rta_split_columns_)(inner, steps[r], now, out + r * stride, outer * stride);
        samples += now * outer * inner;
    }
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_split_)(const int16_t *samples, ptrdiff_t count, ptrdiff_t rows,
                                 ptrdiff_t at, float *out, ptrdiff_t stride)
{
    ptrdiff_t row = at % rows, k = 0, columns;
    out += at / rows;
    if (samples == NULL) {
        for (ptrdiff_t r = 0; r < rows; r++) {
            ptrdiff_t first = r < row; /* then the row's first zero lies one place on */
            ptrdiff_t end = (count + row - r + rows - 1) / rows;
            if (end > first)
                memset(out + r * stride + first, 0, (size_t)(end - first) * sizeof(float));
        }
        return;
    }
    if (row > 0) {
        for (; row < rows && k < count; k++, row++)
            out[row * stride] = samples[k];
        out++;
    }
    columns = (count - k) / rows;
    switch (rows) {
    case 1:
        RTA_NAME(rta_split_columns_)(1, samples + k, columns, out, stride);
        break;
    case 2:
        RTA_NAME(rta_split_columns_)(2, samples + k, columns, out, stride);
        break;
    case 3:
        RTA_NAME(rta_split_columns_)(3, samples + k, columns, out, stride);
        break;
    case 4:
        RTA_NAME(rta_split_columns_)(4, samples + k, columns, out, stride);
        break;
    case 6:
        RTA_NAME(rta_split_twice_)(3, 2, samples + k, columns, out, stride);
        break;
    case 8:
        RTA_NAME(rta_split_twice_)(4, 2, samples + k, columns, out, stride);
        break;
    case 12:
        RTA_NAME(rta_split_twice_)(3, 4, samples + k, columns, out, stride);
        break;
    case 16:
        RTA_NAME(rta_split_twice_)(4, 4, samples + k, columns, out, stride);
        break;
    case 24:
        RTA_NAME(rta_split_twice_)(8, 3, samples + k, columns, out, stride);
        break;
    default:
        RTA_NAME(rta_split_columns_)(rows, samples + k, columns, out, stride);
    }
    k += columns * rows;
    for (row = 0; k < count; k++, row++)
        out[row * stride + columns] = samples[k];
}

RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_join_columns_)(
    const ptrdiff_t rows, const float *restrict values, ptrdiff_t stride, ptrdiff_t columns,
    int16_t *restrict out)
{
    for (ptrdiff_t i = 0; i < columns; i++)
        for (ptrdiff_t r = 0; r < rows; r++)
            out[i * rows + r] = rta_rounded_s16(values[r * stride + i]);
}

RTA_LEVEL_TARGET __attribute__((always_inline)) static inline void RTA_NAME(rta_join_twice_)(
    const ptrdiff_t outer, const ptrdiff_t inner, const float *values, ptrdiff_t stride,
    ptrdiff_t columns, int16_t *out)
{
    int16_t steps[RTA_MAX_OUTER][RTA_STEP_SAMPLES];
    const ptrdiff_t room = RTA_STEP_SAMPLES / inner;
    for (ptrdiff_t now; columns > 0; columns -= now, values += now) {
        now = columns < room ? columns : room;
        for (ptrdiff_t r = 0; r < outer; r++)
            RTA_NAME(rta_join_columns_)(inner, values + r * stride, outer * stride, now, steps[r]);
        for (ptrdiff_t i = 0; i < now * inner; i++)
            for (ptrdiff_t r = 0; r < outer; r++)
                out[i * outer + r] = steps[r][i];
        out += now * outer * inner;
    }
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_join_)(const float *values, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t at,
                                ptrdiff_t count, int16_t *out)
{
    ptrdiff_t row = at % rows, k = 0, columns;
    values += at / rows;
    if (row > 0) {
        for (; row < rows && k < count; k++, row++)
            out[k] = rta_rounded_s16(values[row * stride]);
        values++;
    }
    columns = (count - k) / rows;
    switch (rows) {
    case 1:
        RTA_NAME(rta_join_columns_)(1, values, stride, columns, out + k);
        break;
    case 2:
        RTA_NAME(rta_join_columns_)(2, values, stride, columns, out + k);
        break;
    case 3:
        RTA_NAME(rta_join_columns_)(3, values, stride, columns, out + k);
        break;
    case 4:
        RTA_NAME(rta_join_columns_)(4, values, stride, columns, out + k);
        break;
    case 6:
        RTA_NAME(rta_join_twice_)(3, 2, values, stride, columns, out + k);
        break;
    case 8:
        RTA_NAME(rta_join_twice_)(4, 2, values, stride, columns, out + k);
        break;
    case 12:
        RTA_NAME(rta_join_twice_)(3, 4, values, stride, columns, out + k);
        break;
    case 16:
        RTA_NAME(rta_join_twice_)(4, 4, values, stride, columns, out + k);
        break;
    case 24:
        RTA_NAME(rta_join_twice_)(8, 3, values, stride, columns, out + k);
        break;
    default:
        RTA_NAME(rta_join_columns_)(rows, values, stride, columns, out + k);
    }
    k += columns * rows;
    for (row = 0; k < count; k++, row++)
        out[k] = rta_rounded_s16(values[row * stride + columns]);
}
