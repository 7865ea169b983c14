/* A libopus that says yes to DRED and to deep PLC: the real one, which this is linked to, with three
 * functions in front. It stands for a build with neural networks, which no package here has, so that
 * what the kernels ask of one is tested: the requests, their units, and that they reach the state.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define SET_COMPLEXITY 4010
#define SET_DRED_DURATION 4050
#define DEEP_PLC_COMPLEXITY 5

typedef int ctl_function(void *state, int request, ...);
typedef int decode_function(void *, const unsigned char *, int32_t, int16_t *, int, int);

static int dred_frames = -1;
static void *deep[64];

/* What the encoders were last asked for, in frames of 10 ms; -1 before that. */
int features_dred_frames(void)
{
    return dred_frames;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int opus_encoder_ctl(void *state, int request, ...)
{
    va_list rest;
    va_start(rest, request);
    if (request == SET_DRED_DURATION) {
        dred_frames = va_arg(rest, int);
        va_end(rest);
        return 0;
    }
    void *value = va_arg(rest, void *); /* as wide as any argument of any request */
    va_end(rest);
    return ((ctl_function *)next("opus_encoder_ctl"))(state, request, value);
}

int opus_decoder_ctl(void *state, int request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *value = va_arg(rest, void *);
    va_end(rest);
    if (request != SET_COMPLEXITY)
        return ((ctl_function *)next("opus_decoder_ctl"))(state, request, value);
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        if (deep[i] == state)
            deep[i] = NULL;
    }
    for (size_t i = 0; (int)(intptr_t)value >= DEEP_PLC_COMPLEXITY && i < sizeof deep / sizeof *deep;
         i++) {
        if (deep[i] == NULL) {
            deep[i] = state;
            break;
        }
    }
    return 0;
}

int opus_decode(void *state, const unsigned char *packet, int32_t bytes, int16_t *pcm, int count,
                int fec)
{
    int written = ((decode_function *)next("opus_decode"))(state, packet, bytes, pcm, count, fec);
    for (size_t i = 0; packet == NULL && written > 0 && i < sizeof deep / sizeof *deep; i++) {
        if (deep[i] == state)
            pcm[0] ^= 1; /* concealed otherwise, as far as anybody can tell */
    }
    return written;
}
