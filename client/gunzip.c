#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "client/gunzip.h"

#define OUT_BYTES (256 * 1024)
#define MAX_FEED (1024 * 1024 * 1024)
#define FLAGS_AT 3      // the header's byte of flags (RFC 1952)
#define BAD_FLAGS 0xe2  // the header's own CRC, and what is reserved

struct gunzip {
    struct inflate_state state;
    gunzip_out_fn out;
    void *arg;
    bool in_member; // bytes of a member were fed, and its end was not seen
    bool had_member;
    unsigned header;        // bytes of the member's header that were looked at, up to the flags
    uint8_t *bufs[GUNZIP_KEPT + 1]; // given out in turn; NULL until needed
    unsigned turn;
};

struct gunzip *gunzip_new(gunzip_out_fn out, void *arg)
{
    struct gunzip *g = mem_zalloc(sizeof *g);
    g->out = out;
    g->arg = arg;
    isal_inflate_init(&g->state);
    g->state.crc_flag = ISAL_GZIP;
    return g;
}

void gunzip_free(struct gunzip *g)
{
    if (g) {
        for (unsigned i = 0; i <= GUNZIP_KEPT; i++)
            free(g->bufs[i]);
        free(g);
    }
}

void gunzip_freep(struct gunzip **g)
{
    gunzip_free(*g);
}

static errc inflate_error(int result, struct err *err)
{
    const char *what = "the deflate stream is malformed";
    if (result == ISAL_INVALID_WRAPPER)
        what = "it does not begin with a gzip header";
    else if (result == ISAL_UNSUPPORTED_METHOD)
        what = "its compression method is unknown";
    else if (result == ISAL_INCORRECT_CHECKSUM)
        what = "the checksum or length at its end does not match";
    return err_set(err, ERR_CORRUPT, "bad gzip data: %s", what);
}

// Between members: skips padding and starts the next one. False when nothing is left.
static bool start_member(struct gunzip *g)
{
    struct inflate_state *s = &g->state;
    while (g->had_member && s->avail_in && *s->next_in == 0) {
        s->next_in++;
        s->avail_in--;
    }
    if (!s->avail_in)
        return false;
    uint8_t *next = s->next_in;
    uint32_t avail = s->avail_in;
    isal_inflate_reset(s);
    s->crc_flag = ISAL_GZIP;
    s->next_in = next;
    s->avail_in = avail;
    g->in_member = true;
    g->header = 0;
    return true;
}

// Nobody writes a header with a CRC of its own, and ISA-L takes one or refuses it depending on how the
// input is cut; reserved flags are an error by the RFC.
static bool header_is_known(struct gunzip *g)
{
    const struct inflate_state *s = &g->state;
    if (g->header > FLAGS_AT)
        return true;
    unsigned at = FLAGS_AT - g->header;
    bool here = at < s->avail_in;
    g->header += here ? at + 1 : s->avail_in;
    return !here || (s->next_in[at] & BAD_FLAGS) == 0;
}

static uint8_t *next_buf(struct gunzip *g)
{
    if (!g->bufs[g->turn])
        g->bufs[g->turn] = malloc(OUT_BYTES);
    return g->bufs[g->turn];
}

static errc feed_piece(struct gunzip *g, const uint8_t *data, uint32_t len, struct err *err)
{
    struct inflate_state *s = &g->state;
    s->next_in = (uint8_t *)(uintptr_t)data; // ISA-L only reads there
    s->avail_in = len;
    while (g->in_member || start_member(g)) {
        if (!header_is_known(g))
            return err_set(
                err, ERR_CORRUPT,
                "bad gzip data: there is no gzip header, or one with fields that nobody writes");
        uint8_t *buf = next_buf(g);
        if (!buf)
            return err_set(err, ERR_NO_MEMORY, "no memory to inflate into");
        s->next_out = buf;
        s->avail_out = OUT_BYTES;
        int result = isal_inflate(s);
        size_t made = OUT_BYTES - s->avail_out;
        if (result < 0)
            return inflate_error(result, err);
        if (made) {
            errc e = g->out(g->arg, buf, made, err);
            g->turn = (g->turn + 1) % (GUNZIP_KEPT + 1);
            if (e != ERR_OK)
                return e;
        }
        if (s->block_state == ISAL_BLOCK_FINISH) {
            g->in_member = false;
            g->had_member = true;
        } else if (s->avail_out) {
            break; // it has room and wants more input
        }
    }
    return ERR_OK;
}

errc gunzip_feed(struct gunzip *g, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    while (len) {
        uint32_t piece = len < MAX_FEED ? (uint32_t)len : MAX_FEED;
        errc e = feed_piece(g, at, piece, err);
        if (e != ERR_OK)
            return e;
        at += piece;
        len -= piece;
    }
    return ERR_OK;
}

errc gunzip_end(struct gunzip *g, struct err *err)
{
    if (g->in_member)
        return err_set(err, ERR_CORRUPT, "bad gzip data: it stops before its end");
    return ERR_OK;
}
