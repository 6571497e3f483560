#include "fs/session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fs/fuse_api.h"
#include "fs/mount.h"
#include "fs/parallel_dirops.h"
#include "fs/systemd.h"

#define FRONT_THREADS 16
#define WAKE_SIGNAL SIGUSR2 // takes libfuse's loop out of its wait

static void add_escaped(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ',' || *text == '\\') {
            buf_putc(b, '\\');
        }
        buf_putc(b, *text);
    }
}

static char *mount_options(const struct options *o, const char *source)
{
    struct buf b = {0};
    buf_puts(&b, "-osubtype=metaflowfs,default_permissions,fsname=");
    add_escaped(&b, source);
    buf_puts(&b, o->allow_other ? ",allow_other" : "");
    buf_puts(&b, o->allow_root ? ",allow_root" : "");
    buf_puts(&b, o->read_only ? ",ro" : "");
    buf_puts(&b, o->debug ? ",debug" : "");
    // fusermount3 stays, and unmounts when we end without doing so; it touches nothing but a stale mount.
    buf_puts(&b, !o->no_auto_unmount && program_is_found("fusermount3") ? ",auto_unmount" : "");
    for (size_t i = 0; i < o->mount_flags.len; i++) {
        buf_printf(&b, ",%s", o->mount_flags.items[i]);
    }
    return buf_steal(&b);
}

__attribute__((format(printf, 2, 0))) static void
log_of_libfuse(enum fuse_log_level level, const char *fmt, va_list args)
{
    char text[1024];
    int len = vsnprintf(text, sizeof(text), fmt, args);
    if (len > 0 && (size_t)len < sizeof(text) && text[len - 1] == '\n') {
        text[len - 1] = '\0';
    }
    log_write(level <= FUSE_LOG_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libfuse", "%s", text);
}

errc session_mount(const struct options *o, const char *source, const char *mountpoint, struct serve *serve,
                   struct fuse_session **ret_session, struct err *err)
{
    auto_free char *options = mount_options(o, source);
    char name[] = "metaflowfs";
    char *argv[] = {name, options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    struct fuse_session *se = fuse_session_new(&args, &serve_ops, sizeof(serve_ops), serve);
    fuse_opt_free_args(&args);
    if (se == NULL) {
        return err_set(err, ERR_INVALID, "libfuse refused the mount options %s", options);
    }
    serve->se = se;
    if (fuse_session_mount(se, mountpoint) != 0) {
        fuse_session_destroy(se);
        return err_set(err, ERR_NOT_PERMITTED,
                       "mounting at %s is not permitted or failed (see the line above). In a container it needs "
                       "--device /dev/fuse --cap-add SYS_ADMIN; `metaflowfs ls` and `metaflowfs cat` work without",
                       mountpoint);
    }
    fuse_set_log_func(log_of_libfuse);
    errc e = parallel_dirops_enable(se, err);
    if (e) {
        fuse_session_unmount(se);
        fuse_session_destroy(se);
        return e;
    }
    *ret_session = se;
    return ERR_OK;
}

static ssize_t write_message(int fd, struct iovec *iov, int count, void *userdata)
{
    (void)userdata;
    return writev(fd, iov, count);
}

static ssize_t read_message(int fd, void *buf, size_t len, void *userdata)
{
    (void)userdata;
    ssize_t got = read(fd, buf, len);
    if (got == 0) {
        errno = ENODEV; // the other end is gone: what an unmount is to a mount
        return -1;
    }
    return got;
}

errc session_on_fd(int fd, struct serve *serve, struct fuse_session **ret_session, struct err *err)
{
    static const struct fuse_custom_io io = {.writev = write_message, .read = read_message};
    char name[] = "metaflowfs";
    char *argv[] = {name, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_session *se = fuse_session_new(&args, &serve_ops, sizeof(serve_ops), serve);
    fuse_opt_free_args(&args);
    if (se == NULL || fuse_session_custom_io(se, &io, fd) != 0) {
        return err_set(err, ERR_INVALID, "libfuse refused the session");
    }
    serve->se = se;
    *ret_session = se;
    return ERR_OK;
}

void session_free(struct fuse_session *se)
{
    fuse_session_destroy(se);
}

// --- signals --------------------------------------------------------------------------------------

struct watch {
    struct fuse_session *se;
    struct serve *serve;
    struct daemon *daemon;
    pthread_t loop;          // thread that runs libfuse's loop
    atomic_bool loop_ended;
};

static void wanted_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void nothing(int number)
{
    (void)number;
}

void session_block_signals(void)
{
    sigset_t set;
    wanted_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, wake = {.sa_handler = nothing};
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(WAKE_SIGNAL, &wake, NULL); // no SA_RESTART: it must interrupt
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static void end_loop(struct watch *w)
{
    fuse_session_exit(w->se);
    while (!atomic_load(&w->loop_ended)) {
        pthread_kill(w->loop, WAKE_SIGNAL);
        pause_ms(20);
    }
}

static void forget_everything(struct serve *s)
{
    struct err err = ERR_INIT;
    log_info("mount", "SIGHUP: everything that was remembered is asked for again");
    if (tree_refresh(s->tree, "/", &err) != ERR_OK) {
        log_warn("mount", "%s", err.cause);
    }
}

static void *watch_thread(void *arg)
{
    struct watch *w = arg;
    pthread_setname_np(pthread_self(), "mf-signals");
    while (!atomic_load(&w->serve->started) && !atomic_load(&w->loop_ended)) {
        pause_ms(1);
    }
    if (atomic_load(&w->serve->started)) {
        daemon_tell(w->daemon, 0);
    }
    sigset_t set;
    wanted_signals(&set);
    while (!atomic_load(&w->loop_ended)) {
        int number = sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 3600});
        if (number <= 0 || atomic_load(&w->loop_ended)) {
            continue;
        }
        if (number == SIGHUP) {
            forget_everything(w->serve);
        } else {
            end_loop(w);
        }
    }
    return NULL;
}

bool session_run(struct fuse_session *se, struct serve *serve, struct daemon *d)
{
    struct watch w = {.se = se, .serve = serve, .daemon = d, .loop = pthread_self()};
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    pthread_t thread;
    if (config == NULL || pthread_create(&thread, NULL, watch_thread, &w) != 0) {
        fuse_loop_cfg_destroy(config);
        return false;
    }
    fuse_loop_cfg_set_clone_fd(config, 0);
    fuse_loop_cfg_set_max_threads(config, FRONT_THREADS);
    fuse_loop_cfg_set_idle_threads(config, FRONT_THREADS);
    int failed = fuse_session_loop_mt(se, config);
    systemd_tell("STOPPING=1");
    atomic_store(&w.loop_ended, true);
    fuse_loop_cfg_destroy(config);
    pthread_kill(thread, SIGHUP); // out of its wait
    pthread_join(thread, NULL);
    if (failed != 0) {
        struct err err = ERR_INIT;
        err_set_errno(&err, failed < 0 ? -failed : failed, "libfuse's loop ended");
        log_error("mount", "%s", err.cause);
    }
    return failed == 0;
}
