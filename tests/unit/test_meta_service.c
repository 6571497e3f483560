// The provider between the service and its cache: what is asked for, and what is not asked for again.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "client/meta_service.h"
#include "fake_service.h"
#include "tempdir.h"

#define HOUR INT64_C(3600000)

static int64_t now_ms = INT64_C(1790000000000);
static int64_t fake_now(void)
{
    return now_ms;
}

struct bench {
    struct service service;
    struct meta *meta;
};

static void mount(struct bench *b)
{
    struct cache_conf conf = {.dir = tempdir, .tempdir = tempdir, .identity = "test"};
    struct cache *cache;
    struct err err = ERR_INIT;
    assert_int_equal(cache_open(&conf, &cache, &err), ERR_OK);
    struct meta_service_conf m = {.service = &b->service, .cache = cache, .ttl_ms = 2000, .settle_after_ms = 1000};
    b->meta = meta_service_new(&m);
}

static void unmount(struct bench *b)
{
    b->meta->ops->free(b->meta);
}

static void begin(struct bench *b, bool pages, bool bulk)
{
    clock_set_fake(fake_now, fake_now);
    *b = (struct bench){.service = {.n_runs = 1200, .epoch_ms = now_ms - 100 * HOUR, .beat_ms = now_ms - 90 * HOUR,
                                    .steps = {"start", "end"}, .n_tasks = 3, .ok_ms = now_ms - HOUR, .n_records = 5,
                                    .pages = pages, .bulk = bulk}};
    assert_int_equal(tempdir_make(NULL), 0);
    mount(b);
}

static void end(struct bench *b)
{
    unmount(b);
    tempdir_remove(NULL);
    clock_set_fake(NULL, NULL);
}

static const struct pathspec flow = {.flow = "F"}, run7 = {.flow = "F", .run = "7"},
                             start7 = {"F", "7", "start", NULL}, task7 = {"F", "7", "start", "1"};

static errc stat_code(struct bench *b, const struct pathspec *ps)
{
    struct meta_object *o = NULL;
    struct err err = ERR_INIT;
    errc e = b->meta->ops->stat(b->meta, ps, NULL, &o, &err);
    meta_object_free(o);
    return e;
}

static bool has_tag(struct bench *b, const struct pathspec *ps, const char *tag)
{
    struct meta_object *o = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(b->meta->ops->get(b->meta, ps, NULL, &o, &err), ERR_OK);
    bool has = strv_has(&o->tags, tag);
    meta_object_free(o);
    return has;
}

struct seen {
    int n, stop_at;
    int64_t last_ms;
    bool ordered;
    int requests_at_first;
    struct bench *b;
};

static bool see(void *arg, const char *id, int64_t created_ms)
{
    struct seen *s = arg;
    (void)id;
    if (s->n++ == 0) {
        s->requests_at_first = fake_requests(&s->b->service);
        s->ordered = true;
    } else {
        s->ordered &= created_ms <= s->last_ms;
    }
    s->last_ms = created_ms;
    return s->n != s->stop_at;
}

static struct seen list(struct bench *b, const struct pathspec *ps, int stop_at)
{
    struct seen s = {.stop_at = stop_at, .b = b};
    struct err err = ERR_INIT;
    assert_int_equal(b->meta->ops->list(b->meta, ps, NULL, see, &s, &err), ERR_OK);
    return s;
}

static size_t artifacts(struct bench *b, const struct pathspec *task)
{
    struct meta_artifacts a = {0};
    struct err err = ERR_INIT;
    int attempt;
    assert_int_equal(b->meta->ops->artifacts(b->meta, task, -1, NULL, &attempt, &a, &err), ERR_OK);
    size_t n = a.len;
    meta_artifacts_free(&a);
    return n;
}

static size_t records(struct bench *b, const struct pathspec *task)
{
    struct meta_records r = {0};
    struct err err = ERR_INIT;
    assert_int_equal(b->meta->ops->records(b->meta, task, NULL, &r, &err), ERR_OK);
    size_t n = r.len;
    meta_records_free(&r);
    return n;
}

static void a_look_up_is_one_request_and_existence_is_for_ever(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    assert_int_equal(stat_code(&b, &flow), ERR_OK);
    assert_int_equal(stat_code(&b, &run7), ERR_OK);
    assert_int_equal(stat_code(&b, &start7), ERR_OK);
    assert_int_equal(b.service.objects, 3);
    assert_int_equal(fake_requests(&b.service), 3);
    now_ms += HOUR;
    assert_int_equal(stat_code(&b, &flow), ERR_OK);
    assert_int_equal(stat_code(&b, &start7), ERR_OK);
    assert_int_equal(b.service.objects, 3);
    assert_int_equal(stat_code(&b, &run7), ERR_OK); // its heart may beat again
    assert_int_equal(b.service.objects, 4);
    assert_int_equal(stat_code(&b, &(struct pathspec){.flow = "F", .run = "5000"}), ERR_NOT_FOUND);
    end(&b);
}

static void lists_come_by_pages_and_are_refreshed_by_one_request(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    struct seen s = list(&b, &flow, 0);
    assert_int_equal(s.n, 1200);
    assert_true(s.ordered);
    assert_int_equal(s.requests_at_first, 1);
    assert_int_equal(b.service.lists, 3);
    fake_reset(&b.service);
    assert_int_equal(list(&b, &flow, 0).n, 1200);
    assert_int_equal(fake_requests(&b.service), 0);
    now_ms += 5000;
    b.service.n_runs = 1210;
    s = list(&b, &flow, 0);
    assert_int_equal(s.n, 1210);
    assert_true(s.ordered);
    assert_int_equal(fake_requests(&b.service), 1);
    assert_true(b.service.rows < 100);
    unmount(&b); // and so after another mount
    mount(&b);
    now_ms += 5000;
    fake_reset(&b.service);
    assert_int_equal(list(&b, &flow, 0).n, 1210);
    assert_int_equal(fake_requests(&b.service), 1);
    end(&b);
}

static void a_list_goes_on_where_it_was_left(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    assert_int_equal(list(&b, &flow, 10).n, 10);
    assert_int_equal(b.service.lists, 1);
    fake_reset(&b.service);
    struct seen s = list(&b, &flow, 0);
    assert_int_equal(s.n, 1200);
    assert_true(s.ordered);
    assert_int_equal(b.service.lists, 2);
    end(&b);
}

static void the_newest_costs_a_small_page(void **state)
{
    (void)state;
    struct bench b;
    struct err err = ERR_INIT;
    for (int pages = 0; pages < 2; pages++) {
        begin(&b, pages != 0, true);
        struct seen s = {.stop_at = 1, .b = &b};
        assert_int_equal(b.meta->ops->newest(b.meta, "F", NULL, see, &s, &err), ERR_OK);
        assert_int_equal(s.last_ms, b.service.epoch_ms + 1200 * 1000);
        assert_int_equal(b.service.lists, 1);
        assert_true(!pages || b.service.rows <= 20);
        end(&b);
    }
}

static void whole_lists_serve_where_there_are_no_pages(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, false, false);
    assert_int_equal(list(&b, &flow, 0).n, 1200);
    assert_int_equal(b.service.lists, 1);
    assert_int_equal(list(&b, &flow, 0).n, 1200);
    assert_int_equal(b.service.lists, 1);
    now_ms += 5000;
    b.service.n_runs = 1201;
    assert_int_equal(list(&b, &flow, 0).n, 1201);
    assert_int_equal(b.service.lists, 2);
    end(&b);
}

static void a_listing_of_runs_that_beat_is_refreshed_as_one(void **state)
{
    (void)state;
    struct bench b;
    char id[16];
    begin(&b, true, true);
    b.service.beat_ms = now_ms - 1000;
    list(&b, &flow, 0);
    now_ms += 5000;
    b.service.beat_ms = now_ms - 1000;
    fake_reset(&b.service);
    for (int i = 1; i <= 100; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_int_equal(stat_code(&b, &(struct pathspec){.flow = "F", .run = id}), ERR_OK);
    }
    assert_true(fake_requests(&b.service) <= 3); // pages of the runs that beat since
    end(&b);
}

static void a_walk_asks_for_the_whole_run(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    assert_int_equal(artifacts(&b, &task7), 2); // one task alone
    assert_int_equal(b.service.artifacts, 1);
    assert_int_equal(b.service.rows, 2);
    list(&b, &run7, 0);
    fake_reset(&b.service);
    for (int s = 0; s < 2; s++) {
        list(&b, &(struct pathspec){"F", "7", b.service.steps[s], NULL}, 0);
        for (int t = 0; t < 3; t++) {
            char id[2] = {(char)('0' + t), 0};
            struct pathspec ps = {"F", "7", b.service.steps[s], id};
            assert_int_equal(artifacts(&b, &ps), 2);
            assert_int_equal(records(&b, &ps), 5);
        }
    }
    assert_int_equal(b.service.artifacts, 1);
    assert_int_equal(b.service.records, 1);
    assert_int_equal(b.service.lists, 2);
    now_ms += HOUR; // their _task_ok was long ago when they were asked for
    fake_reset(&b.service);
    assert_int_equal(artifacts(&b, &task7), 2);
    assert_int_equal(records(&b, &task7), 5);
    assert_int_equal(fake_requests(&b.service), 0);
    end(&b);
}

static void without_bulk_routes_tasks_are_asked_one_by_one(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, false, false);
    list(&b, &run7, 0);
    list(&b, &start7, 0);
    fake_reset(&b.service);
    for (int t = 0; t < 3; t++) {
        char id[2] = {(char)('0' + t), 0};
        assert_int_equal(artifacts(&b, &(struct pathspec){"F", "7", "start", id}), 2);
    }
    assert_int_equal(b.service.artifacts, 4); // the route that is missing, once
    end(&b);
}

static void one_task_of_a_giant_run_is_not_asked_for_by_its_run(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    b.service.n_tasks = 10000;
    b.service.ok_ms = now_ms; // not settled: asked for again and again
    list(&b, &start7, 0);
    fake_reset(&b.service);
    for (int t = 0; t < 5; t++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", t * 7);
        assert_int_equal(artifacts(&b, &(struct pathspec){"F", "7", "start", id}), 2);
    }
    assert_true(b.service.artifacts <= 7);
    assert_true(b.service.rows < 1000);
    end(&b);
}

static void what_is_settled_is_never_asked_for_again(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    list(&b, &run7, 0);
    list(&b, &start7, 0);
    artifacts(&b, &task7);
    stat_code(&b, &run7);
    b.meta->ops->conclude(b.meta, &run7, META_SETTLED, now_ms - HOUR);
    unmount(&b);
    mount(&b);
    now_ms += 24 * HOUR;
    fake_reset(&b.service);
    assert_int_equal(list(&b, &run7, 0).n, 2);
    assert_int_equal(list(&b, &start7, 0).n, 3);
    assert_int_equal(artifacts(&b, &task7), 2);
    assert_int_equal(stat_code(&b, &run7), ERR_OK);
    assert_int_equal(stat_code(&b, &task7), ERR_OK);
    assert_int_equal(fake_requests(&b.service), 0);
    assert_false(has_tag(&b, &task7, "x")); // tags: the run's row
    assert_int_equal(b.service.objects, 1);
    assert_int_equal(fake_requests(&b.service), 1);
    end(&b);
}

static void a_change_of_tags_shows_at_once(void **state)
{
    (void)state;
    struct bench b;
    struct err err = ERR_INIT;
    struct strv add = {0}, none = {0};
    begin(&b, true, true);
    strv_add(&add, "added");
    assert_false(has_tag(&b, &run7, "added"));
    assert_int_equal(b.meta->ops->mutate_tags(b.meta, &run7, &add, &none, NULL, &err), ERR_OK);
    assert_true(has_tag(&b, &run7, "added"));
    b.service.tag = "other"; // by somebody else
    assert_true(has_tag(&b, &run7, "added"));
    now_ms += 2500;
    assert_true(has_tag(&b, &run7, "other"));
    strv_free(&add);
    end(&b);
}

static void what_is_forgotten_is_asked_for_again(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, true, true);
    list(&b, &run7, 0);
    artifacts(&b, &task7);
    stat_code(&b, &flow);
    b.meta->ops->forget(b.meta, &run7, true);
    fake_reset(&b.service);
    list(&b, &run7, 0);
    artifacts(&b, &task7);
    assert_int_equal(fake_requests(&b.service), 2);
    stat_code(&b, &flow);
    assert_int_equal(fake_requests(&b.service), 2);
    end(&b);
}

static void old_answers_stand_in_for_a_dead_service(void **state)
{
    (void)state;
    struct bench b;
    struct err err = ERR_INIT;
    begin(&b, true, true);
    list(&b, &flow, 0);
    list(&b, &run7, 0);
    artifacts(&b, &task7);
    stat_code(&b, &run7);
    now_ms += HOUR;
    b.service.fail = ERR_UNREACHABLE;
    assert_int_equal(list(&b, &flow, 0).n, 1200);
    assert_int_equal(list(&b, &run7, 0).n, 2);
    assert_int_equal(artifacts(&b, &task7), 2);
    assert_int_equal(stat_code(&b, &run7), ERR_OK);
    assert_int_equal(stat_code(&b, &(struct pathspec){.flow = "G"}), ERR_UNREACHABLE);
    b.service.fail = ERR_DENIED; // who may not see it any more does not
    struct seen s = {.b = &b};
    assert_int_equal(b.meta->ops->list(b.meta, &flow, NULL, see, &s, &err), ERR_DENIED);
    assert_int_equal(s.n, 0);
    end(&b);
}

static void a_day_or_a_tag_is_asked_for_alone(void **state)
{
    (void)state;
    struct bench b;
    struct err err = ERR_INIT;
    begin(&b, true, true);
    struct meta_select sel = {.from_ms = b.service.epoch_ms + 10 * 1000, .to_ms = b.service.epoch_ms + 20 * 1000};
    struct seen s = {.b = &b};
    assert_int_equal(b.meta->ops->select(b.meta, "F", &sel, NULL, see, &s, &err), ERR_OK);
    assert_int_equal(s.n, 10);
    assert_int_equal(b.service.rows, 10);
    sel = (struct meta_select){.tag = "a,b", .from_ms = -1, .to_ms = -1};
    assert_int_equal(b.meta->ops->select(b.meta, "F", &sel, NULL, see, &s, &err), ERR_NO_FORM);
    end(&b);
    begin(&b, false, false);
    sel.tag = "x";
    assert_int_equal(b.meta->ops->select(b.meta, "F", &sel, NULL, see, &s, &err), ERR_NO_FORM);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_up_is_one_request_and_existence_is_for_ever),
        cmocka_unit_test(lists_come_by_pages_and_are_refreshed_by_one_request),
        cmocka_unit_test(a_list_goes_on_where_it_was_left),
        cmocka_unit_test(the_newest_costs_a_small_page),
        cmocka_unit_test(whole_lists_serve_where_there_are_no_pages),
        cmocka_unit_test(a_listing_of_runs_that_beat_is_refreshed_as_one),
        cmocka_unit_test(a_walk_asks_for_the_whole_run),
        cmocka_unit_test(without_bulk_routes_tasks_are_asked_one_by_one),
        cmocka_unit_test(one_task_of_a_giant_run_is_not_asked_for_by_its_run),
        cmocka_unit_test(what_is_settled_is_never_asked_for_again),
        cmocka_unit_test(a_change_of_tags_shows_at_once),
        cmocka_unit_test(what_is_forgotten_is_asked_for_again),
        cmocka_unit_test(old_answers_stand_in_for_a_dead_service),
        cmocka_unit_test(a_day_or_a_tag_is_asked_for_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
