#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fs/tree_i.h"

static void test_every_kind_is_described(void **state)
{
    (void)state;
    for (enum kind k = K_ROOT; k < K_COUNT; k++) {
        assert_non_null(kind_info(k)->label);
        assert_true(kind_info(k)->mode != 0);
    }
}

static void test_dot_names(void **state)
{
    (void)state;
    assert_int_equal(kind_of_dot(K_TASK, ".stdout"), K_STDOUT);
    assert_int_equal(kind_of_dot(K_ATTEMPT, ".stdout"), K_STDOUT);
    assert_int_equal(kind_of_dot(K_RUN, ".stdout"), K_NONE);
    // An attempt has the names of its task, but for these.
    static const char *const only_task[] = {".attempts", ".parents", ".children"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_not_equal(kind_of_dot(K_TASK, only_task[i]), K_NONE);
        assert_int_equal(kind_of_dot(K_ATTEMPT, only_task[i]), K_NONE);
    }
}

static void test_meta_and_help_are_everywhere(void **state)
{
    (void)state;
    for (enum kind k = K_ROOT; k < K_COUNT; k++) {
        bool dir = kind_info(k)->type == KIND_DIR;
        assert_int_equal(kind_of_dot(k, ".help"), dir ? K_HELP : K_NONE);
        assert_int_equal(kind_of_dot(k, ".meta"), dir && k != K_CTL && !kind_is_batch(k) ? K_META : K_NONE);
    }
}

static void test_help_names_what_is_there(void **state)
{
    (void)state;
    for (const struct dot_name *d = kind_dot_names(); d->name; d++) {
        struct buf text = {0};
        help_text(d->parent, true, &text);
        assert_non_null(strstr(text.data, d->name));
        buf_free(&text);
    }
}

static void test_probes(void **state)
{
    (void)state;
    assert_true(kind_is_probe(K_ROOT, ".git"));
    assert_true(kind_is_probe(K_RUN, ".Trash-1234"));
    assert_true(kind_is_probe(K_TASK, "autorun.inf"));
    assert_false(kind_is_probe(K_ROOT, ".meta"));
    assert_false(kind_is_probe(K_ROOT, "HelloFlow"));
    // What could be a class, method or artifact is only no run and no task.
    assert_true(kind_is_probe(K_FLOW, "HEAD") && kind_is_probe(K_STEP, "node_modules"));
    for (enum kind dir = K_ROOT; dir <= K_TASK; dir++)
        assert_int_equal(kind_is_probe(dir, "DCIM"), dir == K_FLOW || dir == K_STEP);
    for (size_t i = 0; i < 4; i++) {
        static const char *const ids[] = {"1795373817325255", "argo-hello-x7k2p", "sfn-0f2a-11", "config"};
        assert_false(kind_is_probe(K_FLOW, ids[i]) || kind_is_probe(K_STEP, ids[i]));
    }
}

static void test_identifiers(void **state)
{
    (void)state;
    static const char *const good[] = {"HelloFlow", "_x", "a1", "Stra\xc3\x9f\x65", "DCIM"};
    static const char *const bad[] = {"", "1a", "a-b", "a.b", "lost+found", "a b", "$RECYCLE.BIN", "a/b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(kind_can_be_called(K_ROOT, good[i]) && kind_can_be_called(K_RUN, good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(kind_can_be_called(K_ROOT, bad[i]) || kind_can_be_called(K_RUN, bad[i]));
        assert_true(kind_can_be_called(K_FLOW, bad[i]) && kind_can_be_called(K_STEP, bad[i]));
    }
}

static void test_the_newest_card(void **state)
{
    (void)state;
    char type[] = "a", id[] = "b";
    struct card items[] = {
        {.type = type, .mtime_ms = 5000, .recorded_ms = 7},
        {.type = type, .mtime_ms = 5000, .recorded_ms = 9},
        {.type = type, .mtime_ms = 4000, .recorded_ms = 20},
        {.type = type, .id = id, .mtime_ms = 6000, .recorded_ms = -1},
    };
    struct cards cards = {.items = items, .len = 4};
    assert_ptr_equal(tree_newest_card(&cards, "a.html"), &items[1]);
    assert_ptr_equal(tree_newest_card(&cards, "a-b.html"), &items[3]);
    assert_null(tree_newest_card(&cards, "b.html"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_described),      cmocka_unit_test(test_dot_names),
        cmocka_unit_test(test_meta_and_help_are_everywhere), cmocka_unit_test(test_help_names_what_is_there),
        cmocka_unit_test(test_probes),                       cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_the_newest_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
