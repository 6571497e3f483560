#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 4096

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = STDERR_FILENO; // under log_lock
static atomic_int log_level_now = LOG_LEVEL_WARN;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_marks[] = {"ERROR", "WARN", "INFO", "DEBUG"};

errc log_open(const char *path, enum log_level level, struct err *err)
{
    int fd = STDERR_FILENO;
    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
            return err_set_errno(err, errno, "cannot open the log file %s", path);
    }
    log_close();
    pthread_mutex_lock(&log_lock);
    log_fd = fd;
    pthread_mutex_unlock(&log_lock);
    atomic_store(&log_level_now, (int)level);
    return ERR_OK;
}

void log_close(void)
{
    pthread_mutex_lock(&log_lock);
    if (log_fd > STDERR_FILENO)
        close(log_fd);
    log_fd = STDERR_FILENO;
    pthread_mutex_unlock(&log_lock);
}

errc log_level_parse(const char *text, enum log_level *ret_level, struct err *err)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return ERR_OK;
        }
    }
    return err_set(err, ERR_INVALID, "\"%s\" is no log level: give error, warn, info or debug", text);
}

// Control characters become "\xNN", so that no text from outside can forge a line.
static size_t log_escape(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 4 < room; p++) {
        if (*p >= 0x20 && *p != 0x7f) {
            out[n++] = (char)*p;
        } else {
            static const char digits[] = "0123456789abcdef";
            memcpy(out + n, "\\x", 2);
            out[n + 2] = digits[*p >> 4];
            out[n + 3] = digits[*p & 15];
            n += 4;
        }
    }
    return n;
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&log_level_now, memory_order_relaxed))
        return;
    char text[LINE_MAX_BYTES - 128], line[LINE_MAX_BYTES], when[28];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    clock_iso8601(clock_wall_ms(), when, sizeof when);
    size_t n = (size_t)snprintf(line, sizeof line, "%s %s %.32s: ", when, level_marks[level], module);
    n += log_escape(line + n, sizeof line - n - 1, text);
    line[n++] = '\n';
    int saved = errno;
    pthread_mutex_lock(&log_lock);
    for (size_t done = 0; done < n;) {
        ssize_t put = write(log_fd, line + done, n - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    pthread_mutex_unlock(&log_lock);
    errno = saved;
}
