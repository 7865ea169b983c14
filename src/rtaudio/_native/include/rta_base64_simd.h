/* Base64 in vectors, included by rta_base64.h, which says what these functions promise.
 *
 * x86-64: the methods of Mula and Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions" (2018) and "Base64 encoding and decoding at almost the speed of a memory copy" (2020).
 * In short: a shuffle lays the three bytes of each group out in 32 bits so that all four 6-bit values
 * stand in one piece; multiplications (or shifts of each byte by its own count) bring each to its
 * byte; a table look-up makes characters of them. Decoding goes back the same way: two
 * multiply-and-add steps join four values to 24 bits.
 * aarch64: loads and stores that deal bytes out to three or four registers do the laying out. */
#ifndef RTA_BASE64_SIMD_H
#define RTA_BASE64_SIMD_H

static uint8_t rta_base64_found[128]; /* character -> its value, or 0x80 */

#if RTA_X86
#include <immintrin.h>

static uint8_t rta_base64_lay_out[64]; /* bytes 1 0 2 1 of each three */
static uint8_t rta_base64_collect[64]; /* bytes 2 1 0 of each four; 48 of them */

#define RTA_TARGET_AVX512VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

/* 12 bytes at a time and lane, of 16 that are loaded. */
RTA_TARGET_AVX2
static ptrdiff_t rta_base64_encode_avx2(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const __m256i lay_out = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
    /* What is added to a value, by its kind: a-z, ten digits, +, /, and A-Z in place 13. */
    const __m256i offsets = _mm256_broadcastsi128_si256(
        _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                      '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
    for (; length >= 28; length -= 24, in += 24, out += 32) {
        __m256i x = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)in)),
            _mm_loadu_si128((const __m128i *)(in + 12)), 1);
        x = _mm256_shuffle_epi8(x, lay_out);
        __m256i odd = _mm256_mulhi_epu16(_mm256_and_si256(x, _mm256_set1_epi32(0x0fc0fc00)),
                                         _mm256_set1_epi32(0x04000040));
        __m256i even = _mm256_mullo_epi16(_mm256_and_si256(x, _mm256_set1_epi32(0x003f03f0)),
                                          _mm256_set1_epi32(0x01000010));
        __m256i values = _mm256_or_si256(odd, even);
        __m256i kinds = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
        __m256i capital = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
        kinds = _mm256_or_si256(kinds, _mm256_and_si256(capital, _mm256_set1_epi8(13)));
        values = _mm256_add_epi8(values, _mm256_shuffle_epi8(offsets, kinds));
        _mm256_storeu_si256((__m256i *)out, values);
    }
    return in - start;
}

/* A character is good if its lower four bits allow its upper four: bit by bit of the first table, the
 * groups 2 (+ and /), 3 (digits), 4 and 6 (letters from A on), 5 and 7 (up to z), all others.
 *
 * A step stores 32 bytes, of which the next one overwrites eight: so it needs room for all of them,
 * which 44 characters have. */
RTA_TARGET_AVX2
static ptrdiff_t rta_base64_decode_avx2(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const __m256i refused_by_low = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A, 0x1B,
                      0x1B, 0x1B, 0x1A));
    const __m256i group_of_high = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10,
                      0x10, 0x10, 0x10));
    /* What is added to a character, by its upper four bits; place 1 is for / (2 - 1). */
    const __m256i offsets = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0,
                      0, 0, 0));
    const __m256i collect = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    const __m256i nibble = _mm256_set1_epi8(15);
    for (; length >= 44; length -= 32, in += 32, out += 24) {
        __m256i x = _mm256_loadu_si256((const __m256i *)in);
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(x, 4), nibble);
        __m256i low = _mm256_and_si256(x, nibble);
        __m256i slash = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('/'));
        if (!_mm256_testz_si256(_mm256_shuffle_epi8(refused_by_low, low),
                                _mm256_shuffle_epi8(group_of_high, high)))
            break;
        x = _mm256_add_epi8(x, _mm256_shuffle_epi8(offsets, _mm256_add_epi8(high, slash)));
        x = _mm256_maddubs_epi16(x, _mm256_set1_epi32(0x01400140));
        x = _mm256_madd_epi16(x, _mm256_set1_epi32(0x00011000));
        x = _mm256_shuffle_epi8(x, collect);
        x = _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)out, x);
    }
    return in - start;
}

static inline uint64_t rta_first_bits(ptrdiff_t count)
{
    return count < 64 ? ((uint64_t)1 << count) - 1 : ~(uint64_t)0;
}

/* Loads and stores by mask take care of what does not fill a vector. */
RTA_TARGET_AVX512VBMI
static ptrdiff_t rta_base64_encode_avx512(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const __m512i lay_out = _mm512_loadu_si512(rta_base64_lay_out);
    const __m512i alphabet = _mm512_loadu_si512(rta_base64_alphabet);
    const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040a); /* 10 4 22 16, then 32 more */
    while (length >= 3) {
        ptrdiff_t step = length < 48 ? length / 3 * 3 : 48;
        __m512i x = _mm512_maskz_loadu_epi8(rta_first_bits(step), in);
        x = _mm512_multishift_epi64_epi8(shifts, _mm512_permutexvar_epi8(lay_out, x));
        /* Of each index the look-up takes the lower six bits. */
        x = _mm512_permutexvar_epi8(x, alphabet);
        _mm512_mask_storeu_epi8(out, rta_first_bits(step / 3 * 4), x);
        length -= step, in += step, out += 64;
    }
    return in - start;
}

RTA_TARGET_AVX512VBMI
static ptrdiff_t rta_base64_decode_avx512(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const __m512i first = _mm512_loadu_si512(rta_base64_found);
    const __m512i second = _mm512_loadu_si512(rta_base64_found + 64);
    const __m512i collect = _mm512_loadu_si512(rta_base64_collect);
    uint64_t refused = 0;
    while (!refused) {
        /* What the mask leaves out is 0, which is refused. */
        __m512i x = _mm512_maskz_loadu_epi8(rta_first_bits(length), in);
        /* Of each index the look-up takes the lower seven bits; the eighth is refused here. */
        __m512i found = _mm512_permutex2var_epi8(first, x, second);
        refused = _mm512_movepi8_mask(_mm512_or_si512(found, x));
        x = _mm512_maddubs_epi16(found, _mm512_set1_epi32(0x01400140));
        x = _mm512_madd_epi16(x, _mm512_set1_epi32(0x00011000));
        x = _mm512_permutexvar_epi8(collect, x);
        ptrdiff_t step = refused ? __builtin_ctzll(refused) / 4 * 4 : 64;
        _mm512_mask_storeu_epi8(out, rta_first_bits(step / 4 * 3), x);
        length -= step, in += step, out += 48;
    }
    return in - start;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

static ptrdiff_t rta_base64_encode_neon(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const uint8x16x4_t alphabet = vld1q_u8_x4((const uint8_t *)rta_base64_alphabet);
    const uint8x16_t six_bits = vdupq_n_u8(63);
    for (; length >= 48; length -= 48, in += 48, out += 64) {
        uint8x16x3_t x = vld3q_u8(in);
        uint8x16x4_t values;
        values.val[0] = vshrq_n_u8(x.val[0], 2);
        values.val[1] =
            vandq_u8(vorrq_u8(vshlq_n_u8(x.val[0], 4), vshrq_n_u8(x.val[1], 4)), six_bits);
        values.val[2] =
            vandq_u8(vorrq_u8(vshlq_n_u8(x.val[1], 2), vshrq_n_u8(x.val[2], 6)), six_bits);
        values.val[3] = vandq_u8(x.val[2], six_bits);
        for (int i = 0; i < 4; i++)
            values.val[i] = vqtbl4q_u8(alphabet, values.val[i]);
        vst4q_u8(out, values);
    }
    return in - start;
}

static ptrdiff_t rta_base64_decode_neon(const uint8_t *in, ptrdiff_t length, uint8_t *out)
{
    const uint8_t *const start = in;
    const uint8x16x4_t first = vld1q_u8_x4(rta_base64_found);
    const uint8x16x4_t second = vld1q_u8_x4(rta_base64_found + 64);
    const uint8x16_t flip = vdupq_n_u8(64);
    for (; length >= 64; length -= 64, in += 64, out += 48) {
        uint8x16x4_t x = vld4q_u8(in);
        uint8x16x3_t bytes;
        uint8x16_t refused = vdupq_n_u8(0);
        for (int i = 0; i < 4; i++) {
            /* A look-up past its table gives 0, so of the two at most one is not 0. */
            uint8x16_t found = vorrq_u8(vqtbl4q_u8(first, x.val[i]),
                                        vqtbl4q_u8(second, veorq_u8(x.val[i], flip)));
            refused = vorrq_u8(refused, vorrq_u8(found, x.val[i]));
            x.val[i] = found;
        }
        if (vmaxvq_u8(refused) >= 0x80)
            break;
        bytes.val[0] = vorrq_u8(vshlq_n_u8(x.val[0], 2), vshrq_n_u8(x.val[1], 4));
        bytes.val[1] = vorrq_u8(vshlq_n_u8(x.val[1], 4), vshrq_n_u8(x.val[2], 2));
        bytes.val[2] = vorrq_u8(vshlq_n_u8(x.val[2], 6), x.val[3]);
        vst3q_u8(out, bytes);
    }
    return in - start;
}
#endif

static inline void rta_base64_init_simd(void)
{
    memset(rta_base64_found, 0x80, sizeof(rta_base64_found));
    for (int value = 0; value < 64; value++)
        rta_base64_found[(uint8_t)rta_base64_alphabet[value]] = (uint8_t)value;
#if RTA_X86
    for (int byte = 0; byte < 64; byte++) {
        rta_base64_lay_out[byte] = (uint8_t)(byte / 4 * 3 + (const uint8_t[]){1, 0, 2, 1}[byte % 4]);
        rta_base64_collect[byte] = (uint8_t)(byte < 48 ? byte / 3 * 4 + 2 - byte % 3 : 0);
    }
#endif
}

#endif
