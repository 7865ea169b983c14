/* The head of a WebSocket frame as a client sends it, and the mask over its payload (RFC 6455,
 * sections 5.2 and 5.3).
 */
#ifndef RTA_FRAME_H
#define RTA_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { RTA_FRAME_FINAL = 0x80, RTA_FRAME_MASKED = 0x80, RTA_FRAME_KEY_BYTES = 4 };

/* How long the head of a frame with so much payload is, the key included: 6, 8 or 14 bytes. */
static inline ptrdiff_t rta_frame_head_size(ptrdiff_t length)
{
    return (length < 126 ? 2 : length < 1 << 16 ? 4 : 10) + RTA_FRAME_KEY_BYTES;
}

/* Writes the head of a final frame. */
static inline void rta_frame_write_head(uint8_t *head, int opcode, ptrdiff_t length,
                                        const uint8_t key[RTA_FRAME_KEY_BYTES])
{
    int size_bytes = length < 126 ? 0 : length < 1 << 16 ? 2 : 8;
    int flag = size_bytes == 0 ? (int)length : size_bytes == 2 ? 126 : 127;
    head[0] = (uint8_t)(RTA_FRAME_FINAL | opcode);
    head[1] = (uint8_t)(RTA_FRAME_MASKED | flag);
    for (int i = 0; i < size_bytes; i++)
        head[2 + i] = (uint8_t)((uint64_t)length >> 8 * (size_bytes - 1 - i));
    memcpy(head + 2 + size_bytes, key, RTA_FRAME_KEY_BYTES);
}

/* Masks a payload in place. The compiler makes vectors of the loop over words; it would not, were its
 * end a sum, which may wrap around. */
static inline void rta_frame_mask(uint8_t *payload, ptrdiff_t length,
                                  const uint8_t key[RTA_FRAME_KEY_BYTES])
{
    uint64_t keys, word;
    ptrdiff_t words = length / 8;
    memcpy(&keys, key, 4);
    memcpy((uint8_t *)&keys + 4, key, 4);
    for (ptrdiff_t i = 0; i < words; i++) {
        memcpy(&word, payload + 8 * i, 8);
        word ^= keys;
        memcpy(payload + 8 * i, &word, 8);
    }
    for (ptrdiff_t at = 8 * words; at < length; at++)
        payload[at] ^= key[at & 3];
}

#endif
