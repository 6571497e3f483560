#include "client/pickle_reader.h"

#include <string.h>

bool pickle_is_ascii(const uint8_t *s, size_t len)
{
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, s + i, sizeof word);
        if (word & 0x8080808080808080u)
            return false;
    }
    for (; i < len; i++) {
        if (s[i] & 0x80)
            return false;
    }
    return true;
}

// The length of the character at s (of at most len bytes), or 0 when it is malformed.
static size_t character(const uint8_t *s, size_t len, bool surrogates)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (n == 1)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return s[0] == 0xed && s[1] > 0x9f && !surrogates ? 0 : n;
}

bool pickle_utf8_valid(const uint8_t *s, size_t len, bool surrogates)
{
    for (size_t i = 0; i < len;) {
        size_t run = len - i < 64 ? len - i : 64;
        if (pickle_is_ascii(s + i, run)) {
            i += run;
            continue;
        }
        for (size_t end = i + run; i < end;) {
            size_t n = character(s + i, len - i, surrogates);
            if (!n)
                return false;
            i += n;
        }
    }
    return true;
}

unsigned pickle_utf8_put(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}
