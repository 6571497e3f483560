// client/cache.h: an ordered map on disk that processes share, that forgets, evicts and survives damage.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/cache_i.h"
#include "tempdir.h"

static struct cache *open_at(const char *dir, uint64_t max_bytes)
{
    struct cache_conf conf = {.dir = dir, .tempdir = tempdir, .identity = "test", .max_bytes = max_bytes};
    struct cache *c;
    struct err err = ERR_INIT;
    if (cache_open(&conf, &c, &err)) {
        fail_msg("%s", err.cause);
    }
    return c;
}

static struct cache *open_here(void)
{
    return open_at(tempdir, 0);
}

static struct cache_key key_of(const char *unit, const char *parent, uint64_t order, const char *name)
{
    return (struct cache_key){unit, parent, 'x', order, name, false};
}

static bool put_with(struct cache *c, struct cache_key key, const char *value, uint64_t generation, int64_t asked_ms)
{
    struct cache_batch *b = cache_batch_new(c, generation, asked_ms);
    cache_batch_put(b, &key, value, strlen(value));
    return cache_batch_commit(b);
}

static void put(struct cache *c, const char *unit, const char *parent, const char *value)
{
    assert_true(put_with(c, key_of(unit, parent, 0, ""), value, cache_generation(c), 100));
}

// The value at a place, "" for none; owned.
static char *get(struct cache *c, const char *unit, const char *parent)
{
    struct buf value = {0};
    struct cache_key key = key_of(unit, parent, 0, "");
    int64_t asked_ms;
    cache_get(c, &key, &value, &asked_ms);
    return buf_steal(&value);
}

static void expect(struct cache *c, const char *unit, const char *parent, const char *value)
{
    auto_free char *found = get(c, unit, parent);
    assert_string_equal(found, value);
}

static void what_is_put_is_there_also_later(void **state)
{
    (void)state;
    struct cache *c = open_here();
    struct stat st;
    put(c, "F/1", "start/1", "value");
    expect(c, "F/1", "start/1", "value");
    expect(c, "F/1", "start/2", "");
    expect(c, "F", "1/start/1", "");
    assert_int_equal(stat(cache_where(c), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    auto_free char *data = mem_printf("%s/data.mdb", cache_where(c));
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct cache_stats stats;
    cache_stats(c, &stats);
    assert_true(stats.kept && stats.items == 1 && stats.bytes > 0);
    cache_close(c);
    c = open_here();
    expect(c, "F/1", "start/1", "value");
    cache_close(c);
}

static void a_path_is_forgotten_with_all_below(void **state)
{
    (void)state;
    struct cache *c = open_here();
    static const char *const places[][2] = {{"", "F"}, {"F", ""}, {"F", "1"}, {"F/1", ""}, {"F/1", "s"}, {"F/1", "s/7"},
                                            {"F/1", "s/77"}, {"F/12", "s/7"}, {"G", "1"}};
    static const struct { const char *path; const char *left; } cases[] = {
        {"F/1/s/7", "111110111"}, {"F/1/s", "111100011"}, {"F/1", "110000011"}, {"F", "000000001"}, {"", "000000000"}};
    for (size_t k = 0; k < 5; k++) {
        for (size_t i = 0; i < 9; i++) {
            put(c, places[i][0], places[i][1], "v");
        }
        uint64_t before = cache_generation(c);
        cache_forget(c, cases[k].path);
        for (size_t i = 0; i < 9; i++) {
            auto_free char *found = get(c, places[i][0], places[i][1]);
            if ((*found != '\0') != (cases[k].left[i] == '1')) {
                fail_msg("%s forgotten: %s %s", cases[k].path, places[i][0], places[i][1]);
            }
        }
        // An answer to a question from before does not bring it back.
        assert_true(put_with(c, key_of("F/1", "s/7", 0, ""), "old", before, 999));
        expect(c, "F/1", "s/7", "");
        put(c, "F/1", "s/7", "new");
        expect(c, "F/1", "s/7", "new");
    }
    cache_close(c);
}

static void newer_answers_are_not_replaced_by_older_ones(void **state)
{
    (void)state;
    struct cache *c = open_here();
    struct cache_key key = key_of("F", "1", 0, "");
    uint64_t generation = cache_generation(c);
    assert_true(put_with(c, key, "second", generation, 200));
    assert_true(put_with(c, key, "first", generation, 100));
    expect(c, "F", "1", "second");
    assert_true(put_with(c, key, "third", generation, 300));
    expect(c, "F", "1", "third");
    struct cache_batch *b = cache_batch_new(c, generation, 400);
    cache_batch_delete(b, &key);
    cache_batch_drop(b);
    expect(c, "F", "1", "third");
    b = cache_batch_new(c, generation, 400);
    cache_batch_delete(b, &key);
    assert_true(cache_batch_commit(b));
    expect(c, "F", "1", "");
    cache_close(c);
}

struct seen {
    struct buf text;
    int n, stop_at;
};

static bool see(void *arg, const struct cache_item *item)
{
    struct seen *s = arg;
    if (s->n < 20) {
        buf_printf(&s->text, "%s ", item->name);
    }
    return ++s->n != s->stop_at;
}

static struct seen scan(struct cache *c, const char *parent, uint64_t from, int stop_at)
{
    struct seen s = {.stop_at = stop_at};
    cache_scan(c, "F", 'x', parent, from, see, &s);
    return s;
}

static void scans_are_in_order(void **state)
{
    (void)state;
    struct cache *c = open_here();
    struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
    char name[20];
    for (int i = 2999; i >= 0; i--) {
        snprintf(name, sizeof(name), "%d", i);
        struct cache_key key = key_of("F", i < 2000 ? "p" : "q", (uint64_t)i, name);
        cache_batch_put(b, &key, name, strlen(name));
    }
    assert_true(cache_batch_commit(b));
    struct seen s = scan(c, "p", 0, 5);
    assert_string_equal(s.text.data, "0 1 2 3 4 ");
    buf_free(&s.text);
    s = scan(c, "p", 1997, 0);
    assert_string_equal(s.text.data, "1997 1998 1999 ");
    buf_free(&s.text);
    s = scan(c, "q", 0, 0);
    assert_int_equal(s.n, 1000);
    buf_free(&s.text);
    s = scan(c, "r", 0, 0);
    assert_int_equal(s.n, 0);
    // A list that is read anew drops what is no more.
    b = cache_batch_new(c, cache_generation(c), 200);
    struct cache_key kept = key_of("F", "p", 7, "7"), fresh = key_of("F", "p", 5000, "5000");
    cache_batch_put(b, &kept, "7", 1);
    cache_batch_put(b, &fresh, "5000", 4);
    cache_batch_replace(b, "F", 'x', "p");
    assert_true(cache_batch_commit(b));
    s = scan(c, "p", 0, 0);
    assert_string_equal(s.text.data, "7 5000 ");
    buf_free(&s.text);
    s = scan(c, "q", 0, 0);
    assert_int_equal(s.n, 1000);
    buf_free(&s.text);
    cache_close(c);
}

static void items_by_order_stand_side_by_side(void **state)
{
    (void)state;
    struct cache *c = open_here();
    struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
    struct cache_key a = {"F", "12", 'o', 12, "", true}, z = {"F", "x-12", 'o', 12, "", true};
    cache_batch_put(b, &a, "a", 1);
    cache_batch_put(b, &z, "z", 1);
    assert_true(cache_batch_commit(b));
    auto_cleanup(buf_free) struct buf value = {0};
    int64_t asked_ms;
    assert_true(cache_get(c, &a, &value, &asked_ms));
    assert_true(cache_get(c, &z, &value, &asked_ms));
    assert_string_equal(value.data, "az");
    cache_forget(c, "F/12");
    assert_false(cache_get(c, &a, &value, &asked_ms));
    assert_true(cache_get(c, &z, &value, &asked_ms));
    cache_close(c);
}

static void the_least_used_units_go_first(void **state)
{
    (void)state;
    struct cache *c = open_at(tempdir, 2 << 20);
    auto_free char *big = mem_zalloc(2001);
    char unit[20];
    memset(big, 'b', 2000);
    put(c, "", "root", "stays");
    for (int u = 0; u < 20; u++) {
        snprintf(unit, sizeof(unit), "F/%d", u);
        struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
        for (int i = 0; i < 100; i++) {
            struct cache_key key = key_of(unit, "p", (uint64_t)i, "");
            cache_batch_put(b, &key, big, 2000);
        }
        assert_true(cache_batch_commit(b));
        cache_tick(c);
    }
    struct cache_stats stats;
    cache_stats(c, &stats);
    assert_true(stats.bytes <= 2 << 20);
    assert_true(stats.evicted_units > 0 && stats.evicted_units < 20);
    expect(c, "", "root", "stays");
    cache_close(c);
}

static void a_full_map_makes_room(void **state)
{
    (void)state;
    struct cache *c = open_at(tempdir, 1 << 20);
    mdb_env_set_mapsize(c->env, 4 << 20); // in place of the gigabyte beyond
    auto_free char *big = mem_zalloc(4001);
    char unit[20];
    memset(big, 'b', 4000);
    for (int u = 0; u < 40; u++) {
        snprintf(unit, sizeof(unit), "F/%d", u);
        struct cache_batch *b = cache_batch_new(c, cache_generation(c), 100);
        for (int i = 0; i < 60; i++) {
            struct cache_key key = key_of(unit, "p", (uint64_t)i, "");
            cache_batch_put(b, &key, big, 4000);
        }
        assert_true(cache_batch_commit(b));
    }
    struct cache_stats stats;
    cache_stats(c, &stats);
    assert_true(stats.evicted_units > 0);
    assert_int_equal(stats.dropped_writes, 0);
    cache_close(c);
}

// The folder of a closed cache that has something in it; owned.
static char *make_one(void)
{
    struct cache *c = open_here();
    put(c, "F", "1", "value");
    char *folder = mem_strdup(cache_where(c));
    cache_close(c);
    return folder;
}

static void damage_is_set_aside(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        auto_free char *folder = make_one();
        auto_free char *data = mem_printf("%s/data.mdb", folder);
        auto_free char *bad = mem_printf("%s.bad", folder);
        static char noise[16384];
        memset(noise, 'n', sizeof(noise));
        struct stat st;
        assert_int_equal(stat(data, &st), 0);
        int fd = open(data, O_RDWR);
        if (kind == 0) {
            assert_int_equal(ftruncate(fd, st.st_size - 8192), 0);
        } else if (kind == 1) {
            assert_int_equal(pwrite(fd, noise, sizeof(noise), 0), sizeof(noise));
        } else {
            assert_int_equal(ftruncate(fd, 100), 0);
        }
        close(fd);
        struct cache *c = open_here();
        struct cache_stats stats;
        cache_stats(c, &stats);
        assert_int_equal(stats.set_aside, 1);
        expect(c, "F", "1", "");
        put(c, "F", "1", "anew");
        expect(c, "F", "1", "anew");
        cache_close(c);
        assert_int_equal(access(bad, F_OK), 0);
    }
}

static void damaged_records_are_misses(void **state)
{
    (void)state;
    struct cache *c = open_here();
    struct cache_key key = key_of("F", "1", 0, "");
    uint8_t bytes[KEY_SIZE];
    key_make(&key, bytes);
    for (size_t len = 0; len < 60; len++) {
        MDB_txn *txn;
        uint8_t noise[60];
        memset(noise, (int)len, sizeof(noise));
        MDB_val k = {sizeof(bytes), bytes}, v = {len, noise};
        assert_int_equal(mdb_txn_begin(c->env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_put(txn, c->items, &k, &v, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        expect(c, "F", "1", "");
        struct seen s = {0};
        cache_scan(c, "F", 'x', "1", 0, see, &s);
        assert_int_equal(s.n, 0);
    }
    put(c, "F", "1", "mended");
    expect(c, "F", "1", "mended");
    cache_close(c);
}

static void another_boot_is_looked_at_first(void **state)
{
    (void)state;
    auto_free char *folder = make_one();
    auto_free char *mark = mem_printf("%s/open", folder);
    assert_int_equal(access(mark, F_OK), -1); // it was closed
    FILE *f = fopen(mark, "w");
    fputs("another-boot", f);
    fclose(f);
    struct cache *c = open_here();
    expect(c, "F", "1", "value");
    assert_int_equal(access(mark, F_OK), 0);
    cache_close(c);
    assert_int_equal(access(mark, F_OK), -1);
}

static void where_it_cannot_be_it_is_elsewhere(void **state)
{
    (void)state;
    auto_free char *real = mem_printf("%s/real", tempdir);
    auto_free char *link = mem_printf("%s/link", tempdir);
    auto_free char *open_to_all = mem_printf("%s/open", tempdir);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink(real, link), 0);
    struct cache *c = open_at(link, 0);
    assert_null(strstr(cache_where(c), "/link"));
    cache_close(c);
    assert_int_equal(mkdir(open_to_all, 0777), 0);
    assert_int_equal(chmod(open_to_all, 0777), 0);
    c = open_at(open_to_all, 0);
    struct stat st;
    assert_int_equal(stat(open_to_all, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0777); // its owner's affair; the cache is elsewhere
    assert_null(strstr(cache_where(c), "/open"));
    cache_close(c);
    assert_int_equal(chmod(open_to_all, 0755), 0);
    c = open_at(open_to_all, 0);
    assert_non_null(strstr(cache_where(c), "/open/"));
    assert_int_equal(stat(cache_where(c), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    cache_close(c);
    c = open_at("/proc/no-such-place", 0);
    put(c, "F", "1", "v");
    expect(c, "F", "1", "v");
    cache_close(c);
}

static size_t entries_here(void)
{
    DIR *dir = opendir(tempdir);
    size_t n = 0;
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static void a_cache_of_nothing_leaves_nothing(void **state)
{
    (void)state;
    struct cache *c = open_at(NULL, 0);
    put(c, "F", "1", "v");
    expect(c, "F", "1", "v");
    struct cache_stats stats;
    cache_stats(c, &stats);
    assert_false(stats.kept);
    assert_int_equal(entries_here(), 0);
    cache_close(c);
    assert_int_equal(entries_here(), 0);
}

static void two_processes_share_it(void **state)
{
    (void)state;
    int to_child[2], to_parent[2];
    char byte = 'x';
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(to_parent), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct cache *c = open_here();
        put(c, "F", "child", "from the child");
        ssize_t n = write(to_parent[1], &byte, 1);
        n += read(to_child[0], &byte, 1);
        auto_free char *gone = get(c, "F", "child"), *there = get(c, "F", "parent");
        int bad = n != 2 || *gone || strcmp(there, "from the parent") != 0;
        cache_close(c);
        _exit(bad);
    }
    assert_int_equal(read(to_parent[0], &byte, 1), 1);
    struct cache *c = open_here();
    expect(c, "F", "child", "from the child");
    cache_forget(c, "F/child");
    put(c, "F", "parent", "from the parent");
    assert_int_equal(write(to_child[1], &byte, 1), 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cache_close(c);
}

// --- killed at any moment ----------------------------------------------------------------------------------

#define KILLS 20

static void hammer(void)
{
    struct cache *c = open_here();
    char unit[20], value[200];
    for (unsigned n = 0;; n++) {
        struct cache_batch *b = cache_batch_new(c, cache_generation(c), (int64_t)n);
        for (unsigned i = 0; i < 50; i++) {
            snprintf(unit, sizeof(unit), "F/%u", (n * 7 + i) % 40);
            snprintf(value, sizeof(value), "%s of %u", unit, i);
            struct cache_key key = key_of(unit, "p", i, "");
            cache_batch_put(b, &key, value, strlen(value));
        }
        cache_batch_commit(b);
        if (n % 13 == 0) {
            cache_forget(c, unit);
        }
    }
}

static bool is_right(void *arg, const struct cache_item *item)
{
    char value[200];
    snprintf(value, sizeof(value), "%s of %u", (const char *)arg, (unsigned)item->order);
    assert_int_equal(item->len, strlen(value));
    assert_memory_equal(item->data, value, item->len);
    return true;
}

static void it_survives_being_killed(void **state)
{
    (void)state;
    char unit[20];
    struct cache *watching = open_here();
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            hammer();
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000L * (i % 8 + 1)}, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        struct cache *c = open_here();
        for (int u = 0; u < 40; u++) {
            snprintf(unit, sizeof(unit), "F/%d", u);
            cache_scan(c, unit, 'x', "p", 0, is_right, unit);
            cache_scan(watching, unit, 'x', "p", 0, is_right, unit);
        }
        put(c, "F", "after", "written"); // whoever held the writers' lock is gone
        struct cache_stats stats;
        cache_stats(c, &stats);
        assert_int_equal(stats.set_aside, 0);
        cache_close(c);
    }
    cache_close(watching);
}

// --- several threads ---------------------------------------------------------------------------------------

static void *read_and_write(void *arg)
{
    struct cache *c = arg;
    char unit[20];
    for (int n = 0; n < 100; n++) {
        snprintf(unit, sizeof(unit), "F/%d", n % 10);
        put_with(c, key_of(unit, "p", 0, ""), "v", cache_generation(c), n);
        free(get(c, unit, "p"));
        struct seen s = {0};
        cache_scan(c, unit, 'x', "p", 0, see, &s);
        buf_free(&s.text);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    (void)state;
    struct cache *c = open_here();
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_write, c), 0);
    }
    cache_tick(c);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    expect(c, "F/3", "p", "v");
    cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_there_also_later, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_path_is_forgotten_with_all_below, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(newer_answers_are_not_replaced_by_older_ones, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(scans_are_in_order, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(items_by_order_stand_side_by_side, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(the_least_used_units_go_first, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_full_map_makes_room, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(damage_is_set_aside, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(damaged_records_are_misses, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(another_boot_is_looked_at_first, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(where_it_cannot_be_it_is_elsewhere, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(a_cache_of_nothing_leaves_nothing, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(two_processes_share_it, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(it_survives_being_killed, tempdir_make, tempdir_remove),
        cmocka_unit_test_setup_teardown(threads_share_it, tempdir_make, tempdir_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
