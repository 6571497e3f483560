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

#define START_MS 30000 // for the first listing
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

static struct serve *make_serve(const struct options *o, const struct stack *stack, const struct tattr *root)
{
    struct serve_conf conf = {
        .tree = stack->tree,
        .uid = o->has_uid ? (uid_t)o->uid : getuid(),
        .gid = o->has_gid ? (gid_t)o->gid : getgid(),
        .read_only = o->read_only,
        .ttl_ms = o->ttl_ms,
        .root = root,
    };
    char hex[41];
    sha1_hex_of(stack->root, strlen(stack->root), hex);
    memcpy(conf.ino_key, hex, sizeof(conf.ino_key));
    return serve_new(&conf);
}

static bool producers_end(struct pool *producers)
{
    int64_t end = clock_mono_ms() + END_MS;
    while (pool_busy(producers) > 0 && clock_mono_ms() < end) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return pool_busy(producers) == 0;
}

// Work that hangs in the storage cannot be waited for: the mount is gone, and so is the process.
static void leave_stuck(int code)
{
    log_warn("mount", "requests are stuck in the storage: leaving without them");
    _exit(code);
}

static int serve_mount(struct ctl *ctl, struct stack *stack, struct daemon *d, enum exit_code *code,
                       struct err *err)
{
    struct tattr root;
    struct fuse_session *se;
    *code = EXIT_DATASTORE;
    errc e = look_at_root(stack->tree, &root, err);
    if (e) {
        return e;
    }
    *code = EXIT_OTHER;
    ctl->serve = make_serve(ctl->options, stack, &root);
    if (ctl->serve == NULL) {
        return err_set(err, ERR_NO_MEMORY, "there are no threads or memory to start with");
    }
    *code = EXIT_FUSE;
    e = session_mount(ctl->options, stack->root, ctl->mountpoint, ctl->serve, &se, err);
    if (e) {
        serve_free(ctl->serve, END_MS);
        return e;
    }
    if (chdir("/") != 0) {
        log_warn("mount", "cannot leave the working directory: %s", strerror(errno));
    }
    *code = session_run(se, ctl->serve, d) ? EXIT_OK : EXIT_OTHER;
    engine_abort(ctl->serve->engine);
    fuse_session_unmount(se);
    if (!serve_free(ctl->serve, END_MS)) {
        leave_stuck(*code);
    }
    fuse_session_destroy(se);
    return *code == EXIT_OK ? ERR_OK : err_set(err, ERR_IO, "the mount ended with an error: see the log");
}

// The daemon: everything with threads.
static int run_daemon(const struct options *o, struct stack *stack, char *mountpoint, struct daemon *d)
{
    struct err err = ERR_INIT;
    struct ctl ctl;
    enum exit_code code = EXIT_OTHER;
    session_block_signals();
    ctl_init(&ctl, o, stack);
    ctl.mountpoint = mountpoint;
    errc e = log_open(o->log_file, o->log_level, &err);
    if (!e) {
        e = stack_build(stack, o, &ctl.source, &err);
    }
    if (!e) {
        e = serve_mount(&ctl, stack, d, &code, &err);
    }
    if (e) {
        fail(code, &err);
    }
    daemon_tell(d, e ? (int)code : EXIT_OK); // does nothing when it was told before
    if (stack->producers != NULL && !producers_end(stack->producers)) {
        leave_stuck(e ? (int)code : EXIT_OK);
    }
    log_close();
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

int mount_run(const struct options *o)
{
    struct stack stack = {0};
    struct err err = ERR_INIT;
    struct daemon d;
    enum exit_code code = EXIT_OTHER;
    auto_free char *cwd = getcwd(NULL, 0);
    auto_free char *mountpoint = NULL;
    mallopt(M_ARENA_MAX, 2); // many threads that allocate little
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    errc e = cwd == NULL ? err_set_errno(&err, errno, "the working directory") : ERR_OK;
    if (!e) {
        e = stack_find(&stack, o, cwd, &code, &err);
    }
    if (!e) {
        e = mountpoint_check(o, &stack, &mountpoint, &code, &err);
    }
    if (!e) {
        e = fuse_check(o, &code, &err);
    }
    if (e) {
        stack_free(&stack);
        return fail(code, &err);
    }
    warn_first(o, mountpoint);
    int parent = daemon_start(&d, o->foreground);
    int result = parent > 0 ? parent - 1 : EXIT_OTHER;
    if (parent == 0) {
        result = run_daemon(o, &stack, mountpoint, &d);
    } else if (parent < 0) {
        fprintf(stderr, "metaflowfs: cannot start another process: %s\n", strerror(errno));
    }
    stack_free(&stack);
    return result;
}
