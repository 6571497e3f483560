// batch/journal.h: nothing that was written down is lost or half there, whoever dies when, and one at a time writes.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "batch/journal_i.h"
#include "tempdir.h"

static struct err err = ERR_INIT;
static struct journal *journal;
static char dir[128];

static int each_setup(void **state)
{
    static int n;
    (void)state;
    snprintf(dir, sizeof(dir), "%s/state-%d/jobs", tempdir, n++);
    return (int)journal_open(dir, &journal, &err);
}

// In memory where there is such a place: the disk would be asked to sync some thousand times.
static char memory[] = "/dev/shm/metaflowfs-test-XXXXXX";
static int memory_setup(void **state)
{
    if (!mkdtemp(memory)) {
        memory[0] = '\0';
        return each_setup(state);
    }
    snprintf(dir, sizeof(dir), "%s/jobs", memory);
    return (int)journal_open(dir, &journal, &err);
}

static int each_teardown(void **state)
{
    (void)state;
    journal_free(journal);
    journal = NULL;
    return 0;
}

static char *path_of(const char *file)
{
    return mem_printf("%s/%s", dir, file);
}

static void put(const char *file, const char *text)
{
    auto_free char *path = path_of(file);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static bool is_there(const char *file)
{
    auto_free char *path = path_of(file);
    return access(path, F_OK) == 0;
}

static struct intent *add(struct record *r, enum intent_state state)
{
    r->at = mem_grow(r->at, &r->cap, r->len + 1, sizeof(*r->at));
    unsigned generation = r->len > 0 ? r->at[r->len - 1].generation + 1 : 1;
    struct intent *i = &r->at[r->len++];
    *i = (struct intent){.generation = generation, .state = state, .text = mem_strdup("{\"command\": [\"a\"]}\n"),
                         .job_name = mem_strdup("me-x-1"), .saved_ms = 1700000000000};
    i->id = state >= INTENT_ACCEPTED ? mem_strdup("id-1") : NULL;
    return i;
}

static errc save(struct journal *j, const struct record *r)
{
    struct journal_lock *lock;
    errc e = journal_lock(j, r->name, NULL, &lock, &err);
    if (!e) {
        e = journal_save(j, lock, r, &err);
        journal_unlock(lock);
    }
    return e;
}

static void a_record_comes_back(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("träin 1"), .file_removed = true}, got = {0};
    struct stat st;
    add(&r, INTENT_ENDED)->error = mem_strdup("why\n\"not\"");
    struct intent *i = add(&r, INTENT_SENDING);
    i->queue = mem_strdup("q");
    i->tempdir = mem_strdup("/metaflow_temp");
    i->definition = mem_strdup("{}");
    i->submission = mem_strdup("{\"a\": \"\\u0000\"}");
    i->last = mem_strdup("");
    i->sent_ms = 5;
    i->changed_ms = INT64_MAX;
    i->mtime_ms = 7;
    assert_int_equal(journal_load(journal, r.name, &got, &err), ERR_NOT_FOUND);
    assert_int_equal(save(journal, &r), ERR_OK);
    assert_int_equal(journal_load(journal, r.name, &got, &err), ERR_OK);
    assert_string_equal(got.name, r.name);
    assert_true(got.file_removed);
    assert_int_equal(got.len, 2);
    assert_int_equal(got.at[0].state, INTENT_ENDED);
    assert_string_equal(got.at[0].error, "why\n\"not\"");
    assert_string_equal(got.at[0].id, "id-1");
    assert_ptr_equal(record_present(&got), &got.at[1]);
    assert_int_equal(got.at[1].generation, 2);
    assert_int_equal(got.at[1].state, INTENT_SENDING);
    assert_string_equal(got.at[1].text, i->text);
    assert_string_equal(got.at[1].queue, "q");
    assert_string_equal(got.at[1].tempdir, "/metaflow_temp");
    assert_string_equal(got.at[1].submission, i->submission);
    assert_string_equal(got.at[1].last, "");
    assert_null(got.at[1].id);
    assert_null(got.at[1].error);
    assert_int_equal(got.at[1].saved_ms, 1700000000000);
    assert_int_equal(got.at[1].sent_ms, 5);
    assert_true(got.at[1].changed_ms == INT64_MAX);
    assert_int_equal(got.at[1].mtime_ms, 7);
    assert_int_equal(got.at[0].mtime_ms, 0); // it is not written there, as before there was such a time
    auto_free char *path = path_of("träin 1.json");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_false(is_there("träin 1.tmp"));
    record_free(&got);
    record_free(&r);
    assert_null(record_present(&r));
}

static void old_generations_go(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")}, got = {0};
    for (int i = 0; i < 25; i++) {
        add(&r, INTENT_ENDED);
    }
    assert_int_equal(save(journal, &r), ERR_OK);
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    assert_int_equal(got.len, RECORD_GENERATIONS);
    assert_int_equal(got.at[0].generation, 6);
    assert_int_equal(record_present(&got)->generation, 25);
    record_free(&got);
    record_free(&r);
}

static void a_large_record_loses_its_oldest(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")}, got = {0};
    size_t size = 3 * 1024 * 1024;
    for (int i = 0; i < 4; i++) {
        char *text = mem_zalloc(size + 1);
        memset(text, 'a', size);
        add(&r, INTENT_ENDED)->submission = text;
    }
    assert_int_equal(save(journal, &r), ERR_OK);
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    assert_int_equal(got.len, 2);
    assert_int_equal(got.at[0].generation, 3);
    record_free(&got);
    free(record_present(&r)->submission);
    char *text = mem_zalloc(RECORD_MAX + 1);
    memset(text, 'a', RECORD_MAX);
    record_present(&r)->submission = text;
    assert_int_equal(save(journal, &r), ERR_LIMIT);
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK); // as it was
    assert_int_equal(got.len, 2);
    record_free(&got);
    record_free(&r);
}

static void a_text_that_would_not_come_back_is_refused(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")};
    struct intent *i = add(&r, INTENT_NONE);
    free(i->text);
    i->text = mem_strdup("{\"a\": \"\xff\"}");
    assert_int_equal(save(journal, &r), ERR_INVALID);
    assert_non_null(strstr(err.cause, "UTF-8"));
    assert_false(is_there("x.json"));
    record_free(&r);
}

// --- names ------------------------------------------------------------------------------------------------------

static bool collect(void *arg, const char *name)
{
    strv_add(arg, name);
    return true;
}

static bool collect_one(void *arg, const char *name)
{
    strv_add(arg, name);
    return false;
}

static void names_come_back(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "a.json", "a.lock", "a.tmp", "a%2Fb", "100%", ".x", "..", "-", " ", "a\nb",
                                        "\xff\xfe", "ä"};
    struct strv got = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct record r = {.name = mem_strdup(names[i])};
        add(&r, INTENT_NONE);
        assert_int_equal(save(journal, &r), ERR_OK);
        record_free(&r);
    }
    put("b%zz.json", "");      // none of ours
    put("%61.json", "");
    put(".json", "");
    put("notes.txt", "");
    assert_int_equal(journal_names(journal, collect, &got, &err), ERR_OK);
    assert_int_equal(got.len, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct record r = {0};
        assert_true(strv_has(&got, names[i]));
        assert_int_equal(journal_load(journal, names[i], &r, &err), ERR_OK);
        assert_string_equal(r.name, names[i]);
        record_free(&r);
    }
    strv_free(&got);
    assert_int_equal(journal_names(journal, collect_one, &got, &err), ERR_OK);
    assert_int_equal(got.len, 1);
    strv_free(&got);
}

static void names_have_bounds(void **state)
{
    (void)state;
    struct journal_lock *lock;
    struct record r = {0};
    char name[300];
    memset(name, 'x', 200);
    name[200] = '\0';
    assert_int_equal(journal_lock(journal, name, NULL, &lock, &err), ERR_OK);
    journal_unlock(lock);
    memset(name, '%', 200);
    assert_int_equal(journal_lock(journal, name, NULL, &lock, &err), ERR_INVALID);
    assert_int_equal(journal_load(journal, name, &r, &err), ERR_INVALID);
    assert_int_equal(journal_lock(journal, "", NULL, &lock, &err), ERR_INVALID);
    assert_int_equal(journal_lock(journal, "a/../b", NULL, &lock, &err), ERR_OK);
    journal_unlock(lock);
    assert_true(is_there("a%2F..%2Fb.lock"));
}

// --- the folder -------------------------------------------------------------------------------------------------

static void a_folder_has_to_be_ours_alone(void **state)
{
    (void)state;
    struct journal *j;
    auto_free char *link = mem_printf("%s-link", dir);
    auto_free char *file = path_of("a-file");
    auto_free char *below = path_of("a-file/jobs");
    assert_int_equal(chmod(dir, 0720), 0);
    assert_int_equal(journal_open(dir, &j, &err), ERR_DENIED);
    assert_non_null(strstr(err.cause, "chmod 700"));
    assert_int_equal(chmod(dir, 0702), 0);
    assert_int_equal(journal_open(dir, &j, &err), ERR_DENIED);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(journal_open(dir, &j, &err), ERR_OK);
    journal_free(j);
    assert_int_equal(symlink(dir, link), 0);
    assert_int_equal(journal_open(link, &j, &err), ERR_IO);
    assert_non_null(strstr(err.cause, "not a link"));
    put("a-file", "");
    assert_int_equal(journal_open(file, &j, &err), ERR_IO);
    assert_int_equal(journal_open(below, &j, &err), ERR_IO);
    assert_int_equal(journal_open("", &j, &err), ERR_INVALID);
    if (geteuid() == 0) {
        assert_int_equal(chown(dir, 12345, 12345), 0);
        assert_int_equal(journal_open(dir, &j, &err), ERR_DENIED);
        assert_non_null(strstr(err.cause, "belongs to somebody else"));
    }
}

static void links_are_not_followed(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")}, got = {0};
    struct journal_lock *lock;
    auto_free char *victim = mem_printf("%s/victim", tempdir);
    auto_free char *record = path_of("x.json"), *temp = path_of("x.tmp"), *other = path_of("y.lock");
    tempdir_put("victim", "precious", 8);
    assert_int_equal(symlink(victim, record), 0);
    assert_int_equal(symlink(victim, temp), 0);
    assert_int_equal(symlink(victim, other), 0);
    add(&r, INTENT_NONE);
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_CORRUPT);
    assert_int_not_equal(journal_lock(journal, "y", NULL, &lock, &err), ERR_OK);
    assert_int_equal(save(journal, &r), ERR_OK); // in their place
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    struct buf text = {0};
    assert_int_equal(file_read(victim, 100, &text, &err), ERR_OK);
    assert_string_equal(text.data, "precious");
    buf_free(&text);
    record_free(&got);
    record_free(&r);
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")}, got = {0};
    struct rlimit old, small = {.rlim_cur = 1000};
    add(&r, INTENT_NONE);
    assert_int_equal(save(journal, &r), ERR_OK);
    char *text = mem_zalloc(100001);
    memset(text, 'a', 100000);
    add(&r, INTENT_SENDING)->submission = text;
    signal(SIGXFSZ, SIG_IGN); // a write behind the limit fails half-way, as one on a full disk
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    errc e = save(journal, &r);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_not_equal(e, ERR_OK);
    assert_non_null(strstr(err.cause, "x.json"));
    assert_false(is_there("x.tmp"));
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    assert_int_equal(got.len, 1);
    record_free(&got);
    record_free(&r);
}

static void a_folder_that_went_away_is_an_error(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")};
    add(&r, INTENT_NONE);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(save(journal, &r), ERR_IO);
    record_free(&r);
}

static void what_the_killed_left_is_swept(void **state)
{
    (void)state;
    struct journal *j;
    struct journal_lock *lock;
    put("dead.tmp", "half");
    put("live.tmp", "half");
    assert_int_equal(journal_lock(journal, "live", NULL, &lock, &err), ERR_OK);
    assert_int_equal(journal_open(dir, &j, &err), ERR_OK);
    assert_false(is_there("dead.tmp"));
    assert_true(is_there("live.tmp"));
    journal_unlock(lock);
    journal_free(j);
}

// --- bad records ------------------------------------------------------------------------------------------------

static void what_is_no_record_is_left_and_named(void **state)
{
    (void)state;
#define HEAD "{\"version\": 1, \"name\": \"x\", \"file_removed\": false, \"generations\": "
#define TIMES "\"saved_ms\": 1, \"sent_ms\": 0, \"changed_ms\": 0}"
    static const char *const bad[] = {
        "", "{", "[]", "null", "\xff", "{}", "{\"version\": 2}",
        "{\"version\": 1, \"name\": \"x\", \"generations\": []}",
        HEAD "{}}", HEAD "[1]}", HEAD "[{}]}",
        HEAD "[{\"generation\": 0, \"state\": \"sending\", " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"what\", " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"sending\"}]}",
        HEAD "[{\"generation\": 1, \"state\": \"accepted\", " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"sending\", \"text\": 5, " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"sending\", \"text\": null, " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"sending\", \"text\": \"\\u0000\", " TIMES "]}",
        HEAD "[{\"generation\": 2, \"state\": \"ended\", " TIMES ", {\"generation\": 2, \"state\": \"ended\", " TIMES "]}",
        HEAD "[{\"generation\": 4294967297, \"state\": \"ended\", " TIMES "]}",
        HEAD "[{\"generation\": 1, \"state\": \"sending\", \"saved_ms\": -1, \"sent_ms\": 0, \"changed_ms\": 0}]}",
    };
    struct record got = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put("x.json", bad[i]);
        errc e = journal_load(journal, "x", &got, &err);
        if (e != ERR_CORRUPT || !strstr(err.cause, "x.json")) {
            fail_msg("%s: %d %s", bad[i], (int)e, err.cause);
        }
        struct buf text = {0};
        auto_free char *path = path_of("x.json");
        assert_int_equal(file_read(path, 1000, &text, &err), ERR_OK);
        assert_int_equal(text.len, strlen(bad[i]));
        buf_free(&text);
    }
    put("x.json", HEAD "[{\"generation\": 1, \"state\": \"sending\", " TIMES "]}");
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    record_free(&got);
    auto_free char *path = path_of("d.json");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(journal_load(journal, "d", &got, &err), ERR_CORRUPT);
}

// --- locks ------------------------------------------------------------------------------------------------------

static void a_lock_is_waited_for(void **state)
{
    (void)state;
    struct journal_lock *a, *b;
    struct journal *second;
    struct record r = {.name = mem_strdup("y")};
    assert_int_equal(journal_open(dir, &second, &err), ERR_OK);
    assert_int_equal(journal_lock(journal, "x", NULL, &a, &err), ERR_OK);
    int64_t begin = clock_mono_ms();
    struct cancel cancel = {.deadline_ms = begin + 200};
    assert_int_equal(journal_lock(second, "x", &cancel, &b, &err), ERR_TIMEOUT);
    assert_non_null(strstr(err.cause, "\"x\""));
    assert_true(clock_mono_ms() - begin >= 200 && clock_mono_ms() - begin < 1000);
    struct cancel gone = {.set = true};
    assert_int_equal(journal_lock(second, "x", &gone, &b, &err), ERR_INTERRUPTED);
    assert_int_equal(journal_lock(second, "y", NULL, &b, &err), ERR_OK); // another name's
    assert_int_equal(journal_save(second, a, &r, &err), ERR_INVALID);   // not by that lock
    journal_unlock(b);
    journal_unlock(a);
    assert_int_equal(journal_lock(second, "x", &cancel, &b, &err), ERR_TIMEOUT); // the deadline has passed
    assert_int_equal(journal_lock(second, "x", NULL, &b, &err), ERR_OK);
    journal_unlock(b);
    journal_unlock(NULL);
    journal_free(second);
    record_free(&r);
}

static void a_lock_that_was_removed_is_no_second_one(void **state)
{
    (void)state;
    struct journal_lock *a, *b;
    auto_free char *path = path_of("x.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(journal_lock(journal, "x", NULL, &a, &err), ERR_OK); // the file of now counts
    struct cancel soon = {.deadline_ms = clock_mono_ms() + 100};
    assert_int_equal(journal_lock(journal, "x", &soon, &b, &err), ERR_TIMEOUT);
    journal_unlock(a);
    close(fd);
}

// Adds one to a record's time, `times` times, each under its lock.
static int count_up(int times)
{
    struct journal *j;
    if (journal_open(dir, &j, &err)) {
        return 1;
    }
    for (int i = 0; i < times; i++) {
        struct journal_lock *lock;
        struct record r = {0};
        if (journal_lock(j, "x", NULL, &lock, &err) || journal_load(j, "x", &r, &err)) {
            return 2;
        }
        record_present(&r)->sent_ms++;
        if (journal_save(j, lock, &r, &err)) {
            return 3;
        }
        journal_unlock(lock);
        record_free(&r);
    }
    journal_free(j);
    return 0;
}

static void two_processes_take_turns(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")}, got = {0};
    pid_t pids[2];
    add(&r, INTENT_NONE);
    assert_int_equal(save(journal, &r), ERR_OK);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(count_up(50));
        }
    }
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(journal_load(journal, "x", &got, &err), ERR_OK);
    assert_int_equal(got.at[0].sent_ms, 100);
    record_free(&got);
    record_free(&r);
}

// --- kill -9 ----------------------------------------------------------------------------------------------------

static int memory_teardown(void **state)
{
    each_teardown(state);
    return memory[0] ? nftw(memory, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS) : 0;
}

// Saves generation after generation until it is killed: two records, whose members all tell the same number.
static void save_for_ever(void)
{
    for (int64_t n = 1;; n++) {
        struct record r = {.name = mem_strdup("x")};
        struct intent *i = add(&r, INTENT_SENDING);
        char *text = mem_zalloc(20001);
        memset(text, (int)('a' + n % 26), 20000);
        i->submission = text;
        i->sent_ms = n;
        i->error = mem_printf("%d", (int)n);
        if (save(journal, &r)) {
            _exit(9);
        }
        record_free(&r);
    }
}

static void check_whole(const struct record *r)
{
    assert_int_equal(r->len, 1);
    const struct intent *i = &r->at[0];
    assert_int_equal(strlen(i->submission), 20000);
    assert_int_equal(strspn(i->submission, (char[]){(char)('a' + i->sent_ms % 26), '\0'}), 20000);
    assert_int_equal(strtol(i->error, NULL, 10), i->sent_ms);
}

static void a_kill_leaves_a_whole_record(void **state)
{
    (void)state;
    struct record got = {0};
    int64_t highest = 0;
    for (int round = 0; round < 200; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            save_for_ever();
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000L + round % 40 * 130000L}, NULL);
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        errc e = journal_load(journal, "x", &got, &err);
        if (e == ERR_NOT_FOUND && highest == 0) {
            continue; // nothing was saved so far
        }
        assert_int_equal(e, ERR_OK);
        check_whole(&got);
        highest = got.at[0].sent_ms > highest ? got.at[0].sent_ms : highest;
        record_free(&got);
        struct journal_lock *lock; // it ended with its process
        struct cancel soon = {.deadline_ms = clock_mono_ms() + 2000};
        assert_int_equal(journal_lock(journal, "x", &soon, &lock, &err), ERR_OK);
        journal_unlock(lock);
    }
    assert_true(highest > 1);
}

// --- the stamp --------------------------------------------------------------------------------------------------

static void the_stamp_tells_of_every_change(void **state)
{
    (void)state;
    struct record r = {.name = mem_strdup("x")};
    add(&r, INTENT_NONE);
    for (int i = 0; i < 50; i++) {
        uint64_t before = journal_stamp(journal);
        assert_int_equal(save(journal, &r), ERR_OK);
        assert_true(journal_stamp(journal) != before);
    }
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
    uint64_t before = journal_stamp(journal);
    assert_true(journal_stamp(journal) == before); // at rest
    struct journal *second;
    assert_int_equal(journal_open(dir, &second, &err), ERR_OK);
    assert_int_equal(save(second, &r), ERR_OK);
    assert_true(journal_stamp(journal) != before);
    journal_free(second);
    record_free(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)
    const struct CMUnitTest tests[] = {
        // First, while there is little memory to be forked.
        cmocka_unit_test_setup_teardown(a_kill_leaves_a_whole_record, memory_setup, memory_teardown),
        TEST(a_record_comes_back),
        TEST(old_generations_go),
        TEST(a_large_record_loses_its_oldest),
        TEST(a_text_that_would_not_come_back_is_refused),
        TEST(names_come_back),
        TEST(names_have_bounds),
        TEST(a_folder_has_to_be_ours_alone),
        TEST(links_are_not_followed),
        TEST(a_full_disk_loses_nothing),
        TEST(a_folder_that_went_away_is_an_error),
        TEST(what_the_killed_left_is_swept),
        TEST(what_is_no_record_is_left_and_named),
        TEST(a_lock_is_waited_for),
        TEST(a_lock_that_was_removed_is_no_second_one),
        TEST(two_processes_take_turns),
        TEST(the_stamp_tells_of_every_change),
    };
    return cmocka_run_group_tests(tests, tempdir_make, tempdir_remove);
}
