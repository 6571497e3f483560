#include "fs/get.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "fs/cli_args.h"
#include "fs/cli_signals.h"
#include "fs/get_i.h"
#include "fs/stack_s3.h"

#define JOBS_DEFAULT 32
#define UNREACHED_MAX 8
#define CHECK_MS 10000

static const char get_usage[] =
    "usage: metaflowfs get [options] PATHSPEC DIR\n"
    "Copies what is in FLOW[/RUN[/STEP[/TASK[/NAME]]]] to files below DIR, many at once. Dot names of a mount are\n"
    "followed: HelloFlow/.latest. Where DIR exists, the copy is DIR/NAME, named after what is copied, else DIR is the\n"
    "copy itself, as cp -r has it. A copy that was interrupted goes on where it was when it is asked for again.\n"
    "  --raw          artifacts as they are stored (pickles) instead of in their natural form\n"
    "  --logs         also the logs of each task, as .stdout and .stderr\n"
    "  --overwrite    replace files that are there already and that no earlier copy made\n"
    "  --jobs N       how many files are copied at once (default: 32)\n"
    "  --quiet        no progress and no closing line\n"
    "Other options are those of a mount, such as --datastore-root DIR (metaflowfs --help lists them).\n";

// --- failures ---------------------------------------------------------------------------------------

static void stop(struct get *g)
{
    atomic_store(&g->cancel.set, true);
    atomic_store(&g->checking.set, true);
    get_queue_stop(&g->queue);
}

void get_fatal(struct get *g, const char *where, const struct err *err)
{
    pthread_mutex_lock(&g->lock);
    if (g->fatal.code == ERR_OK) {
        g->fatal = *err;
        g->fatal_at = mem_strdup(where);
    }
    pthread_mutex_unlock(&g->lock);
    stop(g);
}

// Whether what could not be reached may be there for what is left. S3 is asked, now and then; *err is then its answer.
static bool may_go_on(struct get *g, unsigned failures, struct err *err)
{
    if (g->stack.s3_root == NULL) {
        return failures < UNREACHED_MAX;
    }
    g->checking.deadline_ms = clock_mono_ms() + CHECK_MS;
    return failures % UNREACHED_MAX != 1 || stack_s3_check(&g->stack, &g->checking, err) == ERR_OK;
}

// A value has no such form or is too large for it, or a file is in the way: that is so next time, too.
static bool is_for_good(errc code)
{
    return code == ERR_NO_FORM || code == ERR_LIMIT || code == ERR_EXISTS;
}

void get_fail(struct get *g, const struct get_item *item, const struct err *err)
{
    auto_free char *path = get_item_path(item);
    struct err cause = *err;
    pthread_mutex_lock(&g->failing); // those that fail meanwhile wait for what is decided
    bool unreached = err->code == ERR_UNREACHABLE || (err->code == ERR_DENIED && g->stack.s3_root != NULL);
    if (atomic_load(&g->cancel.set)) {
        // What failed because everything was stopped is done by the next run.
    } else if (item->is_dir && err->code == ERR_NO_SPACE) {
        get_fatal(g, path, err);
    } else if (unreached && !may_go_on(g, atomic_fetch_add(&g->unreached, 1) + 1, &cause)) {
        atomic_store(&g->was_unreached, true);
        get_fatal(g, g->pathspec, &cause);
    } else {
        atomic_store(&g->was_unreached, unreached || atomic_load(&g->was_unreached));
        atomic_fetch_sub(&g->bytes_known, item->is_dir ? 0 : item->size);
        atomic_fetch_add(item->is_dir ? &g->failed_dirs : &g->failed, 1);
        atomic_fetch_add(&g->failed_for_good, !item->is_dir && is_for_good(err->code) ? 1 : 0);
        get_say(g, "%s: %s", path[0] != '\0' ? path : g->pathspec, err->cause);
    }
    pthread_mutex_unlock(&g->failing);
}

// --- workers ----------------------------------------------------------------------------------------

static void run_item(struct get *g, struct get_item *item, char *chunk)
{
    struct err err = ERR_INIT;
    errc e = item->is_dir ? get_list(g, item, &err) : get_copy(g, item, chunk, &err);
    if (e == ERR_NO_SPACE && !item->is_dir && !item->alone && !atomic_load(&g->cancel.set)) {
        // The staging area was full of what others are copying: once more when nobody does.
        item->alone = true;
        get_queue_add(&g->queue, item);
        get_queue_done(&g->queue, item);
        return;
    }
    if (e == ERR_TOO_MANY && !item->begun && !atomic_load(&g->cancel.set) && get_queue_crowded(&g->queue, item)) {
        return;
    }
    if (e) {
        get_fail(g, item, &err);
    } else if (g->stack.s3_root == NULL) {
        atomic_store(&g->unreached, 0);
    }
    if (!item->is_dir) {
        atomic_fetch_add(&g->files, 1);
    }
    get_queue_done(&g->queue, item);
    get_item_free(item);
}

static void worker_ends(struct get *g)
{
    uint64_t one = 1;
    if (atomic_fetch_sub(&g->workers, 1) == 1) {
        (void)!write(g->done_fd, &one, sizeof(one)); // an eventfd of 0 takes it
    }
}

static void work(void *arg)
{
    struct get *g = arg;
    auto_free char *chunk = mem_zalloc(GET_CHUNK);
    for (struct get_item *item; (item = get_queue_take(&g->queue)) != NULL;) {
        run_item(g, item, chunk);
    }
    worker_ends(g);
}

// The first worker finds out what is to be done, and has the others begin.
static void work_first(void *arg)
{
    struct get *g = arg;
    struct err err = ERR_INIT;
    errc e = get_start(g, &err);
    if (e && !atomic_load(&g->cancel.set)) {
        get_fatal(g, g->pathspec, &err);
    }
    work(g);
}

static errc start_workers(struct get *g, struct pool *pool, struct err *err)
{
    atomic_store(&g->workers, 1);
    errc e = pool_run(pool, work_first, g, err);
    for (unsigned i = 1; !e && i < g->jobs; i++) {
        struct err ignored = ERR_INIT;
        atomic_fetch_add(&g->workers, 1);
        if (pool_run(pool, work, g, &ignored)) {
            atomic_fetch_sub(&g->workers, 1); // fewer threads do, too
            break;
        }
    }
    return e;
}

// --- main's thread ----------------------------------------------------------------------------------

struct signals {
    sigset_t mine, before;
    int fd, got; // got: the first one, or 0
};

static void signals_block(struct signals *s)
{
    *s = (struct signals){.fd = -1};
    cli_signals_wanted(&s->mine);
    sigset_t blocked = s->mine;
    sigaddset(&blocked, SIGPIPE); // of the closing line: it ends the process when all is cleaned up
    pthread_sigmask(SIG_BLOCK, &blocked, &s->before);
    s->fd = signalfd(-1, &s->mine, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void signals_restore(struct signals *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

static void take_signal(struct get *g, struct signals *s)
{
    struct signalfd_siginfo info;
    if (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        s->got = (int)info.ssi_signo;
        stop(g);
        signals_restore(s); // a second one ends the process as it always does
    }
}

static void watch(struct get *g, struct signals *s)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = g->done_fd, .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};
        int n = poll(fds, 2, g->report.terminal ? 100 : -1);
        if (n < 0 && errno != EINTR) {
            return;
        }
        if (n > 0 && fds[1].revents != 0) {
            take_signal(g, s);
        }
        if (n > 0 && fds[0].revents != 0) {
            return;
        }
        if (s->got == 0) {
            get_report_draw(g);
        }
    }
}

// What is in a directory that could not be listed is not known: it is counted for itself.
static void say_failed(struct get *g, unsigned long long failed, unsigned long long dirs)
{
    unsigned long long files = atomic_load(&g->files_known), for_good = atomic_load(&g->failed_for_good);
    const char *several = dirs == 1 ? "directory" : "directories";
    if (failed == 0) {
        get_say(g, "%llu %s failed: the same command tries again", dirs, several);
    } else if (dirs == 0 && for_good == failed) {
        get_say(g, "%llu of %llu failed, and will again: each has its cause above", failed, files);
    } else if (dirs == 0 && for_good > 0) {
        get_say(g, "%llu of %llu failed: the same command tries them again, %llu of them in vain (see above)", failed,
                files, for_good);
    } else if (dirs == 0) {
        get_say(g, "%llu of %llu failed: the same command tries them again", failed, files);
    } else {
        get_say(g, "%llu of %llu files and %llu %s failed: the same command tries them again", failed, files, dirs,
                several);
    }
}

static int tell_end(struct get *g, int signal)
{
    unsigned long long failed = atomic_load(&g->failed), dirs = atomic_load(&g->failed_dirs);
    get_report_clear(g);
    if (signal != 0) {
        get_say(g, "interrupted: the same command goes on where this one was");
        return 128 + signal;
    }
    if (g->fatal.code != ERR_OK) {
        bool begun = g->state != NULL && g->fatal.code == ERR_NO_SPACE;
        get_say(g, "%s: %s%s", g->fatal_at, g->fatal.cause,
                begun ? "; what was copied stays, and the same command goes on from there" : "");
        bool unreached = g->fatal.code == ERR_UNREACHABLE || atomic_load(&g->was_unreached);
        return unreached ? (int)stack_unreached(&g->stack) : EXIT_OTHER;
    }
    get_report_end(g);
    if (fflush(stdout) != 0) {
        return EXIT_OTHER;
    }
    if (failed + dirs > 0) {
        say_failed(g, failed, dirs);
    }
    return failed + dirs == 0 ? EXIT_OK : atomic_load(&g->was_unreached) ? (int)stack_unreached(&g->stack) : EXIT_OTHER;
}

static int run(struct get *g, struct signals *s)
{
    struct err err = ERR_INIT;
    struct pool_conf conf = {.max_threads = g->jobs, .idle_ms = 1000, .name = "mf-get"};
    g->done_fd = eventfd(0, EFD_CLOEXEC);
    if (g->done_fd < 0 || s->fd < 0) {
        fprintf(stderr, "metaflowfs: cannot begin: %s\n", strerror(errno));
        return EXIT_OTHER;
    }
    struct pool *pool = pool_new(&conf);
    errc e = start_workers(g, pool, &err);
    if (!e) {
        watch(g, s);
    }
    pool_free(pool);
    close(g->done_fd);
    if (e) {
        fprintf(stderr, "metaflowfs: %s\n", err.cause);
        return EXIT_OTHER;
    }
    return tell_end(g, s->got);
}

static int run_stack(struct get *g, const struct options *o, bool quiet)
{
    struct signals signals;
    signals_block(&signals); // before there are threads, which inherit it
    struct err err = ERR_INIT;
    // Between the lines of progress only what was asked for is logged.
    if (log_open(o->log_file, o->has_log_level || o->log_file != NULL ? o->log_level : LOG_LEVEL_ERROR, &err)) {
        fprintf(stderr, "metaflowfs: %s\n", err.cause);
        signals_restore(&signals);
        return EXIT_OTHER;
    }
    int code = cli_stack(&g->stack, o);
    if (code == EXIT_OK) {
        get_queue_init(&g->queue, g->jobs);
        get_report_init(&g->report, quiet);
        pthread_mutex_init(&g->lock, NULL);
        pthread_mutex_init(&g->failing, NULL);
        code = run(g, &signals);
        get_queue_free(&g->queue);
        get_report_free(&g->report);
        pthread_mutex_destroy(&g->lock);
        pthread_mutex_destroy(&g->failing);
        get_state_free(g->state);
        free(g->fatal_at);
    }
    stack_free(&g->stack);
    log_close();
    signals_restore(&signals);
    return code;
}

// --- the command line -------------------------------------------------------------------------------

static errc take_jobs(struct get *g, const char *text, struct err *err)
{
    g->jobs = JOBS_DEFAULT;
    if (text == NULL) {
        return ERR_OK;
    }
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 || n > GET_JOBS_MAX) {
        return err_set(err, ERR_INVALID, "option --jobs: \"%s\" is not a number from 1 to %d", text, GET_JOBS_MAX);
    }
    g->jobs = (unsigned)n;
    return ERR_OK;
}

static errc take_paths(struct get *g, const struct strv *paths, struct err *err)
{
    if (paths->len != 2) {
        return err_set(err, ERR_INVALID,
                       paths->len < 2 ? "what should be copied, and where to? metaflowfs get PATHSPEC DIR"
                                      : "only one PATHSPEC is copied at a time: metaflowfs get PATHSPEC DIR");
    }
    g->pathspec = paths->items[0];
    g->dir = paths->items[1];
    if (g->pathspec[0] == '\0') {
        return err_set(err, ERR_INVALID, "\"\" is no PATHSPEC: FLOW[/RUN[/STEP[/TASK[/NAME]]]], or / for everything");
    }
    if (g->dir[0] == '\0') {
        return err_set(err, ERR_INVALID, "\"\" is not a directory: . is the one that you are in");
    }
    return ERR_OK;
}

int get_run(int argc, char *const *argv)
{
    struct get *g = mem_zalloc(sizeof(*g));
    bool quiet = false;
    const char *jobs = NULL;
    const struct cli_own own[] = {{"--raw", &g->raw, NULL},     {"--logs", &g->logs, NULL},
                                  {"--quiet", &quiet, NULL},    {"--overwrite", &g->overwrite, NULL},
                                  {"--jobs", NULL, &jobs},      {0}};
    struct cli_args args;
    struct options o = {0};
    struct err err = ERR_INIT;
    int code = EXIT_USAGE;
    errc e = cli_args_sort(argc, argv, own, &args, &err);
    if (!e) {
        e = options_parse((int)args.options.len, args.options.items, &o, &err);
    }
    if (!e && o.help) {
        fputs(get_usage, stdout);
        code = EXIT_OK;
    } else if (e || take_jobs(g, jobs, &err) || take_paths(g, &args.paths, &err)) {
        fprintf(stderr, "metaflowfs: %s\n%s", err.cause, get_usage);
    } else {
        o.list_dots = false; // they lead to the same things again
        code = run_stack(g, &o, quiet);
    }
    options_free(&o);
    cli_args_free(&args);
    free(g);
    return code;
}
