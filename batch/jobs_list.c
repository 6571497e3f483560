// The jobs that Metaflow itself submitted for the same user: kept by id, found by ListJobs (JOB_NAME USER-*), told by
// DescribeJobs.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/jobs_i.h"

#define PAGES 20       // of a queue in one listing: 100 jobs each
#define PER_CALL 100

// --- the table ---------------------------------------------------------------------------------------------------

struct theirs *theirs_of_id(struct jobs *j, const char *id)
{
    for (size_t i = 0; i < j->theirs_len; i++) {
        if (strcmp(j->theirs[i]->told.id, id) == 0) {
            return j->theirs[i];
        }
    }
    return NULL;
}

struct theirs *theirs_of_dir(struct jobs *j, const char *dir)
{
    for (size_t i = 0; i < j->theirs_len; i++) {
        if (strcmp(j->theirs[i]->dir, dir) == 0) {
            return j->theirs[i];
        }
    }
    return NULL;
}

bool theirs_is_polled(const struct theirs *t)
{
    return (t->listed || t->asked) && !told_ended(&t->told) && t->silent < 5;
}

static void remove_at(struct jobs *j, size_t at)
{
    told_free(&j->theirs[at]->told);
    free(j->theirs[at]->dir);
    free(j->theirs[at]);
    j->theirs[at] = j->theirs[--j->theirs_len];
}

void theirs_drop(struct jobs *j, const char *id)
{
    for (size_t i = 0; id != NULL && i < j->theirs_len; i++) {
        if (strcmp(j->theirs[i]->told.id, id) == 0) {
            remove_at(j, i);
            return;
        }
    }
}

// The oldest of a kind that grew too large goes.
static void make_room(struct jobs *j, bool listed)
{
    size_t count = 0, oldest = 0, most = listed ? JOBS_LISTED : JOBS_ASKED;
    for (size_t i = 0; i < j->theirs_len; i++) {
        const struct theirs *t = j->theirs[i];
        if (t->listed == listed) {
            oldest = count++ == 0 || t->told.created_ms < j->theirs[oldest]->told.created_ms ? i : oldest;
        }
    }
    if (count >= most) {
        remove_at(j, oldest);
    }
}

// Its job name, as a name in a directory; with its id where that is taken.
static char *dir_of(struct jobs *j, const struct told *t)
{
    char *dir = mem_strdup(t->job_name != NULL && *t->job_name != '\0' ? t->job_name : t->id);
    for (char *p = dir; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == '/' || *p == 0x7f || (p == dir && *p == '.')) {
            *p = '_';
        }
    }
    if (own_find(j, dir) != NULL || theirs_of_dir(j, dir) != NULL) {
        char *longer = mem_printf("%s-%s", dir, t->id);
        free(dir);
        dir = longer;
    }
    return dir;
}

void theirs_put(struct jobs *j, struct told *t, bool asked)
{
    bool is_users = t->user != NULL && strcmp(t->user, j->conf.settings->user) == 0;
    struct theirs *one = theirs_of_id(j, t->id);
    if (one == NULL) {
        make_room(j, is_users);
        one = mem_zalloc(sizeof(*one));
        one->dir = dir_of(j, t);
        j->theirs = mem_grow(j->theirs, &j->theirs_cap, j->theirs_len + 1, sizeof(struct theirs *));
        j->theirs[j->theirs_len++] = one;
    } else {
        told_free(&one->told);
    }
    one->told = *t;
    *t = (struct told){0};
    one->listed = is_users;
    one->asked = one->asked || asked;
    one->silent = 0;
}

// --- listing -----------------------------------------------------------------------------------------------------

struct seen {
    char *id;           // owned
    int64_t created_ms;
};
struct listing {
    struct jobs *j;
    struct cycle *c;
    struct seen *at;    // those that DescribeJobs has to be asked for
    size_t len, cap;
    bool all_known;     // on the page that was seen last
};

// Ours are known by their names already while their ids are not.
static bool is_ours(struct jobs *j, const char *id, const char *name)
{
    struct own *o;
    size_t generation;
    if (own_of_id(j, id, &o, &generation)) {
        return true;
    }
    for (size_t i = 0; i < j->own_len; i++) {
        const struct intent *in = own_present(j->own[i]);
        if (in != NULL && in->job_name != NULL && strcmp(in->job_name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void see(struct listing *l, const struct json *summary)
{
    const char *id = json_str(json_get(summary, "jobId")), *name = json_str(json_get(summary, "jobName"));
    const char *status = json_str(json_get(summary, "status"));
    int64_t created = 0;
    (void)json_int(json_get(summary, "createdAt"), &created);
    if (id == NULL || name == NULL) {
        return;
    }
    pthread_mutex_lock(&l->j->lock);
    struct theirs *known = theirs_of_id(l->j, id);
    bool is_told = known != NULL && status != NULL && strcmp(known->told.status, status) == 0;
    bool is_other = known != NULL && !known->listed; // another user's, whose name begins as ours
    bool skip = is_told || is_other || is_ours(l->j, id, name);
    if (known != NULL) {
        known->silent = 0;
    }
    l->all_known = l->all_known && skip && (known == NULL || told_ended(&known->told));
    pthread_mutex_unlock(&l->j->lock);
    if (!skip) {
        l->at = mem_grow(l->at, &l->cap, l->len + 1, sizeof(*l->at));
        l->at[l->len++] = (struct seen){mem_strdup(id), created};
    }
}

// The newest come first: a page on which all is known and ended is the last that is of interest.
static bool see_page(void *arg, const struct json *list)
{
    struct listing *l = arg;
    l->c->calls++;
    l->all_known = true;
    for (size_t i = 0; i < json_len(list); i++) {
        see(l, json_at(list, i));
    }
    return !l->all_known;
}

static int newest_first(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->created_ms != y->created_ms ? (x->created_ms < y->created_ms ? 1 : -1) : strcmp(x->id, y->id);
}

static void take(void *arg, const struct json *detail)
{
    struct listing *l = arg;
    struct told t = {0};
    struct own *o;
    size_t generation;
    if (!told_read(detail, &t)) {
        return;
    }
    pthread_mutex_lock(&l->j->lock);
    if (!own_of_id(l->j, t.id, &o, &generation)) {
        theirs_put(l->j, &t, false);
        l->c->changed = true;
    }
    pthread_mutex_unlock(&l->j->lock);
    told_free(&t);
}

errc jobs_list_theirs(struct jobs *j, struct cycle *c, struct err *err)
{
    auto_cleanup(strv_free) struct strv queues = {0}, ids = {0};
    auto_free char *names = mem_printf("%s-*", j->conf.settings->user);
    struct listing l = {.j = j, .c = c};
    errc e = queues_active(j->queues, &j->ending, &queues, err);
    for (size_t i = 0; !e && i < queues.len; i++) {
        e = jobs_list_pages(j, queues.items[i], names, PAGES, &j->ending, see_page, &l, err);
    }
    if (l.len > 0) {
        qsort(l.at, l.len, sizeof(*l.at), newest_first);
    }
    for (size_t i = 0; i < l.len; i++) {
        if (i < JOBS_LISTED) {
            strv_add(&ids, l.at[i].id);
        }
        free(l.at[i].id);
    }
    free(l.at);
    for (size_t from = 0; !e && from < ids.len; from += PER_CALL) {
        c->calls++;
        e = jobs_ask(j, &ids, from, &j->ending, take, &l, err);
    }
    return e;
}
