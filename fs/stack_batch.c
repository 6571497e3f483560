#include "fs/stack_batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "fs/stack_aws.h"
#include "fs/stats.h"

struct stack_batch {
    struct batch_source source;
    struct stack *stack;            // borrowed
    const struct options *options;  // borrowed
    pthread_mutex_t lock;           // of all that follows, until made
    bool made;
    struct err failed;              // why it could not be made, the last time
    struct batch_settings settings;
    struct jobs *jobs;
    struct drafts *drafts;
};

// --- what drafts ask of the jobs ------------------------------------------------------------------

static errc check(void *arg, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err)
{
    return jobs_check(arg, name, text, len, ret, err);
}

static errc vet(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
{
    return jobs_vet(arg, name, text, len, cancel, err);
}

static errc submit(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
{
    return jobs_submit(arg, name, text, len, cancel, err);
}

static bool lives(void *arg, const char *name)
{
    struct cancel at_once = {.deadline_ms = clock_mono_ms() + 1};
    struct job_view v = {0};
    struct err ignored = ERR_INIT;
    if (jobs_find(arg, name, &at_once, &v, &ignored)) {
        return false;
    }
    bool can_kill = v.ours && v.can_kill;
    job_view_free(&v);
    return can_kill;
}

static bool saved(void *arg, unsigned index, struct job_saved *ret)
{
    return jobs_saved(arg, index, ret);
}

static bool touch(void *arg, const char *name, const char *text, size_t len, int64_t mtime_ms)
{
    return jobs_touch(arg, name, text, len, mtime_ms);
}

static void unsave(void *arg, const char *name)
{
    jobs_unsave(arg, name);
}

static void resave(void *arg, const char *name)
{
    jobs_resave(arg, name);
}

// --- making ---------------------------------------------------------------------------------------

static errc find_code(void *arg, const char *run, struct cancel *cancel, struct job_code *ret, struct err *err)
{
    const struct stack_batch *b = arg;
    return batch_code_find(b->stack->client, run, cancel, ret, err);
}

static errc take_room(void *arg, uint64_t bytes, struct err *err)
{
    const struct stack_batch *b = arg;
    return staging_take_room(b->stack->staging, bytes, err);
}

static void give_room(void *arg, uint64_t bytes)
{
    const struct stack_batch *b = arg;
    staging_give_room(b->stack->staging, bytes);
}

static const char *environment(const char *name)
{
    return getenv(name); // NOLINT(concurrency-mt-unsafe): nothing here sets variables
}

// A folder for each place that jobs are sent to and each Metaflow that they belong to. Owned.
static char *journal_dir(const struct stack_batch *b)
{
    const struct batch_settings *s = &b->settings;
    const char *base = aws_env_get(environment, "XDG_STATE_HOME");
    auto_free char *home = base != NULL && base[0] == '/' ? mem_strdup(base)
                                                          : aws_path_expand(environment, "~/.local/state");
    auto_free char *key = mem_printf("%s\n%s\n%s", s->region != NULL ? s->region : "",
                                     s->batch_endpoint != NULL ? s->batch_endpoint : "", b->stack->identity);
    char hex[41];
    sha1_hex_of(key, strlen(key), hex);
    return mem_printf("%s/metaflowfs/jobs/%.16s", home, hex);
}

static errc make(struct stack_batch *b, struct err *err)
{
    struct aws_parts aws;
    errc e = stack_aws_get(b->stack->aws, &aws, err);
    if (e) {
        return e;
    }
    batch_settings_free(&b->settings);
    batch_settings_find(b->stack->config, aws.settings, &b->settings);
    auto_free char *dir = journal_dir(b);
    struct jobs_conf conf = {
        .http = aws.http,
        .creds = aws.creds,
        .settings = &b->settings,
        .journal_dir = dir,
        .spool_dir = staging_root(b->stack->staging),
        .take_room = take_room,
        .give_room = give_room,
        .dry_run = b->options->batch_dry_run,
        .code = find_code,
        .arg = b,
    };
    e = jobs_new(&conf, &b->jobs, err);
    if (!e) {
        struct drafts_jobs of_drafts = {.arg = b->jobs, .check = check, .vet = vet, .submit = submit,
                                        .lives = lives, .saved = saved, .touch = touch, .unsave = unsave,
                                        .resave = resave};
        b->drafts = drafts_new(&of_drafts);
        b->made = true;
    }
    return e;
}

static errc get(void *arg, struct jobs **ret_jobs, struct drafts **ret_drafts, struct err *err)
{
    struct stack_batch *b = arg;
    pthread_mutex_lock(&b->lock);
    errc e = b->made ? ERR_OK : make(b, err);
    if (e) {
        b->failed = *err;
    } else {
        *ret_jobs = b->jobs;
        *ret_drafts = b->drafts;
    }
    pthread_mutex_unlock(&b->lock);
    return e;
}

static struct jobs *peek(void *arg)
{
    struct stack_batch *b = arg;
    pthread_mutex_lock(&b->lock);
    struct jobs *jobs = b->made ? b->jobs : NULL;
    pthread_mutex_unlock(&b->lock);
    return jobs;
}

struct stack_batch *stack_batch_new(struct stack *s, const struct options *o)
{
    struct stack_batch *b = mem_zalloc(sizeof(*b));
    b->stack = s;
    b->options = o;
    b->source = (struct batch_source){
        .arg = b, .get = get, .peek = peek, .uid = getuid(), .allow_other = o->batch_allow_other};
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void stack_batch_free(struct stack_batch *b)
{
    if (b == NULL) {
        return;
    }
    drafts_free(b->drafts);
    jobs_free(b->jobs);
    batch_settings_free(&b->settings);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

struct batch_source *stack_batch_source(struct stack_batch *b)
{
    return &b->source;
}

// --- for people -----------------------------------------------------------------------------------

void stack_batch_describe(struct stack_batch *b, int width, struct buf *out)
{
    struct jobs *jobs = b != NULL ? peek(b) : NULL;
    if (jobs != NULL) {
        jobs_describe(jobs, width, out);
    } else if (b == NULL) {
        buf_printf(out, "%-*s %s\n", width, "batch", "none (-o ro or --no-batch)");
    } else {
        pthread_mutex_lock(&b->lock);
        struct err failed = b->failed;
        pthread_mutex_unlock(&b->lock);
        buf_printf(out, "%-*s %s\n", width, "batch", failed.code ? failed.cause : "(nobody looked yet)");
    }
}

void stack_batch_counters(struct stack_batch *b, struct buf *out)
{
    struct jobs *jobs = b != NULL ? peek(b) : NULL;
    if (jobs != NULL) {
        jobs_counters(jobs, stats_put, out);
    }
}
