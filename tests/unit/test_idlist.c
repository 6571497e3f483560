// client/idlist.h: order and memory of large listings.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/idlist.h"

static void add(struct idlist *l, const char *id)
{
    struct err err = ERR_INIT;
    assert_int_equal(idlist_add(l, id, &err), ERR_OK);
}

static void numbers_then_names_descending(void **state)
{
    (void)state;
    static const char *const ids[] = {"10", "9", "argo-b", "0", "argo-a", "007", "1795382165808564", "argo", "zz",
                                      "9999999999999999999", "12345678901234567890", "-1", "1x", "\xc3\xa9"};
    static const char *const order[] = {"9999999999999999999", "1795382165808564", "10", "9", "0", "\xc3\xa9", "zz",
                                        "argo-b", "argo-a", "argo", "1x", "12345678901234567890", "007", "-1"};
    auto_cleanup(idlist_free) struct idlist l = {0};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        add(&l, ids[i]);
    idlist_sort(&l);
    assert_int_equal(idlist_len(&l), sizeof order / sizeof *order);
    for (size_t i = 0; i < idlist_len(&l); i++) {
        char room[24];
        assert_string_equal(idlist_at(&l, i, room), order[i]);
    }
}

static void nothing(void **state)
{
    (void)state;
    auto_cleanup(idlist_free) struct idlist l = {0};
    idlist_sort(&l);
    assert_int_equal(idlist_len(&l), 0);
}

static long rss_anon_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    char line[256];
    long kib = -1;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    }
    fclose(f);
    return kib;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void a_million(const char *prefix)
{
    enum { N = 1000000 };
    long before = rss_anon_kib();
    struct idlist l = {0};
    uint64_t seed = 88172645463325252;
    for (int i = 0; i < N; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s%llu", prefix,
                 (unsigned long long)(next_random(&seed) % 1000000000000000));
        add(&l, id);
    }
    idlist_sort(&l);
    char room[24], other[24];
    for (size_t i = 1; i < N; i++) {
        const char *a = idlist_at(&l, i - 1, room), *b = idlist_at(&l, i, other);
        if (prefix[0] ? strcmp(a, b) < 0 : strtoull(a, NULL, 10) < strtoull(b, NULL, 10))
            fail_msg("%s before %s", a, b);
    }
    long grown = rss_anon_kib() - before;
    idlist_free(&l);
#if defined(__SANITIZE_THREAD__)
    (void)grown; // the sanitizer's own records of the file mapping are counted too
#else
    if (grown > 2048)
        fail_msg("a listing of %d ids holds %ld KiB of the heap", N, grown);
#endif
}

static void a_million_numbers(void **state)
{
    (void)state;
    a_million("");
}

static void a_million_names(void **state)
{
    (void)state;
    a_million("argo-hello-flow-");
}

static void equal_and_sorted_names(void **state)
{
    (void)state;
    auto_cleanup(idlist_free) struct idlist l = {0};
    char id[64];
    for (int i = 0; i < 50000; i++) {
        snprintf(id, sizeof id, "name-%06d", i / 2);
        add(&l, id);
    }
    idlist_sort(&l);
    char room[24];
    assert_string_equal(idlist_at(&l, 0, room), "name-024999");
    assert_string_equal(idlist_at(&l, 1, room), "name-024999");
    assert_string_equal(idlist_at(&l, 49999, room), "name-000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_then_names_descending), cmocka_unit_test(nothing),
        cmocka_unit_test(a_million_numbers),             cmocka_unit_test(a_million_names),
        cmocka_unit_test(equal_and_sorted_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
