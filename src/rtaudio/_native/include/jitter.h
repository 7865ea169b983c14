/* Packets between a network, which delays, drops, doubles and reorders them, and somebody who plays
 * them at an even pace.
 *
 * Theory of operation. Packets lie in a ring of slots by sequence number, extended to 64 bits; a
 * slot remembers what became of its packet until another takes its place, which tells a duplicate
 * from a late one. Each packet also has a position in the sound, its RTP timestamp extended to 64
 * bits. How late the sound is played, compared with the quickest packet, is the delay; how late it
 * ought to be is the target (jitter_delay.h). What is played when stands in jitter_turns.h. */
#ifndef RTA_JITTER_H
#define RTA_JITTER_H

#include <stdlib.h>

#include "jitter_delay.h"

enum rta_slot_state { RTA_SLOT_EMPTY, RTA_SLOT_HELD, RTA_SLOT_DONE, RTA_SLOT_GIVEN_UP };

typedef struct {
    int64_t sequence, position;
    uint8_t *bytes; /* grows to the longest packet that came here; freed with the buffer */
    int32_t length, room, ticks;
    int8_t state, has_fec, is_dtx, is_piece;
} rta_slot;

enum rta_overflow { RTA_OVERFLOW_ERROR, RTA_OVERFLOW_DROP_OLDEST, RTA_OVERFLOW_DROP_NEWEST };

/* What became of a packet that was pushed. */
enum rta_pushed {
    RTA_PUSH_NO_MEMORY = -2,
    RTA_PUSH_NO_ROOM = -1, /* where overflow is an error; nothing has changed */
    RTA_PUSH_DROPPED = 0,
    RTA_PUSH_KEPT = 1,
};

enum {
    RTA_JITTER_US = 1000000, /* per second */
    /* RFC 3550 appendix A.1: numbers that jump further than that are another stream's. */
    RTA_MAX_DROPOUT = 3000,
    RTA_MAX_MISORDER = 100,
    /* Timestamps that run ahead of the clock by more are another stream's. */
    RTA_MAX_AHEAD_US = 1000000,
    /* Concealment that lasted longer no longer stands for what was said: it has faded. */
    RTA_COVERS_US = 60000,
    RTA_CONCEALS_US = 120000,
    /* The target is no shorter than the initial delay until so much sound was heard. */
    RTA_LEARNS_US = 1000000,
    /* A delay is too long when it was so all the time for one to two of these. */
    RTA_SPARE_WINDOW_US = 250000,
};

#define RTA_JITTER_UNKNOWN INT64_MAX

typedef struct {
    int64_t received, duplicated, reordered, late, lost, discarded, malformed, restarts;
    int64_t played, concealed, recovered; /* turns */
    int64_t concealed_ticks;
    int64_t shortened_us, lengthened_us; /* sound taken out or put in, to change the delay */
} rta_jitter_counts;

typedef struct {
    /* Settings. */
    rta_slot *slots;
    int64_t capacity; /* slots, 1 or more */
    int32_t clock_rate;
    int overflow, live;
    int stretches; /* whether who plays makes sound longer where the delay is too short */
    int64_t least_us, most_us, initial_us; /* bounds of the target, and what it begins with */
    rta_delay delay;
    /* What arrived: the packet with the highest number, and the next after a suspected restart. */
    int started, has_source, suspected;
    uint32_t source;
    uint16_t newest_raw, suspect_raw;
    uint32_t newest_timestamp;
    int64_t newest, newest_position;
    int32_t newest_ticks;
    int64_t ended; /* the last packet of an utterance, where the sender said so */
    int64_t held;
    /* What is played next, where the sound before it ended, and what has covered for it. */
    int64_t next, next_position, covered;
    int playing, has_played, in_dtx;
    int32_t ticks; /* of the last packet */
    int64_t delay_us;
    /* The least delay to spare in this window and the one before. */
    int64_t spare_us, spare_before_us, spare_heard_us;
    rta_jitter_counts counts;
} rta_jitter;

/* --- units -------------------------------------------------------------------------------------- */

/* Whole seconds apart, so that no product leaves 64 bits. */
static inline int64_t rta_jitter_to_us(const rta_jitter *j, int64_t ticks)
{
    return ticks / j->clock_rate * RTA_JITTER_US +
           ticks % j->clock_rate * RTA_JITTER_US / j->clock_rate;
}

static inline int64_t rta_jitter_to_ticks(const rta_jitter *j, int64_t us)
{
    return us / RTA_JITTER_US * j->clock_rate + us % RTA_JITTER_US * j->clock_rate / RTA_JITTER_US;
}

static inline rta_slot *rta_jitter_slot(const rta_jitter *j, int64_t sequence)
{
    return &j->slots[sequence % j->capacity]; /* numbers are 0 or more */
}

static inline int rta_jitter_holds(const rta_jitter *j, int64_t sequence)
{
    const rta_slot *slot = rta_jitter_slot(j, sequence);
    return slot->state == RTA_SLOT_HELD && slot->sequence == sequence;
}

/* Where the sound ends that has arrived. */
static inline int64_t rta_jitter_end(const rta_jitter *j)
{
    return j->newest_position + j->newest_ticks;
}

/* How late the sound at `position` is played when it is played now. */
static inline int64_t rta_jitter_delay_at(const rta_jitter *j, int64_t position, int64_t now_us)
{
    return now_us - rta_jitter_to_us(j, position) - rta_delay_base(&j->delay);
}

static inline int64_t rta_jitter_target(const rta_jitter *j)
{
    int64_t target = rta_delay_quantile(&j->delay);
    if (j->delay.heard_us < RTA_LEARNS_US && target < j->initial_us)
        target = j->initial_us;
    return target < j->least_us ? j->least_us : target > j->most_us ? j->most_us : target;
}

/* --- pushing ------------------------------------------------------------------------------------ */

/* Forget the stream; counters go on. */
static inline void rta_jitter_clear(rta_jitter *j)
{
    int64_t i;
    j->counts.discarded += j->held;
    for (i = 0; i < j->capacity; i++) {
        j->slots[i].state = RTA_SLOT_EMPTY;
        j->slots[i].sequence = -1;
    }
    rta_delay_start(&j->delay, j->most_us, j->delay.late_share, j->delay.memory_us);
    j->started = j->has_source = j->suspected = 0;
    j->ended = -1;
    j->held = j->covered = 0;
    j->playing = j->has_played = j->in_dtx = 0;
    j->ticks = j->clock_rate / 50;
    j->delay_us = 0;
    j->spare_us = j->spare_before_us = RTA_JITTER_UNKNOWN;
    j->spare_heard_us = 0;
}

/* Go on to `sequence`: of those before it, what is held is discarded and what is missing is lost. */
static inline void rta_jitter_give_up_to(rta_jitter *j, int64_t sequence)
{
    int64_t number = j->next, dropped = 0;
    if (sequence - number > j->capacity)
        number = sequence - j->capacity; /* each slot once */
    for (; number < sequence; number++) {
        rta_slot *slot = rta_jitter_slot(j, number);
        if (slot->state == RTA_SLOT_HELD) {
            dropped++;
            slot->state = RTA_SLOT_DONE;
        }
        if (slot->sequence != number) {
            slot->sequence = number;
            slot->state = RTA_SLOT_GIVEN_UP;
        }
    }
    j->held -= dropped;
    j->counts.discarded += dropped;
    j->counts.lost += sequence - j->next - dropped;
    j->next = sequence;
}

/* Where sound that follows no timestamp belongs: after all there is, and no earlier than its arrival
 * says. */
static inline int64_t rta_jitter_anew(const rta_jitter *j, int64_t arrival_us)
{
    int64_t position = rta_jitter_to_ticks(j, arrival_us - rta_delay_base(&j->delay));
    int64_t end = rta_jitter_end(j);
    return position > end ? position : end;
}

/* The extended sequence number and position of a packet that arrived; 0 where it is to be dropped.
 * Changes nothing else than what concerns restarts. */
static inline int rta_jitter_place(rta_jitter *j, int sequenced, uint16_t raw, uint32_t timestamp,
                                   int has_source, uint32_t source, int64_t arrival_us,
                                   int64_t *sequence, int64_t *position)
{
    int32_t away, step;
    int64_t ahead_us;
    int dry = !j->held && !j->playing;
    if (!j->started) {
        *sequence = (int64_t)1 << 32; /* room for what was sent before and comes later */
        *position = (int64_t)1 << 32;
        return 1;
    }
    if (!sequenced) {
        *sequence = j->newest + 1;
        *position = rta_jitter_end(j);
        ahead_us = rta_jitter_delay_at(j, *position, arrival_us);
        if (j->newest == j->ended || (dry && ahead_us > j->most_us))
            *position = rta_jitter_anew(j, arrival_us);
        return 1;
    }
    away = (int16_t)(uint16_t)(raw - j->newest_raw);
    if (has_source && j->has_source && source != j->source) {
        j->suspected = 1;
        j->suspect_raw = raw;
        away = RTA_MAX_DROPOUT;
    }
    if (away >= RTA_MAX_DROPOUT || away <= -RTA_MAX_MISORDER) {
        if (!j->suspected || raw != j->suspect_raw) {
            j->suspected = 1;
            j->suspect_raw = (uint16_t)(raw + 1);
            return 0;
        }
        j->suspected = 0;
        j->counts.restarts++;
        *sequence = j->newest + 1;
        *position = rta_jitter_anew(j, arrival_us);
        return 1;
    }
    j->suspected = 0;
    step = (int32_t)(timestamp - j->newest_timestamp);
    *sequence = j->newest + away;
    *position = j->newest_position + step;
    if (away == 0)
        return 1;
    if (away < 0)
        return step < 0 && -(int64_t)step < 10 * (int64_t)j->clock_rate;
    /* What follows without a gap is right, however late it comes; what does not, is so by the clock. */
    ahead_us = -rta_jitter_delay_at(j, *position, arrival_us);
    if (step <= 0 || (step != away * (int64_t)j->newest_ticks && ahead_us > RTA_MAX_AHEAD_US)) {
        j->counts.restarts++;
        *position = rta_jitter_anew(j, arrival_us);
    } else if (dry && -ahead_us > j->most_us) {
        *position = rta_jitter_anew(j, arrival_us);
    }
    return 1;
}

static inline int rta_slot_fill(rta_slot *slot, const uint8_t *bytes, int32_t length)
{
    if (length > slot->room) {
        int32_t room = 64;
        uint8_t *grown;
        while (room < length)
            room *= 2;
        grown = realloc(slot->bytes, (size_t)room);
        if (grown == NULL)
            return -1;
        slot->bytes = grown;
        slot->room = room;
    }
    if (length > 0)
        memcpy(slot->bytes, bytes, (size_t)length);
    slot->length = length;
    return 0;
}

typedef struct {
    const uint8_t *bytes;
    int32_t length, ticks; /* ticks: 1 or more */
    int has_fec, is_dtx, is_piece; /* is_piece: its length is an accident */
    int sequenced, has_source; /* whether the next three, or the last, mean something */
    uint16_t sequence;
    uint32_t timestamp, source;
    int64_t arrival_us;
} rta_packet;

/* Take a packet in: the copy is ours. Returns one of enum rta_pushed. */
static inline int rta_jitter_push(rta_jitter *j, const rta_packet *packet)
{
    int64_t sequence, position, delay_us, span_us = rta_jitter_to_us(j, packet->ticks);
    rta_slot *slot;
    int past, kept = 1;
    if (!rta_jitter_place(j, packet->sequenced, packet->sequence, packet->timestamp,
                          packet->has_source, packet->source, packet->arrival_us, &sequence,
                          &position)) {
        j->counts.received++;
        j->counts.discarded++;
        return RTA_PUSH_DROPPED;
    }
    if (!j->started)
        j->next = sequence;
    else if (sequence < j->next && !j->has_played && j->newest - sequence < j->capacity)
        j->next = sequence; /* nothing was played, so there is still time for it */
    slot = rta_jitter_slot(j, sequence);
    past = sequence < j->next;
    if (slot->sequence == sequence &&
        (slot->state == RTA_SLOT_HELD || slot->state == RTA_SLOT_DONE)) {
        j->counts.received++;
        j->counts.duplicated++;
        return RTA_PUSH_DROPPED;
    }
    if (sequence >= j->next + j->capacity) {
        if (j->held && j->overflow == RTA_OVERFLOW_ERROR)
            return RTA_PUSH_NO_ROOM;
        kept = !j->held || j->overflow == RTA_OVERFLOW_DROP_OLDEST;
        if (kept) {
            rta_jitter_give_up_to(j, sequence - j->capacity + 1);
            j->covered = 0;
        }
    }
    if (kept && !past && rta_slot_fill(slot, packet->bytes, packet->length) < 0)
        return RTA_PUSH_NO_MEMORY;

    j->counts.received++;
    delay_us = rta_delay_arrived(&j->delay, packet->arrival_us,
                                 packet->arrival_us - rta_jitter_to_us(j, position));
    rta_delay_observe(&j->delay, delay_us, span_us);
    if (j->started && sequence > j->newest + 1 && packet->has_fec)
        /* The packet before this one comes with it, as a copy, one frame late. */
        rta_delay_observe(&j->delay, delay_us + span_us, span_us);
    if (j->started && sequence < j->newest)
        j->counts.reordered++;
    if (!j->started || sequence > j->newest) {
        j->started = 1;
        j->newest = sequence;
        j->newest_position = position;
        j->newest_ticks = packet->ticks;
        j->newest_raw = packet->sequence;
        j->newest_timestamp = packet->timestamp;
        j->has_source = packet->has_source;
        j->source = packet->source;
    }
    if (slot->sequence == sequence && slot->state == RTA_SLOT_GIVEN_UP) {
        j->counts.lost--;
        slot->state = RTA_SLOT_DONE;
    }
    if (past) {
        j->counts.late++;
        return RTA_PUSH_DROPPED;
    }
    if (!kept) {
        j->counts.discarded++;
        return RTA_PUSH_DROPPED;
    }
    slot->sequence = sequence;
    slot->position = position;
    slot->ticks = packet->ticks;
    slot->has_fec = (int8_t)packet->has_fec;
    slot->is_dtx = (int8_t)packet->is_dtx;
    slot->is_piece = (int8_t)packet->is_piece;
    slot->state = RTA_SLOT_HELD;
    j->held++;
    return RTA_PUSH_KEPT;
}

/* What has arrived so far ends an utterance. */
static inline void rta_jitter_end_utterance(rta_jitter *j)
{
    if (j->started)
        j->ended = j->newest;
}

#endif
