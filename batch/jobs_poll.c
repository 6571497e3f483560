// The poller: one thread for all jobs, which asks as seldom as what happens allows, and rests while nobody wants it.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "batch/jobs_i.h"

#define CALL_PACE_MS 2000      // between two calls, in the middle: many jobs are asked for less often
#define LIST_PACE_MS 15000
#define LIST_SLOWEST_MS 120000
#define CYCLE_MS 25000         // for one cycle

bool jobs_is_looked_at(const struct jobs *j)
{
    return j->looked_ms > 0 && clock_mono_ms() - j->looked_ms < JOBS_IDLE_MS;
}

static bool has_living(struct jobs *j)
{
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        if (in != NULL && intent_lives(in) && side_is_here(j, own_present_side(j->own[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(struct jobs *j)
{
    return jobs_is_looked_at(j) || has_living(j);
}

// What other mounts wrote down.
static errc read_journal(struct jobs *j, struct err *err)
{
    uint64_t stamp = journal_stamp(j->journal);
    if (j->has_stamp && stamp == j->stamp) {
        return ERR_OK;
    }
    errc e = jobs_refresh_all(j, err);
    if (!e) {
        j->stamp = stamp;
        j->has_stamp = true;
    }
    return e;
}

static errc list_sometimes(struct jobs *j, struct cycle *c, struct err *err)
{
    int64_t now = clock_mono_ms();
    struct cycle listing = {0};
    pthread_mutex_lock(&j->lock);
    bool due = jobs_is_looked_at(j) && now >= j->next_list_ms, has_told = c->calls > 0;
    pthread_mutex_unlock(&j->lock);
    if (!due) {
        return ERR_OK;
    }
    errc e = jobs_list_theirs(j, &listing, err);
    bool may_not = has_told && (e == ERR_DENIED || e == ERR_INVALID); // nothing but the listing is refused
    pthread_mutex_lock(&j->lock);
    free(j->list_failure);
    j->list_failure = may_not ? mem_strdup(err->cause) : NULL;
    int64_t least = j->conf.poll_ms * LIST_PACE_MS / JOBS_POLL_MS; // in proportion
    j->list_pace_ms = listing.changed || j->list_pace_ms == 0 ? least : j->list_pace_ms * 3 / 2;
    j->list_pace_ms = j->list_pace_ms > LIST_SLOWEST_MS ? LIST_SLOWEST_MS : j->list_pace_ms;
    int64_t by_number = (int64_t)listing.calls * CALL_PACE_MS;
    j->next_list_ms = clock_mono_ms() + jobs_jitter(by_number > j->list_pace_ms ? by_number : j->list_pace_ms);
    pthread_mutex_unlock(&j->lock);
    c->changed = c->changed || listing.changed;
    return may_not ? ERR_OK : e;
}

static errc run_cycle(struct jobs *j, struct cycle *c, struct err *err)
{
    j->ending.deadline_ms = clock_mono_ms() + CYCLE_MS;
    errc e = read_journal(j, err);
    if (!e) {
        e = jobs_describe_all(j, c, err);
    }
    if (!e) {
        e = jobs_settle(j, c, err); // before what is listed for looks alone, which may be refused
    }
    if (!e) {
        e = list_sometimes(j, c, err);
    }
    return e;
}

static void set_failure(struct jobs *j, const char *cause)
{
    free(j->failure);
    j->failure = mem_strdup(cause);
}

// With the lock held.
static void after_cycle(struct jobs *j, const struct cycle *c, errc code, const struct err *err)
{
    int64_t now = clock_mono_ms(), by_number = (int64_t)c->calls * CALL_PACE_MS;
    if (code && !j->is_ending) {
        if (j->failure == NULL || strcmp(j->failure, err->cause) != 0) {
            log_warn("batch", "the jobs cannot be asked for: %s", err->cause);
        }
        set_failure(j, err->cause);
        j->failed_ms = now;
        j->pace_ms = j->pace_ms * 2 > JOBS_FAILED_MS ? j->pace_ms * 2 : JOBS_FAILED_MS;
    } else {
        set_failure(j, NULL);
        j->told_ms = now;
        j->pace_ms = c->changed ? j->conf.poll_ms : j->pace_ms * 3 / 2;
    }
    j->pace_ms = j->pace_ms > JOBS_SLOWEST_MS ? JOBS_SLOWEST_MS : j->pace_ms;
    j->cycles++;
    j->next_ms = now + jobs_jitter(by_number > j->pace_ms ? by_number : j->pace_ms);
}

static void *poll_run(void *arg)
{
    struct jobs *j = arg;
    pthread_mutex_lock(&j->lock);
    while (!j->is_ending) {
        int64_t now = clock_mono_ms();
        if (!is_wanted(j)) {
            pthread_cond_wait(&j->changed, &j->lock);
            continue;
        }
        if (now < j->next_ms) {
            jobs_wait_until(j, j->next_ms);
            continue;
        }
        struct cycle c = {0};
        struct err err = ERR_INIT;
        j->is_polling = true;
        j->begun_ms = now;
        j->next_ms = now + JOBS_SLOWEST_MS; // who wants one sooner says so meanwhile
        pthread_mutex_unlock(&j->lock);
        errc code = run_cycle(j, &c, &err);
        pthread_mutex_lock(&j->lock);
        int64_t asked_for = j->next_ms;
        after_cycle(j, &c, code, &err);
        j->next_ms = !code && asked_for < j->next_ms ? asked_for : j->next_ms;
        j->is_polling = false;
        pthread_cond_broadcast(&j->changed);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

void jobs_wake(struct jobs *j)
{
    if (!j->has_poller && jobs_can_ask(j) && !j->is_ending) {
        j->has_poller = pthread_create(&j->poller, NULL, poll_run, j) == 0;
    }
    pthread_cond_broadcast(&j->changed);
}

// Whether this look has to wait for what a cycle tells; with the lock held.
static bool is_stale(const struct jobs *j, int64_t now)
{
    if (j->failed_ms > j->told_ms) {
        return false; // it is being tried again, and nobody waits for it
    }
    return j->told_ms == 0 || now - j->told_ms > JOBS_FRESH_MS;
}

void jobs_look(struct jobs *j, struct cancel *cancel)
{
    struct err ignored = ERR_INIT;
    int64_t now = clock_mono_ms(), until = now + JOBS_LOOK_MS;
    jobs_load(j);
    if (!jobs_can_ask(j)) {
        pthread_mutex_lock(&j->lock);
        j->looks++;
        pthread_mutex_unlock(&j->lock);
        return;
    }
    pthread_mutex_lock(&j->lock);
    bool after_pause = !jobs_is_looked_at(j);
    bool may_ask = j->failed_ms == 0 || now - j->failed_ms > JOBS_FAILED_MS;
    j->looks++;
    j->looked_ms = now;
    if (may_ask && !j->is_polling && (after_pause || is_stale(j, now))) {
        j->pace_ms = j->conf.poll_ms;
        j->next_ms = now;
    }
    if (after_pause) {
        j->next_list_ms = 0;
        jobs_wake(j);
    } else if (j->next_ms == now) {
        jobs_wake(j);
    }
    if (j->is_polling && j->begun_ms + JOBS_LOOK_MS < until) {
        until = j->begun_ms + JOBS_LOOK_MS; // nobody waits for a dead service once more
    }
    while (j->has_poller && is_stale(j, now) && now < until && !j->is_ending && !cancel_check(cancel, &ignored)) {
        jobs_wait_until(j, now + 100 < until ? now + 100 : until);
        now = clock_mono_ms();
    }
    pthread_mutex_unlock(&j->lock);
}
