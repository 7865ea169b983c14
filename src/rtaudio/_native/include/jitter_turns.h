/* What a jitter buffer gives out, one turn after the other.
 *
 * Theory of operation. Whoever plays asks again and again: for a packet, its copy of the one before
 * (FEC), something to conceal what is missing, or silence. Concealing gives nothing up: it only
 * counts how much sound was covered. When a packet is there, what is missing before it is taken as lost as far
 * as it is covered, so one lost packet costs one concealed frame, whether it was noticed by the hole
 * that it left or by an empty buffer. And a packet that was covered but comes after all is dropped
 * where the delay is long enough already; otherwise it is played, and the delay has grown by what
 * covered it. After a stall the sound so goes on where it stopped.
 *
 * Between utterances there is silence: at the start, in a gap of timestamps without a gap of sequence
 * numbers (discontinuous transmission), where the sender said so, and when concealing has lasted too
 * long. There the next packet waits until it is played with the target delay. */
#ifndef RTA_JITTER_TURNS_H
#define RTA_JITTER_TURNS_H

#include "jitter.h"

enum rta_turn_kind { RTA_TURN_SILENCE, RTA_TURN_PACKET, RTA_TURN_FEC, RTA_TURN_CONCEAL };

typedef struct {
    int kind;
    int32_t ticks;       /* how much sound this turn stands for */
    int comfort;         /* silence of discontinuous transmission, for comfort noise */
    int fades;           /* the last frame that is concealed before silence */
    const rta_slot *slot; /* of RTA_TURN_PACKET and RTA_TURN_FEC; until the next push */
    int64_t spare_us;    /* of RTA_TURN_PACKET: its delay less the target */
} rta_turn;

/* The first packet that is held, or NULL. */
static inline rta_slot *rta_jitter_head(const rta_jitter *j)
{
    int64_t sequence;
    if (!j->held)
        return NULL;
    for (sequence = j->next; !rta_jitter_holds(j, sequence); sequence++)
        ;
    return rta_jitter_slot(j, sequence);
}

static inline void rta_jitter_done(rta_jitter *j, rta_slot *slot)
{
    slot->state = RTA_SLOT_DONE;
    j->held--;
    j->next = slot->sequence + 1;
    j->next_position = slot->position + slot->ticks;
}

/* So much delay could be spared just now, after `span_us` more of sound. */
static inline void rta_jitter_note_spare(rta_jitter *j, int64_t spare_us, int64_t span_us)
{
    j->spare_heard_us += span_us;
    if (j->spare_heard_us >= RTA_SPARE_WINDOW_US) {
        j->spare_heard_us = 0;
        j->spare_before_us = j->spare_us;
        j->spare_us = spare_us;
    } else if (j->spare_us == RTA_JITTER_UNKNOWN || spare_us < j->spare_us) {
        j->spare_us = spare_us;
    }
}

/* What could be spared all the time lately, at least 0. */
static inline int64_t rta_jitter_spare(const rta_jitter *j)
{
    int64_t spare = j->spare_us < j->spare_before_us ? j->spare_us : j->spare_before_us;
    return j->spare_before_us == RTA_JITTER_UNKNOWN || spare < 0 ? 0 : spare;
}

/* The delay was made shorter by so much. */
static inline void rta_jitter_shortened(rta_jitter *j, int64_t us)
{
    j->counts.shortened_us += us;
    j->spare_us -= us;
    j->spare_before_us -= us;
}

static inline void rta_jitter_rest(rta_jitter *j, int in_dtx)
{
    j->playing = 0;
    j->in_dtx = in_dtx;
    j->covered = 0;
    j->spare_us = j->spare_before_us = RTA_JITTER_UNKNOWN;
    j->spare_heard_us = 0;
}

/* What is concealed at once: a frame, but no more than 20 ms, since packets may be there any moment. */
static inline int32_t rta_jitter_unit(const rta_jitter *j)
{
    return j->ticks < j->clock_rate / 50 ? j->ticks : j->clock_rate / 50;
}

/* Conceal one frame more, unless that has lasted too long: then the utterance is over. */
static inline int rta_jitter_conceal(rta_jitter *j, rta_turn *turn)
{
    int32_t unit = rta_jitter_unit(j);
    if (rta_jitter_to_us(j, j->covered + unit) > RTA_CONCEALS_US) {
        rta_jitter_rest(j, 0);
        return 0;
    }
    turn->kind = RTA_TURN_CONCEAL;
    turn->ticks = unit;
    j->covered += unit;
    turn->fades = rta_jitter_to_us(j, j->covered + unit) > RTA_CONCEALS_US;
    j->counts.concealed++;
    j->counts.concealed_ticks += unit;
    return 1;
}

/* Decide what is to be played next, at `now_us`. */
static inline void rta_jitter_take(rta_jitter *j, int64_t now_us, rta_turn *turn)
{
    const int64_t target = rta_jitter_target(j);
    turn->kind = RTA_TURN_SILENCE;
    turn->comfort = turn->fades = 0;
    turn->slot = NULL;
    for (;;) {
        rta_slot *head = rta_jitter_head(j);
        int64_t missing, gap, delay;
        turn->ticks = j->ticks;
        if (head == NULL) {
            if (j->playing && (j->in_dtx || j->next - 1 == j->ended))
                rta_jitter_rest(j, j->in_dtx);
            else if (j->playing)
                rta_jitter_conceal(j, turn);
            turn->comfort = turn->kind == RTA_TURN_SILENCE && j->in_dtx;
            return;
        }
        delay = rta_jitter_delay_at(j, head->position, now_us);
        missing = head->sequence - j->next;
        if (j->live && delay > j->most_us &&
            rta_jitter_to_us(j, rta_jitter_end(j) - head->position - head->ticks) > target) {
            /* Far behind, with enough in store to go on from: what is newer is worth more. */
            rta_jitter_give_up_to(j, head->sequence);
            rta_jitter_done(j, head);
            j->counts.discarded++;
            j->covered = 0;
            continue;
        }
        if (!j->playing) {
            if (delay < target) {
                turn->comfort = j->in_dtx;
                return;
            }
            rta_jitter_give_up_to(j, head->sequence);
        } else {
            gap = head->position - j->next_position;
            if (missing > 0) {
                int64_t open = missing * j->ticks < gap ? missing * j->ticks : gap;
                /* Covered again, from the copy, where that lets the delay grow to what FEC needs. */
                if (j->stretches || !head->has_fec ||
                    2 * (target - delay) < rta_jitter_to_us(j, head->ticks))
                    open -= j->covered;
                /* Of what one concealment covers, more than half is still open. */
                if (2 * open >= rta_jitter_unit(j)) {
                    if (2 * open < 3 * j->ticks && head->has_fec) {
                        rta_jitter_give_up_to(j, head->sequence);
                        turn->kind = RTA_TURN_FEC;
                        turn->slot = head;
                        turn->ticks = head->ticks;
                        j->next_position = head->position;
                        j->covered = 0;
                        j->counts.recovered++;
                        return;
                    }
                    if (rta_jitter_conceal(j, turn))
                        return;
                    continue;
                }
                gap -= missing * j->ticks;
            }
            if (2 * gap >= j->ticks) {
                rta_jitter_rest(j, 1);
                continue;
            }
            if (missing == 0 && j->covered >= head->ticks && j->live &&
                rta_jitter_to_us(j, j->covered) <= RTA_COVERS_US &&
                delay - target >= rta_jitter_to_us(j, head->ticks)) {
                /* What covered for it was heard in its stead, and the delay needs no growing. */
                j->covered -= head->ticks;
                rta_jitter_done(j, head);
                j->counts.late++;
                continue;
            }
            rta_jitter_give_up_to(j, head->sequence);
        }
        turn->kind = RTA_TURN_PACKET;
        turn->slot = head;
        turn->ticks = head->ticks;
        turn->spare_us = delay - target;
        rta_jitter_done(j, head);
        if (!head->is_piece)
            j->ticks = head->ticks;
        j->covered = 0;
        j->playing = j->has_played = 1;
        j->in_dtx = head->is_dtx;
        j->delay_us = delay;
        j->counts.played++;
        return;
    }
}

/* Whether the next turn is a packet that follows without a gap. */
static inline int rta_jitter_ready(const rta_jitter *j)
{
    const rta_slot *slot = rta_jitter_slot(j, j->next);
    return j->held && j->playing && !j->covered && rta_jitter_holds(j, j->next) &&
           2 * (slot->position - j->next_position) < j->ticks;
}

/* Leave out the next packet; rta_jitter_ready must hold. */
static inline void rta_jitter_skip(rta_jitter *j)
{
    rta_slot *slot = rta_jitter_slot(j, j->next);
    rta_jitter_done(j, slot);
    rta_jitter_shortened(j, rta_jitter_to_us(j, slot->ticks));
    j->counts.discarded++;
}

#endif
