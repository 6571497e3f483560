// client/fault.h: the rule text, and what the wrappers do to calls.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/fault.h"
#include "temp_tree.h"

static struct tree_dir dir;

static int set_up(void **state)
{
    (void)state;
    dir = tree_make();
    tree_file(&dir, "F/_meta/_self.json", "{\"flow_id\": \"F\", \"ts_epoch\": 1}");
    tree_file(&dir, "G/_meta/_self.json", "{\"flow_id\": \"G\", \"ts_epoch\": 2}");
    tree_file(&dir, "F/data/ab/x", "bytes");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(&dir);
    return 0;
}

struct stack {
    struct fault *fault;
    struct meta *meta;
    struct store *store;
};

static struct stack stack_of(const char *rules)
{
    struct stack s = {0};
    struct err err = ERR_INIT;
    assert_int_equal(fault_parse(rules, &s.fault, &err), ERR_OK);
    struct meta *meta;
    struct store *store;
    assert_int_equal(meta_local_new(dir.path, &meta, &err), ERR_OK);
    assert_int_equal(store_local_new(dir.path, &store, &err), ERR_OK);
    s.meta = fault_meta(s.fault, meta);
    s.store = fault_store(s.fault, store);
    assert_ptr_equal(fault_meta_inner(s.meta), meta);
    assert_ptr_equal(fault_meta_inner(meta), meta);
    return s;
}

static void stack_free(struct stack *s)
{
    s->meta->ops->free(s->meta);
    s->store->ops->free(s->store);
    fault_free(s->fault);
}

static errc get(struct stack *s, const char *flow, struct cancel *cancel, struct err *err)
{
    struct meta_object *object = NULL;
    struct pathspec ps = {.flow = flow};
    errc e = s->meta->ops->get(s->meta, &ps, cancel, &object, err);
    meta_object_free(object);
    return e;
}

static bool ignore_child(void *arg, const char *id, int64_t created_ms)
{
    (void)arg, (void)id, (void)created_ms;
    return true;
}

static void bad_rules(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           ";",           "get",           "get:",        "fetch:hang",      "get:hang=",
        "get:delay",  "get:delay=",  "get:delay=x",   "get:rate",    "any:delay=5;bad", "get:delay=99999999999999999999",
        "get:rate=0", "get:fail=ok", "get:fail=nope", "get:hang@",   "get:delay=-1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault *f = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(fault_parse(bad[i], &f, &err), ERR_INVALID);
        assert_non_null(strstr(err.cause, "WHAT:ACTION"));
        assert_null(f);
    }
    fault_free(NULL);
}

static void fails_by_code_and_substring(void **state)
{
    (void)state;
    auto_cleanup(stack_free) struct stack s = stack_of("get:fail=denied@G;info:fail=timeout@ab/;");
    struct err err = ERR_INIT;
    struct store_info info;
    assert_int_equal(get(&s, "F", NULL, &err), ERR_OK);
    assert_int_equal(get(&s, "G", NULL, &err), ERR_DENIED);
    assert_non_null(strstr(err.cause, "G"));
    struct pathspec root = {0};
    assert_int_equal(s.meta->ops->list(s.meta, &root, NULL, ignore_child, NULL, &err), ERR_OK);
    assert_int_equal(s.store->ops->info(s.store, "F/data/ab/x", 0, NULL, &info, &err), ERR_TIMEOUT);
    auto_cleanup(buf_free) struct buf b = {0};
    assert_int_equal(store_read_all(s.store, "F/data/ab/x", 100, NULL, &b, &err), ERR_OK);
    assert_string_equal(s.store->sysroot, dir.path);
}

static void one_in_n(void **state)
{
    (void)state;
    auto_cleanup(stack_free) struct stack s = stack_of("any:rate=3");
    struct err err = ERR_INIT;
    for (int i = 1; i <= 9; i++)
        assert_int_equal(get(&s, "F", NULL, &err), i % 3 ? ERR_OK : ERR_IO);
}

static void delays(void **state)
{
    (void)state;
    auto_cleanup(stack_free) struct stack s = stack_of("list:delay=60");
    struct err err = ERR_INIT;
    int64_t start = clock_mono_ms();
    struct pathspec root = {0};
    assert_int_equal(s.meta->ops->list(s.meta, &root, NULL, ignore_child, NULL, &err), ERR_OK);
    assert_true(clock_mono_ms() - start >= 59);
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 10};
    assert_int_equal(s.meta->ops->list(s.meta, &root, &cancel, ignore_child, NULL, &err), ERR_TIMEOUT);
}

struct hung {
    struct stack *s;
    struct cancel cancel;
    errc result;
    atomic_bool done;
};

static void *hung_get(void *arg)
{
    struct hung *h = arg;
    struct err err = ERR_INIT;
    h->result = get(h->s, "F", &h->cancel, &err);
    atomic_store(&h->done, 1);
    return NULL;
}

static void hangs_until_cancelled(void **state)
{
    (void)state;
    auto_cleanup(stack_free) struct stack s = stack_of("get:hang@F");
    struct hung h = {.s = &s};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hung_get, &h), 0);
    usleep(60000);
    assert_false(atomic_load(&h.done));
    int64_t start = clock_mono_ms();
    atomic_store(&h.cancel.set, 1);
    pthread_join(thread, NULL);
    assert_true(clock_mono_ms() - start < 1000);
    assert_int_equal(h.result, ERR_INTERRUPTED);
}

static void hangs_while_a_file_is_there(void **state)
{
    (void)state;
    auto_free char *file = tree_write(&dir, "hold", "");
    auto_free char *rules = mem_printf("get:hang=%s", file);
    auto_cleanup(stack_free) struct stack s = stack_of(rules);
    struct hung h = {.s = &s};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hung_get, &h), 0);
    usleep(60000);
    assert_false(atomic_load(&h.done));
    assert_int_equal(unlink(file), 0);
    pthread_join(thread, NULL);
    assert_int_equal(h.result, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_rules),
        cmocka_unit_test(fails_by_code_and_substring),
        cmocka_unit_test(one_in_n),
        cmocka_unit_test(delays),
        cmocka_unit_test(hangs_until_cancelled),
        cmocka_unit_test(hangs_while_a_file_is_there),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
