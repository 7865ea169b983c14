/* A ring of int16 values between one producer and one consumer, without locks.
 *
 * Theory of operation. Positions count samples per channel since the ring was made; they only grow,
 * and position p lies at p modulo the capacity. The producer alone writes `claimed` and `written`,
 * the consumer alone writes `read`.
 *
 * Where nothing is ever overwritten, the producer fills free space and then publishes it by a
 * release store of `written`; the consumer copies what is published and then frees it by a release
 * store of `read`. Each side's acquire load of the other's position makes the copies safe.
 *
 * Where the oldest is to be dropped, the producer does not wait for the consumer: it writes over what
 * was not read. So it first announces in `claimed` how far it will have written. All below
 * claimed - capacity is then lost, whether it was read or not; the consumer starts from there. After
 * copying it looks at `claimed` again: if the producer came near enough to have touched what was
 * copied, it copies again, from further on. Memory that both may touch at once is read and written in
 * relaxed atomic pieces, since anything else would be a data race, undefined in C.
 *
 * Counters belong to one side each and are read by anyone. */
#ifndef RTA_RING_H
#define RTA_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int16_t *values; /* capacity * channels */
    int64_t capacity, channels;
    int overwrites; /* whether the oldest is dropped */
    char apart_1[64]; /* the two sides' variables lie on cache lines of their own */
    int64_t claimed, written;
    int64_t overruns; /* writes that did not fit */
    int64_t refused;  /* samples of those that the producer threw away */
    char apart_2[64];
    int64_t read;
    int64_t underruns; /* reads that got less than was asked for */
    int64_t missed;    /* samples that those lacked */
    int64_t lost;      /* samples that were written over before they were read, as far as noticed */
    char apart_3[64];
} rta_ring;

#define RTA_RING_LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define RTA_RING_STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)
#define RTA_RING_PEEK(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define RTA_RING_POKE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define RTA_RING_COUNT(field, by) RTA_RING_POKE(field, RTA_RING_PEEK(field) + (by))

/* An aligned piece of four values. */
typedef uint64_t rta_ring_piece __attribute__((may_alias));

static inline void rta_ring_store_values(int16_t *ring, const int16_t *from, int64_t count)
{
    for (; count > 0 && (uintptr_t)ring % 8; count--)
        RTA_RING_POKE(*ring++, *from++);
    for (; count >= 4; count -= 4, ring += 4, from += 4) {
        uint64_t piece;
        memcpy(&piece, from, sizeof(piece));
        RTA_RING_POKE(*(rta_ring_piece *)ring, piece);
    }
    for (; count > 0; count--)
        RTA_RING_POKE(*ring++, *from++);
}

static inline void rta_ring_load_values(const int16_t *ring, int16_t *to, int64_t count)
{
    for (; count > 0 && (uintptr_t)ring % 8; count--)
        *to++ = RTA_RING_PEEK(*ring++);
    for (; count >= 4; count -= 4, ring += 4, to += 4) {
        uint64_t piece = RTA_RING_PEEK(*(const rta_ring_piece *)ring);
        memcpy(to, &piece, sizeof(piece));
    }
    for (; count > 0; count--)
        *to++ = RTA_RING_PEEK(*ring++);
}

/* Between the ring, from `position` on, and memory outside; `count` is at most the capacity. */
static inline void rta_ring_copy_in(rta_ring *ring, int64_t position, const int16_t *from,
                                    int64_t count)
{
    int64_t at = position % ring->capacity;
    int64_t first = count < ring->capacity - at ? count : ring->capacity - at;
    int16_t *to = ring->values + at * ring->channels;
    const int16_t *rest = from + first * ring->channels;
    if (ring->overwrites) {
        rta_ring_store_values(to, from, first * ring->channels);
        rta_ring_store_values(ring->values, rest, (count - first) * ring->channels);
    } else {
        memcpy(to, from, (size_t)(first * ring->channels) * sizeof(*to));
        memcpy(ring->values, rest, (size_t)((count - first) * ring->channels) * sizeof(*to));
    }
}

static inline void rta_ring_copy_out(const rta_ring *ring, int64_t position, int16_t *to,
                                     int64_t count)
{
    int64_t at = position % ring->capacity;
    int64_t first = count < ring->capacity - at ? count : ring->capacity - at;
    const int16_t *from = ring->values + at * ring->channels;
    int16_t *rest = to + first * ring->channels;
    if (ring->overwrites) {
        rta_ring_load_values(from, to, first * ring->channels);
        rta_ring_load_values(ring->values, rest, (count - first) * ring->channels);
    } else {
        memcpy(to, from, (size_t)(first * ring->channels) * sizeof(*to));
        memcpy(rest, ring->values, (size_t)((count - first) * ring->channels) * sizeof(*to));
    }
}

/* --- either side ------------------------------------------------------------------------------- */

/* Where reading begins: past what was read, and past what was written over. */
static inline int64_t rta_ring_oldest(const rta_ring *ring)
{
    int64_t read = RTA_RING_LOAD(ring->read);
    int64_t kept = RTA_RING_PEEK(ring->claimed) - ring->capacity;
    return ring->overwrites && kept > read ? kept : read;
}

/* Samples that can be read. As seen by the consumer, at least as many; by the producer, at most. */
static inline int64_t rta_ring_stored(const rta_ring *ring)
{
    int64_t written = RTA_RING_LOAD(ring->written);
    int64_t stored = written - rta_ring_oldest(ring);
    return stored < 0 ? 0 : stored > ring->capacity ? ring->capacity : stored;
}

/* --- the producer ------------------------------------------------------------------------------ */

static inline int64_t rta_ring_room(const rta_ring *ring)
{
    return ring->capacity - rta_ring_stored(ring);
}

/* Write `count` samples, which fit or may overwrite; returns how many of them are stored now. */
static inline int64_t rta_ring_write(rta_ring *ring, const int16_t *samples, int64_t count)
{
    int64_t written = RTA_RING_PEEK(ring->written), skipped = 0;
    if (ring->overwrites) {
        skipped = count > ring->capacity ? count - ring->capacity : 0;
        if (count > rta_ring_room(ring))
            RTA_RING_COUNT(ring->overruns, 1);
        RTA_RING_POKE(ring->claimed, written + count);
        /* The claim is to be seen before any of the values that it announces. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    rta_ring_copy_in(ring, written + skipped, samples + skipped * ring->channels, count - skipped);
    RTA_RING_STORE(ring->written, written + count);
    return count - skipped;
}

/* --- the consumer ------------------------------------------------------------------------------ */

/* Copy up to `count` of the oldest samples; returns how many. *position is where they began. */
static inline int64_t rta_ring_copy_oldest(const rta_ring *ring, int16_t *to, int64_t count,
                                           int64_t *position)
{
    for (;;) {
        int64_t stored = rta_ring_stored(ring), taken = count < stored ? count : stored;
        *position = rta_ring_oldest(ring);
        if (ring->overwrites) {
            /* `oldest` may have moved on since `stored` was counted. */
            int64_t left = RTA_RING_LOAD(ring->written) - *position;
            taken = taken < left ? taken : left < 0 ? 0 : left;
        }
        rta_ring_copy_out(ring, *position, to, taken);
        /* The values are to be loaded before the claim is looked at again. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!ring->overwrites || RTA_RING_PEEK(ring->claimed) - ring->capacity <= *position)
            return taken;
    }
}

/* Let go of everything before `position`; `from` is where reading stood, past what was lost. */
static inline void rta_ring_release(rta_ring *ring, int64_t from, int64_t position)
{
    RTA_RING_COUNT(ring->lost, from - RTA_RING_PEEK(ring->read));
    RTA_RING_STORE(ring->read, position);
}

static inline void rta_ring_underrun(rta_ring *ring, int64_t missed)
{
    RTA_RING_COUNT(ring->underruns, 1);
    RTA_RING_COUNT(ring->missed, missed);
}

/* Samples lost for good: thrown away by the producer, written over, or about to be found so. */
static inline int64_t rta_ring_dropped(const rta_ring *ring)
{
    return RTA_RING_PEEK(ring->refused) + RTA_RING_PEEK(ring->lost) +
           (rta_ring_oldest(ring) - RTA_RING_LOAD(ring->read));
}

#endif
