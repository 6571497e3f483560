// Tags of a run, as Metaflow changes them (LocalMetadataProvider._mutate_user_tags_for_run): write the
// whole `_self.json` anew, read it back, and try again when another writer was faster.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/meta_local_internal.h"

#define USER_TAGS_MAX 50
#define TAG_CHARS_MAX 500
#define TRIES 5

// Characters of valid UTF-8, or -1. Surrogates are no characters.
static int64_t utf8_chars(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    int64_t n = 0;
    for (; *p; n++) {
        unsigned more = *p < 0x80 ? 0 : *p < 0xc2 ? 9 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : 9;
        if (more == 9)
            return -1;
        uint32_t c = more == 0 ? *p : *p & (0x3fU >> more);
        p++;
        for (unsigned i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return -1;
            c = c << 6 | (*p & 0x3f);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return -1;
    }
    return n;
}

errc meta_local_check_tag(const char *tag, struct err *err)
{
    int64_t chars = utf8_chars(tag);
    if (chars < 0)
        return err_set(err, ERR_INVALID, "a tag must be UTF-8 text");
    if (chars == 0)
        return err_set(err, ERR_INVALID, "a tag must not be empty");
    if (chars > TAG_CHARS_MAX)
        return err_set(err, ERR_INVALID, "a tag of %" PRId64 " characters is too long: at most %d are accepted",
                       chars, TAG_CHARS_MAX);
    return ERR_OK;
}

// As Python's json.dump: ASCII, everything else as \uXXXX. The text is valid UTF-8 or was read from JSON.
static void put_ascii(struct buf *buf, const char *s)
{
    if (!s) {
        buf_puts(buf, "null");
        return;
    }
    buf_putc(buf, '"');
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        unsigned more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        uint32_t c = more == 0 ? *p : *p & (0x3fU >> more);
        p++;
        for (; more && (*p & 0xc0) == 0x80; more--)
            c = c << 6 | (*p++ & 0x3f);
        static const char escapes[] = "\"\"\\\\\nn\rr\tt\ff\bb";
        const char *e = c < 0x80 ? strchr(escapes, (int)c) : NULL;
        if (e && (e - escapes) % 2 == 0)
            buf_printf(buf, "\\%c", e[1]);
        else if (c >= 0x20 && c < 0x7f)
            buf_putc(buf, (char)c);
        else if (c < 0x10000)
            buf_printf(buf, "\\u%04x", c);
        else
            buf_printf(buf, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
    }
    buf_putc(buf, '"');
}

static void put_list(struct buf *buf, const struct strv *list)
{
    buf_putc(buf, '[');
    for (size_t i = 0; i < list->len; i++) {
        if (i)
            buf_puts(buf, ", ");
        put_ascii(buf, list->items[i]);
    }
    buf_putc(buf, ']');
}

char *meta_local_run_text(const char *flow, const char *run, const char *user, const struct strv *tags,
                          const struct strv *system_tags, int64_t now_ms)
{
    struct buf text = {0};
    buf_puts(&text, "{\"run_number\": ");
    put_ascii(&text, run);
    buf_puts(&text, ", \"flow_id\": ");
    put_ascii(&text, flow);
    buf_puts(&text, ", \"user_name\": ");
    put_ascii(&text, user);
    buf_puts(&text, ", \"tags\": ");
    put_list(&text, tags);
    buf_puts(&text, ", \"system_tags\": ");
    put_list(&text, system_tags);
    buf_printf(&text, ", \"ts_epoch\": %" PRId64 "}", now_ms);
    return buf_steal(&text);
}

// A new file in the directory with a name like those of Python's tempfile, which no listing shows.
static int temp_create(int dir_fd, char name[16])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    for (int tries = 0; tries < 100; tries++) {
        unsigned char random[8];
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return -1;
        memcpy(name, "tmp", 3);
        for (size_t i = 0; i < sizeof random; i++)
            name[3 + i] = letters[random[i] % (sizeof letters - 1)];
        name[3 + sizeof random] = '\0';
        int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t put = write(fd, text, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        text += put;
        left -= (size_t)put;
    }
    return fdatasync(fd) == 0;
}

static errc replace_self(struct meta_local *m, const struct pathspec *run, const char *text,
                         struct err *err)
{
    auto_free char *rel = meta_local_rel(run, "_meta");
    auto_cleanup(meta_local_closedirp) DIR *dir = NULL;
    errc e = rel ? meta_local_opendir(m, rel, &dir, err) : meta_local_missing(m, run, err);
    if (e)
        return e;
    char name[16];
    int fd = temp_create(dirfd(dir), name);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot write in %s/%s", confine_path(m->root), rel);
    bool ok = write_all(fd, text);
    int failed = errno;
    close(fd);
    if (ok && renameat(dirfd(dir), name, dirfd(dir), "_self.json") == 0)
        return ERR_OK;
    if (ok)
        failed = errno;
    unlinkat(dirfd(dir), name, 0);
    return err_set_errno(err, failed, "cannot write %s/%s/_self.json", confine_path(m->root), rel);
}

static errc check_change(const struct meta_object *run, const struct strv *add,
                         const struct strv *remove, struct err *err)
{
    for (size_t i = 0; i < add->len; i++) {
        errc e = meta_local_check_tag(add->items[i], err);
        if (e)
            return e;
    }
    for (size_t i = 0; i < remove->len; i++) {
        errc e = meta_local_check_tag(remove->items[i], err);
        if (e)
            return e;
        if (strv_has(&run->system_tags, remove->items[i]))
            return err_set(err, ERR_NOT_PERMITTED, "%s is a system tag, which cannot be removed",
                           remove->items[i]);
    }
    return ERR_OK;
}

// (tags - remove) | (add - system tags); true when that is another set than tags.
static bool next_tags(const struct meta_object *run, const struct strv *add, const struct strv *remove,
                      struct strv *next)
{
    for (size_t i = 0; i < run->tags.len; i++) {
        const char *tag = run->tags.items[i];
        if (!strv_has(remove, tag) && !strv_has(next, tag))
            strv_add(next, tag);
    }
    for (size_t i = 0; i < add->len; i++) {
        const char *tag = add->items[i];
        if (!strv_has(&run->system_tags, tag) && !strv_has(next, tag))
            strv_add(next, tag);
    }
    for (size_t i = 0; i < run->tags.len; i++) {
        if (!strv_has(next, run->tags.items[i]))
            return true;
    }
    for (size_t i = 0; i < next->len; i++) {
        if (!strv_has(&run->tags, next->items[i]))
            return true;
    }
    return false;
}

static bool took_hold(const struct meta_object *run, const struct strv *add, const struct strv *remove)
{
    for (size_t i = 0; i < add->len; i++) {
        if (!strv_has(&run->tags, add->items[i]) && !strv_has(&run->system_tags, add->items[i]))
            return false;
    }
    for (size_t i = 0; i < remove->len; i++) {
        if (strv_has(&run->tags, remove->items[i]) && !strv_has(add, remove->items[i]))
            return false;
    }
    return true;
}

static errc mutate_once(struct meta_local *m, const struct pathspec *run, const struct strv *add,
                        const struct strv *remove, bool *ret_held, struct err *err)
{
    auto_cleanup(meta_object_freep) struct meta_object *before = NULL;
    auto_cleanup(meta_object_freep) struct meta_object *after = NULL;
    auto_cleanup(strv_free) struct strv next = {0};
    errc e = meta_local_self(m, run, &before, err);
    if (!e)
        e = check_change(before, add, remove, err);
    if (e)
        return e;
    *ret_held = true;
    if (!next_tags(before, add, remove, &next))
        return ERR_OK;
    if (next.len > USER_TAGS_MAX && next.len > before->tags.len)
        return err_set(err, ERR_INVALID, "a run has at most %d user tags", USER_TAGS_MAX);
    auto_free char *text = meta_local_run_text(run->flow, run->run, m->user, &next,
                                               &before->system_tags, clock_wall_ms());
    e = replace_self(m, run, text, err);
    if (!e)
        e = meta_local_self(m, run, &after, err);
    if (!e)
        *ret_held = took_hold(after, add, remove);
    return e;
}

static errc pause_ms(int64_t ms, struct cancel *cancel, struct err *err)
{
    for (; ms > 0; ms -= 20) {
        errc e = cancel_check(cancel, err);
        if (e)
            return e;
        struct timespec ts = {.tv_nsec = 20 * 1000000};
        nanosleep(&ts, NULL);
    }
    return ERR_OK;
}

errc meta_local_mutate_tags(struct meta *meta, const struct pathspec *run, const struct strv *add,
                            const struct strv *remove, struct cancel *cancel, struct err *err)
{
    struct meta_local *m = meta_local_of(meta);
    if (pathspec_level(run) != LEVEL_RUN)
        return err_set(err, ERR_INVALID, "only runs have tags that can be changed");
    int64_t wait = 350; // Metaflow: 0.3 s times 1.1 to 1.3, to the power of the tries so far
    for (int tries = 0; tries < TRIES; tries++) {
        bool held = false;
        errc e = tries ? pause_ms(wait, cancel, err) : cancel_check(cancel, err);
        if (!e)
            e = mutate_once(m, run, add, remove, &held, err);
        if (e || held)
            return e;
        wait += wait / 5;
    }
    auto_free char *path = pathspec_text(run);
    return err_set(err, ERR_BUSY, "the tags of %s were changed by others all the time: try again", path);
}
