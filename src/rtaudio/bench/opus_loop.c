/* The work of an Opus encoder or decoder with nothing around it: the floor that a binding is measured
 * against. Compiled when the benchmark runs, called through ctypes; libopus comes in as addresses of
 * its functions, so that it is the very library that is loaded already and no headers are needed. */

#include <stdint.h>

typedef int32_t (*encode_function)(void *, const int16_t *, int, unsigned char *, int32_t);
typedef int (*decode_function)(void *, const unsigned char *, int32_t, int16_t *, int, int);

/* Encodes `frames` frames of `frame_size` samples. Packets go to out, `room` bytes apart; their
 * lengths to `lengths`. Returns 0, or libopus's error. */
int rta_encode_loop(
    encode_function encode, void *state, const int16_t *pcm, int frames, int frame_size,
    unsigned char *out, int room, int32_t *lengths)
{
    for (int i = 0; i < frames; i++) {
        int32_t n = encode(state, pcm + (long)i * frame_size, frame_size, out + (long)i * room, room);
        if (n < 0)
            return n;
        lengths[i] = n;
    }
    return 0;
}

/* Decodes `frames` packets that stand `room` bytes apart. Returns 0, or libopus's error. */
int rta_decode_loop(
    decode_function decode, void *state, const unsigned char *packets, int room,
    const int32_t *lengths, int frames, int frame_size, int16_t *out)
{
    for (int i = 0; i < frames; i++) {
        int n = decode(state, packets + (long)i * room, lengths[i], out + (long)i * frame_size,
                       frame_size, 0);
        if (n != frame_size)
            return n < 0 ? n : -1;
    }
    return 0;
}
