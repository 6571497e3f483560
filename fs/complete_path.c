// Paths of the tree for completion: asked for on a thread of their own, which is left behind when it takes too long.
#include "fs/complete_i.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/cli_args.h"
#include "fs/cli_complete.h"
#include "fs/kind.h"

#define ASK_MS 1800  // for what is asked
#define WAIT_MS 2000 // for what does not even look at its deadline
#define SERVICE_MS 1500

struct asking {
    // The thread's alone until `done`.
    size_t argc;
    char **argv;
    char *dir, *prefix; // of the path: up to its last slash, and what is behind it
    struct strv found;
    struct stack stack;
    struct tref at; // dir
    struct cancel cancel;
    // Of both.
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void add(struct asking *a, const char *name, enum kind kind)
{
    // A link of the tree leads to a directory, but for the one to a card.
    bool file = kind_info(kind)->type == KIND_FILE || kind == K_CARD_LINK;
    strv_take(&a->found, mem_printf("%s%s%s", a->dir, name, file ? "" : "/"));
}

static bool has_prefix(const struct asking *a, const char *name)
{
    return strncmp(name, a->prefix, strlen(a->prefix)) == 0;
}

static bool take_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    (void)attr;
    struct asking *a = arg;
    if (has_prefix(a, name)) {
        add(a, name, kind);
    }
    return true;
}

// The listing is not asked for: it has none of these.
static void take_dots(struct asking *a)
{
    static const char *const everywhere[] = {".help", ".meta", NULL};
    struct err ignored = ERR_INIT;
    struct tattr attr;
    enum kind kind;
    for (const struct dot_name *d = kind_dot_names(); d->name != NULL; d++) {
        if (d->parent == a->at.kind && has_prefix(a, d->name) && d->kind != K_META &&
            !tree_lookup(a->stack.tree, &a->at, d->name, &a->cancel, &kind, &attr, &ignored)) {
            add(a, d->name, kind);
        }
    }
    for (const char *const *name = everywhere; *name != NULL; name++) {
        kind = kind_of_dot(a->at.kind, *name);
        if (kind != K_NONE && has_prefix(a, *name)) {
            add(a, *name, kind);
        }
    }
}

// The options that the line has so far; false when they are none that the subcommand takes.
static bool take_options(struct asking *a, struct options *o)
{
    bool flag;
    const char *value;
    struct cli_own own[16] = {{0}};
    size_t n = 0;
    for (const struct complete_own *c = complete_own; c->name != NULL && n + 1 < sizeof(own) / sizeof(*own); c++) {
        if (strcmp(c->subcommand, a->argv[1]) == 0) {
            own[n].name = c->name;
            own[n].flag = c->arg == NULL ? &flag : NULL;
            own[n++].value = c->arg != NULL ? &value : NULL;
        }
    }
    struct err err = ERR_INIT;
    struct cli_args args;
    errc e = cli_args_sort((int)a->argc, a->argv, own, &args, &err);
    if (!e) {
        e = options_parse((int)args.options.len, args.options.items, o, &err);
    }
    cli_args_free(&args);
    return !e;
}

static errc look(struct asking *a, const struct options *o, struct err *err)
{
    struct tattr attr;
    if (cli_stack(&a->stack, o) != EXIT_OK) {
        return err_set(err, ERR_NOT_FOUND, "nothing is there to complete from");
    }
    errc e = tree_resolve(a->stack.tree, a->dir, true, &a->cancel, &a->at, &attr, err);
    if (e) {
        return e;
    }
    if (a->prefix[0] == '.') {
        take_dots(a);
        return ERR_OK;
    }
    return tree_list(a->stack.tree, &a->at, &a->cancel, take_entry, a, err);
}

static void *ask(void *arg)
{
    struct asking *a = arg;
    struct options o = {0};
    struct err err = ERR_INIT;
    if (take_options(a, &o)) {
        o.list_dots = false;
        o.service_timeout_ms = o.service_timeout_ms < SERVICE_MS ? o.service_timeout_ms : SERVICE_MS;
        if (look(a, &o, &err)) {
            strv_free(&a->found); // a part of a listing would complete to what is not the only one
        }
    }
    stack_free(&a->stack);
    options_free(&o);
    pthread_mutex_lock(&a->lock);
    a->done = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static struct asking *asking_new(size_t argc, char *const *argv, const char *path)
{
    struct asking *a = mem_zalloc(sizeof(*a));
    const char *slash = strrchr(path, '/');
    size_t dir = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    a->dir = mem_strndup(path, dir);
    a->prefix = mem_strdup(path + dir);
    a->argc = argc + 1;
    a->argv = mem_zalloc((argc + 1) * sizeof(*a->argv));
    a->argv[0] = mem_strdup("metaflowfs");
    for (size_t i = 0; i < argc; i++) {
        a->argv[i + 1] = mem_strdup(argv[i]);
    }
    a->at.attempt = -1;
    a->cancel.deadline_ms = clock_mono_ms() + ASK_MS;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return a;
}

static void asking_free(struct asking *a)
{
    for (size_t i = 0; i < a->argc; i++) {
        free(a->argv[i]);
    }
    free(a->argv);
    free(a->dir);
    free(a->prefix);
    strv_free(&a->found);
    tref_free(&a->at);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    free(a);
}

static bool wait_done(struct asking *a)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;
    struct timespec end = {.tv_sec = (time_t)(end_ms / 1000), .tv_nsec = (long)(end_ms % 1000) * 1000000};
    pthread_mutex_lock(&a->lock);
    int failed = 0;
    while (!a->done && failed != ETIMEDOUT) {
        failed = pthread_cond_timedwait(&a->changed, &a->lock, &end);
    }
    bool done = a->done;
    pthread_mutex_unlock(&a->lock);
    return done;
}

void complete_path(size_t argc, char *const *argv, const char *path, struct strv *ret)
{
    struct asking *a = asking_new(argc, argv, path);
    pthread_t thread;
    if (pthread_create(&thread, NULL, ask, a) != 0) {
        asking_free(a);
        return;
    }
    if (!wait_done(a)) {
        pthread_detach(thread); // the process ends with it
        return;
    }
    pthread_join(thread, NULL);
    strv_copy(ret, &a->found);
    asking_free(a);
}
