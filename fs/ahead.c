#include "fs/ahead.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/ahead_i.h"

#define MAX_JOBS 96
#define MAX_BYTES ((uint64_t)32 << 20)
#define MAX_OBJECT ((uint64_t)8 << 20)
#define JOB_DEADLINE_MS 60000
#define PAUSE_MS 10000      // who has not read for so long begins anew
#define TRUST 8             // so far did look-ups get ahead before opens believe them
#define TRUSTED_DISTANCE 64
#define WALK_NAMES 3        // so many names of one task opened: all of it is read
#define BESIDE_NAMES 2      // or so many, side by side

struct ahead *ahead_new(const struct ahead_conf *conf)
{
    struct ahead *a = mem_zalloc(sizeof(*a));
    a->conf = *conf;
    a->conf.max_jobs = conf->max_jobs ? conf->max_jobs : MAX_JOBS;
    a->conf.max_bytes = conf->max_bytes ? conf->max_bytes : MAX_BYTES;
    a->conf.max_object = conf->max_object ? conf->max_object : MAX_OBJECT;
    // A thread is busy for a moment longer than its job.
    struct pool_conf pool = {.max_threads = a->conf.max_jobs * 4, .idle_ms = 1000, .name = "mf-ahead"};
    a->pool = pool_new(&pool);
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

// --- streams; all with the lock held ---------------------------------------------------------------

static void stream_free(struct stream *s)
{
    for (int i = 0; i < TRACKS; i++) {
        free(s->before[i]);
        free(s->last[i]);
        free(s->name[i]);
        guess_free(&s->guess[i]);
        pass_free(&s->pass[i]);
    }
    roster_unref(s->roster);
    strv_free(&s->opened);
    rest_free(&s->rest);
    free(s->bytes);
    free(s->counted);
    free(s->task);
    free(s->flow);
    free(s->run);
    free(s->step);
    free(s);
}

static void stop_jobs(struct ahead *a, const struct stream *s, int track)
{
    for (struct job *j = a->jobs; j; j = j->next) {
        if (j->stream == s && (track < 0 || (j->roster && (int)j->track == track))) {
            atomic_store(&j->cancel.set, true);
        }
    }
}

static void stream_end(struct ahead *a, struct stream *s)
{
    ahead_forget_unread(a, s);
    s->gone = true;
    if (s->jobs) {
        stop_jobs(a, s, -1);
    } else {
        stream_free(s);
    }
}

static struct stream *stream_of(struct ahead *a, const struct tref *r, uint64_t step_ino)
{
    int oldest = 0;
    for (int i = 0; i < MAX_STREAMS; i++) {
        struct stream *s = a->streams[i];
        if (s && strcmp(s->step, r->step) == 0 && strcmp(s->run, r->run) == 0 && strcmp(s->flow, r->flow) == 0) {
            return s;
        }
        if (a->streams[oldest] && (!s || s->used_ms < a->streams[oldest]->used_ms)) {
            oldest = i;
        }
    }
    if (a->streams[oldest]) {
        stream_end(a, a->streams[oldest]);
    }
    struct stream *s = mem_zalloc(sizeof(*s));
    s->flow = mem_strdup(r->flow);
    s->run = mem_strdup(r->run);
    s->step = mem_strdup(r->step);
    s->step_ino = step_ino;
    a->streams[oldest] = s;
    return s;
}

// --- jobs -----------------------------------------------------------------------------------------

static void pump_all(struct ahead *a);

static void link_job(struct ahead *a, struct job *j)
{
    j->prev = NULL;
    j->next = a->jobs;
    if (a->jobs) {
        a->jobs->prev = j;
    }
    a->jobs = j;
    a->running++;
    j->stream->jobs++;
}

static void unlink_job(struct ahead *a, struct job *j)
{
    *(j->prev ? &j->prev->next : &a->jobs) = j->next;
    if (j->next) {
        j->next->prev = j->prev;
    }
    a->running--;
    j->stream->jobs--;
}

static void job_free(struct job *j)
{
    roster_unref(j->roster);
    strv_free(&j->opened);
    rest_free(&j->fetched);
    free(j->task_name);
    free(j->name);
    free(j);
}

static void see(struct ahead *a, struct stream *s, enum ahead_event what, const char *task);

// Takes over the name of a task that was seen before there was a roster; it may have come after that was made.
static void see_late(struct ahead *a, struct stream *s, enum ahead_event what, char *task)
{
    uint32_t index;
    if (task && roster_find(s->roster, task, &index)) {
        see(a, s, what, task);
    }
    free(task);
}

// With the lock held: the roster is there; what was seen meanwhile counts.
static void take_roster(struct ahead *a, struct stream *s, struct roster *r)
{
    s->roster = r;
    s->bytes = mem_zalloc((r->names.len + 1) * sizeof(*s->bytes));
    s->counted = mem_zalloc(r->names.len + 1);
    for (int i = 0; i < TRACKS; i++) {
        guess_init(&s->guess[i], r);
    }
    for (int i = 0; i < TRACKS; i++) {
        see_late(a, s, (enum ahead_event)i, steal_ptr(&s->before[i]));
        see_late(a, s, (enum ahead_event)i, steal_ptr(&s->last[i]));
    }
}

static void end_job(struct job *j, struct roster *roster)
{
    struct ahead *a = j->a;
    struct stream *s = j->stream;
    pthread_mutex_lock(&a->lock);
    unlink_job(a, j);
    a->stats.fetched_bytes += j->bytes;
    if (j->work == JOB_ROSTER) {
        s->arming = false;
    }
    if (roster && !s->gone && !a->ending) {
        take_roster(a, s, roster);
        roster = NULL;
    } else if (j->work == JOB_REST && !s->gone) {
        ahead_rest_take(a, s, j);
    } else if (j->bytes && !s->gone && j->roster == s->roster) {
        ahead_count_fetched(a, s, j);
    }
    if (s->gone && !s->jobs) {
        stream_free(s);
    }
    pump_all(a);
    pthread_mutex_unlock(&a->lock);
    roster_unref(roster);
    job_free(j);
}

static void run_job(void *arg)
{
    struct job *j = arg;
    struct roster *roster = NULL;
    if (j->work == JOB_ROSTER) {
        roster = ahead_job_roster(j);
    } else {
        ahead_job_work(j);
    }
    end_job(j, roster);
}

static bool start_job(struct ahead *a, struct stream *s, struct job *j)
{
    struct err err = ERR_INIT;
    j->a = a;
    j->stream = s;
    j->cancel.deadline_ms = clock_mono_ms() + JOB_DEADLINE_MS;
    atomic_store(&j->cancel.ahead, true);
    if (pool_run(a->pool, run_job, j, &err)) {
        job_free(j);
        return false;
    }
    link_job(a, j); // its end waits for the lock, which is held here
    return true;
}

static void arm(struct ahead *a, struct stream *s)
{
    if (!s->arming && a->running < a->conf.max_jobs) {
        s->arming = start_job(a, s, mem_zalloc(sizeof(struct job)));
    }
}

static bool give_out(struct ahead *a, struct stream *s, enum ahead_event track, uint32_t task, bool all)
{
    struct job *j = mem_zalloc(sizeof(*j));
    j->work = JOB_TASK;
    j->roster = roster_ref(s->roster);
    j->track = track;
    j->task = task;
    j->task_name = mem_strdup(s->roster->names.items[task]);
    memcpy(j->wants, s->pass[track].wants, sizeof(j->wants));
    j->name = all ? NULL : mem_strdup(s->name[track]);
    ahead_count_ready(a, s, task);
    return start_job(a, s, j);
}

static void pump(struct ahead *a, struct stream *s, enum ahead_event track)
{
    uint32_t task;
    bool bytes = track == AHEAD_OPENED;
    while (a->running < a->conf.max_jobs && (!bytes || a->stats.unread_bytes < a->conf.max_bytes) &&
           guess_next(&s->guess[track], s->roster, &task)) {
        if (!give_out(a, s, track, task, bytes && s->walk)) {
            return;
        }
    }
}

// Behind readers of bytes before behind those who only look.
static void pump_all(struct ahead *a)
{
    for (int track = TRACKS - 1; track >= 0 && !a->ending; track--) {
        for (int i = 0; i < MAX_STREAMS; i++) {
            if (a->streams[i] && a->streams[i]->roster) {
                pump(a, a->streams[i], (enum ahead_event)track);
            }
        }
    }
}

// --- events ---------------------------------------------------------------------------------------

static void keep(char **text, const char *value)
{
    if (*text != value) {
        free(*text);
        *text = mem_strdup(value);
    }
}

// Before there is a roster: it is worth one when a second task is seen.
static void see_early(struct ahead *a, struct stream *s, enum ahead_event what, const char *task)
{
    if (s->last[what] && strcmp(s->last[what], task) == 0) {
        return;
    }
    free(s->before[what]);
    s->before[what] = s->last[what];
    s->last[what] = mem_strdup(task);
    if (s->before[what]) {
        arm(a, s);
    }
}

static void give_out_rest(struct ahead *a, struct stream *s, bool if_beside)
{
    if (a->running >= a->conf.max_jobs || a->stats.unread_bytes >= a->conf.max_bytes) {
        return;
    }
    struct job *j = mem_zalloc(sizeof(*j));
    j->work = JOB_REST;
    j->track = AHEAD_OPENED;
    j->task_name = mem_strdup(s->task);
    j->if_beside = if_beside;
    strv_copy(&j->opened, &s->opened);
    (void)start_job(a, s, j);
}

// One name in each task, or all that is in it?
static void see_names(struct ahead *a, struct stream *s, const struct tref *r)
{
    const char *name = r->leaf ? r->leaf : "";
    if (!s->task || strcmp(s->task, r->task) != 0) {
        s->walk = s->opened.len >= BESIDE_NAMES || (s->walk && s->opened.len == 0);
        strv_free(&s->opened);
        ahead_rest_drop(a, s);
        keep(&s->task, r->task);
    }
    ahead_rest_opened(a, s, name);
    if (strv_has(&s->opened, name)) {
        return;
    }
    strv_add(&s->opened, name);
    if (!s->walk && r->leaf && (s->opened.len == BESIDE_NAMES || s->opened.len == WALK_NAMES)) {
        s->walk = s->opened.len == WALK_NAMES;
        give_out_rest(a, s, s->opened.len == BESIDE_NAMES);
    }
}

static void see_artifact(struct ahead *a, struct stream *s, const struct ahead_seen *seen)
{
    keep(&s->name[seen->what], seen->r->kind == K_TASK ? NULL : seen->r->leaf);
    if (seen->what == AHEAD_OPENED && seen->r->attempt < 0) {
        see_names(a, s, seen->r);
    } else if (seen->what == AHEAD_OPENED) {
        s->walk = false; // who walks finds no attempts
    }
}

// What is opened is what was looked up in one task after another.
static bool same_in_both(const struct stream *s)
{
    const char *looked = s->name[AHEAD_LOOKED], *opened = s->name[AHEAD_OPENED];
    const unsigned *wants = s->pass[AHEAD_LOOKED].wants;
    unsigned any = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        any |= wants[i];
    }
    return memcmp(wants, s->pass[AHEAD_OPENED].wants, sizeof(s->pass[0].wants)) == 0 &&
           (!(any & WANT_ARTIFACTS) || strcmp(looked ? looked : "", opened ? opened : "") == 0);
}

static void drop_roster(struct ahead *a, struct stream *s)
{
    ahead_forget_unread(a, s);
    for (int i = 0; i < TRACKS; i++) {
        guess_free(&s->guess[i]);
        free(s->before[i]);
        free(s->last[i]);
        s->before[i] = s->last[i] = NULL;
    }
    free(s->bytes);
    free(s->counted);
    s->bytes = NULL;
    s->counted = NULL;
    roster_unref(s->roster);
    s->roster = NULL;
}

static void see(struct ahead *a, struct stream *s, enum ahead_event what, const char *name)
{
    uint32_t task;
    struct guess *g = &s->guess[what];
    if (!roster_find(s->roster, name, &task)) {
        if (!s->roster->partial) { // a task that came later
            drop_roster(a, s);
            see_early(a, s, what, name);
        }
        return;
    }
    bool first = g->last < 0 || s->pass[what].began;
    if (guess_saw(g, s->roster, task, GUESS_FARTHEST)) {
        ahead_count_right(a, s, task);
    }
    ahead_count_wrong(a, s, what);
    if (what == AHEAD_OPENED) {
        ahead_count_read(a, s, task);
    }
    if (first && what == AHEAD_OPENED && s->guess[AHEAD_LOOKED].distance >= TRUST && same_in_both(s)) {
        guess_trust(g, s->roster, task, &s->guess[AHEAD_LOOKED], TRUSTED_DISTANCE);
    }
    if (g->chosen < 0) {
        stop_jobs(a, s, (int)what);
    }
}

// Who has not read for a while does not go on: what was made ready for him is settled.
static void end_pause(struct ahead *a, struct stream *s, int64_t now_ms)
{
    if (!s->roster || !s->used_ms || now_ms - s->used_ms <= PAUSE_MS) {
        return;
    }
    ahead_forget_unread(a, s);
    memset(s->counted, 0, s->roster->names.len);
    for (int i = 0; i < TRACKS; i++) {
        guess_free(&s->guess[i]);
        guess_init(&s->guess[i], s->roster);
    }
}

void ahead_stats(struct ahead *a, struct ahead_stats *ret)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&a->lock);
    for (int i = 0; i < MAX_STREAMS; i++) {
        if (a->streams[i]) {
            end_pause(a, a->streams[i], now);
        }
    }
    *ret = a->stats;
    pthread_mutex_unlock(&a->lock);
}

void ahead_saw(struct ahead *a, const struct ahead_seen *seen)
{
    const struct tref *r = seen->r;
    if (!a || !ahead_is_of_interest(seen)) {
        return;
    }
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&a->lock);
    struct stream *s = stream_of(a, r, seen->step_ino);
    end_pause(a, s, now);
    s->used_ms = now;
    if (ahead_wants(r) == WANT_ARTIFACTS) {
        see_artifact(a, s, seen);
    }
    if (pass_saw(&s->pass[seen->what], seen) && s->roster) {
        guess_renew(&s->guess[seen->what], s->roster);
    }
    if (s->roster) {
        see(a, s, seen->what, r->task);
    } else {
        see_early(a, s, seen->what, r->task);
    }
    if (!a->ending) {
        pump_all(a);
    }
    pthread_mutex_unlock(&a->lock);
}

void ahead_free(struct ahead *a)
{
    if (!a) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    for (struct job *j = a->jobs; j; j = j->next) {
        atomic_store(&j->cancel.set, true);
    }
    pthread_mutex_unlock(&a->lock);
    pool_free(a->pool);
    for (int i = 0; i < MAX_STREAMS; i++) {
        if (a->streams[i]) {
            stream_free(a->streams[i]);
        }
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}
