/* The part of libopus's C interface that the Opus kernel calls, found at run time.
 *
 * The prototypes and request numbers follow the public libopus API (opus.h, opus_defines.h), which
 * has been stable since 1.0; they are restated here so that building needs neither libopus nor its
 * headers. States are opaque: libopus allocates and frees them.
 */
#ifndef RTA_OPUS_H
#define RTA_OPUS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RTA_OPUS_AUTO (-1000)
#define RTA_OPUS_ALLOC_FAIL (-7)
#define RTA_OPUS_UNIMPLEMENTED (-5)
#define RTA_OPUS_INVALID_PACKET (-4)

/* Arguments of opus_encoder_create: what the encoder is tuned for. */
#define RTA_OPUS_APPLICATION_VOIP 2048
#define RTA_OPUS_APPLICATION_AUDIO 2049
#define RTA_OPUS_APPLICATION_LOWDELAY 2051

#define RTA_OPUS_SIGNAL_VOICE 3001
#define RTA_OPUS_SIGNAL_MUSIC 3002

#define RTA_OPUS_BANDWIDTH_NARROWBAND 1101
#define RTA_OPUS_BANDWIDTH_MEDIUMBAND 1102
#define RTA_OPUS_BANDWIDTH_WIDEBAND 1103
#define RTA_OPUS_BANDWIDTH_SUPERWIDEBAND 1104
#define RTA_OPUS_BANDWIDTH_FULLBAND 1105

/* Requests of the _ctl functions. What sets has an even number, what reads the same one plus 1. */
#define RTA_OPUS_SET_APPLICATION 4000
#define RTA_OPUS_GET_APPLICATION 4001
#define RTA_OPUS_SET_BITRATE 4002
#define RTA_OPUS_GET_BITRATE 4003
#define RTA_OPUS_SET_MAX_BANDWIDTH 4004
#define RTA_OPUS_GET_MAX_BANDWIDTH 4005
#define RTA_OPUS_SET_VBR 4006
#define RTA_OPUS_GET_VBR 4007
#define RTA_OPUS_SET_BANDWIDTH 4008
#define RTA_OPUS_SET_COMPLEXITY 4010
#define RTA_OPUS_GET_COMPLEXITY 4011
#define RTA_OPUS_SET_INBAND_FEC 4012
#define RTA_OPUS_GET_INBAND_FEC 4013
#define RTA_OPUS_SET_PACKET_LOSS_PERC 4014
#define RTA_OPUS_GET_PACKET_LOSS_PERC 4015
#define RTA_OPUS_SET_DTX 4016
#define RTA_OPUS_GET_DTX 4017
#define RTA_OPUS_SET_VBR_CONSTRAINT 4020
#define RTA_OPUS_GET_VBR_CONSTRAINT 4021
#define RTA_OPUS_SET_SIGNAL 4024
#define RTA_OPUS_GET_SIGNAL 4025
#define RTA_OPUS_GET_LOOKAHEAD 4027
#define RTA_OPUS_RESET_STATE 4028
#define RTA_OPUS_GET_IN_DTX 4049
#define RTA_OPUS_SET_DRED_DURATION 4050 /* since 1.5, in frames of 10 ms */

typedef struct rta_opus_encoder rta_opus_encoder; /* libopus's OpusEncoder */
typedef struct rta_opus_decoder rta_opus_decoder; /* libopus's OpusDecoder */

typedef struct {
    void *handle; /* from dlopen; NULL while nothing is loaded */
    const char *(*get_version_string)(void);
    const char *(*strerror)(int error);
    rta_opus_encoder *(*encoder_create)(int32_t rate, int channels, int application, int *error);
    void (*encoder_destroy)(rta_opus_encoder *state);
    int (*encoder_ctl)(rta_opus_encoder *state, int request, ...);
    int32_t (*encode)(rta_opus_encoder *state, const int16_t *pcm, int samples_per_channel,
                      unsigned char *packet, int32_t max_packet_bytes);
    rta_opus_decoder *(*decoder_create)(int32_t rate, int channels, int *error);
    void (*decoder_destroy)(rta_opus_decoder *state);
    int (*decoder_ctl)(rta_opus_decoder *state, int request, ...);
    int (*decode)(rta_opus_decoder *state, const unsigned char *packet, int32_t packet_bytes,
                  int16_t *pcm, int samples_per_channel, int fec);
    int (*packet_get_nb_samples)(const unsigned char *packet, int32_t packet_bytes, int32_t rate);
} rta_opus_api;

/* Stores the address of one function. memcpy, because ISO C has no cast from void * to one. */
static inline int rta_opus_symbol(void *handle, const char *name, void *function)
{
    void *address = dlsym(handle, name);
    if (address == NULL)
        return -1;
    memcpy(function, &address, sizeof address);
    return 0;
}

static inline void rta_opus_close(rta_opus_api *api)
{
    if (api->handle != NULL)
        dlclose(api->handle);
    memset(api, 0, sizeof *api);
}

/* Fills the table from the library at `path` (a file, or a name for the system's loader).
 * Returns NULL, or what went wrong; then `api` is all zero. The text is valid until the next call
 * into the dynamic loader on this thread. */
static inline const char *rta_opus_open(const char *path, rta_opus_api *api)
{
    memset(api, 0, sizeof *api);
    /* Local, so that this copy never answers for the libopus that another library linked. */
    api->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (api->handle == NULL) {
        const char *reason = dlerror();
        return reason != NULL ? reason : "dlopen failed";
    }
#define RTA_OPUS_RESOLVE(field)                                             \
    if (rta_opus_symbol(api->handle, "opus_" #field, &api->field) != 0) {   \
        rta_opus_close(api);                                                \
        return "it has no function opus_" #field;                           \
    }
    RTA_OPUS_RESOLVE(get_version_string)
    RTA_OPUS_RESOLVE(strerror)
    RTA_OPUS_RESOLVE(encoder_create)
    RTA_OPUS_RESOLVE(encoder_destroy)
    RTA_OPUS_RESOLVE(encoder_ctl)
    RTA_OPUS_RESOLVE(encode)
    RTA_OPUS_RESOLVE(decoder_create)
    RTA_OPUS_RESOLVE(decoder_destroy)
    RTA_OPUS_RESOLVE(decoder_ctl)
    RTA_OPUS_RESOLVE(decode)
    RTA_OPUS_RESOLVE(packet_get_nb_samples)
#undef RTA_OPUS_RESOLVE
    return NULL;
}

/* The file that an open table's functions come from, or NULL where the loader cannot say. */
static inline const char *rta_opus_file(const rta_opus_api *api)
{
    Dl_info info;
    void *address = dlsym(api->handle, "opus_get_version_string");
    if (address == NULL || dladdr(address, &info) == 0)
        return NULL;
    return info.dli_fname;
}

/* The variadic controls with the one argument each request here takes. */
static inline int rta_opus_encoder_set(const rta_opus_api *api, rta_opus_encoder *state,
                                       int request, int32_t value)
{
    return api->encoder_ctl(state, request, value);
}

static inline int rta_opus_encoder_get(const rta_opus_api *api, rta_opus_encoder *state,
                                       int request, int32_t *value)
{
    return api->encoder_ctl(state, request, value);
}

static inline int rta_opus_encoder_reset(const rta_opus_api *api, rta_opus_encoder *state)
{
    return api->encoder_ctl(state, RTA_OPUS_RESET_STATE);
}

static inline int rta_opus_decoder_set(const rta_opus_api *api, rta_opus_decoder *state,
                                       int request, int32_t value)
{
    return api->decoder_ctl(state, request, value);
}

static inline int rta_opus_decoder_reset(const rta_opus_api *api, rta_opus_decoder *state)
{
    return api->decoder_ctl(state, RTA_OPUS_RESET_STATE);
}

#endif
