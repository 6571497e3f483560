// The client's rules that are pure: states, attempts, what clones borrow, relatives, places.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"
#include "client/store_located.h"

// --- states -----------------------------------------------------------------------------------------

static void the_state_of_a_task(void **state)
{
    (void)state;
    static const struct {
        struct status_facts facts; // started, done, task_ok, attempt_ok, runtime_ok, heartbeat
        enum status want;
        bool needs_runtime;
    } rows[] = {
        {{0, 0, 1, 1, -1, -1}, STATUS_DONE, false},
        {{0, 0, 1, -1, -1, -1}, STATUS_DONE, false},      // old runs have no attempt_ok
        {{0, 0, 1, 0, -1, -1}, STATUS_DONE, false},       // a handled error
        {{0, 0, 0, 0, -1, -1}, STATUS_FAILED, false},
        {{0, 0, 0, -1, -1, -1}, STATUS_FAILED, false},
        {{0, -1, -1, 0, -1, -1}, STATUS_FAILED, false},   // it broke off without artifacts
        {{0, -1, -1, -1, 0, -1}, STATUS_FAILED, true},    // killed: only the scheduler knows
        {{0, -1, -1, -1, 1, -1}, STATUS_UNKNOWN, true},
        {{0, -1, -1, 1, -1, -1}, STATUS_UNKNOWN, true},   // about to be done
        {{1, 0, 0, -1, -1, -1}, STATUS_UNKNOWN, true},    // a retry of a failed attempt
        {{1, 0, 0, 0, -1, -1}, STATUS_FAILED, false},
        {{2, 2, 1, 1, -1, -1}, STATUS_DONE, false},
        {{1, 0, 1, -1, -1, -1}, STATUS_UNKNOWN, true},
        {{0, -1, -1, -1, -1, 990000}, STATUS_RUNNING, true},
        {{0, -1, -1, -1, -1, 700000}, STATUS_RUNNING, true},
        {{0, -1, -1, -1, -1, 640000}, STATUS_STALE, true},
        {{0, -1, -1, -1, 0, 990000}, STATUS_FAILED, true},
        {{0, 0, 1, -1, -1, 0}, STATUS_DONE, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(status_of(&rows[i].facts, 1000000, 360000), rows[i].want);
        assert_int_equal(status_needs_runtime(&rows[i].facts), rows[i].needs_runtime);
    }
    assert_string_equal(status_name(STATUS_STALE), "stale");
    assert_string_equal(status_name(STATUS_UNKNOWN), "unknown");
}

// --- records ----------------------------------------------------------------------------------------

static struct meta_record record(const char *field, const char *value, int64_t ms, int attempt)
{
    return (struct meta_record){.field = (char *)(uintptr_t)field,
                                .type = (char *)(uintptr_t)field,
                                .value = (char *)(uintptr_t)value,
                                .created_ms = ms,
                                .attempt = attempt};
}

static const char *newest(const struct meta_record *r, size_t n, const char *field, int attempt)
{
    const struct meta_record *found = records_newest(r, n, field, attempt);
    return found ? found->value : "absent";
}

static void the_newest_record_counts(void **state)
{
    (void)state;
    struct meta_record r[] = {
        record("attempt", "1", 30, 1), record("attempt", "0", 10, 0), record("x", "late", 40, 1),
        record("x", "early", 20, 0),   record("x", "tie", 40, 1),
    };
    assert_string_equal(newest(r, 5, "attempt", -1), "1");
    assert_string_equal(newest(r, 5, "x", -1), "tie");
    assert_string_equal(newest(r, 5, "x", 0), "early");
    assert_string_equal(newest(r, 5, "y", -1), "absent");
    assert_string_equal(newest(r, 5, "x", 3), "absent");
    size_t len;
    auto_free const struct meta_record **all = records_latest(r, 5, -1, &len);
    assert_int_equal(len, 2);
    assert_string_equal(all[0]->value, "1");
    assert_string_equal(all[1]->value, "tie");
}

static void a_record_without_an_attempt_makes_it_a_matter_of_time(void **state)
{
    (void)state;
    struct meta_record r[] = {
        record("attempt", "0", 10, 0), record("attempt", "1", 30, 1), record("x", "a", 20, -1),
        record("x", "b", 30, -1),      record("y", "tagged 0", 35, 0),
    };
    assert_string_equal(newest(r, 5, "x", 0), "a");
    assert_string_equal(newest(r, 5, "x", 1), "b");
    assert_string_equal(newest(r, 5, "y", 0), "absent"); // the window counts, not the tag
    assert_string_equal(newest(r, 5, "y", 1), "tagged 0");
    assert_string_equal(newest(r, 5, "x", 2), "absent"); // it never started
}

static void a_clone_borrows_what_it_has_none_of(void **state)
{
    (void)state;
    struct meta_record own = record("attempt", "0", 10, 0);
    struct meta_record lent[] = {record("attempt", "3", 5, 3), record("ds-root", "old", 1, 2),
                                 record("ds-root", "new", 2, 3)};
    struct meta_records to = {0};
    struct meta_records origin = {.items = lent, .len = 3};
    records_add(&to, &own);
    records_borrow(&to, &origin);
    assert_int_equal(to.len, 2);
    assert_string_equal(to.items[1].field, "ds-root");
    assert_string_equal(to.items[1].value, "new");
    assert_int_equal(to.items[1].attempt, -1);
    meta_records_free(&to);
}

static void small_numbers_and_words(void **state)
{
    (void)state;
    assert_int_equal(parse_small_int("5", 5), 5);
    assert_int_equal(parse_small_int("6", 5), -1);
    assert_int_equal(parse_small_int("", 5), -1);
    assert_int_equal(parse_small_int(NULL, 5), -1);
    assert_int_equal(parse_small_int("-1", 5), -1);
    assert_int_equal(parse_small_int("99999999999999999999", 1000), -1);
    struct meta_record none = record("origin-run-id", "None", 0, 0), some = record("f", "7", 0, 0);
    assert_null(record_text(&none));
    assert_null(record_text(NULL));
    assert_string_equal(record_text(&some), "7");
}

// --- relatives --------------------------------------------------------------------------------------

// start -> a (foreach of b) -> b (foreach of c) -> c -> j1 (join) -> k -> j0 (join) -> split -> x, y
// -> merge (static join) -> end; "loop" is a switch back to itself.
static struct graph *graph(void)
{
    static const char *const steps[][4] = {
        {"start", "linear", "a", NULL},     {"a", "split-foreach", "b", NULL},
        {"b", "split-foreach", "c", NULL},  {"c", "linear", "j1", NULL},
        {"j1", "join", "k", NULL},          {"k", "linear", "j0", NULL},
        {"j0", "join", "split", NULL},      {"split", "split", "x", "y"},
        {"x", "linear", "merge", NULL},     {"y", "linear", "merge", NULL},
        {"merge", "join", "par", NULL},     {"par", "split-parallel", "p", NULL},
        {"p", "linear", "pj", NULL},        {"pj", "join", "end", NULL},
        {"end", "end", NULL, NULL},
    };
    size_t n = sizeof(steps) / sizeof(steps[0]);
    struct graph *g = mem_zalloc(sizeof(*g));
    g->steps = mem_zalloc(n * sizeof(*g->steps));
    for (size_t i = 0; i < n; i++) {
        struct graph_step *s = &g->steps[g->len++];
        s->name = mem_strdup(steps[i][0]);
        s->type = mem_strdup(steps[i][1]);
        for (size_t j = 2; j < 4 && steps[i][j]; j++) {
            strv_add(&s->next, steps[i][j]);
        }
    }
    return g;
}

static void graph_free(struct graph *g)
{
    for (size_t i = 0; i < g->len; i++) {
        free(g->steps[i].name);
        free(g->steps[i].type);
        strv_free(&g->steps[i].next);
    }
    free(g->steps);
    free(g);
}

static void the_rule_of_relatives(void **state)
{
    (void)state;
    static const struct {
        const char *step, *path;
        bool parents;
        const char *steps; // joined by blanks
        enum path_match match;
        const char *want;
    } rows[] = {
        {"start", NULL, true, "", PATH_ANY, NULL},
        {"a", NULL, true, "start", PATH_ANY, NULL},
        {"start", NULL, false, "a", PATH_ANY, NULL},
        {"a", NULL, false, "b", PATH_ANY, NULL},           // the split itself is outside
        {"b", "b:3", true, "a", PATH_ANY, NULL},           // up out of a foreach of depth 1
        {"b", "b:3", false, "c", PATH_BELOW, "b:3"},       // and into a nested one
        {"c", "b:3,c:1", true, "b", PATH_EXACT, "b:3"},
        {"c", "b:3,c:1", false, "j1", PATH_EXACT, "b:3"},
        {"j1", "b:3", true, "c", PATH_BELOW, "b:3"},
        {"j1", "b:3", false, "k", PATH_EXACT, "b:3"},
        {"k", "b:3", true, "j1", PATH_EXACT, "b:3"},
        {"k", "b:3", false, "j0", PATH_ANY, NULL},
        {"j0", NULL, true, "k", PATH_ANY, NULL},
        {"split", NULL, false, "x y", PATH_ANY, NULL},
        {"split", "b:1", false, "x y", PATH_EXACT, "b:1"}, // as if it were in a foreach
        {"x", "b:1", false, "merge", PATH_EXACT, "b:1"},   // a static join is no step out
        {"merge", "b:1", true, "x y", PATH_EXACT, "b:1"},
        {"merge", NULL, true, "x y", PATH_ANY, NULL},
        {"par", "b:1", false, "p", PATH_BELOW, "b:1"},
        {"p", "b:1,p:0", true, "par", PATH_EXACT, "b:1"},
        {"pj", NULL, true, "p", PATH_ANY, NULL},
        {"end", NULL, false, "", PATH_ANY, NULL},
        {"gone", "b:1", true, "", PATH_ANY, NULL},
    };
    struct graph *g = graph();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct relatives_rule r;
        relatives_rule(g, rows[i].step, rows[i].path, rows[i].parents, &r);
        auto_cleanup(buf_free) struct buf steps = {0};
        for (size_t j = 0; j < r.steps.len; j++) {
            buf_printf(&steps, "%s%s", j ? " " : "", r.steps.items[j]);
        }
        assert_string_equal(steps.data ? steps.data : "", rows[i].steps);
        assert_int_equal(r.match, rows[i].match);
        assert_string_equal(r.path ? r.path : "-", rows[i].want ? rows[i].want : "-");
        relatives_rule_free(&r);
    }
    graph_free(g);
}

static void paths_match_whole(void **state)
{
    (void)state;
    struct relatives_rule exact = {.match = PATH_EXACT, .path = (char *)(uintptr_t) "a:1"};
    struct relatives_rule below = {.match = PATH_BELOW, .path = (char *)(uintptr_t) "a:1"};
    struct relatives_rule any = {.match = PATH_ANY};
    assert_true(relatives_match(&exact, "a:1"));
    assert_false(relatives_match(&exact, "a:10"));
    assert_false(relatives_match(&exact, "a:1,b:0"));
    assert_false(relatives_match(&exact, NULL)); // a clone has no path of its own
    assert_true(relatives_match(&below, "a:1,b:0"));
    assert_true(relatives_match(&below, "a:1,b:0,c:2"));
    assert_false(relatives_match(&below, "a:1"));
    assert_false(relatives_match(&below, "a:10,b:0"));
    assert_false(relatives_match(&below, NULL));
    assert_true(relatives_match(&any, NULL));
}

// --- keys and places --------------------------------------------------------------------------------

static void known_keys(void **state)
{
    (void)state;
    assert_int_equal(sha_truth("868436778cb011a1c6230bc12534683ab0b7f1c3"), 1);
    assert_int_equal(sha_truth("2473d4676d5b2aba674167293142f8031ada401b"), 0);
    assert_int_equal(sha_truth("dbc1aaddc8b7343d6d33b34edcf608b8f8801918"), 0);
    assert_true(sha_is_none("dbc1aaddc8b7343d6d33b34edcf608b8f8801918"));
    assert_false(sha_is_none("2473d4676d5b2aba674167293142f8031ada401b"));
    assert_int_equal(sha_truth("0000000000000000000000000000000000000000"), -1);
}

static void the_sysroot_of_a_location(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {":root:/home/u/p/.metaflow", "/home/u/p/.metaflow"},
        {":root:s3://bucket/metaflow/", "s3://bucket/metaflow"},
        {"s3://bucket/mf/Flow/data/86/868436778cb011a1c6230bc12534683ab0b7f1c3", "s3://bucket/mf"},
        {"/old/.metaflow/Flow/data/86/r_868436778cb011a1c6230bc12534683ab0b7f1c3", "/old/.metaflow"},
        {"/x/Flow/data/y/Flow/data/86/868436778cb011a1c6230bc12534683ab0b7f1c3", "/x/Flow/data/y"},
        {"relative/.metaflow", NULL},
        {":root:", NULL},
        {"", NULL},
        {"/", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_free char *got = store_located_sysroot("Flow", rows[i][0]);
        assert_string_equal(got ? got : "-", rows[i][1] ? rows[i][1] : "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_of_a_task),
        cmocka_unit_test(the_newest_record_counts),
        cmocka_unit_test(a_record_without_an_attempt_makes_it_a_matter_of_time),
        cmocka_unit_test(a_clone_borrows_what_it_has_none_of),
        cmocka_unit_test(small_numbers_and_words),
        cmocka_unit_test(the_rule_of_relatives),
        cmocka_unit_test(paths_match_whole),
        cmocka_unit_test(known_keys),
        cmocka_unit_test(the_sysroot_of_a_location),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
