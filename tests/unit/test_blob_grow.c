// A log that is followed costs its new bytes; one that was written anew is read whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "client/blob_grow.h"
#include "client/logs.h"
#include "store_bench.h"

// --- a source that counts bytes --------------------------------------------------------------------------------

struct source {
    struct store store;
    struct buf bytes; // of every object
    size_t piece;
    int64_t mtime_ms;
    uint64_t given;
    int reads;
    errc fail;
};
static struct source source;
static struct grown *grown;

static errc source_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                        struct store_info *ret, struct err *err)
{
    (void)s, (void)flags, (void)cancel;
    if (!strstr(path, "0.task_stdout.log")) {
        return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
    }
    *ret = (struct store_info){.size = source.bytes.len, .mtime_ms = source.mtime_ms};
    return ERR_OK;
}

static errc source_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                        struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    (void)s, (void)path, (void)cancel, (void)ret_info;
    source.reads++;
    if (source.fail) {
        return err_set(err, source.fail, "the source fails");
    }
    for (size_t at = offset, n; at < source.bytes.len; at += n) {
        n = source.bytes.len - at < source.piece ? source.bytes.len - at : source.piece;
        source.given += n;
        errc code = fn(arg, source.bytes.data + at, n, err);
        if (code) {
            return code;
        }
    }
    return ERR_OK;
}

static int begin(void **state)
{
    static const struct store_ops ops = {.info = source_info, .read = source_read};
    (void)state;
    buf_free(&source.bytes);
    source = (struct source){.store = {&ops, "s3", "s3://bucket/root"}, .piece = 700};
    grown = grown_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    grown_free(grown);
    buf_free(&source.bytes);
    return 0;
}

static void write_more(size_t n)
{
    static unsigned word = 1;
    for (size_t i = 0; i < n; i++) {
        word = word * 1103515245 + 12345;
        buf_putc(&source.bytes, (char)(word >> 16));
    }
}

static int tests_begun;

// Reads the object as it is now, of that version; what it has to be is checked. Gives how many bytes were asked for.
static uint64_t follow(const char *path, int version)
{
    auto_free char *text = mem_printf("%d", version);
    auto_free char *at = mem_printf("%s%d", path, tests_begun);
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    struct err err = ERR_INIT;
    uint64_t avail;
    bool ended;
    source.given = 0;
    source.reads = 0;
    errc code = blob_get_grown(grown, &source.store, staging, at, text, source.bytes.len, &staged, &err);
    if (code || staged_wait(staged, UINT64_MAX, NULL, &avail, &ended, &err)) {
        fail_msg("%s", err.cause);
    }
    const uint8_t *data;
    size_t len;
    assert_int_equal(staged_map(staged, &data, &len, &err), ERR_OK);
    assert_int_equal(len, source.bytes.len);
    if (len) {
        assert_memory_equal(data, source.bytes.data, len);
    }
    staged_unmap(staged, data, len);
    return source.given;
}

static void new_bytes_only(void **state)
{
    (void)state;
    tests_begun++;
    write_more(10);
    assert_int_equal(follow("log", 1), 10);
    write_more(20);
    assert_int_equal(follow("log", 2), 30); // what it had is the overlap
    write_more(300000);
    assert_int_equal(follow("log", 3), 30 + 300000);
    write_more(5);
    assert_int_equal(follow("log", 4), 1024 + 5);
    assert_int_equal(follow("log", 4), 0); // staged
    assert_int_equal(follow("log", 5), 1024); // another time, nothing new
    source.piece = 1;
    write_more(1);
    assert_int_equal(follow("log", 6), 1024 + 1);
    source.piece = 1 << 20;
    write_more(2000000);
    assert_int_equal(follow("log", 7), 1024 + 2000000);
    assert_int_equal(follow("another", 7), source.bytes.len);
}

static void an_object_that_was_written_anew(void **state)
{
    (void)state;
    tests_begun++;
    write_more(5000);
    follow("log", 1);
    source.bytes.data[4500] ^= 1; // within the overlap
    write_more(100);
    follow("log", 2);
    assert_int_equal(source.reads, 2);
    source.bytes.len = 3000; // shorter
    assert_int_equal(follow("log", 3), 3000);
    assert_int_equal(source.reads, 1);
    source.bytes.len = 0;
    assert_int_equal(follow("log", 4), 0);
    assert_int_equal(source.reads, 0);
    write_more(10);
    assert_int_equal(follow("log", 5), 10);
}

// It is shorter than it was said to be: written anew between the two questions.
static void an_object_that_shrinks_meanwhile(void **state)
{
    (void)state;
    tests_begun++;
    auto_free char *at = mem_printf("log%d", tests_begun);
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    struct err err = ERR_INIT;
    uint64_t avail;
    bool ended;
    write_more(5000);
    follow("log", 1);
    source.bytes.len = 4100;
    assert_int_equal(blob_get_grown(grown, &source.store, staging, at, "2", 6000, &staged, &err), ERR_OK);
    assert_int_equal(staged_wait(staged, UINT64_MAX, NULL, &avail, &ended, &err), ERR_OK);
    assert_int_equal(avail, 4100);
}

static void failures(void **state)
{
    (void)state;
    tests_begun++;
    static const errc codes[] = {ERR_THROTTLED, ERR_NOT_FOUND};
    static const errc want[] = {ERR_THROTTLED, ERR_CORRUPT};
    write_more(5000);
    follow("log", 1);
    write_more(5000);
    for (int i = 0; i < 2; i++) {
        auto_free char *at = mem_printf("log%d", tests_begun);
        auto_cleanup(staged_unrefp) struct staged *staged = NULL;
        struct err err = ERR_INIT;
        uint64_t avail;
        bool ended;
        source.fail = codes[i];
        assert_int_equal(blob_get_grown(grown, &source.store, staging, at, "2", 10000, &staged, &err), ERR_OK);
        assert_int_equal(staged_wait(staged, UINT64_MAX, NULL, &avail, &ended, &err), want[i]);
    }
    source.fail = ERR_OK;
    follow("log", 2);
    assert_int_equal(source.reads, 1);
}

static void many_objects(void **state)
{
    (void)state;
    tests_begun++;
    write_more(100);
    for (int i = 0; i < 1000; i++) {
        auto_free char *path = mem_printf("log.%d.", i);
        follow(path, 1);
    }
    write_more(100);
    assert_int_equal(follow("log.999.", 2), 200);
    assert_int_equal(follow("log.0.", 2), 200); // not remembered, but right
}

static void a_live_log(void **state)
{
    (void)state;
    struct log_source src = {.store = &source.store,
                             .staging = staging,
                             .grown = grown,
                             .flow = "F",
                             .run = "1",
                             .step = "s",
                             .task = "2"};
    uint64_t all = 0;
    for (int i = 0; i < 50; i++) {
        buf_printf(&source.bytes, "[MFLOG|0|2026-01-02T03:04:05.%06dZ|task|i%d]line %d%01000d\n", i, i, i, 0);
        source.mtime_ms++;
        auto_cleanup(content_unrefp) struct content *c = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(logs_open(&src, LOG_STDOUT, NULL, &c, &err), ERR_OK);
        assert_true(content_size(c) > all);
        all = content_size(c);
    }
    assert_true(source.given < source.bytes.len + 50 * 1024 + 1);
    auto_cleanup(content_unrefp) struct content *part = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(logs_open_part(&src, "0.task_stdout.log", NULL, &part, &err), ERR_OK);
    assert_int_equal(content_size(part), source.bytes.len);
}

static int setup(void **state)
{
    return store_bench_setup(state, "", 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_bytes_only), TEST(an_object_that_was_written_anew), TEST(an_object_that_shrinks_meanwhile),
        TEST(failures),       TEST(many_objects),                    TEST(a_live_log),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
