// client/meta.h over a .metaflow directory: the cases that real data does not have. Whole comparisons
// with Metaflow's own client are among the mount tests.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/meta_local.h"
#include "temp_tree.h"

#define RUN "F/1795382165808564"
#define TASK RUN "/start/3"
#define RUN_ID "1795382165808564"

static struct tree_dir dir;
static struct meta *meta;

static void record_file(const char *name, const char *field, const char *value_json, const char *tags_json)
{
    auto_free char *rel = mem_printf(TASK "/_meta/%s", name);
    auto_free char *text = mem_printf("{\"field_name\": \"%s\", \"type\": \"t\", \"value\": %s, \"tags\": %s, "
                                      "\"ts_epoch\": 1795382166456}",
                                      field, value_json, tags_json);
    tree_file(&dir, rel, text);
}

static void artifact_file(int attempt, const char *name, const char *sha)
{
    auto_free char *rel = mem_printf(TASK "/_meta/%d_artifact_%s.json", attempt, name);
    auto_free char *text = mem_printf("{\"attempt_id\": %d, \"name\": \"%s\", \"content_type\": \"pickle-v4\", "
                                      "\"sha\": \"%s\", \"ds_type\": \"local\", \"location\": \":root:/x\", "
                                      "\"ts_epoch\": 1795382166457}",
                                      attempt, name, sha);
    tree_file(&dir, rel, text);
}

static int set_up(void **state)
{
    (void)state;
    dir = tree_make();
    tree_file(&dir, "F/_meta/_self.json", "{\"flow_id\": \"F\", \"ts_epoch\": 1795382165000}");
    tree_file(&dir, RUN "/_meta/_self.json",
              "{\"run_number\": \"" RUN_ID "\", \"flow_id\": \"F\", \"user_name\": \"tester\", "
              "\"tags\": [\"a\", \"b\"], "
              "\"system_tags\": [\"user:tester\", \"runtime:dev\"], \"ts_epoch\": 1795382165809}");
    tree_file(&dir, RUN "/start/_meta/_self.json",
              "{\"tags\": [\"old\"], \"system_tags\": [\"old:x\"], \"user_name\": null, \"ts_epoch\": 1795382165810}");
    tree_file(&dir, TASK "/_meta/_self.json", "{\"tags\": [\"old\"], \"ts_epoch\": 1795382165811}");
    artifact_file(0, "x", "0000000000000000000000000000000000000000");
    artifact_file(1, "x", "1111111111111111111111111111111111111111");
    artifact_file(1, "_hidden_one", "2222222222222222222222222222222222222222");
    record_file("sysmeta_attempt-done_1795382166000.json", "attempt-done", "\"0\"", "[\"attempt_id:0\"]");
    record_file("sysmeta_attempt-done_1795382167000.json", "attempt-done", "\"1\"", "[\"x\", \"attempt_id:1z\"]");
    record_file("sysmeta_foreach-stack_1795382166001.json", "foreach-stack", "[\"items=3\", 1.5]", "[]");
    struct err err = ERR_INIT;
    return log_open("/dev/null", LOG_LEVEL_ERROR, &err) || meta_local_new(dir.path, &meta, &err) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    meta->ops->free(meta);
    log_close();
    tree_remove(&dir);
    return 0;
}

static const struct pathspec run_ps = {.flow = "F", .run = RUN_ID};
static const struct pathspec step_ps = {.flow = "F", .run = RUN_ID, .step = "start"};
static const struct pathspec task_ps = {.flow = "F", .run = RUN_ID, .step = "start", .task = "3"};

static void objects(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(meta_object_freep) struct meta_object *flow = NULL, *run = NULL, *task = NULL;
    struct pathspec flow_ps = {.flow = "F"};
    assert_int_equal(meta->ops->get(meta, &flow_ps, NULL, &flow, &err), ERR_OK);
    assert_string_equal(flow->flow, "F");
    assert_null(flow->run);
    assert_null(flow->user);
    assert_int_equal(flow->tags.len + flow->system_tags.len, 0);
    assert_int_equal(flow->created_ms, 1795382165000);
    assert_int_equal(flow->heartbeat_ms, -1);
    assert_int_equal(meta->ops->get(meta, &run_ps, NULL, &run, &err), ERR_OK);
    assert_string_equal(run->user, "tester");
    assert_int_equal(run->tags.len, 2);
    assert_int_equal(run->system_tags.len, 2);
    assert_int_equal(meta->ops->get(meta, &task_ps, NULL, &task, &err), ERR_OK);
    assert_string_equal(task->task, "3");
    assert_string_equal(task->step, "start");
    assert_true(strv_has(&task->tags, "a") && !strv_has(&task->tags, "old")); // the run's, not its own copy
    assert_true(strv_has(&task->system_tags, "runtime:dev"));
    assert_int_equal(task->created_ms, 1795382165811);
}

static bool join_ids(void *arg, const char *id, int64_t created_ms)
{
    assert_int_equal(created_ms, -1);
    buf_printf(arg, "%s ", id);
    return true;
}

static void lists_as(const struct pathspec *ps, const char *expected)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf b = {0};
    errc e = meta->ops->list(meta, ps, NULL, join_ids, &b, &err);
    if (e)
        fail_msg("%s", err.cause);
    assert_string_equal(b.data ? b.data : "", expected);
}

static void listings(void **state)
{
    (void)state;
    struct pathspec root = {0}, list_flow = {.flow = "L"};
    lists_as(&root, "F ");
    lists_as(&run_ps, "start ");
    lists_as(&step_ps, "3 ");
    static const char *const runs[] = {"9", "10", "argo-b", "argo-a", "_x"};
    tree_file(&dir, "L/_meta/_self.json", "{\"ts_epoch\": 1}");
    lists_as(&list_flow, "");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        auto_free char *self = mem_printf("L/%s/_meta/_self.json", runs[i]);
        tree_file(&dir, self, "{\"ts_epoch\": 1}");
    }
    tree_file(&dir, "L/latest_run", "10");
    tree_file(&dir, "L/data/ab/ab12", "");
    tree_file(&dir, "L/.hidden/_meta/_self.json", "{\"ts_epoch\": 1}");
    tree_file(&dir, "L/half/_meta/tmpabcdefgh", "");
    tree_dir_at(&dir, "L/empty");
    tree_link(&dir, "L/copy", "10");
    lists_as(&list_flow, "10 9 copy argo-b argo-a _x ");
    tree_file(&dir, "mf.cards/L/x", "");
    tree_file(&dir, "data/L/x", "");
    lists_as(&root, "L F ");
}

static void missing(void **state)
{
    (void)state;
    static const struct pathspec none[] = {
        {"N"},          {"F", "1"},        {"F", "data"},       {"F", "_meta"},        {"F", RUN_ID, "x"},
        {"F", RUN_ID, "start", "4"},       {""},                {"."},                 {".."},
        {"F/" RUN_ID},  {"F", ".."},       {"F", RUN_ID, "start", ".."},               {"F", RUN_ID, "start/3"},
        {"F", RUN_ID, "start", "3/_meta"}, {"/etc"},
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const struct pathspec *ps = &none[i];
        struct err err = ERR_INIT;
        struct meta_object *object = NULL;
        struct meta_records records = {0};
        struct meta_artifacts artifacts = {0};
        int attempt = 77;
        auto_free char *path = pathspec_text(ps);
        assert_int_equal(meta->ops->get(meta, ps, NULL, &object, &err), ERR_NOT_FOUND);
        assert_non_null(strstr(err.cause, path));
        assert_null(object);
        if (pathspec_level(ps) != LEVEL_TASK) {
            assert_int_equal(meta->ops->list(meta, ps, NULL, join_ids, NULL, &err), ERR_NOT_FOUND);
            continue;
        }
        assert_int_equal(meta->ops->records(meta, ps, NULL, &records, &err), ERR_NOT_FOUND);
        assert_int_equal(meta->ops->artifacts(meta, ps, -1, NULL, &attempt, &artifacts, &err), ERR_NOT_FOUND);
        assert_int_equal(meta->ops->artifact(meta, ps, -1, "x", NULL, &artifacts, &err), ERR_NOT_FOUND);
        assert_int_equal(attempt, 77);
    }
    struct err err = ERR_INIT;
    struct meta *nowhere = NULL;
    assert_int_equal(meta_local_new("/no/such/.metaflow", &nowhere, &err), ERR_NOT_FOUND);
}

static const struct meta_record *record_of(const struct meta_records *r, const char *field, int attempt)
{
    for (size_t i = 0; i < r->len; i++) {
        if (strcmp(r->items[i].field, field) == 0 && r->items[i].attempt == attempt)
            return &r->items[i];
    }
    return NULL;
}

static void records(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    tree_file(&dir, TASK "/_meta/tmp1234abcd", "{\"fie");
    tree_file(&dir, TASK "/_meta/sysmeta_bad_1.json", "{\"field_name\": \"ba");
    tree_file(&dir, TASK "/_meta/sysmeta_list_1.json", "[]");
    tree_file(&dir, TASK "/_meta/sysmeta_no-value_1.json", "{\"field_name\": \"x\", \"ts_epoch\": 1}");
    tree_dir_at(&dir, TASK "/_meta/sysmeta_dir_1.json");
    auto_cleanup(meta_records_free) struct meta_records r = {0};
    assert_int_equal(meta->ops->records(meta, &task_ps, NULL, &r, &err), ERR_OK);
    assert_int_equal(r.len, 3); // the malformed ones are left out
    assert_string_equal(record_of(&r, "attempt-done", 0)->value, "0");
    assert_string_equal(record_of(&r, "attempt-done", 1)->value, "1"); // re.match: the prefix counts
    const struct meta_record *stack = record_of(&r, "foreach-stack", -1);
    assert_true(stack->is_json);
    assert_string_equal(stack->value, "[\"items=3\",1.5]");
    assert_string_equal(stack->type, "t");
    assert_int_equal(stack->created_ms, 1795382166456);
}

static void artifacts(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(meta_artifacts_free) struct meta_artifacts latest = {0}, first = {0}, none = {0}, one = {0};
    int attempt;
    assert_int_equal(meta->ops->artifacts(meta, &task_ps, -1, NULL, &attempt, &latest, &err), ERR_OK);
    assert_int_equal(attempt, 1);
    assert_int_equal(latest.len, 2);
    assert_int_equal(meta->ops->artifacts(meta, &task_ps, 0, NULL, &attempt, &first, &err), ERR_OK);
    assert_int_equal(attempt, 0);
    assert_int_equal(first.len, 1);
    assert_string_equal(first.items[0].name, "x");
    assert_string_equal(first.items[0].sha, "0000000000000000000000000000000000000000");
    assert_string_equal(first.items[0].content_type, "pickle-v4");
    assert_string_equal(first.items[0].ds_type, "local");
    assert_string_equal(first.items[0].location, ":root:/x");
    assert_int_equal(first.items[0].created_ms, 1795382166457);
    assert_int_equal(meta->ops->artifacts(meta, &task_ps, 5, NULL, &attempt, &none, &err), ERR_OK);
    assert_int_equal(attempt, 5);
    assert_int_equal(none.len, 0);
    assert_int_equal(meta->ops->artifact(meta, &task_ps, -1, "_hidden_one", NULL, &one, &err), ERR_OK);
    assert_string_equal(one.items[0].sha, "2222222222222222222222222222222222222222");
    assert_int_equal(one.items[0].attempt, 1);
    static const char *const missing_names[] = {"y", "", "x/../x", "../../../start/3/_meta/1_artifact_x", "*"};
    for (size_t i = 0; i < sizeof missing_names / sizeof *missing_names; i++) {
        struct meta_artifacts no = {0};
        assert_int_equal(meta->ops->artifact(meta, &task_ps, -1, missing_names[i], NULL, &no, &err), ERR_NOT_FOUND);
    }
}

static void no_attempt_is_done(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    tree_file(&dir, RUN "/start/4/_meta/_self.json", "{\"ts_epoch\": 1}");
    tree_file(&dir, RUN "/start/4/_meta/0_artifact_x.json", "{\"sha\": \"\", \"ts_epoch\": 1}");
    struct pathspec ps = pathspec_child(&step_ps, "4");
    auto_cleanup(meta_artifacts_free) struct meta_artifacts a = {0};
    int attempt = 7;
    assert_int_equal(meta->ops->artifacts(meta, &ps, -1, NULL, &attempt, &a, &err), ERR_OK);
    assert_int_equal(attempt, -1);
    assert_int_equal(a.len, 0);
    assert_int_equal(meta->ops->artifact(meta, &ps, -1, "x", NULL, &a, &err), ERR_NOT_FOUND);
    assert_int_equal(meta->ops->artifact(meta, &ps, 0, "x", NULL, &a, &err), ERR_OK);
    tree_file(&dir, RUN "/start/4/_meta/sysmeta_attempt-done_1.json",
              "{\"field_name\": \"attempt-done\", \"value\": \"zero\", \"ts_epoch\": 1}");
    struct meta_artifacts none = {0};
    assert_int_equal(meta->ops->artifacts(meta, &ps, -1, NULL, &attempt, &none, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "sysmeta_attempt-done_1.json"));
}

static void malformed_files_are_named(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    tree_file(&dir, TASK "/_meta/1_artifact_bad.json", "{\"sha\": 5, \"ts_epoch\": 1}");
    auto_cleanup(meta_artifacts_free) struct meta_artifacts a = {0};
    int attempt;
    assert_int_equal(meta->ops->artifacts(meta, &task_ps, -1, NULL, &attempt, &a, &err), ERR_OK);
    assert_int_equal(a.len, 2);
    struct meta_artifacts one = {0};
    assert_int_equal(meta->ops->artifact(meta, &task_ps, -1, "bad", NULL, &one, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.cause, "1_artifact_bad.json"));
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"ts_epoch\": \"1\"}", "{\"ts_epoch\": 1e300}", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tree_file(&dir, "B/_meta/_self.json", bad[i]);
        struct pathspec ps = {.flow = "B"};
        struct meta_object *object = NULL;
        assert_int_equal(meta->ops->get(meta, &ps, NULL, &object, &err), ERR_CORRUPT);
        assert_non_null(strstr(err.cause, "B/_meta/_self.json"));
    }
}

static void odd_members_are_taken_as_absent(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    static const char text[] = "{\"ts_epoch\": 1.9e3, \"user_name\": 5, \"tags\": [\"x\", 1, null, \"a\\u0000b\"], "
                               "\"system_tags\": \"x\", \"big\": 123456789012345678901234567890}";
    struct meta_object *o = mem_zalloc(sizeof *o);
    assert_int_equal(meta_local_parse_object(text, sizeof text - 1, "f", o, &err), ERR_OK);
    assert_int_equal(o->created_ms, 1900);
    assert_null(o->user);
    assert_int_equal(o->tags.len, 1);
    assert_int_equal(o->system_tags.len, 0);
    meta_object_free(o);
}

static void artifact_file_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x",          "0_artifact_.json",   "_artifact_x.json",        "0_artifact_x",     "01_artifact_x.json",
        "0artifact_", "-1_artifact_x.json", "1234567_artifact_x.json", "0_artifact_x.jso", "0_artifact.json",
        "",           "sysmeta_0_artifact_x.json",
    };
    int attempt;
    char *name = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(meta_local_artifact_file(bad[i], &attempt, &name));
    assert_true(meta_local_artifact_file("12_artifact__a_artifact_b.json.json", &attempt, &name));
    assert_int_equal(attempt, 12);
    assert_string_equal(name, "_a_artifact_b.json");
    free(name);
}

static void links_and_permissions(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct tree_dir outside = tree_make();
    tree_file(&outside, "_meta/_self.json", "{\"ts_epoch\": 1}");
    tree_link(&dir, "Out", outside.path);
    tree_link(&dir, "In", "F");
    struct pathspec out = {.flow = "Out"}, in = {.flow = "In"}, locked = {.flow = "Locked"};
    struct meta_object *object = NULL;
    assert_int_equal(meta->ops->get(meta, &out, NULL, &object, &err), ERR_DENIED);
    assert_int_equal(meta->ops->list(meta, &out, NULL, join_ids, NULL, &err), ERR_DENIED);
    assert_int_equal(meta->ops->get(meta, &in, NULL, &object, &err), ERR_OK);
    assert_string_equal(object->flow, "In");
    meta_object_free(object);
    lists_as(&in, RUN_ID " ");
    tree_lock(&dir, "Locked/_meta/_self.json", "{}");
    errc e = meta->ops->get(meta, &locked, NULL, &object, &err);
    tree_unlock();
    assert_int_equal(e, ERR_DENIED);
    assert_non_null(strstr(err.cause, "Locked/_meta/_self.json"));
    tree_remove(&outside);
}

static void cancelled(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct cancel cancel = {0};
    atomic_store(&cancel.set, 1);
    struct meta_object *object;
    struct meta_records r;
    struct meta_artifacts a;
    int attempt;
    assert_int_equal(meta->ops->get(meta, &run_ps, &cancel, &object, &err), ERR_INTERRUPTED);
    assert_int_equal(meta->ops->list(meta, &run_ps, &cancel, join_ids, NULL, &err), ERR_INTERRUPTED);
    assert_int_equal(meta->ops->records(meta, &task_ps, &cancel, &r, &err), ERR_INTERRUPTED);
    assert_int_equal(meta->ops->artifacts(meta, &task_ps, -1, &cancel, &attempt, &a, &err), ERR_INTERRUPTED);
}

static int64_t fake_wall(void)
{
    return 1800000000123;
}

static errc tag(const char *add, const char *remove, struct err *err)
{
    auto_cleanup(strv_free) struct strv adds = {0}, removes = {0};
    if (add)
        strv_add(&adds, add);
    if (remove)
        strv_add(&removes, remove);
    return meta->ops->mutate_tags(meta, &run_ps, &adds, &removes, NULL, err);
}

static void self_is(const char *expected)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf b = {0};
    auto_free char *path = tree_path(&dir, RUN "/_meta/_self.json");
    assert_int_equal(file_read(path, 1 << 20, &b, &err), ERR_OK);
    assert_string_equal(b.data, expected);
}

static void tags_are_written_as_metaflow_does(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_free char *path = tree_path(&dir, RUN "/_meta/_self.json");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(tag("a", "none", &err), ERR_OK); // nothing to do: nothing is written
    assert_int_equal(tag("user:tester", NULL, &err), ERR_OK); // a system tag is no user tag
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    assert_int_equal(tag(NULL, "user:tester", &err), ERR_NOT_PERMITTED);

    clock_set_fake(fake_wall, NULL);
    meta_local_set_user(meta, "tagger");
    assert_int_equal(tag("\xc3\xa4 \"q\"\n\x7f\xf0\x9f\x98\x80", "b", &err), ERR_OK);
    clock_set_fake(NULL, NULL);
    self_is("{\"run_number\": \"" RUN_ID "\", \"flow_id\": \"F\", \"user_name\": \"tagger\", "
            "\"tags\": [\"a\", \"\\u00e4 \\\"q\\\"\\n\\u007f\\ud83d\\ude00\"], "
            "\"system_tags\": [\"user:tester\", \"runtime:dev\"], \"ts_epoch\": 1800000000123}");
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mode & 0777, 0600);
    auto_free char *folder = tree_path(&dir, RUN "/_meta");
    auto_free char *command = mem_printf("test \"$(ls -A %s)\" = _self.json", folder);
    assert_int_equal(system(command), 0); // no temporary file is left
    assert_int_equal(tag("b", NULL, &err), ERR_OK);
    assert_int_equal(tag(NULL, "\xc3\xa4 \"q\"\n\x7f\xf0\x9f\x98\x80", &err), ERR_OK);
}

static void tag_rules(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char chars[2002];
    memset(chars, 'x', sizeof chars);
    chars[500] = '\0';
    assert_int_equal(meta_local_check_tag(chars, &err), ERR_OK);
    chars[500] = 'x';
    chars[501] = '\0';
    assert_int_equal(meta_local_check_tag(chars, &err), ERR_INVALID);
    for (size_t i = 0; i < 500; i++)
        memcpy(chars + 4 * i, "\xf0\x9f\x98\x80", 4);
    chars[2000] = '\0';
    assert_int_equal(meta_local_check_tag(chars, &err), ERR_OK); // characters, not bytes
    static const char *const bad[] = {"", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "a\xf4\x90\x80\x80", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(meta_local_check_tag(bad[i], &err), ERR_INVALID);
    assert_int_equal(meta_local_check_tag(" ", &err), ERR_OK);
    assert_int_equal(tag("", NULL, &err), ERR_INVALID);

    auto_cleanup(strv_free) struct strv many = {0}, none = {0};
    for (int i = 0; i < 48; i++)
        strv_take(&many, mem_printf("tag-%d", i));
    assert_int_equal(meta->ops->mutate_tags(meta, &run_ps, &many, &none, NULL, &err), ERR_OK); // 50 with a, b
    assert_int_equal(tag("one more", NULL, &err), ERR_INVALID);
    assert_non_null(strstr(err.cause, "50"));
    assert_int_equal(tag("one more", "tag-0", &err), ERR_OK);
    strv_add(&many, "one more");
    assert_int_equal(meta->ops->mutate_tags(meta, &run_ps, &none, &many, NULL, &err), ERR_OK);
    assert_int_equal(meta->ops->mutate_tags(meta, &task_ps, &many, &none, NULL, &err), ERR_INVALID);
    struct pathspec no_run = {.flow = "F", .run = "1"};
    assert_int_equal(meta->ops->mutate_tags(meta, &no_run, &many, &none, NULL, &err), ERR_NOT_FOUND);
}

static void statistics(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct meta_stats before, after;
    struct meta_object *object = NULL;
    meta_local_stats(meta, &before);
    assert_int_equal(meta->ops->get(meta, &task_ps, NULL, &object, &err), ERR_OK);
    meta_object_free(object);
    meta_local_stats(meta, &after);
    assert_int_equal(after.gets - before.gets, 1);
    assert_int_equal(after.files_read - before.files_read, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(listings),
        cmocka_unit_test(missing),
        cmocka_unit_test(records),
        cmocka_unit_test(artifacts),
        cmocka_unit_test(no_attempt_is_done),
        cmocka_unit_test(malformed_files_are_named),
        cmocka_unit_test(odd_members_are_taken_as_absent),
        cmocka_unit_test(artifact_file_names),
        cmocka_unit_test(links_and_permissions),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(tags_are_written_as_metaflow_does),
        cmocka_unit_test(tag_rules),
        cmocka_unit_test(statistics),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
