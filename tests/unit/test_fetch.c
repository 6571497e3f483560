// The parallel fetcher over an S3 in memory, which this file puts in place of s3/s3.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "s3/fetch.h"
#include "s3/fetch_pace.h"

#define PART ((size_t)1 << 20)

// --- the S3 ---------------------------------------------------------------------------------------

static struct fake {
    pthread_mutex_t lock;
    size_t size;           // of the object
    char etag[8];
    int64_t mtime_ms;
    unsigned started, abandoned, live, most_live;
    uint64_t asked[256], asked_len[256];
    int fail_at;           // number of the request that breaks off in its middle, or -1
    errc fail_code;
    bool fail_again;       // and another try may do better
    int change_at;         // number of the request before which the object gets a new version, or -1
    struct { char etag[8]; int64_t mtime_ms; } changed;
    unsigned whole_from;   // number of the request from which the whole object is given, whatever was asked for
    bool hides_size;
    unsigned foreign_at;   // number of the request that is answered with a page of somebody else's
    uint64_t given;        // bytes of all answers
    size_t widest;         // window of all requests
    bool empty_start;      // s3_start fails
    unsigned waits;
} fake;

struct s3_started {
    uint64_t off, len;
    unsigned number;
    char if_match[72];
};

static uint8_t byte_at(uint64_t off)
{
    return (uint8_t)(off * 31 + (off >> 8) * 7 + (off >> 16));
}

static void reset(size_t size)
{
    fake = (struct fake){.size = size, .fail_at = -1, .change_at = -1, .etag = "\"v1\"",
                         .mtime_ms = 5, .whole_from = UINT_MAX, .foreign_at = UINT_MAX,
                         .changed = {"\"v2\"", 6}};
    pthread_mutex_init(&fake.lock, NULL);
}

errc s3_start(struct s3 *s, const struct s3_range *range, size_t window, struct cancel *cancel,
              struct s3_started **ret, struct err *err)
{
    (void)s;
    errc e = cancel_check(cancel, err);
    if (e) {
        return e;
    }
    if (fake.empty_start) {
        return err_set(err, ERR_DENIED, "no credentials");
    }
    pthread_mutex_lock(&fake.lock);
    struct s3_started *st = mem_zalloc(sizeof(*st));
    st->off = range->off;
    st->len = range->len;
    st->number = fake.started;
    if (range->if_match) {
        snprintf(st->if_match, sizeof(st->if_match), "%s", range->if_match);
    }
    fake.asked[fake.started % 256] = range->off;
    fake.asked_len[fake.started++ % 256] = range->len;
    fake.live++;
    fake.widest = window > fake.widest ? window : fake.widest;
    fake.most_live = fake.live > fake.most_live ? fake.live : fake.most_live;
    if ((int)st->number == fake.change_at) {
        snprintf(fake.etag, sizeof(fake.etag), "%s", fake.changed.etag);
        fake.mtime_ms = fake.changed.mtime_ms;
    }
    pthread_mutex_unlock(&fake.lock);
    *ret = st;
    return ERR_OK;
}

static void end(struct s3_started *st)
{
    pthread_mutex_lock(&fake.lock);
    fake.live--;
    pthread_mutex_unlock(&fake.lock);
    free(st);
}

void s3_abandon(struct s3 *s, struct s3_started *started)
{
    (void)s;
    if (started) {
        fake.abandoned++;
        end(started);
    }
}

static errc send_bytes(const struct s3_started *st, s3_body_fn fn, void *arg, const struct s3_head *head, uint64_t to,
                       struct err *err)
{
    static _Thread_local uint8_t piece[100000];
    errc e = ERR_OK;
    for (uint64_t at = head->is_whole ? 0 : st->off; !e && at < to;) {
        size_t n = to - at < sizeof(piece) ? (size_t)(to - at) : sizeof(piece);
        for (size_t i = 0; i < n; i++) {
            piece[i] = byte_at(at + i);
        }
        e = fn(arg, head, piece, n, err);
        at += n;
        fake.given += n;
    }
    return e;
}

errc s3_follow(struct s3 *s, struct s3_started *st, struct cancel *cancel, s3_body_fn fn, void *arg,
               struct s3_head *ret_head, bool *ret_again, struct err *err)
{
    (void)s;
    struct s3_head head = {.size = fake.size, .mtime_ms = fake.mtime_ms};
    snprintf(head.etag, sizeof(head.etag), "%s", fake.etag);
    head.is_whole = st->number >= fake.whole_from || st->number == fake.foreign_at;
    head.size = fake.hides_size && head.is_whole ? UINT64_MAX : head.size;
    uint64_t to = head.is_whole || st->len > fake.size - st->off ? fake.size : st->off + st->len;
    if (st->number == fake.foreign_at) {
        head = (struct s3_head){.size = to = 40, .mtime_ms = -1, .is_whole = true};
    }
    bool fails = (int)st->number == fake.fail_at;
    errc e = cancel_check(cancel, err);
    *ret_again = false;
    bool matches = strncmp(st->if_match, "W/", 2) != 0 && strcmp(st->if_match, fake.etag) == 0; // RFC 9110, 13.1.1
    if (!e && st->if_match[0] && !matches) {
        e = err_set(err, ERR_BUSY, "the object changed");
    }
    if (!e) {
        e = send_bytes(st, fn, arg, &head, fails ? st->off + (to - st->off) / 2 : to, err);
    }
    if (!e && fails) {
        fake.fail_at = -1;
        *ret_again = fake.fail_again;
        e = err_set(err, fake.fail_code, "cut");
    }
    *ret_head = head;
    end(st);
    return e;
}

bool s3_wait_again(struct s3 *s, unsigned tries, struct cancel *cancel, struct err *err)
{
    (void)s, (void)cancel, (void)err;
    fake.waits++;
    return tries < 4;
}

void s3_head_free(struct s3_head *h)
{
    free(h->attributes);
    h->attributes = NULL;
}

// --- the stream -----------------------------------------------------------------------------------

struct taker {
    uint64_t at;
    bool right;
    uint64_t fail_at;
    struct cancel *set_cancel; // set after the first bytes
};

static errc take(void *arg, const struct s3_head *head, const void *data, size_t len, struct err *err)
{
    struct taker *t = arg;
    const uint8_t *bytes = data;
    assert_true(head->size == fake.size || (fake.hides_size && head->size == UINT64_MAX));
    for (size_t i = 0; i < len; i++) {
        t->right &= bytes[i] == byte_at(t->at + i);
    }
    t->at += len;
    if (t->set_cancel) {
        atomic_store(&t->set_cancel->set, true);
    }
    return t->fail_at && t->at >= t->fail_at ? err_set(err, ERR_NO_SPACE, "full") : ERR_OK;
}

static errc run(size_t max_bytes, uint64_t off, struct taker *t, struct cancel *cancel, struct err *err)
{
    struct fetcher_conf conf = {.part_bytes = PART, .max_bytes = max_bytes};
    struct fetcher *f = fetcher_new(&conf);
    struct fetch_object o = {.bucket = "bkt", .key = "k", .off = off};
    struct s3_head head = {0};
    struct fetcher_stats stats;
    t->at = off;
    t->right = true;
    errc e = fetch_stream(f, &o, cancel, take, t, &head, err);
    fetcher_stats(f, &stats);
    assert_int_equal(stats.bytes_now, 0);
    assert_int_equal(stats.parts_now, 0);
    assert_int_equal(stats.running, 0);
    assert_int_equal(fake.live, 0);
    if (!e) {
        assert_true(fake.hides_size || head.size == fake.size);
    }
    fetcher_free(f);
    return e;
}

static void one_request_where_one_is_enough(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, PART - 1, PART};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct taker t = {0};
        struct err err = ERR_INIT;
        reset(sizes[i]);
        assert_int_equal(run(0, 0, &t, NULL, &err), ERR_OK);
        assert_int_equal(t.at, sizes[i]);
        assert_true(t.right);
        assert_int_equal(fake.started, 1);
        assert_int_equal(fake.asked_len[0], PART);
    }
}

static void parts_in_order(void **state)
{
    (void)state;
    struct taker t = {0};
    struct err err = ERR_INIT;
    reset(40 * PART + 5);
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_OK);
    assert_int_equal(t.at, fake.size);
    assert_true(t.right);
    assert_int_equal(fake.started, 41);
    assert_true(fake.most_live >= 8);
    for (unsigned i = 1; i < 41; i++) {
        assert_int_equal(fake.asked[i], fake.asked[i - 1] + fake.asked_len[i - 1]);
    }
    reset(3 * PART);
    assert_int_equal(run(0, 2 * PART + 7, &t, NULL, &err), ERR_OK);
    assert_int_equal(t.at, fake.size);
    assert_true(t.right);
    assert_int_equal(fake.started, 1);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct taker t = {0};
    struct err err = ERR_INIT;
    reset(30 * PART);
    assert_int_equal(run(3 * PART, 0, &t, NULL, &err), ERR_OK);
    assert_true(t.right);
    assert_int_equal(fake.most_live, 3);
    reset(30 * PART);
    assert_int_equal(run(10, 0, &t, NULL, &err), ERR_OK); // one part at a time always goes on
    assert_true(t.right);
    assert_int_equal(t.at, fake.size);
}

static void a_part_that_is_cut_goes_on(void **state)
{
    (void)state;
    for (int at = 0; at < 6; at += 5) {
        struct taker t = {0};
        struct err err = ERR_INIT;
        reset(10 * PART);
        fake.fail_at = at;
        fake.fail_code = ERR_IO;
        fake.fail_again = true;
        assert_int_equal(run(0, 0, &t, NULL, &err), ERR_OK);
        assert_true(t.right);
        assert_int_equal(t.at, fake.size);
        assert_int_equal(fake.started, 11);
        assert_int_equal(fake.waits, 1);
    }
}

static void what_fails_for_good_fails(void **state)
{
    (void)state;
    struct taker t = {0};
    struct err err = ERR_INIT;
    reset(10 * PART);
    fake.fail_at = 3;
    fake.fail_code = ERR_DENIED;
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_DENIED);
    assert_true(fake.abandoned > 0);
    reset(10 * PART);
    fake.empty_start = true;
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_DENIED);
    reset(10 * PART);
    t = (struct taker){.fail_at = 2 * PART};
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_NO_SPACE);
    assert_int_equal(fake.waits, 0);
    reset(10 * PART);
    struct cancel cancel = {0};
    t = (struct taker){.set_cancel = &cancel};
    assert_int_equal(run(0, 0, &t, &cancel, &err), ERR_INTERRUPTED);
}

static void one_version(void **state)
{
    (void)state;
    struct taker t = {0};
    struct err err = ERR_INIT;
    reset(10 * PART);
    fake.change_at = 4; // bytes of the first version were given
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_BUSY);
}

static void weak_tags(void **state)
{
    (void)state;
    static const struct { const char *etag; int64_t mtime_ms; errc code; } cases[] = {
        {"W/\"v1\"", 5, ERR_OK},
        {"W/\"v2\"", 5, ERR_BUSY},
        {"W/\"v1\"", 6, ERR_BUSY},
        {"W/\"v1\"", -1, ERR_OK},
        {"", 6, ERR_BUSY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct taker t = {0};
        struct err err = ERR_INIT;
        reset(20 * PART);
        snprintf(fake.etag, sizeof(fake.etag), "W/\"v1\"");
        fake.change_at = 18;
        snprintf(fake.changed.etag, sizeof(fake.changed.etag), "%s", cases[i].etag);
        fake.changed.mtime_ms = cases[i].mtime_ms;
        if (run(0, 0, &t, NULL, &err) != cases[i].code || !t.right) {
            fail_msg("case %zu: %s", i, err.cause);
        }
        assert_int_equal(t.at == fake.size, cases[i].code == ERR_OK);
    }
}

static void reads_all(uint64_t off, uint64_t given)
{
    struct taker t = {0};
    struct err err = ERR_INIT;
    if (run(0, off, &t, NULL, &err)) {
        fail_msg("%s", err.cause);
    }
    assert_true(t.right);
    assert_int_equal(t.at, fake.size);
    assert_int_equal(fake.given, given);
    assert_int_equal(fake.widest, PART); // of however long an answer
}

static void ranges_that_are_ignored(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, PART, PART + 1, 20 * PART + 5};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int hides = 0; hides < 2; hides++) {
            reset(sizes[i]);
            fake.whole_from = 0;
            fake.hides_size = hides == 1;
            reads_all(0, fake.size);
            assert_int_equal(fake.started, 1); // no other connection
        }
    }
    reset(20 * PART);
    fake.whole_from = 0;
    reads_all(3 * PART, fake.size);
    assert_int_equal(fake.started, 1);
    struct taker t = {0};
    struct err err = ERR_INIT;
    reset(20 * PART);
    fake.whole_from = 0;
    assert_int_equal(run(0, fake.size, &t, NULL, &err), ERR_LIMIT); // as where ranges are known
}

static void ranges_that_are_ignored_after_a_while(void **state)
{
    (void)state;
    reset(40 * PART);
    fake.whole_from = 5;
    reads_all(0, 45 * PART);
    assert_true(fake.abandoned > 0);
    assert_int_equal(fake.started, 6 + fake.abandoned);
}

static void whole_answers_that_fail(void **state)
{
    (void)state;
    reset(20 * PART);
    fake.whole_from = fake.fail_at = 0;
    fake.fail_code = ERR_IO;
    fake.fail_again = true;
    reads_all(0, 30 * PART); // what was given already comes once more
    reset(20 * PART);
    fake.fail_at = 0;
    fake.fail_code = ERR_IO;
    fake.fail_again = true;
    fake.whole_from = 0;
    fake.change_at = 1;
    struct taker t = {0};
    struct err err = ERR_INIT;
    assert_int_equal(run(0, 0, &t, NULL, &err), ERR_BUSY);
    assert_true(t.right);
    assert_int_equal(t.at, 10 * PART);
    reset(20 * PART);
    fake.foreign_at = 4;
    reads_all(0, 20 * PART + 40);
}

// --- the pace -------------------------------------------------------------------------------------

static void pace_climbs_while_it_gains(void **state)
{
    (void)state;
    struct pace p;
    int64_t now = 0;
    pace_init(&p, 4, 32, now);
    for (int i = 0; i < 200; i++) { // each connection gives the same, up to 16 of them
        unsigned active = p.parts < 16 ? p.parts : 16;
        now += 1000 / active;
        pace_part(&p, 1000000, 1000000 / active, now);
    }
    assert_in_range(p.parts, 12, 24);
    pace_init(&p, 4, 32, now);
    for (int i = 0; i < 200; i++) { // the consumer is slower: nothing is waited for
        now += 100;
        pace_part(&p, 1000000, 1000, now);
        assert_int_equal(p.parts, 4);
    }
    pace_init(&p, 0, 1, now);
    pace_part(&p, 0, 0, now);
    assert_int_equal(p.parts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_where_one_is_enough), cmocka_unit_test(parts_in_order),
        cmocka_unit_test(memory_is_bounded),               cmocka_unit_test(a_part_that_is_cut_goes_on),
        cmocka_unit_test(what_fails_for_good_fails),       cmocka_unit_test(one_version),
        cmocka_unit_test(weak_tags),                       cmocka_unit_test(ranges_that_are_ignored),
        cmocka_unit_test(ranges_that_are_ignored_after_a_while), cmocka_unit_test(whole_answers_that_fail),
        cmocka_unit_test(pace_climbs_while_it_gains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
