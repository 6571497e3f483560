// The table of jobs: what the journal and Batch told, in memory; its life, and who finds what.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "batch/jobs_i.h"

#define UNWRITTEN_MAX 1000 // refused texts and dry runs that are remembered

// --- one of ours -------------------------------------------------------------------------------------------------

static void side_free(struct side *s)
{
    told_free(&s->told);
    free(s->place);
    free(s->driver);
    free(s->group);
    free(s->region);
}

static void own_forget_record(struct own *o)
{
    for (size_t i = 0; o->sides != NULL && i < o->rec.len; i++) {
        side_free(&o->sides[i]);
    }
    free(o->sides);
    o->sides = NULL;
    record_free(&o->rec);
}

void own_forget_dry(struct own *o)
{
    if (o->dry != NULL) {
        intent_free(o->dry);
        free(o->dry);
        o->dry = NULL;
    }
}

static void own_free(struct own *o)
{
    own_forget_record(o);
    own_forget_dry(o);
    free(o->dry_note);
    free(o->error);
    free(o->look_failure);
    free(o->name);
    free(o);
}

static size_t own_place(const struct jobs *j, const char *name, bool *ret_found)
{
    size_t low = 0, high = j->own_len;
    *ret_found = false;
    while (low < high && !*ret_found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(j->own[middle]->name, name);
        *ret_found = order == 0;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return high;
}

struct own *own_find(struct jobs *j, const char *name)
{
    bool found;
    size_t at = own_place(j, name, &found);
    return found ? j->own[at] : NULL;
}

// The texts that stand nowhere else are many when somebody writes bad files for ever: the oldest goes.
static void own_make_room(struct jobs *j)
{
    size_t count = 0, oldest = 0;
    for (size_t i = 0; i < j->own_len; i++) {
        const struct own *o = j->own[i];
        if (o->rec.len == 0 && o->submitting == 0) {
            oldest = count++ == 0 || o->error_ms < j->own[oldest]->error_ms ? i : oldest;
        }
    }
    if (count >= UNWRITTEN_MAX) {
        own_free(j->own[oldest]);
        memmove(&j->own[oldest], &j->own[oldest + 1], (j->own_len - oldest - 1) * sizeof(*j->own));
        j->own_len--;
    }
}

struct own *own_make(struct jobs *j, const char *name)
{
    bool found;
    size_t at = own_place(j, name, &found);
    if (found) {
        return j->own[at];
    }
    own_make_room(j);
    at = own_place(j, name, &found);
    j->own = mem_grow(j->own, &j->own_cap, j->own_len + 1, sizeof(struct own *));
    memmove(&j->own[at + 1], &j->own[at], (j->own_len - at) * sizeof(struct own *));
    j->own[at] = mem_zalloc(sizeof(struct own));
    j->own[at]->name = mem_strdup(name);
    j->own_len++;
    struct theirs *same = theirs_of_dir(j, name);
    if (same != NULL) { // a job file's name goes before Metaflow's
        char *longer = mem_printf("%s-%s", same->dir, same->told.id);
        free(same->dir);
        same->dir = longer;
    }
    return j->own[at];
}

struct intent *own_present(const struct own *o)
{
    return record_present(&o->rec);
}

struct side *own_present_side(const struct own *o)
{
    return o->rec.len > 0 ? &o->sides[o->rec.len - 1] : NULL;
}

bool own_of_id(struct jobs *j, const char *id, struct own **ret, size_t *ret_generation)
{
    for (size_t i = 0; i < j->own_len; i++) {
        for (size_t g = j->own[i]->rec.len; g > 0; g--) {
            const char *own_id = j->own[i]->rec.at[g - 1].id;
            if (own_id != NULL && strcmp(own_id, id) == 0) {
                *ret = j->own[i];
                *ret_generation = g - 1;
                return true;
            }
        }
    }
    return false;
}

bool intent_lives(const struct intent *in)
{
    return in->state == INTENT_SENDING || in->state == INTENT_ACCEPTED;
}

bool side_is_here(const struct jobs *j, const struct side *s)
{
    const char *region = j->conf.settings->region;
    size_t len = region != NULL ? strlen(region) : 0;
    return s->place == NULL || (len > 0 && strncmp(s->place, region, len) == 0 && s->place[len] == ':');
}

void own_refuse(struct jobs *j, const char *name, const char *error)
{
    pthread_mutex_lock(&j->lock);
    struct own *o = error != NULL ? own_make(j, name) : own_find(j, name);
    if (o != NULL) {
        free(o->error);
        o->error = mem_strdup(error);
        o->error_ms = clock_wall_ms();
    }
    pthread_mutex_unlock(&j->lock);
}

void own_looked(struct jobs *j, const char *name, errc code, const char *cause)
{
    if (code == ERR_INTERRUPTED || code == ERR_TIMEOUT) {
        return;
    }
    pthread_mutex_lock(&j->lock);
    struct own *o = own_find(j, name);
    if (o != NULL) {
        free(o->look_failure);
        o->look_failure = code ? mem_strdup(cause) : NULL;
    }
    pthread_mutex_unlock(&j->lock);
}

// --- records of the journal --------------------------------------------------------------------------------------

// Of "arn:aws:batch:REGION:ACCOUNT:...".
char *arn_place(const char *arn)
{
    const char *from = arn, *end;
    for (int i = 0; i < 3 && from != NULL; i++) {
        from = strchr(from, ':');
        from = from != NULL ? from + 1 : NULL;
    }
    end = from != NULL ? strchr(from, ':') : NULL;
    end = end != NULL ? strchr(end + 1, ':') : NULL;
    return end != NULL ? mem_strndup(from, (size_t)(end - from)) : NULL;
}

char *submission_place(const char *submission)
{
    struct err ignored = ERR_INIT;
    auto_cleanup(json_freep) struct json *root = NULL;
    if (submission == NULL || json_parse(submission, strlen(submission), "submission", &root, &ignored)) {
        return NULL;
    }
    const char *arn = json_str(json_get(root, "jobDefinition"));
    return arn != NULL ? arn_place(arn) : NULL;
}

static void side_read(const struct intent *in, struct side *s)
{
    struct err ignored = ERR_INIT;
    struct json *root = NULL;
    s->request_size = job_request_size(in, NULL);
    if (in->last != NULL && !json_parse(in->last, strlen(in->last), "what Batch told", &root, &ignored)) {
        (void)told_read(root, &s->told);
        json_free(root);
    }
    s->place = submission_place(in->submission);
    if (in->definition != NULL && !json_parse(in->definition, strlen(in->definition), "definition", &root, &ignored)) {
        const struct json *log = json_get(json_get(root, "containerProperties"), "logConfiguration");
        s->driver = mem_strdup(json_str(json_get(log, "logDriver")));
        s->group = mem_strdup(json_str(json_get(json_get(log, "options"), "awslogs-group")));
        s->region = mem_strdup(json_str(json_get(json_get(log, "options"), "awslogs-region")));
        json_free(root);
    }
}

// What was worked out before is taken over where the intent did not change. With the lock held.
static struct side *make_sides(const struct record *rec, struct own *before)
{
    struct side *sides = rec->len > 0 ? mem_zalloc(rec->len * sizeof(*sides)) : NULL;
    for (size_t i = 0; i < rec->len; i++) {
        const struct intent *in = &rec->at[i], *old = i < before->rec.len ? &before->rec.at[i] : NULL;
        if (old != NULL && str_same(in->last, old->last) && str_same(in->submission, old->submission) &&
            str_same(in->definition, old->definition)) {
            sides[i] = before->sides[i];
            before->sides[i] = (struct side){0};
        } else {
            side_read(in, &sides[i]);
        }
    }
    return sides;
}

// A dry run must not hide the job that another mount made of the file since. Where dry runs alone are made, one may
// stand before a job that seems to live.
static bool is_outdated(const struct jobs *j, const struct own *o)
{
    const struct intent *in = own_present(o);
    if (o->dry == NULL || in == NULL || in->state == INTENT_NONE) {
        return false;
    }
    return in->saved_ms >= o->dry->saved_ms || (intent_lives(in) && !j->conf.dry_run);
}

errc jobs_refresh(struct jobs *j, const char *name, struct err *err)
{
    struct record rec = {0};
    pthread_mutex_lock(&j->lock);
    uint64_t ticket = ++j->tickets;
    pthread_mutex_unlock(&j->lock);
    errc e = journal_load(j->journal, name, &rec, err);
    if (e) {
        return e;
    }
    pthread_mutex_lock(&j->lock);
    struct own *o = own_make(j, name), mine = {.rec = rec};
    if (o->ticket < ticket) { // else somebody who began later was quicker
        struct side *sides = make_sides(&rec, o);
        mine = *o;
        o->rec = rec;
        o->sides = sides;
        o->ticket = ticket;
        if (is_outdated(j, o)) {
            own_forget_dry(o);
        }
        for (size_t i = 0; i < rec.len; i++) {
            theirs_drop(j, rec.at[i].id); // it was listed before its id was written down
        }
    }
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    own_forget_record(&mine);
    return ERR_OK;
}

static bool take_name(void *arg, const char *name)
{
    strv_add(arg, name);
    return true;
}

errc jobs_refresh_all(struct jobs *j, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0};
    errc e = journal_names(j->journal, take_name, &names, err);
    for (size_t i = 0; !e && i < names.len; i++) {
        struct err one = ERR_INIT;
        errc code = jobs_refresh(j, names.items[i], &one);
        if (code == ERR_CORRUPT) {
            own_refuse(j, names.items[i], one.cause);
        } else if (code && code != ERR_NOT_FOUND) {
            e = err_set(err, code, "%s", one.cause);
        }
    }
    return e;
}

void jobs_load(struct jobs *j)
{
    struct err err = ERR_INIT;
    pthread_mutex_lock(&j->loading);
    if (!j->is_loaded && jobs_refresh_all(j, &err)) {
        log_warn("batch", "%s", err.cause);
    }
    j->is_loaded = true;
    pthread_mutex_unlock(&j->loading);
}

// --- life --------------------------------------------------------------------------------------------------------

bool jobs_can_ask(const struct jobs *j)
{
    return j->why_not == NULL;
}

static errc make_api(struct jobs *j, struct err *err)
{
    const struct batch_settings *s = j->conf.settings;
    if (s->region == NULL) {
        j->why_not = mem_strdup("no AWS region is known: set AWS_DEFAULT_REGION, or region in the AWS profile");
        return ERR_OK;
    }
    struct batch_api_conf conf = {
        .http = j->conf.http,
        .creds = j->conf.creds,
        .region = s->region,
        .variant = s->variant,
        .batch_endpoint = s->batch_endpoint,
        .logs_endpoint = s->logs_endpoint,
    };
    errc e = batch_api_new(&conf, &j->api, err);
    if (!e) {
        j->queues = queues_new(j->api);
    }
    if (!e && j->conf.dry_run) {
        j->why_not = mem_strdup("nothing is asked of AWS or sent to it in a dry run (--batch-dry-run)");
    }
    return e;
}

errc jobs_new(const struct jobs_conf *conf, struct jobs **ret, struct err *err)
{
    struct jobs *j = mem_zalloc(sizeof(*j));
    pthread_condattr_t attr;
    j->conf = *conf;
    j->spool_dir = mem_strdup(conf->spool_dir);
    j->conf.submit_ms = conf->submit_ms > 0 ? conf->submit_ms : JOBS_SUBMIT_MS;
    j->conf.poll_ms = conf->poll_ms > 0 ? conf->poll_ms : JOBS_POLL_MS;
    j->conf.settle_ms = conf->settle_ms > 0 ? conf->settle_ms : JOBS_SETTLE_MS;
    j->pace_ms = j->conf.poll_ms;
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->loading, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
    errc e = journal_open(conf->journal_dir, &j->journal, err);
    if (!e) {
        e = make_api(j, err);
    }
    if (e) {
        jobs_free(j);
        return e;
    }
    *ret = j;
    return ERR_OK;
}

static void free_table(struct jobs *j)
{
    for (size_t i = 0; i < j->own_len; i++) {
        own_free(j->own[i]);
    }
    free(j->own);
    for (size_t i = 0; i < j->theirs_len; i++) {
        told_free(&j->theirs[i]->told);
        free(j->theirs[i]->dir);
        free(j->theirs[i]);
    }
    free(j->theirs);
    for (size_t i = 0; i < sizeof(j->missing) / sizeof(*j->missing); i++) {
        free(j->missing[i].id);
    }
}

void jobs_free(struct jobs *j)
{
    if (j == NULL) {
        return;
    }
    pthread_mutex_lock(&j->lock);
    j->is_ending = true;
    atomic_store(&j->ending.set, true);
    atomic_store(&j->log_ending.set, true);
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (j->has_poller) {
        pthread_join(j->poller, NULL);
    }
    if (j->has_logger) {
        pthread_join(j->logger, NULL);
    }
    logs_free(j);
    free_table(j);
    queues_free(j->queues);
    batch_api_free(j->api);
    journal_free(j->journal);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->loading);
    free(j->spool_dir);
    free(j->failure);
    free(j->list_failure);
    free(j->why_not);
    free(j);
}

int64_t jobs_jitter(int64_t ms)
{
    uint32_t random = (uint32_t)clock_mono_us() * 2654435761U; // the low digits of a clock are chance enough here
    return ms - ms / 5 + (int64_t)((uint64_t)random * (uint64_t)(ms * 2 / 5 + 1) >> 32);
}

void jobs_wait_until(struct jobs *j, int64_t mono_ms)
{
    int64_t ms = mono_ms - clock_mono_ms();
    struct timespec until;
    if (ms <= 0) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&j->changed, &j->lock, &until);
}
