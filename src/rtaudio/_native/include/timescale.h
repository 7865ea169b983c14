/* Speech made shorter or longer by one period, and continued where it broke off.
 *
 * Theory of operation. Voiced speech repeats itself from period to period. Where two stretches that
 * lie one lag apart look alike, one can be faded into the other, and what lay between is gone or
 * played twice, without a jump and at the same pitch (WSOLA: Verhelst and Roelands, ICASSP 1993; NetEQ
 * does so too). The lag is searched where normalised cross-correlation is highest, first on every
 * few samples and every few lags, then on all around the best. Where nothing is alike, as within
 * consonants, the sound is left alone and another place will do.
 *
 * Where sound is missing, the last period is repeated and faded out (as in ITU-T G.711 appendix I,
 * but without its delay), and what comes next is faded in over its continuation.
 *
 * Counts are samples per channel; channels are interleaved. */
#ifndef RTA_TIMESCALE_H
#define RTA_TIMESCALE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The same lengths in samples. */
typedef struct {
    int channels;
    int32_t shortest_lag, longest_lag; /* 2.5 and 12.5 ms: voices from 80 to 400 Hz */
    int32_t fade;                      /* 7.5 ms, over which one stretch becomes the other */
    int32_t hold, fall;                /* concealment: 10 ms in full, then 50 ms to nothing */
    int32_t step;                      /* of the coarse search, an eighth of a millisecond */
} rta_timescale;

/* What is not louder than this, full scale being 32768, may be cut anywhere: -50 dB. */
static const double RTA_QUIET_RMS = 104;

static inline rta_timescale rta_timescale_for(int sample_rate, int channels)
{
    rta_timescale t = {
        .channels = channels,
        .shortest_lag = sample_rate / 400,
        .longest_lag = sample_rate / 80,
        .fade = sample_rate * 3 / 400,
        .hold = sample_rate / 100,
        .fall = sample_rate / 20,
        .step = sample_rate / 8000 > 0 ? sample_rate / 8000 : 1,
    };
    return t;
}

/* The normalised cross-correlation of two stretches, each `step`-th sample. */
static inline double rta_likeness(const int16_t *a, const int16_t *b, int32_t count, int channels,
                                  int32_t step, double *power)
{
    int64_t ab = 0, aa = 0, bb = 0;
    int32_t i;
    int c, stride = step * channels, n = count / step;
    for (c = 0; c < channels; c++) {
        const int16_t *x = a + c, *y = b + c;
        for (i = 0; i < n; i++, x += stride, y += stride) {
            ab += (int32_t)*x * *y;
            aa += (int32_t)*x * *x;
            bb += (int32_t)*y * *y;
        }
    }
    *power = (double)(aa > bb ? aa : bb) / ((double)n * channels);
    return aa && bb ? (double)ab / sqrt((double)aa * (double)bb) : aa == bb;
}

/* The lag from `shortest` to `longest` at which `count` samples are most like those that lie one lag
 * later (`direction` 1) or earlier (-1). Returns 0 where they are not alike enough. */
static inline int32_t rta_find_lag(const rta_timescale *t, const int16_t *at, int32_t count,
                                   int direction, int32_t shortest, int32_t longest,
                                   double least_likeness)
{
    double best = -2, power = 0, best_power = 0;
    int32_t lag, found = 0, from, to;
    for (lag = shortest; lag <= longest; lag += t->step) {
        double likeness = rta_likeness(at, at + direction * lag * t->channels, count, t->channels,
                                       t->step, &power);
        if (likeness > best) {
            best = likeness;
            found = lag;
        }
    }
    from = found - t->step + 1 > shortest ? found - t->step + 1 : shortest;
    to = found + t->step - 1 < longest ? found + t->step - 1 : longest;
    best = -2;
    for (lag = from; lag <= to && found; lag++) {
        double likeness = rta_likeness(at, at + direction * lag * t->channels, count, t->channels, 1,
                                       &power);
        if (likeness > best) {
            best = likeness;
            best_power = power;
            found = lag;
        }
    }
    if (found && best < least_likeness && best_power > RTA_QUIET_RMS * RTA_QUIET_RMS)
        return 0;
    return found;
}

/* out[i] goes from a[i] to b[i] in a straight line; all three may be the same or overlap with `out`
 * before the others. */
static inline void rta_crossfade(const int16_t *a, const int16_t *b, int16_t *out, int32_t count,
                                 int channels)
{
    int32_t i;
    int c;
    for (i = 0; i < count; i++)
        for (c = 0; c < channels; c++, a++, b++, out++)
            *out = (int16_t)(*a + ((int64_t)*b - *a) * (2 * i + 1) / (2 * count));
}

/* Take one lag out of `count` samples, at their beginning; returns how many are left. Needs
 * lag + fade samples. */
static inline int32_t rta_shorten(const rta_timescale *t, int16_t *samples, int32_t count,
                                  int32_t lag)
{
    int channels = t->channels;
    rta_crossfade(samples, samples + lag * channels, samples, t->fade, channels);
    memmove(samples + t->fade * channels, samples + (lag + t->fade) * channels,
            (size_t)(count - lag - t->fade) * channels * sizeof(*samples));
    return count - lag;
}

/* Play the lag before `samples` once more, at their beginning; returns how many there are then. Needs
 * `lag` samples before and `fade` after, and room for `lag` more. `mixed` holds `fade` samples. */
static inline int32_t rta_lengthen(const rta_timescale *t, int16_t *samples, int32_t count,
                                   int32_t lag, int16_t *mixed)
{
    int channels = t->channels;
    rta_crossfade(samples, samples - lag * channels, mixed, t->fade, channels);
    memmove(samples + t->fade * channels, samples + (t->fade - lag) * channels,
            (size_t)(count - t->fade + lag) * channels * sizeof(*samples));
    memcpy(samples, mixed, (size_t)t->fade * channels * sizeof(*samples));
    return count + lag;
}

static inline void rta_fade_out(int16_t *samples, int32_t count, int channels)
{
    int32_t i;
    int c;
    for (i = 0; i < count; i++)
        for (c = 0; c < channels; c++, samples++)
            *samples = (int16_t)((int64_t)*samples * (count - 1 - i) / count);
}

static inline void rta_fade_in(int16_t *samples, int32_t count, int channels)
{
    int32_t i;
    int c;
    for (i = 0; i < count; i++)
        for (c = 0; c < channels; c++, samples++)
            *samples = (int16_t)((int64_t)*samples * i / count);
}

/* --- concealment -------------------------------------------------------------------------------- */

typedef struct {
    int16_t *period; /* room for longest_lag */
    int32_t lag;     /* 0 while nothing is concealed */
    int32_t heard;   /* how much of it was played */
} rta_continuation;

/* The next `count` samples of a period that goes on and fades. */
static inline void rta_continue(const rta_timescale *t, rta_continuation *c, int16_t *out,
                                int32_t count)
{
    int32_t i, at = c->heard % c->lag;
    int channel;
    for (i = 0; i < count; i++) {
        int32_t left = t->hold + t->fall - c->heard;
        const int16_t *from = c->period + at * t->channels;
        for (channel = 0; channel < t->channels; channel++)
            *out++ = left <= 0         ? 0
                     : left >= t->fall ? from[channel]
                                       : (int16_t)((int64_t)from[channel] * left / t->fall);
        if (left > 0)
            c->heard++;
        at = at + 1 < c->lag ? at + 1 : 0;
    }
}

/* Begin to continue what stands before `end`: two longest lags. */
static inline void rta_continue_from(const rta_timescale *t, rta_continuation *c,
                                     const int16_t *end)
{
    const int16_t *tail = end - t->longest_lag * t->channels;
    c->lag = rta_find_lag(t, tail, t->longest_lag, -1, t->shortest_lag, t->longest_lag, -1);
    c->heard = 0;
    memcpy(c->period, end - c->lag * t->channels,
           (size_t)c->lag * t->channels * sizeof(*c->period));
}

/* The sound is back: fade its beginning in over what continued. `room` holds `fade` samples. */
static inline void rta_rejoin(const rta_timescale *t, rta_continuation *c, int16_t *samples,
                              int32_t count, int16_t *room)
{
    if (!c->lag)
        return;
    if (count > t->fade)
        count = t->fade;
    rta_continue(t, c, room, count);
    rta_crossfade(room, samples, samples, count, t->channels);
    c->lag = 0;
}

#endif
