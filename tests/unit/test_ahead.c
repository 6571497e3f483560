// What fetch-ahead makes ready for whom; fs/ahead_job.c is replaced by one that notes what it is asked.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "fs/ahead_i.h"

#define TASKS 300
#define JOB_BYTES 1000

// --- guesses --------------------------------------------------------------------------------------

static uint64_t mixed_ino(void *arg, const char *name)
{
    (void)arg;
    return (uint64_t)atoi(name) * 2654435761u % 1000003;
}

static struct roster *roster_of(int n)
{
    struct strv names = {0};
    for (int i = n; i > 0; i--) { // newest first
        strv_take(&names, mem_printf("%d", i));
    }
    return roster_new(&names, mixed_ino, NULL);
}

static void a_roster_has_three_orders(void **state)
{
    (void)state;
    struct roster *r = roster_of(12);
    uint32_t i;
    assert_true(roster_find(r, "10", &i));
    assert_string_equal(r->names.items[i], "10");
    assert_false(roster_find(r, "13", &i));
    assert_string_equal(r->names.items[r->at[ORDER_LISTED][0]], "12");
    assert_string_equal(r->names.items[r->at[ORDER_NAME][0]], "1");
    assert_string_equal(r->names.items[r->at[ORDER_NAME][1]], "10");
    for (int o = 0; o < ORDERS; o++) {
        for (uint32_t k = 0; k < 12; k++) {
            assert_int_equal(r->pos[o][r->at[o][k]], k);
        }
    }
    roster_unref(r);
    r = roster_of(0);
    assert_false(roster_find(r, "", &i));
    roster_unref(r);
}

// Goes through all tasks of an order; how many were given out before they were seen.
static int walk(struct guess *g, const struct roster *r, int order, bool down, int *ret_most_ahead)
{
    int right = 0, n = (int)r->names.len, given = 0;
    *ret_most_ahead = 0;
    for (int k = 0; k < n; k++) {
        uint32_t task = r->at[order][down ? n - 1 - k : k], ahead;
        right += guess_saw(g, r, task, GUESS_FARTHEST);
        while (guess_next(g, r, &ahead)) {
            given++;
        }
        int out = given - right;
        *ret_most_ahead = out > *ret_most_ahead ? out : *ret_most_ahead;
    }
    return right;
}

static void each_order_is_seen(void **state)
{
    (void)state;
    struct roster *r = roster_of(TASKS);
    for (int way = 0; way < ORDERS * 2; way++) {
        struct guess g;
        int most;
        guess_init(&g, r);
        assert_true(walk(&g, r, way / 2, way % 2 == 1, &most) >= TASKS - 3);
        assert_in_range(most, 60, GUESS_FARTHEST * 2);
        assert_int_equal(g.wrong, 0);
        guess_free(&g);
    }
    roster_unref(r);
}

static void who_jumps_about_gets_nothing(void **state)
{
    (void)state;
    struct roster *r = roster_of(TASKS);
    struct guess g;
    uint32_t seed = 7, ahead;
    int given = 0;
    guess_init(&g, r);
    for (int i = 0; i < 200; i++) {
        seed = seed * 1664525 + 1013904223;
        (void)guess_saw(&g, r, seed / 65536 % TASKS, GUESS_FARTHEST);
        while (guess_next(&g, r, &ahead)) {
            given++;
        }
    }
    assert_true(given < 40);
    guess_free(&g);
    roster_unref(r);
}

static void a_wrong_guess_stops_it(void **state)
{
    (void)state;
    struct roster *r = roster_of(TASKS);
    struct guess g;
    uint32_t ahead;
    guess_init(&g, r);
    for (uint32_t k = 0; k < 20; k++) {
        (void)guess_saw(&g, r, r->at[ORDER_NAME][k], GUESS_FARTHEST);
        while (guess_next(&g, r, &ahead)) {
        }
    }
    assert_true(g.distance > 100);
    (void)guess_saw(&g, r, r->at[ORDER_NAME][290], GUESS_FARTHEST);
    assert_int_equal(g.distance, 0);
    assert_true(g.wrong > 50);
    assert_false(guess_next(&g, r, &ahead));
    guess_free(&g);
    roster_unref(r);
}

static void who_reads_few_gets_few(void **state)
{
    (void)state;
    static const struct { uint32_t read; int most; } cases[] = {{2, 2}, {3, 5}, {4, 8}, {8, 24}, {12, 50}};
    struct roster *r = roster_of(TASKS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guess g;
        uint32_t ahead;
        int given = 0;
        guess_init(&g, r);
        for (uint32_t k = 0; k < cases[i].read; k++) {
            (void)guess_saw(&g, r, r->at[ORDER_NAME][k], GUESS_FARTHEST);
            while (guess_next(&g, r, &ahead)) {
                given += r->pos[ORDER_NAME][ahead] >= cases[i].read;
            }
        }
        assert_in_range(given, cases[i].most / 2, cases[i].most);
        guess_free(&g);
    }
    roster_unref(r);
}

static void readers_side_by_side(void **state)
{
    (void)state;
    struct roster *r = roster_of(TASKS);
    struct guess g;
    int right = 0;
    guess_init(&g, r);
    for (uint32_t k = 0; k + 4 <= TASKS; k += 4) { // four at a time, each four the wrong way round but the first
        static const uint32_t shuffled[] = {0, 1, 3, 2};
        for (int i = 0; i < 4; i++) {
            uint32_t ahead;
            right += guess_saw(&g, r, r->at[ORDER_NAME][k + shuffled[i]], GUESS_FARTHEST);
            while (guess_next(&g, r, &ahead)) {
            }
        }
    }
    assert_true(right > TASKS - 20);
    guess_free(&g);
    roster_unref(r);
}

// --- streams --------------------------------------------------------------------------------------

static struct {
    pthread_mutex_t lock;
    int looked[TASKS + 1], opened[TASKS + 1], all[TASKS + 1], rosters, rests, rests_if;
    const char *name; // that artifacts are wanted of
    unsigned wants;
    int attempt;
    bool slow;
} done = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct roster *ahead_job_roster(struct job *j)
{
    (void)j;
    pthread_mutex_lock(&done.lock);
    done.rosters++;
    pthread_mutex_unlock(&done.lock);
    return roster_of(TASKS);
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

void ahead_job_work(struct job *j)
{
    int task = atoi(j->task_name);
    for (int i = 0; i < ATTEMPTS && j->work != JOB_REST; i++) {
        assert_int_equal(j->wants[i], i == done.attempt + 1 ? done.wants : 0);
    }
    for (int i = 0; done.slow && i < 200 && !atomic_load(&j->cancel.set); i++) {
        pause_ms(10);
    }
    pthread_mutex_lock(&done.lock);
    if (j->work == JOB_REST) {
        done.rests += !j->if_beside;
        done.rests_if += j->if_beside;
    } else if (j->track == AHEAD_LOOKED) {
        done.looked[task]++;
    } else if (j->name) {
        assert_string_equal(j->name, done.name);
        done.opened[task]++;
    } else {
        done.all[task]++;
    }
    pthread_mutex_unlock(&done.lock);
    j->bytes = j->track == AHEAD_OPENED ? JOB_BYTES : 0;
    if (j->work == JOB_REST && j->if_beside) {
        j->fetched.items = mem_grow(NULL, &j->fetched.cap, 2, sizeof(*j->fetched.items));
        j->fetched.items[j->fetched.len++] = (struct rest_name){mem_strdup("c"), JOB_BYTES / 2};
        j->fetched.items[j->fetched.len++] = (struct rest_name){mem_strdup("d"), JOB_BYTES / 2};
    }
}

static void saw(struct ahead *a, enum ahead_event what, enum kind kind, int task, const char *name)
{
    char text[20], leaf[20], flow[] = "F", run[] = "1", step[] = "s";
    snprintf(text, sizeof(text), "%d", task);
    snprintf(leaf, sizeof(leaf), "%s", name ? name : "");
    struct tref r = {.kind = kind, .flow = flow, .run = run, .step = step, .task = text, .attempt = done.attempt,
                     .leaf = name ? leaf : NULL};
    struct ahead_seen seen = {.r = &r, .what = what, .step_ino = 5};
    ahead_saw(a, &seen);
}

static void count_anew(const char *name, unsigned wants)
{
    memset(done.looked, 0, sizeof(done.looked));
    memset(done.opened, 0, sizeof(done.opened));
    memset(done.all, 0, sizeof(done.all));
    done.rosters = done.rests = done.rests_if = 0;
    done.name = name;
    done.wants = wants;
    done.attempt = -1;
}

static struct ahead *begin(uint64_t max_bytes)
{
    struct ahead_conf conf = {.max_jobs = 8, .max_bytes = max_bytes};
    count_anew("x", WANT_ARTIFACTS);
    done.slow = false;
    return ahead_new(&conf);
}

static void settle(struct ahead *a)
{
    pause_ms(5);
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&a->lock);
        unsigned running = a->running;
        pthread_mutex_unlock(&a->lock);
        if (running == 0) {
            return;
        }
        pause_ms(2);
    }
    fail();
}

static int sum(const int *counts)
{
    int n = 0;
    for (int i = 0; i <= TASKS; i++) {
        n += counts[i];
    }
    return n;
}

static void one_name_in_each_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    for (int task = TASKS; task > 0; task--) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        settle(a);
    }
    ahead_stats(a, &stats);
    assert_int_equal(done.rosters, 1);
    assert_in_range(sum(done.opened), TASKS - 4, TASKS);
    assert_int_equal(sum(done.all), 0);
    assert_int_equal(stats.fetched_bytes, stats.read_bytes);
    assert_int_equal(stats.unread_bytes, 0);
    assert_int_equal(stats.wrong, 0);
    ahead_free(a);
}

static void who_only_looks_gets_no_bytes(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    for (int task = TASKS; task > 0; task--) {
        saw(a, AHEAD_LOOKED, K_ARTIFACT, task, "x");
        settle(a);
    }
    assert_int_equal(sum(done.opened) + sum(done.all), 0);
    assert_in_range(sum(done.looked), TASKS - 4, TASKS);
    // A glob that was looked up is opened in order of names: the first open is enough.
    saw(a, AHEAD_OPENED, K_ARTIFACT, 1, "x");
    settle(a);
    assert_int_equal(sum(done.opened), 64);
    ahead_free(a);
}

// Who looked at ten opens no more of them.
static void opens_go_as_far_as_looks_went(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    for (int task = TASKS; task > TASKS - 10; task--) {
        saw(a, AHEAD_LOOKED, K_ARTIFACT, task, "x");
        settle(a);
    }
    saw(a, AHEAD_OPENED, K_ARTIFACT, TASKS, "x"); // the first as they are listed
    settle(a);
    assert_int_equal(sum(done.opened), 10);
    ahead_free(a);
}

// A task is counted once for what was made ready of it, and when its reader has long gone it is given up.
static void each_task_is_counted_once(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    for (int task = TASKS; task > TASKS - 8; task--) {
        saw(a, AHEAD_LOOKED, K_ARTIFACT, task, "x");
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        settle(a);
    }
    ahead_stats(a, &stats);
    assert_in_range(stats.tasks, 8, 30);
    assert_int_equal(stats.tasks, sum(done.opened));
    assert_int_equal(stats.right, 6);
    assert_int_equal(stats.wrong, 0);
    assert_int_equal(stats.unread_bytes, (stats.tasks - stats.right) * JOB_BYTES);
    pthread_mutex_lock(&a->lock);
    a->streams[0]->used_ms = 1; // a mount that began long ago
    pthread_mutex_unlock(&a->lock);
    for (int again = 0; again < 2; again++) {
        ahead_stats(a, &stats);
        assert_int_equal(stats.wrong, stats.tasks - stats.right);
        assert_int_equal(stats.unread_bytes, 0);
    }
    ahead_free(a);
}

static void see_all(struct ahead *a, enum ahead_event what, enum kind kind, const char *name)
{
    for (int task = 1; task <= TASKS; task++) {
        saw(a, what, kind, task, name);
        settle(a);
    }
}

// `cat */x */y`, and then `cat */.log` and `cat */.meta`: each pass is as far ahead as the first.
static void one_name_after_another(void **state)
{
    (void)state;
    static const char *const names[] = {"x", "y", "z"};
    static const enum kind kinds[] = {K_LOG, K_META};
    static const unsigned wants[] = {WANT_LOG, WANT_META};
    struct ahead *a = begin(0);
    for (int i = 0; i < 3; i++) {
        count_anew(names[i], WANT_ARTIFACTS);
        see_all(a, AHEAD_OPENED, K_ARTIFACT, names[i]);
        assert_in_range(sum(done.opened), TASKS - 4, TASKS);
    }
    for (int i = 0; i < 2; i++) {
        count_anew("z", wants[i]);
        see_all(a, AHEAD_LOOKED, kinds[i], NULL);
        assert_in_range(sum(done.looked), TASKS - 4, TASKS);
        see_all(a, AHEAD_OPENED, kinds[i], NULL);
        assert_in_range(sum(done.opened) + sum(done.all), TASKS - 4, TASKS);
    }
    ahead_free(a);
}

// `cat */.attempts/0/x`, and then of the next attempt: no walk, and nothing of the task as a whole.
static void one_name_of_an_attempt(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    for (int attempt = 0; attempt < 6; attempt += 5) {
        count_anew("x", WANT_ARTIFACTS);
        done.attempt = attempt;
        see_all(a, AHEAD_OPENED, K_ARTIFACT, "x");
        assert_in_range(sum(done.opened), TASKS - 4, TASKS);
    }
    count_anew("x", WANT_ARTIFACTS);
    done.attempt = 6; // Metaflow makes none so high
    see_all(a, AHEAD_OPENED, K_ARTIFACT, "x");
    assert_int_equal(sum(done.opened), 0);
    ahead_free(a);
}

// `cat */.logs/N.task_stderr.log`: that one of each task, whatever its number; not the others.
static void raw_logs(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    count_anew(NULL, WANT_FIRST_PART << 3);
    for (int task = 1; task <= TASKS; task++) {
        saw(a, AHEAD_OPENED, K_LOG_PART, task, task % 2 ? "0.task_stderr.log" : "1.task_stderr.log");
        saw(a, AHEAD_OPENED, K_LOG_PART, task, "other");
        settle(a);
    }
    assert_in_range(sum(done.all), TASKS - 4, TASKS);
    ahead_free(a);
}

// The second name is looked at in one task before all of them are read for it.
static void a_name_that_was_tried_first(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    see_all(a, AHEAD_OPENED, K_ARTIFACT, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, TASKS, "y");
    settle(a);
    count_anew("y", WANT_ARTIFACTS);
    for (int task = TASKS - 1; task > 0; task--) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "y");
        settle(a);
    }
    assert_in_range(sum(done.opened), TASKS - 5, TASKS);
    ahead_free(a);
}

// `for t in *; do ls -l $t/x $t/y $t; done`: what was made ready of a task is not made ready again.
static void several_names_of_each_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    for (int task = 1; task <= TASKS; task++) {
        saw(a, AHEAD_LOOKED, K_ARTIFACT, task, "x");
        saw(a, AHEAD_LOOKED, K_ARTIFACT, task, "y");
        saw(a, AHEAD_LOOKED, K_TASK, task, NULL);
        settle(a);
    }
    ahead_stats(a, &stats);
    assert_int_equal(done.rosters, 1);
    assert_in_range(sum(done.looked), TASKS - 4, TASKS);
    assert_int_equal(stats.wrong, 0);
    ahead_free(a);
}

static void pairs_of_each_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    count_anew("y", WANT_ARTIFACTS);
    for (int task = 1; task <= TASKS; task++) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "y");
        settle(a);
    }
    ahead_stats(a, &stats);
    assert_in_range(sum(done.all) + sum(done.opened), TASKS - 4, TASKS);
    assert_true(sum(done.opened) < 10);
    assert_int_equal(stats.wrong, 0);
    ahead_free(a);
}

// `for t in *; do cat $t/x $t/.meta; done`: both are made ready, and it is no walk through all artifacts.
static void an_artifact_and_the_meta_of_each_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    done.wants = WANT_ARTIFACTS | WANT_META;
    for (int task = 1; task <= TASKS; task++) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        saw(a, AHEAD_OPENED, K_META, task, NULL);
        settle(a);
    }
    assert_in_range(sum(done.opened), TASKS - 4, TASKS);
    ahead_free(a);
}

// A second pass that is left in the middle ends as the first does.
static void a_second_pass_that_ends_early(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    see_all(a, AHEAD_OPENED, K_ARTIFACT, "x");
    count_anew("y", WANT_ARTIFACTS);
    for (int task = 1; task <= 20; task++) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "y");
        settle(a);
    }
    int ahead = sum(done.opened);
    assert_in_range(ahead, 100, 200);
    saw(a, AHEAD_OPENED, K_ARTIFACT, 290, "y");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 250, "y");
    settle(a);
    assert_int_equal(sum(done.opened), ahead);
    ahead_free(a);
}

// Bytes that come after their reader, and after he went on to another name, wait for nobody.
static void a_pass_that_begins_while_jobs_run(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    for (int task = 1; task <= 3; task++) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        settle(a);
    }
    done.slow = true;
    for (int task = 4; task <= 12; task++) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
    }
    saw(a, AHEAD_OPENED, K_ARTIFACT, 2, "y");
    settle(a);
    int ahead = 0;
    for (int task = 1; task <= 12; task++) {
        ahead += done.opened[task];
    }
    assert_in_range(ahead, 6, 10);
    ahead_stats(a, &stats);
    assert_int_equal(stats.read_bytes, ahead * JOB_BYTES);
    assert_int_equal(stats.unread_bytes, stats.fetched_bytes - stats.read_bytes);
    ahead_free(a);
}

static void a_direct_look_makes_nothing_ready(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    saw(a, AHEAD_LOOKED, K_ARTIFACT, 7, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "x");
    settle(a);
    assert_int_equal(done.rosters + sum(done.looked) + sum(done.opened), 0);
    ahead_free(a);
}

static void all_of_each_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int task = TASKS; task > TASKS - 100; task--) {
        for (int i = 0; i < 4; i++) {
            saw(a, AHEAD_OPENED, K_ARTIFACT, task, names[i]);
        }
        settle(a);
    }
    assert_int_equal(sum(done.opened), 0);
    assert_true(sum(done.all) >= 97);
    ahead_free(a);
}

static void the_files_of_one_task(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    struct ahead_stats stats;
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "a");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "a");
    settle(a);
    assert_int_equal(done.rests + done.rests_if, 0);
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "b");
    settle(a);
    assert_int_equal(done.rests_if, 1); // asked whether they stand side by side
    assert_int_equal(done.rests, 0);
    ahead_stats(a, &stats);
    assert_int_equal(stats.unread_bytes, JOB_BYTES);
    saw(a, AHEAD_OPENED, K_ARTIFACT, 7, "c");
    settle(a);
    ahead_stats(a, &stats);
    assert_int_equal(stats.unread_bytes, JOB_BYTES / 2);
    assert_int_equal(stats.read_bytes, JOB_BYTES / 2);
    assert_int_equal(done.rests, 1);
    assert_int_equal(done.rosters, 0);
    saw(a, AHEAD_OPENED, K_ARTIFACT, 100, "a"); // goes elsewhere: d stays unread
    ahead_stats(a, &stats);
    assert_int_equal(stats.unread_bytes, 0);
    assert_int_equal(stats.read_bytes, JOB_BYTES / 2);
    ahead_free(a);
}

static void unread_bytes_are_bounded(void **state)
{
    (void)state;
    struct ahead *a = begin(20 * JOB_BYTES);
    struct ahead_stats stats;
    for (int task = TASKS; task > TASKS - 50; task--) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        settle(a);
        ahead_stats(a, &stats);
        assert_true(stats.unread_bytes <= 28 * JOB_BYTES); // and those that were under way
    }
    saw(a, AHEAD_OPENED, K_ARTIFACT, 3, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 90, "x");
    settle(a);
    ahead_stats(a, &stats);
    assert_true(stats.fetched_bytes - stats.read_bytes == stats.unread_bytes);
    ahead_free(a);
}

static void ends_while_jobs_wait(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    for (int task = TASKS; task > TASKS - 3; task--) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
        settle(a);
    }
    done.slow = true;
    for (int task = TASKS - 3; task > TASKS - 20; task--) {
        saw(a, AHEAD_OPENED, K_ARTIFACT, task, "x");
    }
    ahead_free(a);
}

static void a_task_that_came_later(void **state)
{
    (void)state;
    struct ahead *a = begin(0);
    saw(a, AHEAD_OPENED, K_ARTIFACT, 5, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, 4, "x");
    settle(a);
    saw(a, AHEAD_OPENED, K_ARTIFACT, TASKS + 9, "x");
    saw(a, AHEAD_OPENED, K_ARTIFACT, TASKS + 8, "x");
    settle(a);
    saw(a, AHEAD_OPENED, K_ARTIFACT, TASKS + 7, "x");
    settle(a);
    ahead_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_roster_has_three_orders),    cmocka_unit_test(each_order_is_seen),
        cmocka_unit_test(who_jumps_about_gets_nothing), cmocka_unit_test(a_wrong_guess_stops_it),
        cmocka_unit_test(readers_side_by_side),         cmocka_unit_test(one_name_in_each_task),
        cmocka_unit_test(who_only_looks_gets_no_bytes), cmocka_unit_test(a_direct_look_makes_nothing_ready),
        cmocka_unit_test(who_reads_few_gets_few),       cmocka_unit_test(opens_go_as_far_as_looks_went),
        cmocka_unit_test(each_task_is_counted_once),    cmocka_unit_test(one_name_of_an_attempt),
        cmocka_unit_test(raw_logs),
        cmocka_unit_test(all_of_each_task),             cmocka_unit_test(unread_bytes_are_bounded),
        cmocka_unit_test(the_files_of_one_task),
        cmocka_unit_test(one_name_after_another),       cmocka_unit_test(a_name_that_was_tried_first),
        cmocka_unit_test(several_names_of_each_task),   cmocka_unit_test(pairs_of_each_task),
        cmocka_unit_test(an_artifact_and_the_meta_of_each_task),
        cmocka_unit_test(a_second_pass_that_ends_early),
        cmocka_unit_test(a_pass_that_begins_while_jobs_run),
        cmocka_unit_test(ends_while_jobs_wait),         cmocka_unit_test(a_task_that_came_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
