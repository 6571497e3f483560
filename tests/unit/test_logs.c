#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "client/logs.h"
#include "store_bench.h"

static int setup(void **state)
{
    return store_bench_setup(state, "", 0);
}

// --- the merge -----------------------------------------------------------------------------------

static void expect_merge(const char *const *texts, size_t n, const char *want)
{
    struct log_part parts[4];
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct log_part){texts[i], strlen(texts[i])};
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf buf = {0};
    struct buf_sink sink = sink_to_buf(&buf);
    assert_int_equal(logs_merge(parts, n, &sink.sink, &err), ERR_OK);
    assert_string_equal(buf.data ? buf.data : "", want);
}

static void expect_one(const char *text, const char *want)
{
    expect_merge(&text, 1, want);
}

#define T "[MFLOG|0|2026-01-02T03:04:05."

static void lines_by_time(void **state)
{
    (void)state;
    static const char *const two[] = {T "000002Z|runtime|b]second\n" T "000004Z|runtime|d]fourth\n",
                                      T "000001Z|task|a]first\n" T "000003Z|task|c]third\n"};
    expect_merge(two, 2, "first\nsecond\nthird\nfourth\n");
    expect_one(T "2Z|s|i]b\n" T "1Z|s|i]a\n", "a\nb\n");
    expect_one(T "1Z|s|b]2\n" T "1Z|s|a]1\n" T "1Z|r|c]0\n", "0\n1\n2\n"); // source, then id
    expect_one(T "1Z|s|i]no newline at the end", "no newline at the end\n");
    expect_one("[!" T "1Z|s|i]marked\n", "marked\n");
    expect_one(T "1Z|s|i]\n", "\n");
    expect_one("", "");
    expect_merge(NULL, 0, "");
}

static void lines_that_are_not_structured(void **state)
{
    (void)state;
    expect_one("plain\n", "plain\n\n");
    expect_one("plain", "plain\n");
    expect_one("b\na\n" T "1Z|s|i]first\n", "first\na\n\nb\n\n");
    static const char *const bad[] = {
        " [MFLOG|0|2026-01-02T03:04:05.1Z|s|i]x",
        "[MFLOG|1|2026-01-02T03:04:05.1Z|s|i]x",
        "[MFLOG|0|2026-01-02T03:04:05Z|s|i]x",
        "[MFLOG|0|2026-13-02T03:04:05.1Z|s|i]x",
        "[MFLOG|0|2026-02-29T03:04:05.1Z|s|i]x",
        "[MFLOG|0|2026-01-02T24:04:05.1Z|s|i]x",
        "[MFLOG|0|2026-01-02T03:04:60.1Z|s|i]x",
        "[MFLOG|0|2026-01-02T03:04:05.1234567Z|s|i]x",
        "[MFLOG|0|2026-01-02T03:04:05.1Z|s|]x",
        "[MFLOG|0|2026-01-02T03:04:05.1Z||i]x",
        "[MFLOG|0|2026-01-02T03:04:05.1Z|s|i",
        "[MFLOG|0|0000-01-02T03:04:05.1Z|s|i]x",
        "[MFLOG|0|",
        "[!",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        auto_free char *text = mem_printf("%s\n", bad[i]), *want = mem_printf("%s\n\n", bad[i]);
        expect_one(text, want);
    }
    expect_one("[MFLOG|0|2024-02-29t1:2:3.4Z|s|i]odd but fine\n", "odd but fine\n");
    expect_one("[MFLOG|0|2024-02- 9T1:2:3.4Z|s|i]odd but fine\n", "odd but fine\n");
    expect_one("[MFLOG|0|2026-01-02T03:04:05.1Z|s]|i]x]y\n", "x]y\n");
    expect_one("[MFLOG|0|9999-01-02T03:04:05.1Z|s|i]late\nplain\n", "plain\n\nlate\n");
}

static void bytes_are_kept(void **state)
{
    (void)state;
    static const char text[] = T "1Z|s|i]a\0b\xff\r\n" T "2Z|s|i]\xc3\xa9\r\n";
    struct log_part part = {text, sizeof text - 1};
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf buf = {0};
    struct buf_sink sink = sink_to_buf(&buf);
    assert_int_equal(logs_merge(&part, 1, &sink.sink, &err), ERR_OK);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "a\0b\xff\r\n\xc3\xa9\r\n", 10);
}

static void live_text_only_grows(void **state)
{
    (void)state;
    static const char whole[] = T "2Z|s|i]b\n" T "1Z|s|i]a\n"
                                  "plain\n" T "3Z|s|i]c\n"
                                  "the end";
    auto_cleanup(buf_free) struct buf before = {0};
    for (size_t len = 0; len < sizeof whole; len++) {
        struct log_part part = {whole, len};
        struct err err = ERR_INIT;
        auto_cleanup(buf_free) struct buf buf = {0};
        struct buf_sink sink = sink_to_buf(&buf);
        assert_int_equal(logs_messages(&part, &sink.sink, &err), ERR_OK);
        assert_true(buf.len >= before.len);
        if (before.len)
            assert_memory_equal(buf.data, before.data, before.len);
        before.len = 0;
        buf_put(&before, buf.data, buf.len);
    }
    assert_string_equal(before.data, "b\na\nplain\n\nc\n");
}

static void too_many_lines(void **state)
{
    (void)state;
    size_t len = LOGS_MAX_LINES + 1;
    auto_free char *text = malloc(len);
    memset(text, '\n', len);
    struct log_part part = {text, len};
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf buf = {0};
    struct buf_sink sink = sink_to_buf(&buf);
    assert_int_equal(logs_merge(&part, 1, &sink.sink, &err), ERR_LIMIT);
}

// --- a task's logs -------------------------------------------------------------------------------

static struct log_source source(int attempt)
{
    return (struct log_source){.store = store,
                               .staging = staging,
                               .flow = "F",
                               .run = "1",
                               .step = "start",
                               .task = "7",
                               .attempt = attempt,
                               .settled = true};
}

static void put_part(const char *name, const char *text)
{
    auto_free char *path = mem_printf("F/1/start/7/%s", name);
    tempdir_put(path, text, strlen(text));
}

static void expect_log(const struct log_source *src, enum log_stream streams, const char *want)
{
    auto_cleanup(content_unrefp) struct content *c = NULL;
    struct err err = ERR_INIT;
    if (logs_open(src, streams, NULL, &c, &err))
        fail_msg("%s", err.cause);
    auto_cleanup(buf_free) struct buf buf = {0};
    assert_int_equal(content_size(c), strlen(want));
    assert_int_equal(content_read_all(c, NULL, &buf, &err), ERR_OK);
    assert_string_equal(buf.data ? buf.data : "", want);
}

static uint64_t raw_size(const struct log_source *src, enum log_stream streams)
{
    struct err err = ERR_INIT;
    uint64_t size = 99;
    assert_int_equal(logs_raw_size(src, streams, NULL, &size, &err), ERR_OK);
    return size;
}

static void streams_of_a_task(void **state)
{
    (void)state;
    struct log_source src = source(0);
    expect_log(&src, LOG_BOTH, "");
    assert_int_equal(raw_size(&src, LOG_BOTH), 0);
    put_part("0.runtime_stdout.log", T "1Z|runtime|i]out 1\n");
    put_part("0.task_stdout.log", T "0Z|task|i]out 0\n" T "3Z|task|i]out 3\n");
    put_part("0.runtime_stderr.log", T "2Z|runtime|i]err 2\n");
    put_part("1.runtime_stdout.log", T "2Z|runtime|i]another attempt\n");
    expect_log(&src, LOG_STDOUT, "out 0\nout 1\nout 3\n");
    expect_log(&src, LOG_STDERR, "err 2\n");
    expect_log(&src, LOG_BOTH, "out 0\nout 1\nerr 2\nout 3\n");
    assert_int_equal(raw_size(&src, LOG_STDERR), strlen(T "2Z|runtime|i]err 2\n"));
    struct staging_stats before, after;
    staging_stats(staging, &before);
    expect_log(&src, LOG_BOTH, "out 0\nout 1\nerr 2\nout 3\n");
    staging_stats(staging, &after);
    assert_int_equal(after.produced, before.produced); // the second open makes nothing
    put_part("0.task_stdout.log",
             T "0Z|task|i]out 0\n" T "3Z|task|i]out 3\n" T "4Z|task|i]out 4\n");
    expect_log(&src, LOG_STDOUT, "out 0\nout 1\nout 3\nout 4\n");
}

static void live_streams(void **state)
{
    (void)state;
    struct log_source src = source(2);
    src.settled = false;
    put_part("2.task_stdout.log", T "2Z|task|i]b\n" T "1Z|task|i]a\n" T "3Z|task|i]half a li");
    expect_log(&src, LOG_STDOUT, "b\na\n");
    src.settled = true;
    expect_log(&src, LOG_STDOUT, "a\nb\nhalf a li\n");
}

struct names {
    char text[200];
};

static bool add_name(void *arg, const char *name, uint64_t size, int64_t mtime_ms)
{
    struct names *n = arg;
    assert_true(size > 0 && mtime_ms > 0);
    strcat(strcat(n->text, name), " ");
    return true;
}

static void raw_parts(void **state)
{
    (void)state;
    struct log_source src = source(3);
    put_part("3.task_stdout.log", "task out");
    put_part("3.runtime_stderr.log", "runtime err");
    put_part("3.stdout.log", "old out");
    put_part("3.secret.log", "never");
    struct names n = {""};
    struct err err = ERR_INIT;
    assert_int_equal(logs_parts(&src, NULL, add_name, &n, &err), ERR_OK);
    assert_string_equal(n.text, "3.runtime_stderr.log 3.task_stdout.log 3.stdout.log ");
    struct content *c = NULL;
    assert_int_equal(logs_open_part(&src, "3.task_stdout.log", NULL, &c, &err), ERR_OK);
    assert_int_equal(content_size(c), 8);
    content_unref(c);
    assert_int_equal(logs_open_part(&src, "3.secret.log", NULL, &c, &err), ERR_NOT_FOUND);
    assert_int_equal(logs_open_part(&src, "3.runtime_stdout.log", NULL, &c, &err), ERR_NOT_FOUND);
    assert_int_equal(logs_open_part(&src, "../7/3.task_stdout.log", NULL, &c, &err), ERR_NOT_FOUND);
}

static void logs_before_mflog(void **state)
{
    (void)state;
    struct log_source src = source(5);
    src.legacy_stdout = "{\"ds_type\": \"local\", \"location\": "
                        "\"/gone/F/1/start/7/4.stdout.log\", \"attempt\": 4}";
    put_part("4.stdout.log", "b\na\nno newline");
    put_part("5.runtime_stdout.log", T "1Z|runtime|i]not shown\n");
    expect_log(&src, LOG_STDOUT, "b\na\nno newline");
    assert_int_equal(raw_size(&src, LOG_STDOUT), 14);
    src.legacy_stdout = "{\"attempt\": \"9\"}"; // its file is missing
    expect_log(&src, LOG_STDOUT, "");
    src.legacy_stdout = "{\"attempt\": ";
    struct content *c;
    struct err err = ERR_INIT;
    assert_int_equal(logs_open(&src, LOG_STDOUT, NULL, &c, &err), ERR_CORRUPT);
    src.legacy_stdout = "{}";
    assert_int_equal(logs_open(&src, LOG_STDOUT, NULL, &c, &err), ERR_CORRUPT);
}

static void no_datastore_recorded(void **state)
{
    (void)state;
    struct log_source src = source(0);
    src.no_datastore = true;
    expect_log(&src, LOG_STDOUT, "\n");
    expect_log(&src, LOG_BOTH, "\n");
    assert_int_equal(raw_size(&src, LOG_BOTH), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_by_time),     cmocka_unit_test(lines_that_are_not_structured),
        cmocka_unit_test(bytes_are_kept),    cmocka_unit_test(live_text_only_grows),
        cmocka_unit_test(too_many_lines),    cmocka_unit_test(streams_of_a_task),
        cmocka_unit_test(live_streams),      cmocka_unit_test(raw_parts),
        cmocka_unit_test(logs_before_mflog), cmocka_unit_test(no_datastore_recorded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
