#include "s3/fetch.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "s3/fetch_pace.h"

#define PART_BYTES ((size_t)8 << 20)
#define SMALLEST_PART ((size_t)4 << 20)
#define PARTS_OF_OBJECT 16   // an object of middle size is cut into so many
#define PARTS_AT_FIRST 8
#define MAX_PARTS 32
#define MAX_BYTES ((size_t)256 << 20)
#define WHOLE UINT64_MAX     // length of a part whose answer is the whole object: all that is still to come

struct fetcher {
    struct s3 *s3;
    size_t part_bytes, max_bytes;
    unsigned max_parts;
    pthread_mutex_t lock; // what follows
    struct fetcher_stats stats;
};

struct part {
    struct s3_started *started;
    uint64_t off, len; // what is still to come of it
    uint64_t reserved;
    unsigned tries;
};

// One object that is being fetched; belongs to the caller's thread.
struct stream {
    struct fetcher *f;
    const struct fetch_object *o;
    struct cancel *cancel;
    s3_body_fn fn;
    void *arg;
    struct s3_head head;    // of the first answer
    bool has_head;
    bool is_large;          // has more than one part
    bool gave;              // fn has had a byte
    bool is_new;            // nothing of this answer was taken yet
    bool is_foreign;        // it is not the object's
    uint64_t skip;          // bytes that come before what is wanted of it
    bool again_whole;       // another version of the object: begin anew
    errc own;               // what fn returned
    int64_t busy_us;        // that fn took, of the part at the front
    uint64_t next;          // first byte that no part was asked for
    size_t part_bytes;
    struct pace pace;
    struct part *parts;     // a ring, in order of their bytes
    unsigned first, n;
};

struct fetcher *fetcher_new(const struct fetcher_conf *conf)
{
    struct fetcher *f = mem_zalloc(sizeof(*f));
    f->s3 = conf->s3;
    f->part_bytes = conf->part_bytes ? conf->part_bytes : PART_BYTES;
    f->max_parts = conf->max_parts ? conf->max_parts : MAX_PARTS;
    f->max_bytes = conf->max_bytes ? conf->max_bytes : MAX_BYTES;
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (f) {
        pthread_mutex_destroy(&f->lock);
        free(f);
    }
}

void fetcher_stats(struct fetcher *f, struct fetcher_stats *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->stats;
    pthread_mutex_unlock(&f->lock);
}

// --- the accounts that all fetches share ----------------------------------------------------------

// Room for one more part of `bytes`. A fetch always has one, so that each goes on; beyond that it keeps to its
// equal share of what all may have in flight.
static bool reserve(struct stream *st, uint64_t bytes)
{
    struct fetcher *f = st->f;
    uint64_t own = 0;
    for (unsigned i = 0; i < st->n; i++) {
        own += st->parts[(st->first + i) % f->max_parts].reserved;
    }
    pthread_mutex_lock(&f->lock);
    uint64_t share = f->max_bytes / (f->stats.running ? f->stats.running : 1);
    bool fits = st->n == 0 || (own + bytes <= share && f->stats.bytes_now + bytes <= f->max_bytes);
    if (fits) {
        f->stats.bytes_now += bytes;
        f->stats.parts_now++;
        f->stats.parts++;
    }
    pthread_mutex_unlock(&f->lock);
    return fits;
}

// The part turned out to be shorter.
static void shrink(struct fetcher *f, struct part *p)
{
    pthread_mutex_lock(&f->lock);
    f->stats.bytes_now -= p->reserved - p->len;
    pthread_mutex_unlock(&f->lock);
    p->reserved = p->len;
}

static void give_back(struct fetcher *f, uint64_t bytes)
{
    pthread_mutex_lock(&f->lock);
    f->stats.bytes_now -= bytes;
    f->stats.parts_now--;
    pthread_mutex_unlock(&f->lock);
}

// Only what is larger than one part takes a share from the others.
static void set_running(struct stream *st, bool runs)
{
    if (st->is_large == runs) {
        return;
    }
    st->is_large = runs;
    pthread_mutex_lock(&st->f->lock);
    st->f->stats.running += runs ? 1 : UINT32_MAX;
    pthread_mutex_unlock(&st->f->lock);
}

// --- parts ----------------------------------------------------------------------------------------

static struct part *front(struct stream *st)
{
    return &st->parts[st->first];
}

static errc start_part(struct stream *st, struct part *p, struct err *err)
{
    struct s3_range range = {
        .bucket = st->o->bucket,
        .key = st->o->key,
        .off = p->off,
        .len = p->len,
        .if_match = st->has_head ? s3_head_if_match(&st->head) : NULL,
    };
    return s3_start(st->f->s3, &range, (size_t)p->reserved, st->cancel, &p->started, err);
}

// Asks for the next `len` bytes; *ret_full when the accounts have no room for them now.
static errc add_part(struct stream *st, uint64_t len, bool *ret_full, struct err *err)
{
    *ret_full = !reserve(st, len);
    if (*ret_full) {
        return ERR_OK;
    }
    struct part *p = &st->parts[(st->first + st->n) % st->f->max_parts];
    *p = (struct part){.off = st->next, .len = len, .reserved = len};
    errc e = start_part(st, p, err);
    if (e) {
        give_back(st->f, len);
        return e;
    }
    st->next += len;
    st->n++;
    return ERR_OK;
}

static void drop_front(struct stream *st)
{
    give_back(st->f, front(st)->reserved);
    st->first = (st->first + 1) % st->f->max_parts;
    st->n--;
}

// All but the first `kept`.
static void abandon(struct stream *st, unsigned kept)
{
    while (st->n > kept) {
        struct part *last = &st->parts[(st->first + --st->n) % st->f->max_parts];
        s3_abandon(st->f->s3, last->started);
        give_back(st->f, last->reserved);
    }
}

// As many parts as the pace allows. A part that cannot be begun is no failure while others are under way.
static errc fill(struct stream *st, struct err *err)
{
    bool full = false;
    while (!full && st->has_head && st->head.size != UINT64_MAX && st->next < st->head.size && st->n < st->pace.parts) {
        uint64_t left = st->head.size - st->next;
        struct err one = ERR_INIT;
        errc e = add_part(st, left < st->part_bytes ? left : st->part_bytes, &full, &one);
        if (e) {
            full = true;
            if (st->n == 0) {
                *err = one;
                return e;
            }
        }
    }
    return ERR_OK;
}

// --- the stream -----------------------------------------------------------------------------------

static void take_head(struct stream *st, const struct s3_head *head)
{
    st->has_head = true;
    free(st->head.attributes);
    st->head = *head;
    st->head.attributes = mem_strdup(head->attributes);
    uint64_t part = head->size == UINT64_MAX ? 0 : head->size / PARTS_OF_OBJECT;
    size_t smallest = SMALLEST_PART < st->f->part_bytes ? SMALLEST_PART : st->f->part_bytes;
    st->part_bytes = part < smallest ? smallest : part > st->f->part_bytes ? st->f->part_bytes : (size_t)part;
    struct part *p = front(st);
    if (head->size != UINT64_MAX && head->size - p->off <= p->len) {
        p->len = head->size - p->off;
        shrink(st->f, p);
    } else {
        set_running(st, true);
    }
}

static errc check_version(struct stream *st, const struct s3_head *head, struct err *err)
{
    const char *bucket = st->o->bucket, *key = st->o->key;
    if (s3_head_is_same(&st->head, head)) {
        return ERR_OK;
    }
    st->is_foreign = head->is_whole && st->head.etag[0] && !head->etag[0];
    return st->is_foreign
               ? err_set(err, ERR_IO, "GET s3://%s/%s: the answer has no ETag and is not the object's, which has one",
                         bucket, key)
               : err_set(err, ERR_BUSY, "GET s3://%s/%s: it was replaced by another version while it was read", bucket,
                         key);
}

// The server, or a proxy before it, knows no ranges: what is left comes in this answer, behind what was given.
static errc take_whole(struct stream *st, struct err *err)
{
    struct part *p = front(st);
    if (p->off > 0 && p->off >= st->head.size) {
        return err_set(err, ERR_LIMIT, "GET s3://%s/%s: it has %" PRIu64 " bytes, and those from %" PRIu64
                       " on were asked for", st->o->bucket, st->o->key, st->head.size, p->off);
    }
    st->skip = p->off;
    st->next = UINT64_MAX;
    p->len = WHOLE;
    abandon(st, 1);
    return ERR_OK;
}

static errc begin_answer(struct stream *st, const struct s3_head *head, struct err *err)
{
    bool is_first = !st->has_head;
    st->is_new = false;
    if (is_first) {
        take_head(st, head);
    } else {
        errc e = check_version(st, head, err);
        if (e) {
            return e;
        }
    }
    const struct part *p = front(st);
    bool is_part = p->off == 0 && st->head.size <= p->len; // all there is fits into it
    if (head->is_whole && !is_part) {
        return take_whole(st, err);
    }
    return is_first ? fill(st, err) : ERR_OK;
}

static errc take_bytes(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    struct stream *st = arg;
    struct part *p = front(st);
    errc e = st->is_new ? begin_answer(st, head, err) : ERR_OK;
    if (e) {
        return e;
    }
    size_t skipped = len < st->skip ? len : (size_t)st->skip;
    st->skip -= skipped;
    len -= skipped;
    if (len == 0) {
        return ERR_OK;
    }
    st->gave = true;
    int64_t begin = clock_mono_us();
    st->own = st->fn(st->arg, &st->head, (const uint8_t *)data + skipped, len, err);
    st->busy_us += clock_mono_us() - begin;
    p->off += len;
    p->len -= p->len == WHOLE ? 0 : len;
    return st->own;
}

// The front part failed: asks for the rest of it, or tells that there is no use.
static errc begin_again(struct stream *st, bool again, struct err *err)
{
    struct part *p = front(st);
    if (err->code == ERR_BUSY && !st->gave) {
        st->again_whole = true;
        return err->code;
    }
    if (!again || st->own || !s3_wait_again(st->f->s3, ++p->tries, st->cancel, err)) {
        return err->code;
    }
    pthread_mutex_lock(&st->f->lock);
    st->f->stats.parts_again++;
    pthread_mutex_unlock(&st->f->lock);
    return start_part(st, p, err);
}

static void end_part(struct stream *st, uint64_t bytes, int64_t begin_us)
{
    int64_t waited = clock_mono_us() - begin_us - st->busy_us;
    pace_part(&st->pace, bytes, waited, clock_mono_ms());
    drop_front(st);
}

// Takes the front part to its end.
static errc take_front(struct stream *st, struct err *err)
{
    struct part *p = front(st);
    uint64_t from = p->off;
    int64_t begin = clock_mono_us();
    st->busy_us = 0;
    for (;;) {
        struct s3_head head = {.size = UINT64_MAX};
        bool again = false;
        st->is_new = true;
        st->is_foreign = false;
        st->skip = 0;
        errc e = s3_follow(st->f->s3, steal_ptr(&p->started), st->cancel, take_bytes, st, &head, &again, err);
        if (!e && !st->has_head) { // nothing in it
            take_head(st, &head);
        }
        s3_head_free(&head);
        bool is_short = st->skip > 0 || (p->len > 0 && st->head.size != UINT64_MAX && p->off < st->head.size);
        if (!e && !is_short) {
            end_part(st, p->off - from, begin);
            return ERR_OK;
        }
        if (!e) {
            err_set(err, ERR_IO, "GET s3://%s/%s: the answer ended early, before byte %" PRIu64, st->o->bucket,
                    st->o->key, p->off);
            again = true;
        }
        e = begin_again(st, again || st->is_foreign, err);
        if (e) {
            return e;
        }
    }
}

static errc stream_once(struct stream *st, struct err *err)
{
    bool full;
    st->next = st->o->off;
    st->has_head = st->again_whole = false;
    pace_init(&st->pace, PARTS_AT_FIRST, st->f->max_parts, clock_mono_ms());
    errc e = add_part(st, st->f->part_bytes, &full, err);
    while (!e && st->n > 0) {
        e = take_front(st, err);
        if (!e) {
            e = fill(st, err);
        }
    }
    abandon(st, 0);
    return e;
}

errc fetch_stream(struct fetcher *f, const struct fetch_object *o, struct cancel *cancel, s3_body_fn fn, void *arg,
                  struct s3_head *ret_head, struct err *err)
{
    struct stream st = {.f = f, .o = o, .cancel = cancel, .fn = fn, .arg = arg};
    st.parts = mem_zalloc(f->max_parts * sizeof(*st.parts));
    pthread_mutex_lock(&f->lock);
    f->stats.objects++;
    pthread_mutex_unlock(&f->lock);
    errc e = stream_once(&st, err);
    if (e && st.again_whole) {
        e = stream_once(&st, err);
    }
    set_running(&st, false);
    free(st.parts);
    if (ret_head && st.has_head) {
        *ret_head = st.head;
    } else {
        s3_head_free(&st.head);
    }
    return e;
}
