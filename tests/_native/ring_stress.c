/* Two threads over include/ring.h: numbered samples must arrive in order, whole, and be accounted
 * for. Prints "ok" without and with overwriting. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "ring.h"

enum { CAPACITY = 997, CHANNELS = 2, TOTAL = 2000000 };

typedef struct {
    rta_ring ring;
    int drop_newest;
    int done;
} shared_state;

static void *produce(void *argument)
{
    shared_state *shared = argument;
    int16_t chunk[300 * CHANNELS];
    uint32_t random = 1;
    int64_t sent = 0;
    while (sent < TOTAL) {
        int64_t count = 1 + (random = random * 1103515245u + 12345u) / 65536 % 300, room;
        if (!shared->ring.overwrites && (room = rta_ring_room(&shared->ring)) < count)
            count = room;
        if (count == 0) {
            sched_yield();
            continue;
        }
        /* Both channels of a sample carry its number, so a torn sample shows. */
        for (int64_t i = 0; i < count; i++)
            chunk[2 * i] = chunk[2 * i + 1] = (int16_t)(sent + i);
        rta_ring_write(&shared->ring, chunk, count);
        sent += count;
    }
    __atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static int consume(shared_state *shared)
{
    static int16_t out[CAPACITY * CHANNELS];
    uint32_t random = 7;
    int64_t position, next = 0, received = 0;
    for (;;) {
        int last = __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE);
        int64_t count = 1 + (random = random * 1103515245u + 12345u) / 65536 % CAPACITY;
        count = rta_ring_copy_oldest(&shared->ring, out, count, &position);
        if (position < next || (!shared->ring.overwrites && position != next)) {
            printf("read at %lld, after %lld\n", (long long)position, (long long)next);
            return 1;
        }
        for (int64_t i = 0; i < count; i++)
            for (int c = 0; c < CHANNELS; c++)
                if (out[2 * i + c] != (int16_t)(position + i)) {
                    printf("sample %lld is %d\n", (long long)(position + i), out[2 * i + c]);
                    return 1;
                }
        rta_ring_release(&shared->ring, position, position + count);
        received += count;
        next = position + count;
        if (last && count == 0)
            break;
        if (count == 0)
            sched_yield();
    }
    if (received + rta_ring_dropped(&shared->ring) < TOTAL) {
        printf("%lld received and %lld dropped of %d\n", (long long)received,
               (long long)rta_ring_dropped(&shared->ring), TOTAL);
        return 1;
    }
    return 0;
}

int main(void)
{
    for (int overwrites = 0; overwrites < 2; overwrites++) {
        shared_state *shared = calloc(1, sizeof(*shared));
        pthread_t producer;
        int failed;
        shared->ring.values = calloc(CAPACITY * CHANNELS, sizeof(int16_t));
        shared->ring.capacity = CAPACITY;
        shared->ring.channels = CHANNELS;
        shared->ring.overwrites = overwrites;
        pthread_create(&producer, NULL, produce, shared);
        failed = consume(shared);
        pthread_join(producer, NULL);
        free(shared->ring.values);
        free(shared);
        if (failed)
            return 1;
        printf("ok\n");
    }
    return 0;
}
