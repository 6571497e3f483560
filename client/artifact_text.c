// A str or bytes at top level is a contiguous range of its pickle: PROTO [FRAME] opcode length TEXT
// [MEMOIZE or BINPUT] STOP. Sizes by CPython's pickler (Modules/_pickle.c): up to 255 bytes a
// one-byte length and a frame, up to 65,535 a four-byte length and a frame, above that no frame.
#include <endian.h>
#include <string.h>

#include "client/artifact_i.h"

enum {
    OP_PROTO = 0x80,
    OP_FRAME = 0x95,
    OP_MEMOIZE = 0x94,
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_STOP = '.'
};

// Bytes of the length that follows an opcode of text, 0 for another opcode.
static unsigned length_bytes(uint8_t op)
{
    switch (op) {
    case 0x8c: // SHORT_BINUNICODE
    case 'C':  // SHORT_BINBYTES
        return 1;
    case 'X': // BINUNICODE
    case 'B': // BINBYTES
        return 4;
    case 0x8d: // BINUNICODE8
    case 0x8e: // BINBYTES8
        return 8;
    default:
        return 0;
    }
}

bool text_span_parse(const uint8_t *head, size_t len, struct text_span *ret)
{
    if (len < 5 || head[0] != OP_PROTO || head[1] > 5)
        return false;
    size_t at = 2;
    if (head[at] == OP_FRAME)
        at += 9;
    unsigned width = at < len ? length_bytes(head[at]) : 0;
    if (!width || at + 1 + width > len)
        return false;
    uint64_t text = 0;
    memcpy(&text, head + at + 1, width);
    text = le64toh(text);
    if (text > INT64_MAX - 64)
        return false;
    *ret = (struct text_span){.off = at + 1 + width, .len = text, .protocol = head[1]};
    return true;
}

uint64_t text_span_total(const struct text_span *span)
{
    return span->off + span->len + (span->protocol >= 4 ? 2 : 3);
}

bool text_span_tail_ok(const uint8_t *tail, size_t len)
{
    if (len >= 1 && tail[0] == OP_STOP)
        return true;
    if (len >= 2 && tail[0] == OP_MEMOIZE && tail[1] == OP_STOP)
        return true;
    if (len >= 3 && tail[0] == OP_BINPUT && tail[2] == OP_STOP)
        return true;
    return len >= 6 && tail[0] == OP_LONG_BINPUT && tail[5] == OP_STOP;
}

bool text_size_of_pickle(unsigned protocol, uint64_t pickle, uint64_t *ret)
{
    if (protocol == 2) {
        *ret = pickle - 10;
        return pickle >= 10 && pickle <= UINT32_MAX + UINT64_C(10);
    }
    if (protocol != 4 || pickle < 15)
        return false;
    if (pickle <= 270) {
        *ret = pickle - 15;
        return true;
    }
    if (pickle >= 274 && pickle <= 65544) {
        *ret = pickle - 18;
        return true;
    }
    if (pickle >= 65554 && pickle <= UINT32_MAX + UINT64_C(9)) {
        *ret = pickle - 9;
        return true;
    }
    *ret = pickle - 13; // a length of eight bytes
    return pickle > UINT32_MAX + UINT64_C(13);
}
