// What the poller does for each job: what Batch tells goes into the journal and the table; what a dead process left is
// settled.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "batch/jobs_i.h"

#define PER_CALL 100          // ids of one DescribeJobs
#define LOCK_MS 200           // a job that is being submitted is left alone
#define GONE_TIMES 10         // of settle_ms: an accepted job that Batch does not know for so long is gone

errc jobs_ask(struct jobs *j, const struct strv *ids, size_t from, struct cancel *cancel,
              void (*fn)(void *arg, const struct json *detail), void *arg, struct err *err)
{
    auto_cleanup(buf_free) struct buf body = {0};
    struct json *answer = NULL;
    buf_puts(&body, "{\"jobs\":[");
    for (size_t i = from; i < ids->len && i < from + PER_CALL; i++) {
        buf_puts(&body, i > from ? "," : "");
        json_quote(&body, ids->items[i], strlen(ids->items[i]));
    }
    buf_puts(&body, "]}");
    errc e = batch_call(j->api, "describejobs", body.data, cancel, &answer, err);
    if (e) {
        return e;
    }
    const struct json *list = json_get(answer, "jobs");
    for (size_t i = 0; i < json_len(list); i++) {
        fn(arg, json_at(list, i));
    }
    json_free(answer);
    return ERR_OK;
}

static void put_list_request(const char *queue, const char *name, const char *token, struct buf *body)
{
    buf_puts(body, "{\"jobQueue\":");
    json_quote(body, queue, strlen(queue));
    buf_puts(body, ",\"filters\":[{\"name\":\"JOB_NAME\",\"values\":[");
    json_quote(body, name, strlen(name));
    buf_puts(body, "]}],\"maxResults\":100");
    if (token != NULL) {
        buf_puts(body, ",\"nextToken\":");
        json_quote(body, token, strlen(token));
    }
    buf_putc(body, '}');
}

errc jobs_list_pages(struct jobs *j, const char *queue, const char *name, unsigned max_pages, struct cancel *cancel,
                     bool (*fn)(void *arg, const struct json *list), void *arg, struct err *err)
{
    auto_free char *token = NULL;
    bool more = true;
    for (unsigned page = 0; more && page < max_pages; page++) {
        auto_cleanup(buf_free) struct buf body = {0};
        struct json *answer = NULL;
        put_list_request(queue, name, token, &body);
        errc e = batch_call(j->api, "listjobs", body.data, cancel, &answer, err);
        if (e) {
            return e;
        }
        more = fn(arg, json_get(answer, "jobSummaryList"));
        free(token);
        token = mem_strdup(json_str(json_get(answer, "nextToken")));
        json_free(answer);
        more = more && token != NULL && *token != '\0';
    }
    return ERR_OK;
}

bool intent_tell(struct intent *in, const struct json *detail)
{
    struct told t = {0};
    auto_free char *last = told_reduce(detail);
    if (in->state != INTENT_ACCEPTED || (in->last != NULL && strcmp(in->last, last) == 0) || !told_read(detail, &t)) {
        return false;
    }
    free(in->last);
    in->last = steal_ptr(&last);
    in->changed_ms = told_changed_ms(&t) > 0 ? told_changed_ms(&t) : clock_wall_ms();
    if (told_ended(&t)) {
        in->state = INTENT_ENDED;
    }
    told_free(&t);
    return true;
}

// --- what was told -----------------------------------------------------------------------------------------------

struct hearing {
    struct jobs *j;
    struct cycle *c;
    struct strv heard;  // ids that Batch knows
    struct strv names;  // of ours: those whose record is behind
    struct strv ids;    // with their ids,
    struct strv lasts;  // and what Batch told
};

// Whether what Batch tells of one of ours is not in the table yet.
static bool is_news(const struct intent *in, const char *last)
{
    return in->state == INTENT_ACCEPTED && (in->last == NULL || strcmp(in->last, last) != 0);
}

static void hear(void *arg, const struct json *detail)
{
    struct hearing *h = arg;
    struct own *o;
    size_t generation;
    struct told t = {0};
    const char *id = json_str(json_get(detail, "jobId"));
    if (id == NULL) {
        return;
    }
    auto_free char *last = told_reduce(detail);
    strv_add(&h->heard, id);
    pthread_mutex_lock(&h->j->lock);
    if (own_of_id(h->j, id, &o, &generation)) {
        if (is_news(&o->rec.at[generation], last)) {
            strv_add(&h->names, o->name);
            strv_add(&h->ids, id);
            strv_take(&h->lasts, steal_ptr(&last));
        }
    } else if (told_read(detail, &t)) {
        const struct theirs *before = theirs_of_id(h->j, id);
        h->c->changed = h->c->changed || before == NULL || strcmp(before->told.status, t.status) != 0;
        theirs_put(h->j, &t, false);
    }
    pthread_mutex_unlock(&h->j->lock);
}

static struct intent *intent_of_id(struct record *r, const char *id)
{
    for (size_t i = 0; i < r->len; i++) {
        if (r->at[i].id != NULL && strcmp(r->at[i].id, id) == 0) {
            return &r->at[i];
        }
    }
    return NULL;
}

// A change of one record under its lock. `change` says whether it changed anything.
static errc change_record(struct jobs *j, const char *name,
                          bool (*change)(void *arg, struct journal_lock *lock, struct record *r), void *arg,
                          struct err *err)
{
    struct cancel soon = {.deadline_ms = clock_mono_ms() + LOCK_MS};
    struct journal_lock *lock = NULL;
    struct record rec = {0};
    errc e = journal_lock(j->journal, name, &soon, &lock, err);
    if (e) {
        return e == ERR_TIMEOUT ? ERR_OK : e; // the next cycle finds it free
    }
    e = journal_load(j->journal, name, &rec, err);
    if (!e && change(arg, lock, &rec)) {
        e = journal_save(j->journal, lock, &rec, err);
    }
    if (!e) {
        e = jobs_refresh(j, name, err);
    }
    record_free(&rec);
    journal_unlock(lock);
    return e == ERR_NOT_FOUND || e == ERR_CORRUPT ? ERR_OK : e;
}

struct news {
    const char *id, *last;
};

static bool write_news(void *arg, struct journal_lock *lock, struct record *r)
{
    const struct news *n = arg;
    struct err ignored = ERR_INIT;
    struct json *detail = NULL;
    struct intent *in = intent_of_id(r, n->id);
    (void)lock;
    if (in == NULL || json_parse(n->last, strlen(n->last), "what Batch told", &detail, &ignored)) {
        return false;
    }
    bool changed = intent_tell(in, detail);
    json_free(detail);
    return changed;
}

static errc write_all_news(struct hearing *h, struct err *err)
{
    errc e = ERR_OK;
    for (size_t i = 0; !e && i < h->names.len && !atomic_load(&h->j->ending.set); i++) {
        struct news n = {h->ids.items[i], h->lasts.items[i]};
        e = change_record(h->j, h->names.items[i], write_news, &n, err);
        h->c->changed = true;
    }
    return e;
}

// --- jobs that Batch does not know -------------------------------------------------------------------------------

// It was accepted long ago, here, and Batch does not know it: nothing more will be told of it.
static bool is_gone(const struct jobs *j, const struct own *o, const struct strv *heard)
{
    const struct intent *in = own_present(o);
    int64_t since = in->sent_ms > in->changed_ms ? in->sent_ms : in->changed_ms;
    return in->state == INTENT_ACCEPTED && side_is_here(j, own_present_side(o)) && !strv_has(heard, in->id) &&
           clock_wall_ms() - since > GONE_TIMES * j->conf.settle_ms;
}

static bool write_gone(void *arg, struct journal_lock *lock, struct record *r)
{
    struct intent *in = intent_of_id(r, arg);
    (void)lock;
    if (in == NULL || in->state != INTENT_ACCEPTED) {
        return false;
    }
    in->state = INTENT_ENDED;
    return true;
}

// "REGION:ACCOUNT" of a queue as it is known here, NULL where there is none: another account's jobs are not gone.
static errc place_of_queue(struct jobs *j, const char *queue, struct cancel *cancel, char **ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf body = {0};
    struct json *answer = NULL;
    *ret = NULL;
    buf_puts(&body, "{\"jobQueues\":[");
    json_quote(&body, queue, strlen(queue));
    buf_puts(&body, "]}");
    errc e = batch_call(j->api, "describejobqueues", body.data, cancel, &answer, err);
    const char *arn = e ? NULL : json_str(json_get(json_at(json_get(answer, "jobQueues"), 0), "jobQueueArn"));
    *ret = arn != NULL ? arn_place(arn) : NULL;
    json_free(answer);
    return e == ERR_INVALID || e == ERR_NOT_FOUND ? ERR_OK : e;
}

// Whether what Batch says here speaks of where the intent was sent to.
static errc is_asked_here(struct jobs *j, const char *queue, const char *submission, struct cancel *cancel, bool *ret,
                          struct err *err)
{
    auto_free char *sent = queue != NULL ? submission_place(submission) : NULL;
    char *here = NULL;
    errc e = sent != NULL ? place_of_queue(j, queue, cancel, &here, err) : ERR_OK;
    *ret = !e && sent != NULL && str_same(here, sent);
    free(here);
    return e;
}

static errc end_gone(struct hearing *h, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0}, ids = {0}, queues = {0}, submissions = {0};
    struct jobs *j = h->j;
    errc e = ERR_OK;
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        if (in != NULL && in->id != NULL && is_gone(j, j->own[i], &h->heard)) {
            strv_add(&names, j->own[i]->name);
            strv_add(&ids, in->id);
            strv_add(&queues, in->queue != NULL ? in->queue : "");
            strv_add(&submissions, in->submission != NULL ? in->submission : "");
        }
    }
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; !e && i < names.len; i++) {
        bool here = false;
        e = is_asked_here(j, queues.items[i], submissions.items[i], &j->ending, &here, err);
        if (!e && here) {
            log_info("batch", "AWS Batch does not know the job %s (%s) any more", names.items[i], ids.items[i]);
            e = change_record(j, names.items[i], write_gone, ids.items[i], err);
            h->c->changed = true;
        }
    }
    return e;
}

static void collect_living(struct jobs *j, struct strv *ids)
{
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        if (in != NULL && in->state == INTENT_ACCEPTED && side_is_here(j, own_present_side(j->own[i]))) {
            strv_add(ids, in->id);
        }
    }
    for (size_t i = 0; i < j->theirs_len && jobs_is_looked_at(j); i++) {
        if (theirs_is_polled(j->theirs[i])) {
            j->theirs[i]->silent++; // until it is heard of
            strv_add(ids, j->theirs[i]->told.id);
        }
    }
    pthread_mutex_unlock(&j->lock);
}

errc jobs_describe_all(struct jobs *j, struct cycle *c, struct err *err)
{
    struct hearing h = {.j = j, .c = c};
    auto_cleanup(strv_free) struct strv ids = {0};
    errc e = ERR_OK;
    collect_living(j, &ids);
    for (size_t from = 0; !e && from < ids.len; from += PER_CALL) {
        c->calls++;
        e = jobs_ask(j, &ids, from, &j->ending, hear, &h, err);
    }
    struct err second = ERR_INIT;
    errc written = write_all_news(&h, &second);
    if (!e && written) {
        e = err_set(err, written, "%s", second.cause);
    }
    if (!e) {
        e = end_gone(&h, err);
    }
    strv_free(&h.heard);
    strv_free(&h.names);
    strv_free(&h.ids);
    strv_free(&h.lasts);
    return e;
}

// --- intents whose answer nobody knows ---------------------------------------------------------------------------

errc intent_settle(struct jobs *j, const char *name, struct intent *in, struct cancel *cancel, bool *ret_changed,
                   struct err *err)
{
    auto_free char *id = NULL;
    bool here = false;
    *ret_changed = false;
    errc e = is_asked_here(j, in->queue, in->submission, cancel, &here, err);
    if (!e && here) {
        e = jobs_look_for(j, in->queue, in->job_name, cancel, &id, err);
    }
    own_looked(j, name, e, err->cause);
    if (e || !here) {
        return e;
    }
    if (id != NULL) {
        log_info("batch", "job %s: found by its name as %s", name, id);
        free(in->id);
        in->id = steal_ptr(&id);
        in->state = INTENT_ACCEPTED;
    } else if (clock_wall_ms() - in->sent_ms > j->conf.settle_ms) {
        in->state = INTENT_NONE;
        free(in->error);
        in->error = mem_strdup("it was not submitted: it was sent to AWS Batch, which did not say that it was "
                               "made, and there is no such job");
    } else {
        return ERR_OK;
    }
    in->changed_ms = clock_wall_ms();
    *ret_changed = true;
    return ERR_OK;
}

struct settling {
    struct jobs *j;
    errc code;
    struct err err;
    bool changed;
};

static bool settle_one(void *arg, struct journal_lock *lock, struct record *r)
{
    struct settling *s = arg;
    struct intent *in = record_present(r);
    (void)lock;
    if (in == NULL || in->state != INTENT_SENDING) {
        return false;
    }
    s->code = intent_settle(s->j, r->name, in, &s->j->ending, &s->changed, &s->err);
    if (s->changed) {
        own_refuse(s->j, r->name, NULL); // before the new state shows: what was said of the old one goes first
    }
    return s->changed;
}

// What is refused for one job says nothing of others, nor of Batch: its `reason` has it.
static bool is_own_failure(errc code)
{
    return !code || code == ERR_DENIED || code == ERR_INVALID || code == ERR_NOT_FOUND;
}

// What the next one would meet, too.
static bool meets_all(errc code)
{
    return code == ERR_UNREACHABLE || code == ERR_TIMEOUT || code == ERR_THROTTLED || code == ERR_INTERRUPTED;
}

errc jobs_settle(struct jobs *j, struct cycle *c, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0};
    errc e = ERR_OK;
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        bool is_left = in != NULL && in->state == INTENT_SENDING && j->own[i]->submitting == 0;
        if (is_left && side_is_here(j, own_present_side(j->own[i]))) {
            strv_add(&names, j->own[i]->name);
        }
    }
    pthread_mutex_unlock(&j->lock);
    bool is_over = false;
    for (size_t i = 0; !is_over && i < names.len; i++) {
        struct settling s = {.j = j};
        struct err one = ERR_INIT;
        errc code = change_record(j, names.items[i], settle_one, &s, &one);
        if (!code && !is_own_failure(s.code)) {
            code = err_set(&one, s.code, "%s", s.err.cause);
        }
        if (code && !e) {
            e = err_set(err, code, "%s", one.cause);
        }
        is_over = meets_all(code);
        c->changed = c->changed || s.changed;
    }
    return e;
}
