/* The plain texts of JSON: ASCII, nothing escaped. */
#ifndef RTA_TEXT_H
#define RTA_TEXT_H

#include <stdint.h>
#include <string.h>

#define RTA_EACH_BYTE(value) (0x0101010101010101u * (value))

/* The first byte of [at, end) that a plain text cannot hold (a quote, a backslash, a control
 * character, anything past ASCII), or `end`. Reads nothing outside.
 *
 * Eight bytes at a time, on the little-endian machines that are built for: taking 0x20 from a byte
 * below it sets its upper bit, and so does taking 1 from 0, which a byte is that was equal to the
 * one sought. A borrow may make the bytes above look found as well, but never those below. */
static inline const uint8_t *rta_plain_text_end(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t x;
        memcpy(&x, at, 8);
        uint64_t quote = x ^ RTA_EACH_BYTE('"'), backslash = x ^ RTA_EACH_BYTE('\\');
        uint64_t found = ((quote - RTA_EACH_BYTE(1)) | (backslash - RTA_EACH_BYTE(1)) |
                          (x - RTA_EACH_BYTE(0x20)) | x) &
                         RTA_EACH_BYTE(0x80);
        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

#endif
