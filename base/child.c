#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/child_i.h"
#include "base/clock.h"
#include "base/mem.h"

#define WAIT_SLICE_MS 50
#define KEPT_STDERR (16 * 1024)
#define LAST_LINE_BYTES 200
#define PIECES_AT_ONCE 64 // then the deadline is looked at, however fast it writes

struct child {
    struct child_process process;
    int out, err;      // our ends of its pipes; -1 when they have ended
    size_t max_out;
    bool over;
    struct buf errors; // the end of its standard error
};

void child_result_free(struct child_result *r)
{
    buf_wipe(&r->out);
    buf_free(&r->last_words);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

// A pipe whose ends are none of the standard three: dup2 onto itself would leave it closed in the program.
static int open_pipe(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0) {
        return errno;
    }
    ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
    ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
    int bad = ends[0] < 0 || ends[1] < 0 ? EMFILE : 0;
    close(low[0]);
    close(low[1]);
    if (!bad) {
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        return 0;
    }
    close_fd(&ends[0]);
    close_fd(&ends[1]);
    return bad;
}

static int start(struct child *c, const struct strv *words)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1};
    auto_free char **argv = mem_zalloc((words->len + 1) * sizeof(*argv));
    for (size_t i = 0; i < words->len; i++) {
        argv[i] = words->items[i];
    }
    int bad = open_pipe(out);
    bad = bad ? bad : open_pipe(errors);
    bad = bad ? bad : child_process_start(&c->process, argv, out[1], errors[1]);
    close_fd(&out[1]);
    close_fd(&errors[1]);
    c->out = out[0];
    c->err = errors[0];
    if (bad) {
        close_fd(&c->out);
        close_fd(&c->err);
    }
    return bad;
}

// Takes what is there; closes the end of a pipe that has ended.
static void drain(struct child *c, int *fd, struct buf *into, size_t max)
{
    char piece[4096];
    for (int i = 0; i < PIECES_AT_ONCE && *fd >= 0; i++) {
        ssize_t got = read(*fd, piece, sizeof(piece));
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (got <= 0) {
            close_fd(fd);
            break;
        }
        if (into == &c->errors && into->len + (size_t)got > max) {
            size_t half = into->len / 2;
            memmove(into->data, into->data + half, into->len - half);
            into->len -= half;
        }
        c->over = c->over || (into != &c->errors && into->len + (size_t)got > max);
        if (!c->over) {
            buf_put(into, piece, (size_t)got);
        }
        if (c->over) {
            break;
        }
    }
    explicit_bzero(piece, sizeof(piece));
}

static void wait_a_moment(const struct child *c, int ms)
{
    struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};
    poll(fds, 2, ms);
}

// Until it has ended, not until its pipes are closed: something that it left behind may hold them open.
static errc follow(struct child *c, unsigned timeout_ms, struct cancel *cancel, struct child_result *r,
                   struct err *err)
{
    int64_t end = clock_mono_ms() + timeout_ms;
    for (int idle = 1;;) {
        enum child_state state = child_process_look(&c->process, &r->exit_code);
        drain(c, &c->out, &r->out, c->max_out);
        drain(c, &c->err, &c->errors, KEPT_STDERR);
        if (c->over) {
            return err_set(err, ERR_LIMIT, "it wrote more than %zu bytes", c->max_out);
        }
        if (state == CHILD_ENDED) {
            return ERR_OK;
        }
        if (state == CHILD_WAITS_FOR_TERMINAL) {
            return err_set(err, ERR_DENIED, "it asks at the terminal, which nothing in the background may: run this in "
                           "the foreground, or configure a program that does not ask");
        }
        errc e = cancel_check(cancel, err);
        if (e) {
            return e;
        }
        if (clock_mono_ms() >= end) {
            return err_set(err, ERR_TIMEOUT, "it did not end within %u ms", timeout_ms);
        }
        // A closed pipe wakes nobody: then look more and more seldom whether it has ended.
        bool is_deaf = c->out < 0 && c->err < 0;
        wait_a_moment(c, is_deaf ? idle : WAIT_SLICE_MS);
        idle = is_deaf && idle < WAIT_SLICE_MS / 2 ? idle * 2 : is_deaf ? WAIT_SLICE_MS : idle;
    }
}

static void take_last_line(const struct buf *errors, struct buf *line)
{
    size_t end = errors->len;
    while (end > 0 && (unsigned char)errors->data[end - 1] <= ' ') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && errors->data[begin - 1] != '\n') {
        begin--;
    }
    for (size_t i = begin; i < end && i - begin < LAST_LINE_BYTES; i++) {
        unsigned char c = (unsigned char)errors->data[i];
        buf_putc(line, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

errc child_run(const struct strv *words, size_t max_out, unsigned timeout_ms, struct cancel *cancel,
               struct child_result *ret, struct err *err)
{
    struct child c = {.process = {.pid = -1}, .out = -1, .err = -1, .max_out = max_out};
    struct child_result r = {.out = {.max = max_out + 4096}};
    if (words->len == 0) {
        return err_set(err, ERR_INVALID, "there is no program to be run");
    }
    int bad = start(&c, words);
    if (bad) {
        return err_set_errno(err, bad, "cannot run %.200s", words->items[0]);
    }
    errc e = follow(&c, timeout_ms, cancel, &r, err);
    child_process_kill(&c.process);
    close_fd(&c.out);
    close_fd(&c.err);
    if (e) {
        child_result_free(&r);
    } else {
        take_last_line(&c.errors, &r.last_words);
        *ret = r;
    }
    buf_wipe(&c.errors);
    return e;
}
