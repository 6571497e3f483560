#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/content.h"
#include "tempdir.h"

static struct pool *pool;
static struct staging *staging;

static int setup(void **state)
{
    struct err err = ERR_INIT;
    if (tempdir_make(state))
        return -1;
    pool = pool_new(&(struct pool_conf){.max_threads = 16, .idle_ms = 100, .name = "test"});
    struct staging_conf conf = {.tempdir = tempdir, .min_free_bytes = 1, .pool = pool};
    return staging_new(&conf, &staging, &err) ? -1 : 0;
}

static int teardown(void **state)
{
    staging_free(staging);
    pool_free(pool);
    return tempdir_remove(state);
}

static void ranges(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct content *c = content_of(staged_of_bytes(staging, "0123456789", 10), 2, 5);
    char to[16];
    size_t got = 9;
    assert_int_equal(content_size(c), 5);
    assert_true(content_ready(c, 0, 100));
    assert_int_equal(content_read(c, 0, to, 16, NULL, &got, &err), ERR_OK);
    assert_int_equal(got, 5);
    assert_memory_equal(to, "23456", 5);
    assert_int_equal(content_read(c, 4, to, 1, NULL, &got, &err), ERR_OK);
    assert_memory_equal(to, "6", 1);
    assert_int_equal(content_read(c, 5, to, 1, NULL, &got, &err), ERR_OK);
    assert_int_equal(got, 0);
    assert_int_equal(content_read(c, UINT64_MAX - 3, to, 16, NULL, &got, &err), ERR_OK);
    assert_int_equal(got, 0);
    assert_int_equal(content_read(c, 3, to, 0, NULL, &got, &err), ERR_OK);
    auto_cleanup(buf_free) struct buf buf = {0}, tight = {.max = 3};
    assert_int_equal(content_read_all(c, NULL, &buf, &err), ERR_OK);
    assert_string_equal(buf.data, "23456");
    assert_int_equal(content_read_all(c, NULL, &tight, &err), ERR_LIMIT);
    content_unref(content_ref(c));
    content_unref(c);
    c = content_of(staged_of_bytes(staging, "0123456789", 10), 4, UINT64_MAX);
    assert_int_equal(content_size(c), 6);
    content_unref(c);
    c = content_of_bytes(staging, NULL, 0);
    assert_int_equal(content_size(c), 0);
    content_unref(c);
}

// --- objects that still grow ---------------------------------------------------------------------

struct stage_play {
    size_t first, second; // bytes before and after the wait
    errc fail;
    atomic_bool go;
};

static errc produce(void *arg, struct staged *to, struct err *err)
{
    struct stage_play *p = arg;
    static const char bytes[4096];
    errc e = staged_append(to, bytes, p->first, err);
    while (!e && !atomic_load(&p->go)) {
        e = cancel_check(staged_cancel(to), err);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (!e)
        e = staged_append(to, bytes, p->second, err);
    return e ? e : p->fail ? err_set(err, p->fail, "told to fail") : ERR_OK;
}

static struct staged *start(struct stage_play *p)
{
    struct err err = ERR_INIT;
    struct staged *s = NULL;
    uint64_t len;
    bool ended;
    struct staging_request rq = {.produce = produce, .arg = p};
    assert_int_equal(staging_get(staging, &rq, &s, &err), ERR_OK);
    assert_int_equal(staged_wait(s, p->first, NULL, &len, &ended, &err), ERR_OK);
    return s;
}

static errc read_at(struct content *c, uint64_t off, size_t len, size_t *got)
{
    char to[4096];
    struct err err = ERR_INIT;
    return content_read(c, off, to, len, NULL, got, &err);
}

// The first bytes of a file that grows meanwhile.
static void a_growing_file(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char to[16];
    size_t got;
    int fd = open(tempdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    struct content *c = content_of_fd(fd, 8), *torn = content_of_fd(dup(fd), 20);
    assert_true(content_size(c) == 8 && content_ready(c, 0, 100));
    assert_int_equal(content_read(c, 6, to, 16, NULL, &got, &err), ERR_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(to, "67", 2);
    assert_int_equal(content_read(torn, 0, to, 16, NULL, &got, &err), ERR_CORRUPT);
    content_unref(c);
    content_unref(torn);
}

static void first_bytes_before_the_last(void **state)
{
    (void)state;
    struct stage_play p = {.first = 1000, .second = 500};
    struct content *c = content_of_expected(start(&p), 10, 1488, 1500);
    size_t got;
    assert_int_equal(content_size(c), 1488);
    assert_true(content_ready(c, 0, 990));
    assert_false(content_ready(c, 0, 991));
    assert_int_equal(read_at(c, 0, 990, &got), ERR_OK);
    assert_int_equal(got, 990);
    atomic_store(&p.go, true);
    assert_int_equal(read_at(c, 900, 4096, &got), ERR_OK);
    assert_int_equal(got, 588);
    content_unref(c);
}

static void another_length_than_recorded(void **state)
{
    (void)state;
    for (size_t more = 400; more <= 600; more += 200) { // too short, too long
        struct stage_play p = {.first = 1000, .second = more};
        struct content *c = content_of_expected(start(&p), 0, 1500, 1500);
        size_t got;
        assert_int_equal(read_at(c, 0, 1000, &got), ERR_OK);
        atomic_store(&p.go, true);
        assert_int_equal(read_at(c, 1000, 500, &got), ERR_CORRUPT);
        content_unref(c);
    }
}

static void failed_end(void **state)
{
    (void)state;
    struct stage_play p = {.first = 1000, .second = 400, .fail = ERR_IO};
    struct content *c = content_of_expected(start(&p), 0, 1500, 1500);
    size_t got;
    atomic_store(&p.go, true);
    assert_int_equal(read_at(c, 1000, 500, &got), ERR_IO);
    assert_true(content_ready(c, 1000, 500));
    assert_int_equal(read_at(c, 0, 1000, &got), ERR_OK);
    assert_false(content_is_proven(c));
    content_unref(c);
}

static void wrong_content_is_not_read_on(void **state)
{
    (void)state;
    struct stage_play p = {.first = 1000, .second = 500, .fail = ERR_CORRUPT};
    struct content *c = content_of_expected(start(&p), 0, 1500, 1500);
    size_t got;
    assert_int_equal(read_at(c, 0, 1000, &got), ERR_OK);
    assert_false(content_is_proven(c));
    atomic_store(&p.go, true);
    assert_int_equal(read_at(c, 1000, 500, &got), ERR_CORRUPT);
    assert_int_equal(read_at(c, 0, 1000, &got), ERR_CORRUPT);
    assert_true(content_ready(c, 0, 1000));
    assert_false(content_is_proven(c));
    content_unref(c);
}

static void content_is_proven_at_its_end(void **state)
{
    (void)state;
    for (uint64_t total = 1500; total <= 1501; total++) {
        struct stage_play p = {.first = 1000, .second = 500};
        struct content *c = content_of_expected(start(&p), 0, 1500, total);
        size_t got;
        assert_false(content_is_proven(c));
        atomic_store(&p.go, true);
        assert_int_equal(read_at(c, 1000, 500, &got), total == 1500 ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(content_is_proven(c), total == 1500);
        content_unref(c);
    }
}

static void cancelled_read(void **state)
{
    (void)state;
    struct stage_play p = {.first = 1000};
    struct content *c = content_of_expected(start(&p), 0, 1500, 1500);
    struct cancel cancel = {0};
    atomic_store(&cancel.set, true);
    char to[10];
    size_t got;
    struct err err = ERR_INIT;
    assert_int_equal(content_read(c, 1200, to, 10, &cancel, &got, &err), ERR_INTERRUPTED);
    content_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(a_growing_file),
        cmocka_unit_test(first_bytes_before_the_last),
        cmocka_unit_test(another_length_than_recorded),
        cmocka_unit_test(failed_end),
        cmocka_unit_test(wrong_content_is_not_read_on),
        cmocka_unit_test(content_is_proven_at_its_end),
        cmocka_unit_test(cancelled_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
