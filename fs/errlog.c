#include "fs/errlog.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/errno_map.h"

struct entry {
    int64_t time_ms;
    errc code;
    const char *op; // constant
    char *path, *cause;
    unsigned repeated;
};

struct errlog {
    pthread_mutex_t lock; // protects all below
    struct entry ring[ERRLOG_MAX];
    size_t next, len;
    unsigned long long total;
};

struct errlog *errlog_new(void)
{
    struct errlog *l = mem_zalloc(sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

static void entry_free(struct entry *e)
{
    free(e->path);
    free(e->cause);
}

void errlog_free(struct errlog *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->len; i++) {
        entry_free(&l->ring[i]);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

// A path or cause may hold bytes from outside: one line stays one line.
static char *one_line(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }
    return copy;
}

static bool same_as_last(struct errlog *l, const char *op, const char *path, const struct err *err)
{
    struct entry *last = &l->ring[(l->next + ERRLOG_MAX - 1) % ERRLOG_MAX];
    if (l->len == 0 || last->code != err->code || last->op != op || strcmp(last->path, path) != 0 ||
        strcmp(last->cause, err->cause) != 0) {
        return false;
    }
    last->repeated++;
    last->time_ms = clock_wall_ms();
    return true;
}

void errlog_add(struct errlog *l, const char *op, const char *path, const struct err *err)
{
    pthread_mutex_lock(&l->lock);
    l->total++;
    if (!same_as_last(l, op, path, err)) {
        struct entry *e = &l->ring[l->next];
        entry_free(e);
        *e = (struct entry){.time_ms = clock_wall_ms(), .code = err->code, .op = op,
                            .path = one_line(path), .cause = one_line(err->cause)};
        l->next = (l->next + 1) % ERRLOG_MAX;
        l->len += l->len < ERRLOG_MAX;
    }
    pthread_mutex_unlock(&l->lock);
}

static void print_entry(const struct entry *e, struct buf *out)
{
    char time[32];
    clock_iso8601(e->time_ms, time, sizeof(time));
    const struct errno_info *info = errno_of(e->code);
    buf_printf(out, "%s %s %s /%s: %s", time, info->name, e->op, e->path,
               e->cause[0] != '\0' ? e->cause : err_name(e->code));
    if (e->repeated > 0) {
        buf_printf(out, " (%u times)", e->repeated + 1);
    }
    buf_printf(out, "; what to do: %s\n", errno_advice(e->code, e->path));
}

void errlog_print(struct errlog *l, struct buf *out)
{
    pthread_mutex_lock(&l->lock);
    size_t first = (l->next + ERRLOG_MAX - l->len) % ERRLOG_MAX;
    for (size_t i = 0; i < l->len; i++) {
        print_entry(&l->ring[(first + i) % ERRLOG_MAX], out);
    }
    pthread_mutex_unlock(&l->lock);
}

unsigned long long errlog_total(struct errlog *l)
{
    pthread_mutex_lock(&l->lock);
    unsigned long long total = l->total;
    pthread_mutex_unlock(&l->lock);
    return total;
}
