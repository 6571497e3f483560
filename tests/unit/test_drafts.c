// Files in .batch: when a write submits, what is refused where, and what editors do to files.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "batch/job_spec.h"
#include "fs/drafts.h"

// Jobs that accept each object without the word "no".
struct fake {
    atomic_uint submits, vets;
    char name[64], text[256]; // of the last one that was accepted
    bool lives;
    errc fail;                // of the next submissions
    atomic_bool hold;         // submissions wait
    atomic_bool hold_vet;     // what comes before them waits
    unsigned unsaved, resaved, whole_refused;
    const char *saved_text;   // of the job "old"
    int64_t saved_ms, saved_mtime_ms;
    char touched[256];        // "NAME TEXT TIME", the last that was told
    unsigned touches;
};

static errc fake_check(void *arg, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err)
{
    (void)arg;
    struct json_scan_place place;
    switch (json_scan(text, len, &place)) {
    case JSON_SCAN_EMPTY:
        *ret = JOBS_TEXT_EMPTY;
        return ERR_OK;
    case JSON_SCAN_INCOMPLETE:
        *ret = JOBS_TEXT_INCOMPLETE;
        return ERR_OK;
    case JSON_SCAN_COMPLETE:
        *ret = JOBS_TEXT_ACCEPTED;
        return memmem(text, len, "no", 2) == NULL ? ERR_OK : err_set(err, ERR_INVALID, "%s: key refused", name);
    case JSON_SCAN_BAD:
        break;
    }
    return err_set(err, ERR_INVALID, "line %zu, column %zu: %s", place.line, place.column, place.what);
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static errc fake_vet(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
{
    struct fake *f = arg;
    (void)name;
    atomic_fetch_add(&f->vets, 1);
    while (atomic_load(&f->hold_vet)) {
        pause_ms(1);
        errc e = cancel_check(cancel, err);
        if (e) {
            return e;
        }
    }
    return memmem(text, len, "late", 4) == NULL ? ERR_OK : err_set(err, ERR_INVALID, "there is no queue \"late\"");
}

static errc fake_submit(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel,
                        struct err *err)
{
    struct fake *f = arg;
    enum jobs_text state;
    while (atomic_load(&f->hold)) {
        pause_ms(1);
        errc e = cancel_check(cancel, err);
        if (e) {
            return e;
        }
    }
    errc e = fake_check(arg, name, text, len, &state, err);
    if (e || state != JOBS_TEXT_ACCEPTED) {
        f->whole_refused++;
        return e ? e : err_set(err, ERR_INVALID, "not whole");
    }
    atomic_fetch_add(&f->submits, 1);
    if (f->fail) {
        return err_set(err, f->fail, "made by the test");
    }
    if (f->lives && strcmp(f->name, name) == 0 && (strlen(f->text) != len || memcmp(f->text, text, len) != 0)) {
        return err_set(err, ERR_BUSY, "it lives");
    }
    snprintf(f->name, sizeof(f->name), "%s", name);
    snprintf(f->text, sizeof(f->text), "%.*s", (int)len, text);
    f->lives = true;
    return ERR_OK;
}

static bool fake_lives(void *arg, const char *name)
{
    const struct fake *f = arg;
    return f->lives && strcmp(f->name, name) == 0;
}

static bool fake_saved(void *arg, unsigned index, struct job_saved *ret)
{
    const struct fake *f = arg;
    if (index > 0 || f->saved_text == NULL) {
        return false;
    }
    *ret = (struct job_saved){.name = mem_strdup("old"), .text = mem_strdup(f->saved_text), .saved_ms = f->saved_ms,
                              .mtime_ms = f->saved_mtime_ms};
    return true;
}

static bool fake_touch(void *arg, const char *name, const char *text, size_t len, int64_t mtime_ms)
{
    struct fake *f = arg;
    snprintf(f->touched, sizeof(f->touched), "%s %.*s %lld", name, (int)len, text, (long long)mtime_ms);
    f->touches++;
    return true;
}

static void fake_resave(void *arg, const char *name)
{
    struct fake *f = arg;
    assert_non_null(name);
    f->resaved++;
}

static void fake_unsave(void *arg, const char *name)
{
    struct fake *f = arg;
    assert_non_null(name);
    f->unsaved++;
}

struct fixture {
    struct fake fake;
    struct drafts *d;
    struct err err;
};

static int setup_with(void **state, const char *saved_text)
{
    struct fixture *x = mem_zalloc(sizeof(*x));
    x->fake.saved_text = saved_text;
    x->fake.saved_ms = 1000;
    struct drafts_jobs jobs = {&x->fake, fake_check, fake_vet, fake_submit, fake_lives,
                               fake_saved, fake_touch, fake_unsave, fake_resave};
    x->d = drafts_new(&jobs);
    *state = x;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int setup_old(void **state)
{
    return setup_with(state, "{\"old\":1}\n");
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    drafts_free(x->d);
    free(x);
    return 0;
}

static struct draft *open_for_write(struct fixture *x, const char *file)
{
    struct draft *o;
    assert_int_equal(drafts_open(x->d, file, DRAFT_CREATE | DRAFT_TRUNC | DRAFT_WRITE, &o, &x->err), ERR_OK);
    return o;
}

static errc put(struct fixture *x, struct draft *o, uint64_t off, const char *text)
{
    return draft_write(o, off, text, strlen(text), NULL, &x->err);
}

// As cp does: the result is the write's, or else the close's.
static errc save(struct fixture *x, const char *file, const char *text)
{
    struct draft *o = open_for_write(x, file);
    errc e = put(x, o, 0, text);
    errc closed = draft_flush(o, NULL, &x->err);
    draft_close(o);
    return e ? e : closed;
}

static void assert_reads(struct fixture *x, const char *file, const char *text)
{
    struct draft *o;
    char got[256] = "";
    assert_int_equal(drafts_open(x->d, file, 0, &o, &x->err), ERR_OK);
    size_t n = draft_read(o, 0, got, sizeof(got) - 1);
    assert_string_equal(got, text);
    assert_int_equal(n, strlen(text));
    draft_close(o);
}

static unsigned submits(const struct fixture *x)
{
    return atomic_load(&x->fake.submits);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const scratch[] = {"4913", "x.json~", ".x.json.swp", ".x.json", ".json", "x.json.bak", "json",
                                          "~x.json", "~$x.json"};
    for (size_t i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++) {
        assert_null(draft_job_name(scratch[i]));
    }
    auto_free char *job = draft_job_name("my job.json");
    assert_string_equal(job, "my job");
}

static void test_a_close_submits_once(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json"), *reader;
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK); // a shell's, before it writes
    assert_int_equal(submits(x), 0);
    assert_int_equal(put(x, o, 0, "{\"a\":1}"), ERR_OK);
    assert_int_equal(submits(x), 0);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK); // of another descriptor
    assert_int_equal(submits(x), 1);
    // { cat job; echo; } > file
    assert_int_equal(put(x, o, 7, "\n"), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 1);
    assert_int_equal(put(x, o, 8, "{"), ERR_BUSY);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    draft_close(o);
    assert_reads(x, "a.json", "{\"a\":1}\n");
    assert_int_equal(drafts_open(x->d, "a.json", 0, &reader, &x->err), ERR_OK);
    assert_int_equal(draft_flush(reader, NULL, &x->err), ERR_OK);
    draft_close(reader);
    assert_int_equal(submits(x), 1);
    // A save is a save, also of the same text: whether it is a new job is for the jobs to say.
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    assert_int_equal(submits(x), 2);
}

static void test_refusals(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json");
    assert_int_equal(put(x, o, 0, "{bad\n"), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "line 1, column 2"));
    assert_non_null(strstr(x->err.cause, ".batch/a/error"));
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "line 1, column 2"));
    draft_close(o);
    assert_reads(x, "a.json", "{bad\n"); // to be mended
    assert_int_equal(save(x, "a.json", "{\"no\":1}"), ERR_INVALID);
    assert_int_equal(submits(x), 0);
    // Where it is not whole yet, the close says so; what follows is taken.
    o = open_for_write(x, "a.json");
    assert_int_equal(put(x, o, 0, "{\"a\":"), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "line 1, column 6"));
    assert_int_equal(x->fake.whole_refused, 1); // so that the job's `error` has it, too
    assert_int_equal(put(x, o, 5, "1}"), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 1);
    draft_close(o);
}

// What only the configuration or AWS tells is the write's error, too, once the text is whole; the close repeats it.
static void test_refusals_that_have_to_be_asked_for(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json");
    assert_int_equal(put(x, o, 0, "{\"late\""), ERR_OK);
    assert_int_equal(atomic_load(&x->fake.vets), 0);
    assert_int_equal(put(x, o, 7, ":1}"), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "there is no queue \"late\" (see .batch/a/error)"));
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "there is no queue"));
    assert_int_equal(atomic_load(&x->fake.vets), 1);
    draft_close(o);
    assert_int_equal(submits(x), 0);
    assert_reads(x, "a.json", "{\"late\":1}");
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    assert_int_equal(submits(x), 1);
}

static void test_other_text_is_refused_while_it_lives(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    struct draft *o = open_for_write(x, "a.json");
    assert_int_equal(put(x, o, 0, "{\"a\":2}"), ERR_BUSY); // at the write, which a shell shows
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_BUSY);
    draft_close(o);
    assert_int_equal(submits(x), 2);
    assert_reads(x, "a.json", "{\"a\":1}"); // what the job is
    assert_int_equal(drafts_open(x->d, "a.json", DRAFT_WRITE, &o, &x->err), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK); // touch
    draft_close(o);
    x->fake.lives = false;
    assert_int_equal(save(x, "a.json", "{\"a\":2}"), ERR_OK);
    assert_string_equal(x->fake.text, "{\"a\":2}");
}

static void test_a_failure_is_told_until_it_is_saved_again(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json");
    x->fake.fail = ERR_UNREACHABLE;
    assert_int_equal(put(x, o, 0, "{}"), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_UNREACHABLE);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_UNREACHABLE);
    draft_close(o);
    assert_int_equal(submits(x), 1);
    x->fake.fail = ERR_OK;
    assert_int_equal(save(x, "a.json", "{}"), ERR_OK);
    assert_int_equal(submits(x), 2);
}

// Written over in place, what is in between may be anything.
static void test_in_place(void **state)
{
    struct fixture *x = *state;
    struct draft *o;
    assert_int_equal(save(x, "a.json", "{\"long\": [1, 2, 3]}"), ERR_OK);
    x->fake.lives = false;
    assert_int_equal(drafts_open(x->d, "a.json", DRAFT_WRITE, &o, &x->err), ERR_OK);
    assert_int_equal(put(x, o, 0, "{\"b\":1}"), ERR_OK);
    assert_int_equal(draft_truncate(o, 7, &x->err), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    draft_close(o);
    assert_string_equal(x->fake.text, "{\"b\":1}");
    assert_int_equal(drafts_truncate(x->d, "a.json", 3, &x->err), ERR_OK);
    assert_reads(x, "a.json", "{\"b");
    assert_int_equal(drafts_truncate(x->d, "a.json", 0, &x->err), ERR_OK);
    assert_int_equal(submits(x), 2);
}

static void test_append_goes_to_the_end(void **state)
{
    struct fixture *x = *state;
    struct draft *o;
    assert_int_equal(save(x, "notes", "one\n"), ERR_OK);
    assert_int_equal(drafts_open(x->d, "notes", DRAFT_WRITE | DRAFT_APPEND, &o, &x->err), ERR_OK);
    assert_int_equal(put(x, o, 0, "two\n"), ERR_OK);
    draft_close(o);
    assert_reads(x, "notes", "one\ntwo\n");
    assert_int_equal(submits(x), 0);
}

static void test_rename_submits(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(save(x, ".a.json.XyZ", "{\"no\":1}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, ".a.json.XyZ", "a.json", true, NULL, &x->err), ERR_INVALID);
    assert_reads(x, ".a.json.XyZ", "{\"no\":1}");
    assert_int_equal(save(x, ".a.json.XyZ", "{\"a\":"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, ".a.json.XyZ", "a.json", true, NULL, &x->err), ERR_INVALID);
    assert_int_equal(save(x, ".a.json.XyZ", "{\"a\":1}"), ERR_OK);
    assert_int_equal(submits(x), 0);
    assert_int_equal(drafts_rename(x->d, ".a.json.XyZ", "a.json", true, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 1);
    assert_string_equal(x->fake.name, "a");
    assert_reads(x, "a.json", "{\"a\":1}");
    // What was there before stays when the new text is refused.
    assert_int_equal(save(x, "tmp", "{\"a\":2}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, "tmp", "a.json", true, NULL, &x->err), ERR_BUSY);
    assert_reads(x, "a.json", "{\"a\":1}");
    assert_int_equal(drafts_rename(x->d, "tmp", "a.json", false, NULL, &x->err), ERR_EXISTS);
    assert_int_equal(drafts_rename(x->d, "none", "a.json", true, NULL, &x->err), ERR_NOT_FOUND);
}

// vim: the file becomes a backup, is written anew, and the backup goes; or comes back when the write failed.
static void test_backup(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, "a.json", "a.json~", true, NULL, &x->err), ERR_OK);
    assert_int_equal(save(x, "a.json", "{\"no\":1}"), ERR_INVALID);
    x->fake.lives = false;
    assert_int_equal(drafts_rename(x->d, "a.json~", "a.json", true, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 1); // it is what it was: no new job, also when that one ended
    assert_reads(x, "a.json", "{\"a\":1}");
    assert_int_equal(drafts_rename(x->d, "a.json", "a.json~", true, NULL, &x->err), ERR_OK);
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    assert_int_equal(submits(x), 2);
    assert_int_equal(x->fake.resaved, 1);
    assert_int_equal(x->fake.unsaved, 2); // renamed away it is gone, as when it is removed
    assert_int_equal(drafts_unlink(x->d, "a.json~", &x->err), ERR_OK);
    assert_int_equal(x->fake.unsaved, 2);
    assert_int_equal(drafts_unlink(x->d, "a.json", &x->err), ERR_OK);
    assert_int_equal(x->fake.unsaved, 3);
    assert_int_equal(drafts_unlink(x->d, "a.json", &x->err), ERR_NOT_FOUND);
}

// A job's file under another name would be a second job; what was refused is none, and what is no job file is free.
static void test_a_submitted_file_is_no_second_job(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, "a.json", "b.json", true, NULL, &x->err), ERR_NOT_PERMITTED);
    assert_non_null(strstr(x->err.cause, "cp it there"));
    x->fake.lives = false;
    assert_int_equal(drafts_rename(x->d, "a.json", "b.json", true, NULL, &x->err), ERR_NOT_PERMITTED);
    assert_int_equal(x->fake.unsaved, 0);
    assert_int_equal(submits(x), 1);
    assert_reads(x, "a.json", "{\"a\":1}");
    assert_int_equal(save(x, "c.json", "{\"no\":1}"), ERR_INVALID);
    struct draft *o;
    assert_int_equal(drafts_open(x->d, "c.json", DRAFT_WRITE, &o, &x->err), ERR_OK);
    assert_int_equal(put(x, o, 0, "{\"ok\":1}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, "c.json", "d.json", true, NULL, &x->err), ERR_OK);
    draft_close(o);
    assert_string_equal(x->fake.name, "d");
    // Other text that an editor wrote beside its backup is refused, and the file is there again.
    assert_int_equal(drafts_rename(x->d, "d.json", "d.json~", true, NULL, &x->err), ERR_OK);
    assert_int_equal(save(x, "d.json", "{\"ok\":2}"), ERR_BUSY);
    assert_reads(x, "d.json", "{\"ok\":1}");
    assert_int_equal(x->fake.resaved, 1);
}

// A scratch file that is called like the job's directory would hide it.
static void test_a_file_in_the_way(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(save(x, "a", "{\"a\":1}"), ERR_OK);
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "rm .batch/a,"));
    struct draft *o;
    assert_int_equal(drafts_open(x->d, "a.json", DRAFT_CREATE | DRAFT_TRUNC | DRAFT_WRITE, &o, &x->err), ERR_OK);
    assert_int_equal(put(x, o, 0, "{\"a\":1}"), ERR_INVALID);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_INVALID);
    draft_close(o);
    assert_int_equal(save(x, "tmp", "{\"a\":1}"), ERR_OK);
    assert_int_equal(drafts_rename(x->d, "tmp", "a.json", true, NULL, &x->err), ERR_INVALID);
    assert_int_equal(submits(x), 0);
    assert_int_equal(drafts_rename(x->d, "a", "a.json", true, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 1);
    assert_string_equal(x->fake.name, "a");
}

static bool count_file(void *arg, const char *file, const struct draft_info *info)
{
    (void)file;
    (void)info;
    ++*(unsigned *)arg;
    return true;
}

static void test_what_was_saved_is_there(void **state)
{
    struct fixture *x = *state;
    struct draft_info info;
    assert_true(drafts_find(x->d, "old.json", &info));
    assert_int_equal(info.mtime_ms, 1000);
    assert_reads(x, "old.json", "{\"old\":1}\n");
    // Another mount saves: it shows, when this one looks again.
    x->fake.saved_text = "{\"old\":2}";
    x->fake.saved_ms = 2000;
    pause_ms(999);
    pause_ms(10);
    unsigned n = 0;
    drafts_list(x->d, count_file, &n);
    assert_int_equal(n, 1);
    assert_reads(x, "old.json", "{\"old\":2}");
    // Renamed away it does not come back by itself.
    assert_int_equal(drafts_rename(x->d, "old.json", "old.json~", true, NULL, &x->err), ERR_OK);
    x->fake.saved_text = "{\"old\":3}";
    x->fake.saved_ms = 3000;
    pause_ms(999);
    pause_ms(10);
    drafts_list(x->d, count_file, &n);
    assert_false(drafts_find(x->d, "old.json", &info));
    assert_int_equal(submits(x), 0);
}

// The time that was set for a job's file goes to the job once it is submitted, and comes back from it.
static void test_times_that_are_set(void **state)
{
    struct fixture *x = *state;
    struct draft_info info;
    assert_int_equal(save(x, "plain.json", "{}"), ERR_OK);
    assert_int_equal(save(x, ".a.json.Xy", "{\"a\":1}"), ERR_OK); // rsync's: set, then renamed
    drafts_touch(x->d, ".a.json.Xy", 5000);
    assert_int_equal(x->fake.touches, 0);
    assert_int_equal(drafts_rename(x->d, ".a.json.Xy", "a.json", true, NULL, &x->err), ERR_OK);
    assert_string_equal(x->fake.touched, "a {\"a\":1} 5000");
    struct draft *o = open_for_write(x, "b.json"); // cp -p's: set, then closed
    assert_int_equal(draft_write(o, 0, "{\"b\":1}", 7, NULL, &x->err), ERR_OK);
    drafts_touch(x->d, "b.json", 6000);
    assert_int_equal(x->fake.touches, 1);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    assert_string_equal(x->fake.touched, "b {\"b\":1} 6000");
    draft_close(o);
    drafts_touch(x->d, "a.json", 7000); // and touch's
    assert_string_equal(x->fake.touched, "a {\"a\":1} 7000");
    x->fake.lives = false;
    assert_int_equal(save(x, "b.json", "{\"b\":2}"), ERR_OK); // written anew, its time is that of the writing
    assert_int_equal(x->fake.touches, 3);
    drafts_touch(x->d, "none.json", 1);
    assert_int_equal(x->fake.touches, 3);
    x->fake.lives = false;
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK); // with the same text the job has to be told that
    assert_string_equal(x->fake.touched, "a {\"a\":1} 0");
    assert_int_equal(save(x, "a.json", "{\"a\":1}"), ERR_OK); // once
    assert_int_equal(x->fake.touches, 4);
    // Another mount set it.
    x->fake.saved_mtime_ms = 8000;
    drafts_sync(x->d);
    assert_true(drafts_find(x->d, "old.json", &info) && info.mtime_ms == 8000);
    drafts_touch(x->d, "old.json", 9000);
    x->fake.saved_mtime_ms = 9000;
    drafts_sync(x->d);
    assert_true(drafts_find(x->d, "old.json", &info) && info.mtime_ms == 9000);
    x->fake.saved_mtime_ms = 0; // written since, in another mount
    drafts_sync(x->d);
    assert_true(drafts_find(x->d, "old.json", &info) && info.mtime_ms == 1000);
}

static void test_limits(void **state)
{
    struct fixture *x = *state;
    char name[32];
    struct draft *o;
    auto_free char *large = mem_zalloc(DRAFT_MAX + 2);
    memset(large, ' ', DRAFT_MAX + 1);
    assert_int_equal(save(x, "a.json", large), ERR_INVALID);
    assert_non_null(strstr(x->err.cause, "262144"));
    assert_int_equal(save(x, "scratch", large), ERR_NO_SPACE);
    o = open_for_write(x, "scratch");
    assert_int_equal(draft_write(o, UINT64_MAX, "x", 1, NULL, &x->err), ERR_NO_SPACE);
    assert_int_equal(draft_write(o, (uint64_t)1 << 40, "x", 1, NULL, &x->err), ERR_NO_SPACE);
    draft_close(o);
    for (unsigned i = 0; i < DRAFTS_MAX - 2; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(save(x, name, "x"), ERR_OK);
    }
    assert_int_equal(drafts_open(x->d, "more", DRAFT_CREATE | DRAFT_WRITE, &o, &x->err), ERR_NO_SPACE);
    assert_int_equal(drafts_open(x->d, "a\nb", DRAFT_CREATE, &o, &x->err), ERR_INVALID);
    assert_int_equal(drafts_open(x->d, "a.json.json", DRAFT_CREATE, &o, &x->err), ERR_INVALID);
    assert_int_equal(drafts_open(x->d, "s0", DRAFT_CREATE | DRAFT_EXCL, &o, &x->err), ERR_EXISTS);
    assert_int_equal(drafts_open(x->d, "none", DRAFT_WRITE, &o, &x->err), ERR_NOT_FOUND);
}

static void test_an_open_file_outlives_its_name(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json");
    char got[8] = "";
    assert_int_equal(drafts_unlink(x->d, "a.json", &x->err), ERR_OK);
    assert_int_equal(put(x, o, 0, "{}"), ERR_OK);
    assert_int_equal(draft_flush(o, NULL, &x->err), ERR_OK);
    assert_int_equal(submits(x), 0);
    assert_int_equal(draft_read(o, 0, got, sizeof(got)), 2);
    draft_close(o);
}

struct writer {
    struct draft *o;
    struct cancel cancel;
    errc result;
};

static void *write_thread(void *arg)
{
    struct writer *w = arg;
    struct err err = ERR_INIT;
    w->result = draft_write(w->o, 0, "{}", 2, &w->cancel, &err);
    return NULL;
}

// Ctrl-C while a write waits: the close that follows submits nothing, also where the shell tries the write again, at once
// or later; what is saved anew is submitted.
static void test_a_write_that_is_interrupted(void **state)
{
    struct fixture *x = *state;
    struct writer w = {.o = open_for_write(x, "a.json")};
    pthread_t thread;
    atomic_store(&x->fake.hold_vet, true);
    pthread_create(&thread, NULL, write_thread, &w);
    pause_ms(20);
    atomic_store(&w.cancel.set, true);
    assert_int_equal(put(x, w.o, 0, "{}"), ERR_OK);
    pthread_join(thread, NULL);
    assert_int_equal(w.result, ERR_INTERRUPTED);
    atomic_store(&x->fake.hold_vet, false);
    assert_int_equal(put(x, w.o, 0, "{}"), ERR_OK);
    assert_int_equal(draft_flush(w.o, NULL, &x->err), ERR_INTERRUPTED);
    assert_int_equal(atomic_load(&x->fake.vets), 1);
    assert_int_equal(submits(x), 0);
    draft_close(w.o);
    assert_int_equal(save(x, "a.json", "{}"), ERR_OK);
    assert_int_equal(submits(x), 1);
}

struct flusher {
    struct draft *o;
    struct cancel cancel;
    errc result;
};

static void *flush_thread(void *arg)
{
    struct flusher *f = arg;
    struct err err = ERR_INIT;
    f->result = draft_flush(f->o, &f->cancel, &err);
    return NULL;
}

// Two descriptors of one file are closed at once: one submits, the other waits for what comes of it. Who leaves before
// the end leaves it to the next.
static void test_closes_at_once(void **state)
{
    struct fixture *x = *state;
    struct draft *o = open_for_write(x, "a.json");
    struct flusher f[3] = {{.o = o}, {.o = o}, {.o = o}};
    pthread_t threads[3];
    assert_int_equal(put(x, o, 0, "{}"), ERR_OK);
    atomic_store(&x->fake.hold, true);
    pthread_create(&threads[0], NULL, flush_thread, &f[0]);
    pause_ms(20);
    pthread_create(&threads[1], NULL, flush_thread, &f[1]);
    pthread_create(&threads[2], NULL, flush_thread, &f[2]);
    pause_ms(20);
    atomic_store(&f[0].cancel.set, true);
    pthread_join(threads[0], NULL);
    assert_int_equal(f[0].result, ERR_INTERRUPTED);
    atomic_store(&x->fake.hold, false);
    for (unsigned i = 1; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(f[i].result, ERR_OK);
    }
    assert_int_equal(submits(x), 1);
    draft_close(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_a_close_submits_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_that_have_to_be_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_text_is_refused_while_it_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failure_is_told_until_it_is_saved_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_goes_to_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename_submits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_submitted_file_is_no_second_job, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_saved_is_there, setup_old, teardown),
        cmocka_unit_test_setup_teardown(test_times_that_are_set, setup_old, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_open_file_outlives_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_write_that_is_interrupted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closes_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
