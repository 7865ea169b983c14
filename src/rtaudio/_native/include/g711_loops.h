/* G.711 over whole buffers, for each_level.h. */

RTA_LEVEL_TARGET
static void RTA_NAME(rta_ulaw_encode_)(const int16_t *samples, ptrdiff_t count, uint8_t *out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = rta_ulaw_from_s16(samples[i]);
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_alaw_encode_)(const int16_t *samples, ptrdiff_t count, uint8_t *out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = rta_alaw_from_s16(samples[i]);
}

/* Decoding shifts by an amount that varies per sample. Only AVX-512 can do that to 16 lanes of 16
 * bits (2 to 5 times faster than a look-up); elsewhere a table of 512 bytes, which stays in the first
 * cache, is at least as fast. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_ulaw_decode_)(const uint8_t *codes, ptrdiff_t count, int16_t *out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = RTA_LANES == 16 ? rta_s16_from_ulaw(codes[i]) : rta_ulaw_table[codes[i]];
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_alaw_decode_)(const uint8_t *codes, ptrdiff_t count, int16_t *out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = RTA_LANES == 16 ? rta_s16_from_alaw(codes[i]) : rta_alaw_table[codes[i]];
}
