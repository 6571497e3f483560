// The text of a copy's progress and of its end.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "fs/progress.h"

static const uint64_t MiB = 1024 * 1024, GiB = 1024 * 1024 * 1024;

static const char *line(const struct progress *p, unsigned width)
{
    static char out[PROGRESS_WIDTH_MAX + 1];
    memset(out, 'x', sizeof(out));
    size_t len = progress_line(p, width, out);
    assert_int_equal(len, strlen(out));
    return out;
}

static void test_line(void **state)
{
    (void)state;
    struct progress p = {.bytes = 1 * GiB + GiB / 2, .bytes_known = 3 * GiB, .files = 63, .files_known = 142,
                         .walked = true, .rate = 812 * 1000 * 1000};
    assert_string_equal(line(&p, 80),
                        "[==========>         ]  50%  1.5 GiB of 3.0 GiB  63/142 files  812 MB/s  ETA 2s");
    p.walked = false; // sums still grow, and no end can be told
    assert_string_equal(line(&p, 80), "[=============>            ]  50%  1.5 GiB of 3.0 GiB+  63/142+ files  812 MB/s");
}

static void test_fits_every_width(void **state)
{
    (void)state;
    struct progress p = {.bytes = 999 * MiB, .bytes_known = UINT64_MAX, .files = 1, .files_known = UINT64_MAX,
                         .walked = true, .rate = 1};
    for (unsigned width = 0; width < 300; width++) {
        assert_true(strlen(line(&p, width)) <= (width > 0 ? width - 1 : 0));
    }
    assert_string_equal(line(&p, 5), "  0%");
    assert_string_equal(line(&p, 4), "");
}

static void test_percent(void **state)
{
    (void)state;
    struct progress p = {.bytes = 1000, .bytes_known = 1000, .files = 1, .files_known = 2, .walked = true};
    assert_string_equal(line(&p, 5), " 99%"); // not all of it, as long as a file is left
    p.files = 2;
    assert_string_equal(line(&p, 5), "100%");
    p.walked = false;
    assert_string_equal(line(&p, 5), " 99%");
    p = (struct progress){.files = 1, .files_known = 4}; // nothing but empty files
    assert_string_equal(line(&p, 5), " 25%");
    p = (struct progress){0};
    assert_string_equal(line(&p, 5), "  0%");
    p = (struct progress){.bytes = 20, .bytes_known = 10, .files_known = 1, .walked = true}; // it grew meanwhile
    assert_string_equal(line(&p, 5), " 99%");
}

static void test_waits(void **state)
{
    (void)state;
    struct progress p = {.bytes_known = 59, .files_known = 1, .walked = true, .rate = 1};
    assert_non_null(strstr(line(&p, 100), "ETA 59s"));
    p.bytes_known = 3599;
    assert_non_null(strstr(line(&p, 100), "ETA 59m59s"));
    p.bytes_known = 3600;
    assert_non_null(strstr(line(&p, 100), "ETA 1h00m"));
    p.bytes_known = UINT64_MAX;
    assert_non_null(strstr(line(&p, 100), "ETA days"));
    p.rate = 0;
    assert_null(strstr(line(&p, 100), "ETA"));
}

static const char *end_text(uint64_t files, uint64_t bytes, uint64_t there, uint64_t links, int64_t ms)
{
    static char out[256];
    struct progress_end end = {files, bytes, there, links, ms};
    progress_end_text(&end, out, sizeof(out));
    return out;
}

static void test_end(void **state)
{
    (void)state;
    assert_string_equal(end_text(142, 3328 * MiB, 12, 0, 4100),
                        "142 files, 3.2 GiB in 4.1 s (851 MB/s), 12 were there already");
    assert_string_equal(end_text(1, 1023, 1, 0, 0), "1 file, 1023 B in 0.0 s (1.0 MB/s), 1 was there already");
    assert_string_equal(end_text(0, 0, 0, 2, 1000), "0 files, 0 B in 1.0 s (0 B/s), 2 links were left out");
    assert_string_equal(end_text(2, 1024 * 1024 - 1, 0, 1, 1000), "2 files, 1.0 MiB in 1.0 s (1.0 MB/s), 1 link was left out");
    assert_string_equal(end_text(2, UINT64_MAX, 0, 0, 1), "2 files, 16.0 EiB in 0.0 s (18447 EB/s)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),  cmocka_unit_test(test_fits_every_width), cmocka_unit_test(test_percent),
        cmocka_unit_test(test_waits), cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
