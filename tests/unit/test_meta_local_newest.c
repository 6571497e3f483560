// Runs by time of creation, and records of one field, over real files.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "client/fault.h"
#include "client/meta.h"
#include "temp_tree.h"

struct world {
    struct tree_dir dir;
    struct meta *meta;
};

static int setup(void **state)
{
    static struct world w;
    struct err err = ERR_INIT;
    w.dir = tree_make();
    tree_file(&w.dir, "F/_meta/_self.json", "{\"flow_id\": \"F\", \"ts_epoch\": 1}");
    assert_int_equal(meta_local_new(w.dir.path, &w.meta, &err), ERR_OK);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    w->meta->ops->free(w->meta);
    tree_remove(&w->dir);
    return 0;
}

static void put_run(struct world *w, const char *id, long long created_ms)
{
    auto_free char *rel = mem_printf("F/%s/_meta/_self.json", id);
    auto_free char *temp = mem_printf("F/%s/_meta/tmpabc", id);
    auto_free char *text = mem_printf("{\"ts_epoch\": %lld, \"tags\": [], \"system_tags\": []}", created_ms);
    auto_free char *from = tree_write(&w->dir, temp, text);
    auto_free char *to = tree_path(&w->dir, rel);
    assert_int_equal(rename(from, to), 0); // as Metaflow does
}

struct take {
    struct buf text;
    unsigned max;
    int64_t last_ms;
};

static bool take_run(void *arg, const char *id, int64_t created_ms)
{
    struct take *t = arg;
    assert_true(created_ms <= t->last_ms);
    t->last_ms = created_ms;
    buf_printf(&t->text, "%s ", id);
    return --t->max > 0;
}

static uint64_t files_read(struct world *w)
{
    struct meta_stats stats;
    w->meta->ops->stats(w->meta, &stats);
    return stats.files_read;
}

// The first `max` runs; *ret_reads is how many files that read.
static void assert_newest(struct world *w, unsigned max, const char *want, uint64_t want_reads)
{
    struct take t = {.max = max, .last_ms = INT64_MAX};
    struct err err = ERR_INIT;
    uint64_t before = files_read(w);
    assert_int_equal(w->meta->ops->newest(w->meta, "F", NULL, take_run, &t, &err), ERR_OK);
    assert_string_equal(t.text.data ? t.text.data : "", want);
    assert_int_equal(files_read(w) - before, want_reads);
    buf_free(&t.text);
}

static void what_was_read_is_not_read_again(void **state)
{
    struct world *w = *state;
    put_run(w, "3", 300);
    put_run(w, "1", 100);
    put_run(w, "argo-x", 200);
    put_run(w, "2", 300); // a tie: the order of the listing
    assert_newest(w, 9, "3 2 argo-x 1 ", 4);
    assert_newest(w, 9, "3 2 argo-x 1 ", 0);
    put_run(w, "1", 1000); // was tagged
    put_run(w, "9", 900);
    assert_newest(w, 9, "1 9 3 2 argo-x ", 2);
    assert_newest(w, 1, "1 ", 0);
}

static void old_runs_are_not_read_for_the_newest(void **state)
{
    struct world *w = *state;
    const long long day = 86400000, first = 2208988800000; // 2040, after any clock of these tests
    for (int i = 0; i < 10; i++) {
        auto_free char *id = mem_printf("%lld", (first + i * day) * 1000);
        put_run(w, id, first + i * day);
    }
    auto_free char *want = mem_printf("%lld ", (first + 9 * day) * 1000);
    assert_newest(w, 1, want, 1);
}

static void a_broken_run_is_left_out(void **state)
{
    struct world *w = *state;
    put_run(w, "1", 100);
    put_run(w, "3", 300);
    tree_file(&w->dir, "F/2/_meta/_self.json", "{ not");
    assert_newest(w, 9, "3 1 ", 3);
    struct err err = ERR_INIT;
    struct take t = {.max = 9};
    assert_int_equal(w->meta->ops->newest(w->meta, "G", NULL, take_run, &t, &err), ERR_NOT_FOUND);
    assert_int_equal(w->meta->ops->newest(w->meta, "..", NULL, take_run, &t, &err), ERR_NOT_FOUND);
    struct cancel cancel = {.set = true};
    assert_int_equal(w->meta->ops->newest(w->meta, "F", &cancel, take_run, &t, &err), ERR_INTERRUPTED);
}

static void many_runs_are_remembered(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2000; i++) {
        auto_free char *id = mem_printf("%d", i);
        put_run(w, id, (i * 7919) % 2003);
    }
    struct take t = {.max = 5000, .last_ms = INT64_MAX};
    struct err err = ERR_INIT;
    assert_int_equal(w->meta->ops->newest(w->meta, "F", NULL, take_run, &t, &err), ERR_OK);
    auto_free char *all = buf_steal(&t.text);
    assert_newest(w, 5000, all, 0);
}

static void records_of_one_field(void **state)
{
    struct world *w = *state;
    put_run(w, "1", 1);
    static const char *const files[][2] = {
        {"sysmeta_attempt_5.json", "attempt"},
        {"sysmeta_attempt_ok_5.json", "attempt_ok"},
        {"sysmeta_attempt-done_5.json", "attempt-done"},
        {"sysmeta_attempt_6.json", "attempt"},
    };
    for (size_t i = 0; i < 4; i++) {
        auto_free char *rel = mem_printf("F/1/s/2/_meta/%s", files[i][0]);
        auto_free char *text = mem_printf("{\"field_name\": \"%s\", \"type\": \"t\", \"value\": \"0\", "
                                          "\"tags\": [\"attempt_id:0\"], \"ts_epoch\": 5}",
                                          files[i][1]);
        tree_file(&w->dir, rel, text);
    }
    struct pathspec task = {"F", "1", "s", "2"};
    struct err err = ERR_INIT;
    struct fault *fault;
    assert_int_equal(fault_parse("records:delay=1", &fault, &err), ERR_OK);
    w->meta = fault_meta(fault, w->meta); // passes the optional calls on
    auto_cleanup(meta_records_free) struct meta_records one = {0}, other = {0}, all = {0};
    uint64_t before = files_read(w);
    assert_int_equal(w->meta->ops->field(w->meta, &task, "attempt", NULL, &one, &err), ERR_OK);
    assert_int_equal(one.len, 2);
    assert_string_equal(one.items[0].field, "attempt");
    assert_int_equal(files_read(w) - before, 2);
    assert_int_equal(w->meta->ops->field(w->meta, &task, "attempt_ok", NULL, &other, &err), ERR_OK);
    assert_int_equal(other.len, 1);
    assert_int_equal(w->meta->ops->records(w->meta, &task, NULL, &all, &err), ERR_OK);
    assert_int_equal(all.len, 4);
    assert_newest(w, 9, "1 ", 1);
    struct meta *inner = fault_meta_inner(w->meta);
    assert_ptr_not_equal(inner, w->meta);
    w->meta->ops->free(w->meta);
    fault_free(fault);
    assert_int_equal(meta_local_new(w->dir.path, &w->meta, &err), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_is_not_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(old_runs_are_not_read_for_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_run_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(many_runs_are_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(records_of_one_field, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
