/* G.711 over whole buffers, for each_level.h.
 *
 * AVX2 and AVX-512 have intrinsics here, since these win measurably: they average where compilers
 * shift and add, and look factors up by shuffling bytes, which compilers do not do at all. Samples
 * per ns on an AMD Zen 5 with gcc 12, in mu-law and A-law, of 4096: encoding 3.3 and 4.1 with SSE2,
 * 8.4 and 9.0 with AVX2, 18 and 20 with AVX-512; decoding 4.2 from the table, 16 with AVX2, 32 with
 * AVX-512. Plain loops for AVX2 made 5.9 and 7.6, and 4.6 of decoding. A table of all 65536 codes
 * would encode 4 per ns, while it fills the caches. */

#if RTA_LANES > 4
#if RTA_LANES == 8
#define RTA_LANES_S16 __m256i
#define RTA_MM(name) _mm256_##name
#define RTA_BITWISE(name) _mm256_##name##_si256
#define RTA_LOAD(from) _mm256_loadu_si256((const __m256i *)(from))
#define RTA_STORE(to, values) _mm256_storeu_si256((__m256i *)(to), values)
#define RTA_WIDEN(from) _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(from)))
#define RTA_TABLE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))
#define RTA_NARROW(to, values)                                                                    \
    _mm_storeu_si128((__m128i *)(to), _mm_packus_epi16(_mm256_castsi256_si128(values),            \
                                                       _mm256_extracti128_si256(values, 1)))
/* Negative where bit 7 of the code is set. */
#define RTA_SIGNED(magnitude, code)                                                               \
    _mm256_sign_epi16(magnitude,                                                                  \
                      _mm256_or_si256(_mm256_slli_epi16(code, 8), _mm256_set1_epi16(1)))
#else
#define RTA_LANES_S16 __m512i
#define RTA_MM(name) _mm512_##name
#define RTA_BITWISE(name) _mm512_##name##_si512
#define RTA_LOAD(from) _mm512_loadu_si512(from)
#define RTA_STORE(to, values) _mm512_storeu_si512(to, values)
#define RTA_WIDEN(from) _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(from)))
#define RTA_TABLE(...) _mm512_broadcast_i32x4(_mm_setr_epi8(__VA_ARGS__))
#define RTA_NARROW(to, values) _mm256_storeu_si256((__m256i *)(to), _mm512_cvtepi16_epi8(values))
#define RTA_SIGNED(magnitude, code)                                                               \
    _mm512_mask_sub_epi16(magnitude, _mm512_test_epi16_mask(code, _mm512_set1_epi16(0x80)),       \
                          _mm512_setzero_si512(), magnitude)
#endif
#define RTA_ALL(value) RTA_MM(set1_epi16)((int16_t)(value))
#define RTA_STEP (2 * RTA_LANES)

/* rta_float_code of each lane. If `line` is (m >> s) + 16 s, its average with 16 s + 31, rounded
 * upwards, is the line of the next segment. */
RTA_LEVEL_TARGET __attribute__((always_inline)) static inline RTA_LANES_S16
RTA_NAME(rta_float_codes_)(RTA_LANES_S16 magnitude)
{
    RTA_LANES_S16 code = magnitude, line = magnitude;
#pragma GCC unroll 7
    for (int s = 0; s < 7; s++) {
        line = RTA_MM(avg_epu16)(line, RTA_ALL(16 * s + 31));
        code = RTA_MM(min_epi16)(code, line);
    }
    return code;
}

/* Entry `segment` of a table; the segment is in bits 4 to 6 of a code. Low bytes of lanes are
 * looked up, high ones become 0 for their set top bit. Bit 7 is the sign: tables come twice. */
#define RTA_LOOK_UP(table, code)                                                                  \
    RTA_MM(shuffle_epi8)(table, RTA_BITWISE(or)(RTA_MM(srli_epi16)(code, 4), RTA_ALL(0x8000)))
#endif

RTA_LEVEL_TARGET
static void RTA_NAME(rta_ulaw_encode_)(const int16_t *samples, ptrdiff_t count, uint8_t *out)
{
    ptrdiff_t i = 0;
#if RTA_LANES > 4
    for (; i <= count - RTA_STEP; i += RTA_STEP) {
        RTA_LANES_S16 sample = RTA_LOAD(samples + i), sign = RTA_MM(srai_epi16)(sample, 15);
        RTA_LANES_S16 biased = RTA_MM(adds_epi16)(RTA_BITWISE(xor)(sample, sign), RTA_ALL(4 * 33));
        RTA_LANES_S16 code = RTA_NAME(rta_float_codes_)(RTA_MM(srli_epi16)(biased, 3));
        code = RTA_MM(sub_epi16)(RTA_ALL(0x7F + 16), code);
        RTA_NARROW(out + i, RTA_BITWISE(or)(code, RTA_BITWISE(andnot)(sign, RTA_ALL(0x80))));
    }
#endif
    for (; i < count; i++)
        out[i] = rta_ulaw_from_s16(samples[i]);
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_alaw_encode_)(const int16_t *samples, ptrdiff_t count, uint8_t *out)
{
    ptrdiff_t i = 0;
#if RTA_LANES > 4
    for (; i <= count - RTA_STEP; i += RTA_STEP) {
        RTA_LANES_S16 sample = RTA_LOAD(samples + i), sign = RTA_MM(srai_epi16)(sample, 15);
        RTA_LANES_S16 magnitude = RTA_MM(srli_epi16)(RTA_BITWISE(xor)(sample, sign), 4);
        RTA_LANES_S16 code = RTA_NAME(rta_float_codes_)(magnitude);
        sign = RTA_BITWISE(and)(sign, RTA_ALL(0x80));
        RTA_NARROW(out + i, RTA_BITWISE(xor)(RTA_BITWISE(or)(code, sign), RTA_ALL(0xD5)));
    }
#endif
    for (; i < count; i++)
        out[i] = rta_alaw_from_s16(samples[i]);
}

/* Where no shuffle helps, a table of 512 bytes is at least as fast as arithmetic; it stays in the
 * first cache. */
RTA_LEVEL_TARGET
static void RTA_NAME(rta_ulaw_decode_)(const uint8_t *codes, ptrdiff_t count, int16_t *out)
{
    ptrdiff_t i = 0;
#if RTA_LANES > 4
    /* 2^segment */
    const RTA_LANES_S16 factors =
        RTA_TABLE(1, 2, 4, 8, 16, 32, 64, (char)128, 1, 2, 4, 8, 16, 32, 64, (char)128);
    for (; i <= count - RTA_STEP; i += RTA_STEP) {
        RTA_LANES_S16 code = RTA_BITWISE(xor)(RTA_WIDEN(codes + i), RTA_ALL(0xFF));
        RTA_LANES_S16 value = RTA_BITWISE(and)(code, RTA_ALL(0x0F));
        value = RTA_MM(add_epi16)(RTA_MM(add_epi16)(value, value), RTA_ALL(33));
        value = RTA_MM(mullo_epi16)(value, RTA_LOOK_UP(factors, code));
        value = RTA_MM(slli_epi16)(RTA_MM(sub_epi16)(value, RTA_ALL(33)), 2);
        RTA_STORE(out + i, RTA_SIGNED(value, code));
    }
#endif
    for (; i < count; i++)
        out[i] = rta_ulaw_table[codes[i]];
}

RTA_LEVEL_TARGET
static void RTA_NAME(rta_alaw_decode_)(const uint8_t *codes, ptrdiff_t count, int16_t *out)
{
    ptrdiff_t i = 0;
#if RTA_LANES > 4
    /* 2^(segment - 1), and what is added to the mantissa, except in segment 0, twice. */
    const RTA_LANES_S16 factors =
        RTA_TABLE(1, 1, 2, 4, 8, 16, 32, 64, 1, 1, 2, 4, 8, 16, 32, 64);
    const RTA_LANES_S16 bases =
        RTA_TABLE(1, 33, 33, 33, 33, 33, 33, 33, 1, 33, 33, 33, 33, 33, 33, 33);
    for (; i <= count - RTA_STEP; i += RTA_STEP) {
        RTA_LANES_S16 code = RTA_BITWISE(xor)(RTA_WIDEN(codes + i), RTA_ALL(0xD5));
        RTA_LANES_S16 value = RTA_BITWISE(and)(code, RTA_ALL(0x0F));
        value = RTA_MM(add_epi16)(RTA_MM(add_epi16)(value, value), RTA_LOOK_UP(bases, code));
        value = RTA_MM(mullo_epi16)(value, RTA_LOOK_UP(factors, code));
        RTA_STORE(out + i, RTA_SIGNED(RTA_MM(slli_epi16)(value, 3), code));
    }
#endif
    for (; i < count; i++)
        out[i] = rta_alaw_table[codes[i]];
}

#if RTA_LANES > 4
#undef RTA_LANES_S16
#undef RTA_MM
#undef RTA_BITWISE
#undef RTA_LOAD
#undef RTA_STORE
#undef RTA_WIDEN
#undef RTA_TABLE
#undef RTA_NARROW
#undef RTA_SIGNED
#undef RTA_ALL
#undef RTA_STEP
#undef RTA_LOOK_UP
#endif
