// What a copy tells: a line on the terminal while it runs, its failures, and its end.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "fs/get_i.h"

#define DRAW_MS 100
#define RATE_MS 3000 // over how long the rate is taken

void get_report_init(struct get_report *r, bool quiet)
{
    *r = (struct get_report){.quiet = quiet, .terminal = !quiet && isatty(STDERR_FILENO), .start_ms = clock_mono_ms()};
    pthread_mutex_init(&r->lock, NULL);
}

void get_report_free(struct get_report *r)
{
    pthread_mutex_destroy(&r->lock);
}

static unsigned terminal_width(void)
{
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// With the lock. Spaces and carriage returns are all that it takes; every terminal knows them.
static void clear(struct get_report *r)
{
    if (r->shown > 0) {
        fprintf(stderr, "\r%*s\r", (int)r->shown, "");
        r->shown = 0;
    }
}

static uint64_t rate_now(struct get_report *r, int64_t now, uint64_t bytes)
{
    const unsigned size = sizeof(r->seen) / sizeof(r->seen[0]);
    int64_t since = r->start_ms;
    uint64_t before = 0;
    // The oldest that is still within the time, or else the newest.
    for (unsigned i = r->n_seen > size ? r->n_seen - size : 0; i < r->n_seen; i++) {
        since = r->seen[i % size].ms;
        before = r->seen[i % size].bytes;
        if (now - since <= RATE_MS) {
            break;
        }
    }
    r->seen[r->n_seen % size].ms = now;
    r->seen[r->n_seen++ % size].bytes = bytes;
    return now > since && bytes > before ? (bytes - before) * 1000 / (uint64_t)(now - since) : 0;
}

void get_report_draw(struct get *g)
{
    struct get_report *r = &g->report;
    char line[PROGRESS_WIDTH_MAX + 1];
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&r->lock);
    if (r->terminal && now - r->drawn_ms >= DRAW_MS) {
        struct progress p = {
            .bytes = atomic_load(&g->bytes),
            .bytes_known = atomic_load(&g->bytes_known),
            .files = atomic_load(&g->files),
            .files_known = atomic_load(&g->files_known),
            .walked = get_queue_is_walked(&g->queue),
        };
        p.rate = rate_now(r, now, p.bytes);
        unsigned width = terminal_width();
        size_t len = progress_line(&p, width, line), old = r->shown < width ? r->shown : width - 1;
        fprintf(stderr, "\r%s%*s", line, old > len ? (int)(old - len) : 0, "");
        fflush(stderr);
        r->shown = len > old ? len : old;
        r->drawn_ms = now;
    }
    pthread_mutex_unlock(&r->lock);
}

void get_report_clear(struct get *g)
{
    pthread_mutex_lock(&g->report.lock);
    clear(&g->report);
    fflush(stderr);
    pthread_mutex_unlock(&g->report.lock);
}

void get_say(struct get *g, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&g->report.lock);
    clear(&g->report);
    fputs("metaflowfs: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    fflush(stderr);
    pthread_mutex_unlock(&g->report.lock);
    va_end(args);
}

void get_report_end(struct get *g)
{
    char text[256];
    struct progress_end end = {
        .files = atomic_load(&g->copied),
        .bytes = atomic_load(&g->bytes_copied),
        .there = atomic_load(&g->there),
        .links = atomic_load(&g->links),
        .ms = clock_mono_ms() - g->report.start_ms,
    };
    if (!g->report.quiet) {
        progress_end_text(&end, text, sizeof(text));
        puts(text);
    }
}
