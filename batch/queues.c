#include "batch/queues.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/keylock.h"
#include "base/log.h"
#include "base/mem.h"

#define PLATFORM_MS (10 * 60 * 1000)
#define ACTIVE_MS (5 * 60 * 1000)
#define MAX_PAGES 100
#define MAX_NAMED 10 // queues in a cause

// What was answered of a queue or a definition.
struct known {
    char *key, *value; // owned
    int64_t at_ms;     // monotonic
};
struct known_list {
    struct known *at;
    size_t len, cap;
};

struct queues {
    struct batch_api *api;
    struct keylocks *asking;
    pthread_mutex_t lock; // what follows
    struct known_list platforms, definitions;
    struct strv active;
    int64_t active_ms;
    bool has_active;
};

struct queues *queues_new(struct batch_api *api)
{
    struct queues *q = mem_zalloc(sizeof(*q));
    q->api = api;
    q->asking = keylocks_new();
    pthread_mutex_init(&q->lock, NULL);
    return q;
}

static void list_free(struct known_list *l)
{
    for (size_t i = 0; i < l->len; i++) {
        free(l->at[i].key);
        free(l->at[i].value);
    }
    free(l->at);
}

void queues_free(struct queues *q)
{
    if (!q) {
        return;
    }
    list_free(&q->platforms);
    list_free(&q->definitions);
    strv_free(&q->active);
    keylocks_free(q->asking);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

// --- what is known -----------------------------------------------------------------------------------------

static struct known *find(const struct known_list *l, const char *key)
{
    for (size_t i = 0; i < l->len; i++) {
        if (strcmp(l->at[i].key, key) == 0) {
            return &l->at[i];
        }
    }
    return NULL;
}

// A copy of what is not older than max_ms (0: whatever its age), else NULL.
static char *recall(struct queues *q, const struct known_list *l, const char *key, int64_t max_ms)
{
    char *value = NULL;
    pthread_mutex_lock(&q->lock);
    const struct known *k = find(l, key);
    if (k && (max_ms == 0 || clock_mono_ms() - k->at_ms < max_ms)) {
        value = mem_strdup(k->value);
    }
    pthread_mutex_unlock(&q->lock);
    return value;
}

static void keep(struct queues *q, struct known_list *l, const char *key, const char *value)
{
    pthread_mutex_lock(&q->lock);
    struct known *k = find(l, key);
    if (!k) {
        l->at = mem_grow(l->at, &l->cap, l->len + 1, sizeof(*l->at));
        k = &l->at[l->len++];
        *k = (struct known){.key = mem_strdup(key)};
    }
    char *old = k->value;
    k->value = mem_strdup(value);
    k->at_ms = clock_mono_ms();
    pthread_mutex_unlock(&q->lock);
    free(old);
}

// Looks for a thing and, where it is not known, has one caller ask for it while the others wait.
typedef errc (*ask_fn)(struct queues *q, const char *key, const char *body, struct cancel *cancel, char **ret,
                       struct err *err);
static errc know(struct queues *q, struct known_list *l, const char *key, const char *body, int64_t max_ms,
                 ask_fn ask, struct cancel *cancel, char **ret, struct err *err)
{
    bool waited;
    char *value = recall(q, l, key, max_ms);
    if (value) {
        *ret = value;
        return ERR_OK;
    }
    auto_free char *lock = mem_printf("%c%s", l == &q->platforms ? 'p' : 'd', key);
    errc e = keylock_take(q->asking, lock, cancel, &waited, err);
    if (e) {
        return e;
    }
    value = recall(q, l, key, max_ms);
    e = value ? ERR_OK : ask(q, key, body, cancel, &value, err);
    bool is_own = e == ERR_INTERRUPTED || e == ERR_TIMEOUT;
    if (!e) {
        keep(q, l, key, value);
        *ret = value;
    }
    keylock_give(q->asking, lock, e && !is_own ? err : NULL);
    return e;
}

// --- queues ------------------------------------------------------------------------------------------------

static bool is_usable(const struct json *queue)
{
    const char *state = json_str(json_get(queue, "state")), *status = json_str(json_get(queue, "status"));
    return state && status && strcmp(state, "ENABLED") == 0 && strcmp(status, "VALID") == 0;
}

// Every queue of the account, page by page.
static errc each_queue(struct queues *q, struct cancel *cancel, void (*fn)(void *arg, const struct json *queue),
                       void *arg, struct err *err)
{
    auto_free char *token = NULL;
    for (int page = 0; page < MAX_PAGES; page++) {
        auto_cleanup(json_freep) struct json *answer = NULL;
        struct buf body = {0};
        buf_puts(&body, "{\"maxResults\":100");
        if (token) {
            buf_puts(&body, ",\"nextToken\":");
            json_quote(&body, token, strlen(token));
        }
        buf_putc(&body, '}');
        errc e = batch_call(q->api, "describejobqueues", body.data, cancel, &answer, err);
        buf_free(&body);
        if (e) {
            return e;
        }
        const struct json *list = json_get(answer, "jobQueues");
        for (size_t i = 0; i < json_len(list); i++) {
            fn(arg, json_at(list, i));
        }
        const char *next = json_str(json_get(answer, "nextToken"));
        if (!next || !*next) {
            return ERR_OK;
        }
        free(token);
        token = mem_strdup(next);
    }
    return err_set(err, ERR_LIMIT, "AWS Batch has more than %d pages of job queues: name the queue", MAX_PAGES);
}

static void add_active(void *arg, const struct json *queue)
{
    const char *name = json_str(json_get(queue, "jobQueueName"));
    if (name && *name && is_usable(queue)) {
        strv_add(arg, name);
    }
}

static bool recall_active(struct queues *q, struct strv *ret)
{
    pthread_mutex_lock(&q->lock);
    bool is_known = q->has_active && clock_mono_ms() - q->active_ms < ACTIVE_MS;
    if (is_known) {
        *ret = (struct strv){0};
        strv_copy(ret, &q->active);
    }
    pthread_mutex_unlock(&q->lock);
    return is_known;
}

static errc ask_active(struct queues *q, struct cancel *cancel, struct strv *ret, struct err *err)
{
    struct strv names = {0};
    errc e = each_queue(q, cancel, add_active, &names, err);
    if (e) {
        strv_free(&names);
        return e;
    }
    pthread_mutex_lock(&q->lock);
    strv_free(&q->active);
    strv_copy(&q->active, &names);
    q->active_ms = clock_mono_ms();
    q->has_active = true;
    pthread_mutex_unlock(&q->lock);
    *ret = names;
    return ERR_OK;
}

errc queues_active(struct queues *q, struct cancel *cancel, struct strv *ret, struct err *err)
{
    bool waited;
    if (recall_active(q, ret)) {
        return ERR_OK;
    }
    errc e = keylock_take(q->asking, "active", cancel, &waited, err);
    if (e) {
        return e;
    }
    e = recall_active(q, ret) ? ERR_OK : ask_active(q, cancel, ret, err);
    keylock_give(q->asking, "active", e && e != ERR_INTERRUPTED && e != ERR_TIMEOUT ? err : NULL);
    return e;
}

// --- platforms ---------------------------------------------------------------------------------------------

static errc no_such_queue(struct queues *q, const char *queue, struct cancel *cancel, struct err *err)
{
    auto_cleanup(strv_free) struct strv names = {0};
    auto_cleanup(buf_free) struct buf list = {.max = 300};
    struct err ignored = ERR_INIT;
    if (queues_active(q, cancel, &names, &ignored)) {
        return err_set(err, ERR_INVALID, "AWS Batch has no job queue \"%.130s\"", queue);
    }
    for (size_t i = 0; i < names.len && i < MAX_NAMED; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", names.items[i]);
    }
    return err_set(err, ERR_INVALID, "AWS Batch has no job queue \"%.130s\"; those that take jobs: %s%s", queue,
                   names.len > 0 ? (list.data ? list.data : "") : "none", names.len > MAX_NAMED ? ", ..." : "");
}

static errc first_environment(const struct json *queue, const char *name, char **ret, struct err *err)
{
    // Metaflow takes the first of the list, and AWS lists them in their order.
    const char *env = json_str(json_get(json_at(json_get(queue, "computeEnvironmentOrder"), 0), "computeEnvironment"));
    if (!is_usable(queue)) {
        const char *state = json_str(json_get(queue, "state")), *status = json_str(json_get(queue, "status"));
        return err_set(err, ERR_INVALID, "the job queue \"%.130s\" takes no jobs: it is %.20s and %.20s, and has to be "
                                         "ENABLED and VALID", name, state ? state : "in no state",
                       status ? status : "of no status");
    }
    if (!env || !*env) {
        return err_set(err, ERR_INVALID, "the job queue \"%.130s\" has no compute environment of EC2, Spot or Fargate",
                       name);
    }
    *ret = mem_strdup(env);
    return ERR_OK;
}

static char *body_of_one(const char *member, const char *name)
{
    struct buf body = {0};
    buf_printf(&body, "{\"%s\":[", member);
    json_quote(&body, name, strlen(name));
    buf_puts(&body, "]}");
    return buf_steal(&body);
}

static errc platform_of(const struct json *environment, const char *name, char **ret, struct err *err)
{
    static const char *const platforms[] = {"EC2", "SPOT", "FARGATE", "FARGATE_SPOT"};
    const char *type = json_str(json_get(json_get(environment, "computeResources"), "type"));
    for (size_t i = 0; type && i < sizeof(platforms) / sizeof(platforms[0]); i++) {
        if (strcmp(type, platforms[i]) == 0) {
            *ret = mem_strdup(type);
            return ERR_OK;
        }
    }
    const char *kind = json_kind(environment) == JSON_ABSENT                    ? "cannot be found"
                       : json_kind(json_get(environment, "eksConfiguration")) == JSON_OBJECT ? "is of EKS"
                       : type                                                    ? "is of a type that is not known here"
                                                                                 : "is unmanaged";
    return err_set(err, ERR_INVALID, "the first compute environment \"%.200s\" %s; a job needs one of EC2, SPOT, "
                                     "FARGATE or FARGATE_SPOT", name, kind);
}

static errc ask_platform(struct queues *q, const char *queue, const char *body, struct cancel *cancel, char **ret,
                         struct err *err)
{
    auto_cleanup(json_freep) struct json *answer = NULL, *environments = NULL;
    auto_free char *env = NULL;
    auto_free char *by_queue = body_of_one("jobQueues", queue);
    (void)body;
    errc e = batch_call(q->api, "describejobqueues", by_queue, cancel, &answer, err);
    if (e) {
        return e;
    }
    const struct json *found = json_at(json_get(answer, "jobQueues"), 0);
    if (!found) {
        return no_such_queue(q, queue, cancel, err);
    }
    e = first_environment(found, queue, &env, err);
    if (e) {
        return e;
    }
    auto_free char *by_env = body_of_one("computeEnvironments", env);
    e = batch_call(q->api, "describecomputeenvironments", by_env, cancel, &environments, err);
    e = e ? e : platform_of(json_at(json_get(environments, "computeEnvironments"), 0), env, ret, err);
    return e == ERR_INVALID ? err_prefix(err, "the job queue \"%.130s\"", queue) : e;
}

errc queues_platform(struct queues *q, const char *queue, struct cancel *cancel, char **ret, struct err *err)
{
    return know(q, &q->platforms, queue, NULL, PLATFORM_MS, ask_platform, cancel, ret, err);
}

char *queues_platform_known(struct queues *q, const char *queue)
{
    return recall(q, &q->platforms, queue, 0);
}

// --- definitions -------------------------------------------------------------------------------------------

static errc arn_of(const struct json *definition, const char *name, char **ret, struct err *err)
{
    const char *arn = json_str(json_get(definition, "jobDefinitionArn"));
    if (!arn || !*arn) {
        return err_set(err, ERR_CORRUPT, "AWS Batch told no ARN of the job definition %s", name);
    }
    *ret = mem_strdup(arn);
    return ERR_OK;
}

static errc ask_definition(struct queues *q, const char *name, const char *body, struct cancel *cancel, char **ret,
                           struct err *err)
{
    auto_cleanup(json_freep) struct json *answer = NULL, *registered = NULL;
    struct buf ask = {0};
    buf_puts(&ask, "{\"jobDefinitionName\":");
    json_quote(&ask, name, strlen(name));
    buf_puts(&ask, ",\"status\":\"ACTIVE\"}");
    errc e = batch_call(q->api, "describejobdefinitions", ask.data, cancel, &answer, err);
    buf_free(&ask);
    if (e) {
        return e;
    }
    const struct json *first = json_at(json_get(answer, "jobDefinitions"), 0);
    if (first) {
        return arn_of(first, name, ret, err);
    }
    // Registered once more after a lost answer it is another revision of the same, which does no harm.
    e = batch_call(q->api, "registerjobdefinition", body, cancel, &registered, err);
    return e ? e : arn_of(registered, name, ret, err);
}

errc queues_definition(struct queues *q, const char *name, const char *body, struct cancel *cancel, char **ret,
                       struct err *err)
{
    return know(q, &q->definitions, name, body, 0, ask_definition, cancel, ret, err);
}

void queues_definition_gone(struct queues *q, const char *name)
{
    pthread_mutex_lock(&q->lock);
    struct known_list *l = &q->definitions;
    struct known *k = find(l, name), gone = {0};
    if (k) {
        gone = *k;
        *k = l->at[--l->len];
    }
    pthread_mutex_unlock(&q->lock);
    free(gone.key);
    free(gone.value);
}
