#include "fs/get_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define HEADER "metaflowfs-get 1 "
#define STATE_MAX ((size_t)1 << 30)

struct entry {
    const char *path; // in text
    bool done;
    struct get_record record;
};

struct get_state {
    int fd; // -1: of a text alone
    char *shown;
    char *text; // its lines are ended with NULs
    const char *object;
    struct entry *entries; // sorted by path, one a path
    size_t len, cap;
};

// --- reading ----------------------------------------------------------------------------------------

static bool number(const char **text, int base, uint64_t *ret)
{
    const char *p = *text;
    bool hex = base == 16;
    if (!(*p >= '0' && *p <= '9') && !(hex && *p >= 'a' && *p <= 'f')) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long n = strtoull(p, &end, base);
    if (errno != 0 || *end != ' ') {
        return false;
    }
    *text = end + 1;
    *ret = n;
    return true;
}

static bool parse_line(const char *line, struct entry *ret)
{
    uint64_t mtime;
    *ret = (struct entry){0};
    if (strncmp(line, "begun ", 6) == 0) {
        ret->path = line + 6;
    } else if (strncmp(line, "done ", 5) == 0) {
        const char *p = line + 5;
        if (!number(&p, 16, &ret->record.version) || !number(&p, 10, &ret->record.size) || !number(&p, 10, &mtime) ||
            mtime > INT64_MAX) {
            return false;
        }
        ret->record.mtime_ms = (int64_t)mtime;
        ret->done = true;
        ret->path = p;
    }
    return ret->path != NULL && ret->path[0] != '\0';
}

static int by_path(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order != 0 ? order : x->path < y->path ? -1 : x->path > y->path; // later lines behind earlier ones
}

static void keep_last(struct get_state *s)
{
    size_t n = 0;
    qsort(s->entries, s->len, sizeof(*s->entries), by_path);
    for (size_t i = 0; i < s->len; i++) {
        if (i + 1 == s->len || strcmp(s->entries[i].path, s->entries[i + 1].path) != 0) {
            s->entries[n++] = s->entries[i];
        }
    }
    s->len = n;
}

struct get_state *get_state_parse(char *text, size_t len)
{
    struct get_state *s = mem_zalloc(sizeof(*s));
    s->fd = -1;
    s->text = text;
    char *line = text, *end;
    for (size_t left = len; (end = memchr(line, '\n', left)) != NULL; line = end + 1) {
        left -= (size_t)(end - line) + 1;
        *end = '\0';
        if (line == text) {
            s->object = strncmp(line, HEADER, strlen(HEADER)) == 0 ? line + strlen(HEADER) : NULL;
            continue;
        }
        s->entries = mem_grow(s->entries, &s->cap, s->len + 1, sizeof(*s->entries));
        s->len += parse_line(line, &s->entries[s->len]);
    }
    if (s->len > 0) {
        keep_last(s);
    }
    return s;
}

const char *get_state_object(const struct get_state *s)
{
    return s->object;
}

enum get_known get_state_find(const struct get_state *s, const char *path, struct get_record *ret_record)
{
    size_t low = 0, high = s->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, s->entries[middle].path);
        if (order == 0) {
            *ret_record = s->entries[middle].record;
            return s->entries[middle].done ? GET_DONE : GET_BEGUN;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return GET_UNKNOWN;
}

bool get_state_is_of(int dirfd, const char *object)
{
    size_t want = strlen(HEADER) + strlen(object) + 1;
    auto_free char *line = mem_printf("%s%s\n", HEADER, object);
    auto_free char *got = mem_zalloc(want);
    int fd = openat(dirfd, GET_STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, got, want);
    close(fd);
    return n == (ssize_t)want && memcmp(got, line, want) == 0;
}

// --- writing ----------------------------------------------------------------------------------------

// One write a line: several threads append, and a killed process leaves at most one line that is cut.
static errc append(struct get_state *s, const char *line, struct err *err)
{
    size_t len = strlen(line);
    ssize_t n;
    do {
        n = write(s->fd, line, len);
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len) {
        return ERR_OK;
    }
    int no = n < 0 ? errno : ENOSPC;
    err_set_errno(err, no, "cannot write %s/" GET_STATE_FILE, s->shown);
    if (no == ENOSPC || no == EDQUOT) {
        err->code = ERR_NO_SPACE;
    }
    return err->code;
}

errc get_state_begin(struct get_state *s, const char *path, struct err *err)
{
    auto_free char *line = mem_printf("begun %s\n", path);
    return append(s, line, err);
}

errc get_state_done(struct get_state *s, const char *path, const struct get_record *record, struct err *err)
{
    auto_free char *line = mem_printf("done %016" PRIx64 " %" PRIu64 " %" PRId64 " %s\n", record->version, record->size,
                                      record->mtime_ms, path);
    return append(s, line, err);
}

// The file as it is; a cut last line gets its end, so that the next one is a line of its own.
static errc read_state(int fd, const char *shown, struct get_state **ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf text = {.max = STATE_MAX + 64 * 1024}; // room to see that it is larger
    errc e = file_read_fd(fd, shown, STATE_MAX, &text, err);
    if (e) {
        return e;
    }
    bool cut = text.len > 0 && text.data[text.len - 1] != '\n';
    size_t len = text.len;
    *ret = get_state_parse(buf_steal(&text), len);
    (*ret)->fd = fd;
    (*ret)->shown = mem_strdup(shown);
    if (cut) {
        e = append(*ret, "\n", err);
    }
    return e;
}

static errc begin_anew(struct get_state *s, const char *object, struct err *err)
{
    s->len = 0;
    if (ftruncate(s->fd, 0) != 0) {
        return err_set_errno(err, errno, "cannot empty %s/" GET_STATE_FILE, s->shown);
    }
    auto_free char *line = mem_printf("%s%s\n", HEADER, object);
    errc e = append(s, line, err);
    if (e) {
        (void)!ftruncate(s->fd, 0); // an empty one is begun again, of a part of a line nobody knows whose it is
    }
    return e;
}

static errc open_locked(int dirfd, const char *shown, int *ret_fd, struct err *err)
{
    int fd = openat(dirfd, GET_STATE_FILE, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot write %s/" GET_STATE_FILE, shown);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int no = errno;
        close(fd);
        return no == EWOULDBLOCK
                   ? err_set(err, ERR_BUSY,
                             "another metaflowfs get writes to %s: wait for its end, or name another DIR", shown)
                   : err_set_errno(err, no, "cannot lock %s/" GET_STATE_FILE, shown);
    }
    *ret_fd = fd;
    return ERR_OK;
}

errc get_state_open(int dirfd, const char *shown, const char *object, bool overwrite, struct get_state **ret,
                    struct err *err)
{
    int fd;
    errc e = open_locked(dirfd, shown, &fd, err);
    if (e) {
        return e;
    }
    struct get_state *s = NULL;
    e = read_state(fd, shown, &s, err);
    if (s == NULL) {
        close(fd);
        return e;
    }
    bool same = s->object != NULL && strcmp(s->object, object) == 0;
    struct stat st;
    bool empty = fstat(fd, &st) == 0 && st.st_size == 0;
    if (!e && !same && !empty && !overwrite) {
        e = err_set(err, ERR_EXISTS,
                    "%s holds a copy of %s, which this would be mixed with: name another DIR, or give --overwrite",
                    shown, s->object != NULL ? s->object : "something else");
    } else if (!e && !same) {
        e = begin_anew(s, object, err);
    }
    if (e) {
        get_state_free(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

void get_state_free(struct get_state *s)
{
    if (s == NULL) {
        return;
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->shown);
    free(s->text);
    free(s->entries);
    free(s);
}
