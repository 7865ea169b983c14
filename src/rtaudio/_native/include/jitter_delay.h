/* How late packets come, and for how long sound must therefore be held back.
 *
 * Theory of operation. What a packet took is its time of arrival less its place in the sound, on two
 * clocks that nobody has set to each other; so only differences mean something. The packet that took
 * least within the last windows is the measure, and every packet's delay is what it took longer. A
 * clock that drifts moves the measure, at most two windows later.
 *
 * Sound that is played D after the quickest packet would have allowed finds a packet there exactly
 * when its delay is at most D. So a histogram of delays tells which D leaves how many packets too
 * late: its quantile. That is the principle of NetEQ's delay manager (WebRTC); the histogram here
 * forgets with the sound that passes, not with the number of packets, and so slowly that one stray
 * packet changes nothing, while the first packets count in full until there is something to forget.
 *
 * Old masses do not fade one by one: the mass of a new packet grows instead, and everything is
 * scaled down when numbers become large. So an arrival costs the same however fine the histogram. */
#ifndef RTA_JITTER_DELAY_H
#define RTA_JITTER_DELAY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    RTA_DELAY_BUCKETS = 512,
    RTA_DELAY_WINDOW_US = 8000000, /* how long the quickest packet is the measure, once or twice */
};

static const double RTA_DELAY_LARGE = 1e12;

typedef struct {
    int64_t bucket_us;
    double late_share; /* of the packets, may come too late */
    double memory_us;  /* of sound, after which a packet counts 1/e of what it did */
    /* The quickest arrival of this window and the one before. */
    int64_t fastest_us, fastest_before_us, window_end_us;
    int known; /* whether anything has arrived */
    /* RFC 3550 section 6.4.1 and appendix A.8. */
    int64_t last_transit_us;
    double jitter_us;
    /* The histogram; `beyond` is the mass of all buckets after `at`, the quantile's. */
    double total, beyond, weight;
    double fade, fade_span_us; /* what the weight grows by after so much sound */
    double heard_us;           /* sound that went into the histogram */
    int at;
    double mass[RTA_DELAY_BUCKETS];
} rta_delay;

static inline void rta_delay_start(rta_delay *d, int64_t longest_us, double late_share,
                                   double memory_us)
{
    memset(d, 0, sizeof(*d));
    d->bucket_us = longest_us / (RTA_DELAY_BUCKETS - 2) + 1;
    if (d->bucket_us < 1000)
        d->bucket_us = 1000;
    d->late_share = late_share;
    d->memory_us = memory_us;
    d->weight = d->fade = 1;
}

/* What the quickest packet took. */
static inline int64_t rta_delay_base(const rta_delay *d)
{
    return d->fastest_us < d->fastest_before_us ? d->fastest_us : d->fastest_before_us;
}

/* A packet took `transit_us`; returns its delay. */
static inline int64_t rta_delay_arrived(rta_delay *d, int64_t arrival_us, int64_t transit_us)
{
    if (!d->known) {
        d->known = 1;
        d->fastest_us = d->fastest_before_us = d->last_transit_us = transit_us;
        d->window_end_us = arrival_us + RTA_DELAY_WINDOW_US;
    } else if (arrival_us >= d->window_end_us ||
               arrival_us < d->window_end_us - 2 * RTA_DELAY_WINDOW_US) {
        d->fastest_before_us = d->fastest_us;
        d->fastest_us = transit_us;
        d->window_end_us = arrival_us + RTA_DELAY_WINDOW_US;
    } else if (transit_us < d->fastest_us) {
        d->fastest_us = transit_us;
    }
    d->jitter_us += (fabs((double)(transit_us - d->last_transit_us)) - d->jitter_us) / 16;
    d->last_transit_us = transit_us;
    return transit_us - rta_delay_base(d);
}

/* Put a delay into the histogram, for a packet with so much sound (more than 0). */
static inline void rta_delay_observe(rta_delay *d, int64_t delay_us, int64_t span_us)
{
    int64_t bucket = delay_us < 0 ? 0 : delay_us / d->bucket_us;
    double mass, allowed;
    if (bucket > RTA_DELAY_BUCKETS - 1)
        bucket = RTA_DELAY_BUCKETS - 1;
    if ((double)span_us != d->fade_span_us) {
        d->fade_span_us = (double)span_us;
        d->fade = exp(d->fade_span_us / d->memory_us);
    }
    d->weight *= d->fade;
    mass = d->weight * (double)span_us;
    d->mass[bucket] += mass;
    d->total += mass;
    d->heard_us += (double)span_us;
    if (bucket > d->at)
        d->beyond += mass;
    allowed = d->late_share * d->total;
    while (d->at < RTA_DELAY_BUCKETS - 1 && d->beyond > allowed)
        d->beyond -= d->mass[++d->at];
    while (d->at > 0 && d->beyond + d->mass[d->at] <= allowed)
        d->beyond += d->mass[d->at--];
    if (d->weight > RTA_DELAY_LARGE) {
        int i;
        d->total = d->beyond = 0;
        for (i = 0; i < RTA_DELAY_BUCKETS; i++) {
            d->mass[i] /= d->weight;
            d->total += d->mass[i];
            if (i > d->at)
                d->beyond += d->mass[i];
        }
        d->weight = 1;
    }
}

/* The delay that all but `late_share` of the packets stayed below. */
static inline int64_t rta_delay_quantile(const rta_delay *d)
{
    return d->total > 0 ? (d->at + 1) * d->bucket_us : 0;
}

#endif
