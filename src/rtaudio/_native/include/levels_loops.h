/* Loops over whole buffers, for each_level.h. Integer sums are exact and floating-point ones keep
 * their order, so that every compiler and every vector width gives the same result. */

/* Exact for fewer than 2^33 samples: a square is at most 2^30. */
RTA_LEVEL_TARGET
static int64_t RTA_NAME(rta_sum_of_squares_)(const int16_t *samples, ptrdiff_t count)
{
    int64_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += (int32_t)samples[i] * samples[i];
    return sum;
}

/* 0..32768 */
RTA_LEVEL_TARGET
static int32_t RTA_NAME(rta_peak_)(const int16_t *samples, ptrdiff_t count)
{
    int16_t low = 0, high = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        low = samples[i] < low ? samples[i] : low;
        high = samples[i] > high ? samples[i] : high;
    }
    return -low > high ? -low : high;
}

/* The mean of all channels, rounded to nearest, halves upwards. In and out may be the same. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_to_mono_)(const int16_t *samples, ptrdiff_t samples_per_channel,
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

RTA_LEVEL_TARGET
static void RTA_NAME(rta_interleave_)(const int16_t *restrict left, const int16_t *restrict right,
                                      ptrdiff_t samples_per_channel, int16_t *restrict out)
{
    for (ptrdiff_t i = 0; i < samples_per_channel; i++) {
        out[2 * i] = left[i];
        out[2 * i + 1] = right[i];
    }
}

/* Channel c goes to the samples from out + c * samples_per_channel on. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_split_)(const int16_t *restrict samples, ptrdiff_t samples_per_channel,
                                 int channels, int16_t *restrict out)
{
    if (channels == 2) { /* compilers find the shuffles if they are told the number */
        int16_t *restrict right = out + samples_per_channel;
        for (ptrdiff_t i = 0; i < samples_per_channel; i++) {
            out[i] = samples[2 * i];
            right[i] = samples[2 * i + 1];
        }
        return;
    }
    for (int c = 0; c < channels; c++, out += samples_per_channel)
        for (ptrdiff_t i = 0; i < samples_per_channel; i++)
            out[i] = samples[i * channels + c];
}

/* sums[i] += samples[i] */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_add_)(const int16_t *restrict samples, ptrdiff_t count,
                               int32_t *restrict sums)
{
    for (ptrdiff_t i = 0; i < count; i++)
        sums[i] += samples[i];
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_saturate_)(const int32_t *restrict values, ptrdiff_t count,
                                    int16_t *restrict out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = rta_saturated_s16(values[i]);
}

/* Products in double, here and below: float32 would round those near a half twice. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_scale_)(const int16_t *restrict samples, ptrdiff_t count, double factor,
                                 int16_t *restrict out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = rta_rounded_s16_of_double(samples[i] * factor);
}

/* sums[i] += samples[i] * factor */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_add_scaled_)(const int16_t *restrict samples, ptrdiff_t count,
                                      double factor, double *restrict sums)
{
    for (ptrdiff_t i = 0; i < count; i++)
        sums[i] += samples[i] * factor;
}

/* To the nearest integers, halves to even, saturated; |values| < 2^31. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_round_to_s16_)(const double *restrict values, ptrdiff_t count,
                                        int16_t *restrict out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = rta_rounded_s16_of_double(values[i]);
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_s16_to_f32_)(const int16_t *restrict samples, ptrdiff_t count,
                                      rta_f32 *restrict out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = samples[i] * (1.0f / 32768.0f);
}

/* Full scale is 1.0; what is beyond saturates, and what is no number is 0. The bits of a float order
 * like integers, so limits are set there: comparisons of floats can trap, which vectors may not. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_f32_to_s16_)(const rta_f32 *restrict values, ptrdiff_t count,
                                      int16_t *restrict out)
{
    const int32_t infinity = 0x7F800000, full_scale = 0x47000000; /* 32768.0f */
    for (ptrdiff_t i = 0; i < count; i++) {
        float value = values[i] * 32768.0f;
        int32_t bits, magnitude;
        memcpy(&bits, &value, sizeof(bits));
        magnitude = bits & 0x7FFFFFFF;
        magnitude = magnitude > infinity ? 0 : magnitude;
        magnitude = magnitude > full_scale ? full_scale : magnitude;
        bits = (bits & ~0x7FFFFFFF) | magnitude;
        memcpy(&value, &bits, sizeof(value));
        out[i] = rta_rounded_s16(value);
    }
}
