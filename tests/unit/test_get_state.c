// What `metaflowfs get` remembers of its work.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/get_state.h"
#include "tempdir.h"

static struct err err;
static int dirfd_of_test;

static int set_up(void **state)
{
    if (tempdir_make(state) != 0) {
        return -1;
    }
    dirfd_of_test = open(tempdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dirfd_of_test < 0;
}

static int tear_down(void **state)
{
    close(dirfd_of_test);
    return tempdir_remove(state);
}

static struct get_state *parse(const char *text)
{
    return get_state_parse(mem_strdup(text), strlen(text));
}

static void test_last_line_holds(void **state)
{
    (void)state;
    struct get_record r;
    struct get_state *s = parse("metaflowfs-get 1 F/1\n"
                                "done 00000000000000ff 12 1000 b\n"
                                "begun a b\n"
                                "done 1 2 3 a b\n"
                                "begun b\n"
                                "done 7 8 9 b/c\n"
                                "done 1 2 3 cut");
    assert_string_equal(get_state_object(s), "F/1");
    assert_int_equal(get_state_find(s, "a b", &r), GET_DONE);
    assert_true(r.version == 1 && r.size == 2 && r.mtime_ms == 3);
    assert_int_equal(get_state_find(s, "b", &r), GET_BEGUN);
    assert_int_equal(get_state_find(s, "b/c", &r), GET_DONE);
    assert_int_equal(get_state_find(s, "cut", &r), GET_UNKNOWN);
    assert_int_equal(get_state_find(s, "", &r), GET_UNKNOWN);
    get_state_free(s);
}

static void test_bad_lines_count_for_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "done  1 2 a", "done -1 2 3 a", "done 1 2 3", "done 1 2 3 ", "done g 2 3 a", "done 1 x 3 a", "done 1 2 -3 a",
        "done 1 2 99999999999999999999 a", "done 1 2 18446744073709551615 a", "begun ", "begun", "dome 1 2 3 a", "", " ",
    };
    struct get_record r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        auto_free char *text = mem_printf("metaflowfs-get 1 F\n%s\ndone 1 2 3 z\n", bad[i]);
        struct get_state *s = parse(text);
        assert_int_equal(get_state_find(s, "a", &r), GET_UNKNOWN);
        assert_int_equal(get_state_find(s, "z", &r), GET_DONE);
        get_state_free(s);
    }
    struct get_state *s = parse("something else\n");
    assert_null(get_state_object(s));
    get_state_free(s);
    s = parse("");
    assert_null(get_state_object(s));
    get_state_free(s);
}

static void open_state(const char *object, bool overwrite, struct get_state **ret)
{
    err = (struct err)ERR_INIT;
    if (get_state_open(dirfd_of_test, "DIR", object, overwrite, ret, &err) != ERR_OK) {
        fail_msg("%s", err.cause);
    }
}

static void test_is_kept(void **state)
{
    (void)state;
    struct get_state *s;
    struct get_record r = {0xabc, 5, 77};
    open_state("F/1", false, &s);
    assert_true(get_state_is_of(dirfd_of_test, "F/1"));
    assert_false(get_state_is_of(dirfd_of_test, "F/11"));
    assert_false(get_state_is_of(dirfd_of_test, "F/"));
    assert_int_equal(get_state_begin(s, "x y", &err), ERR_OK);
    assert_int_equal(get_state_done(s, "x y", &r, &err), ERR_OK);
    assert_int_equal(get_state_begin(s, "z", &err), ERR_OK);
    get_state_free(s);
    // A line that a killed process left cut does not spoil the next.
    FILE *f = fdopen(openat(dirfd_of_test, GET_STATE_FILE, O_WRONLY | O_APPEND), "a");
    fputs("done 12", f);
    fclose(f);
    open_state("F/1", false, &s);
    assert_int_equal(get_state_done(s, "w", &r, &err), ERR_OK);
    get_state_free(s);
    open_state("F/1", false, &s);
    memset(&r, 0, sizeof(r));
    assert_int_equal(get_state_find(s, "x y", &r), GET_DONE);
    assert_true(r.version == 0xabc && r.size == 5 && r.mtime_ms == 77);
    assert_int_equal(get_state_find(s, "z", &r), GET_BEGUN);
    assert_int_equal(get_state_find(s, "w", &r), GET_DONE);
    get_state_free(s);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct get_state *s, *other;
    open_state("F/1", false, &s);
    assert_int_equal(get_state_open(dirfd_of_test, "DIR", "F/1", true, &other, &err), ERR_BUSY);
    assert_non_null(strstr(err.cause, "DIR"));
    get_state_free(s);
    open_state("F/1", false, &s);
    get_state_free(s);
}

static void test_other_objects_are_refused(void **state)
{
    (void)state;
    struct get_state *s;
    struct get_record r = {1, 2, 3};
    open_state("F/1", false, &s);
    assert_int_equal(get_state_done(s, "a", &r, &err), ERR_OK);
    get_state_free(s);
    assert_int_equal(get_state_open(dirfd_of_test, "DIR", "F/2", false, &s, &err), ERR_EXISTS);
    assert_non_null(strstr(err.cause, "F/1"));
    open_state("F/2", true, &s);
    assert_int_equal(get_state_find(s, "a", &r), GET_UNKNOWN);
    get_state_free(s);
    assert_true(get_state_is_of(dirfd_of_test, "F/2"));
}

static void test_a_link_is_not_followed(void **state)
{
    (void)state;
    struct get_state *s;
    tempdir_put("elsewhere", "mine", 4);
    assert_int_equal(symlinkat("elsewhere", dirfd_of_test, GET_STATE_FILE), 0);
    assert_int_not_equal(get_state_open(dirfd_of_test, "DIR", "F/1", true, &s, &err), ERR_OK);
    assert_false(get_state_is_of(dirfd_of_test, "F/1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_line_holds),
        cmocka_unit_test(test_bad_lines_count_for_nothing),
        cmocka_unit_test_setup_teardown(test_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_objects_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_link_is_not_followed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
