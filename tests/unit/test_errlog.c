// The record of failures, and the errno of each kind.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "fs/errlog.h"

static unsigned lines(const char *text)
{
    unsigned n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static void a_failure_is_one_line_with_its_cause(void **state)
{
    (void)state;
    struct errlog *l = errlog_new();
    struct err err = ERR_INIT;
    err_set(&err, ERR_CORRUPT, "blob ab12 does\nnot match its key");
    errlog_add(l, "open", "F/1/start/1/x\x1b", &err);
    auto_cleanup(buf_free) struct buf out = {0};
    errlog_print(l, &out);
    assert_int_equal(lines(out.data), 1);
    assert_non_null(strstr(out.data, "Z EIO open /F/1/start/1/x?: blob ab12 does?not match its key; what to do: "));
    errlog_free(l);
}

static void what_to_do_depends_on_the_place(void **state)
{
    (void)state;
    struct errlog *l = errlog_new();
    struct err err = ERR_INIT;
    err_set(&err, ERR_NO_SPACE, "full");
    errlog_add(l, "flush", ".batch/train.json", &err);
    errlog_add(l, "open", "F/1/start/1/x", &err);
    auto_cleanup(buf_free) struct buf out = {0};
    errlog_print(l, &out);
    const char *journal = strstr(out.data, "XDG_STATE_HOME"), *staging = strstr(out.data, "--staging-size");
    assert_true(journal != NULL && staging != NULL && journal < staging);
    assert_int_equal(lines(out.data), 2);
    errlog_free(l);
}

static void repetitions_are_counted(void **state)
{
    (void)state;
    struct errlog *l = errlog_new();
    struct err err = ERR_INIT;
    err_set(&err, ERR_TIMEOUT, "slow");
    for (unsigned i = 0; i < 3; i++) {
        errlog_add(l, "lookup", "F", &err);
    }
    auto_cleanup(buf_free) struct buf out = {0};
    errlog_print(l, &out);
    assert_int_equal(lines(out.data), 1);
    assert_non_null(strstr(out.data, "(3 times)"));
    assert_int_equal(errlog_total(l), 3);
    errlog_free(l);
}

static void the_last_thousand_are_kept(void **state)
{
    (void)state;
    struct errlog *l = errlog_new();
    for (unsigned i = 0; i < 1500; i++) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_IO, "failure %u.", i);
        errlog_add(l, "read", "F", &err);
    }
    auto_cleanup(buf_free) struct buf out = {0};
    errlog_print(l, &out);
    assert_int_equal(lines(out.data), ERRLOG_MAX);
    assert_null(strstr(out.data, "failure 499."));
    const char *first = strstr(out.data, "failure 500."), *last = strstr(out.data, "failure 1499.");
    assert_true(first != NULL && last != NULL && first < last);
    errlog_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_one_line_with_its_cause),
        cmocka_unit_test(what_to_do_depends_on_the_place),
        cmocka_unit_test(repetitions_are_counted),
        cmocka_unit_test(the_last_thousand_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
