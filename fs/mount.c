#include "fs/mount.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/ctl_text.h"
#include "fs/fuse_api.h"
#include "fs/session.h"
#include "fs/stack_batch.h"
#include "fs/stack_s3.h"

#define START_MS 30000 // for the first listing
#define DEADLINE_MS 30000 // of a request: what one question to a service may take, but not less
#define ANSWER_MS 200  // for answers on their way
#define END_MS 3000    // for work in progress when the mount ends

static int fail(enum exit_code code, const struct err *err)
{
    fprintf(stderr, "metaflowfs: %s\n", err->cause);
    return code;
}

static bool first_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    (void)arg;
    (void)name;
    (void)kind;
    (void)attr;
    return false;
}

// The root's attributes and first entry: a mount that could show nothing is not made.
static errc look_at_root(struct tree *tree, struct tattr *ret, struct err *err)
{
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + START_MS};
    struct tref root;
    tref_init_root(&root);
    errc e = tree_attr(tree, &root, &cancel, ret, err);
    return e ? e : tree_list(tree, &root, &cancel, first_entry, NULL, err);
}

// Only what is far away is worth to be fetched ahead.
static struct ahead *make_ahead(const struct options *o, const struct stack *stack, const uint8_t ino_key[16])
{
    if (stack->s3_root == NULL || (o->has_ahead_bytes && o->ahead_bytes == 0)) {
        return NULL;
    }
    struct ahead_conf conf = {.client = stack->client, .staging = stack->staging, .max_bytes = o->ahead_bytes};
    memcpy(conf.ino_key, ino_key, sizeof(conf.ino_key));
    return ahead_new(&conf);
}

static struct serve *make_serve(const struct options *o, const struct stack *stack, const struct tattr *root)
{
    struct serve_conf conf = {
        .tree = stack->tree,
        .batch = stack->batch != NULL ? stack_batch_source(stack->batch) : NULL,
        .uid = o->has_uid ? (uid_t)o->uid : getuid(),
        .gid = o->has_gid ? (gid_t)o->gid : getgid(),
        .read_only = o->read_only,
        .ttl_ms = o->ttl_ms,
        .deadline_ms = o->service_timeout_ms > DEADLINE_MS ? o->service_timeout_ms : DEADLINE_MS,
        .root = root,
    };
    char hex[41];
    sha1_hex_of(stack->identity, strlen(stack->identity), hex);
    memcpy(conf.ino_key, hex, sizeof(conf.ino_key));
    conf.ahead = make_ahead(o, stack, conf.ino_key);
    return serve_new(&conf);
}

// Whether all work of a pool ended within the time.
static bool pool_ends(struct pool *pool, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (pool_busy(pool) > 0 && clock_mono_ms() < end) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return pool_busy(pool) == 0;
}

// What the threads of a mount use. It outlives them: when some hang in the storage the process ends
// without freeing it.
struct mount {
    const struct options *options; // borrowed
    struct stack stack;
    struct ctl ctl;
    struct daemon daemon;
    char *path;                    // where it is mounted
    bool stuck;
};

static errc serve_mount(struct mount *m, enum exit_code *code, struct err *err)
{
    struct tattr root;
    struct fuse_session *se;
    *code = stack_unread(&m->stack);
    errc e = look_at_root(m->stack.tree, &root, err);
    if (e) {
        return e;
    }
    *code = EXIT_OTHER;
    struct serve *serve = m->ctl.serve = make_serve(m->options, &m->stack, &root);
    if (serve == NULL) {
        return err_set(err, ERR_NO_MEMORY, "there are no threads or memory to start with");
    }
    *code = EXIT_FUSE;
    e = session_mount(m->options, stack_source(&m->stack), m->path, serve, &se, err);
    if (e) {
        serve_free(serve, END_MS);
        return e;
    }
    if (chdir("/") != 0) {
        log_warn("mount", "cannot leave the working directory");
    }
    *code = session_run(se, serve, &m->daemon) ? EXIT_OK : EXIT_OTHER;
    engine_abort(serve->engine);
    // Unmounting closes the device, which an answer that is on its way is still written to.
    (void)pool_ends(engine_pool(serve->engine), ANSWER_MS);
    fuse_session_unmount(se);
    m->stuck = !serve_free(serve, END_MS);
    if (!m->stuck) {
        fuse_session_destroy(se);
    }
    return *code == EXIT_OK ? ERR_OK : err_set(err, ERR_IO, "the mount ended with an error: see the log");
}

// The daemon: everything with threads.
static int run_daemon(struct mount *m)
{
    struct err err = ERR_INIT;
    enum exit_code code = EXIT_OTHER;
    session_block_signals();
    ctl_init(&m->ctl, m->options, &m->stack);
    m->ctl.mountpoint = m->path;
    errc e = log_open(m->options->log_file, m->options->log_level, &err);
    if (!e) {
        e = stack_build(&m->stack, m->options, &m->ctl.source, &code, &err);
    }
    if (!e) {
        code = EXIT_DATASTORE;
        e = stack_s3_start(&m->stack, START_MS, &err);
    }
    if (!e) {
        e = serve_mount(m, &code, &err);
    }
    if (e) {
        fail(code, &err);
    }
    daemon_tell(&m->daemon, e ? (int)code : EXIT_OK); // does nothing when it was told before
    m->stuck = m->stuck || (m->stack.producers != NULL && !pool_ends(m->stack.producers, END_MS));
    if (m->stuck) {
        log_warn("mount", "requests are stuck in the storage: leaving without them");
    } else {
        log_close();
    }
    return e ? (int)code : EXIT_OK;
}

static void warn_first(const struct options *o, const char *mountpoint)
{
    if (o->allow_other) {
        fprintf(stderr, "metaflowfs: warning: with allow_other every user of this machine can read what this "
                        "mount shows\n");
    }
    DIR *dir = opendir(mountpoint);
    unsigned entries = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this DIR
    while (dir != NULL && entries < 3 && readdir(dir) != NULL) {
        entries++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (entries == 3) {
        fprintf(stderr, "metaflowfs: warning: %s is not empty; what is in it is hidden while it is mounted\n",
                mountpoint);
    }
}

// All that is in S3 is staged; of a datastore on this machine what is small is not.
static errc check_staging(const struct stack *s, enum exit_code *code, struct err *err)
{
    errc e = staging_check(s->tempdir, err);
    if (e && s->s3_root != NULL) {
        *code = EXIT_CONFIG;
        return e;
    }
    if (e) {
        fprintf(stderr, "metaflowfs: warning: %s\n", err->cause);
    }
    return ERR_OK;
}

static errc find_all(struct mount *m, enum exit_code *code, struct err *err)
{
    auto_free char *cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        return err_set_errno(err, errno, "the working directory");
    }
    errc e = stack_find(&m->stack, m->options, cwd, code, err);
    if (!e) {
        e = mountpoint_check(m->options, &m->stack, &m->path, code, err);
    }
    e = e ? e : check_staging(&m->stack, code, err);
    return e ? e : fuse_check(m->options, code, err);
}

int mount_run(const struct options *o)
{
    struct err err = ERR_INIT;
    enum exit_code code = EXIT_OTHER;
    struct mount *m = mem_zalloc(sizeof(*m));
    m->options = o;
    // Of several arenas each would grow to what the client remembers: one thread frees what another remembered, and
    // what is free in one arena serves no thread of another. NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
    mallopt(M_ARENA_MAX, 1);
    int result;
    if (find_all(m, &code, &err)) {
        result = fail(code, &err);
    } else {
        warn_first(o, m->path);
        int parent = daemon_start(&m->daemon, o->foreground);
        result = parent > 0 ? parent - 1 : EXIT_OTHER;
        if (parent == 0) {
            result = run_daemon(m);
        } else if (parent < 0) {
            fputs("metaflowfs: cannot start another process\n", stderr);
        }
    }
    if (!m->stuck) {
        stack_free(&m->stack);
        free(m->path);
        free(m);
    }
    return result;
}
