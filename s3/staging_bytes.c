// The bytes of one staged object: growing them, waiting for them, reading them.
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "s3/staging_i.h"

#define FIRST_BYTES 256
#define WAIT_SLICE_MS 50

static const uint8_t no_bytes[1];

// --- for producers -------------------------------------------------------------------------------

static void publish(struct staged *s, uint64_t written)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&s->lock);
    s->written = written;
    s->len = written > s->hold ? written - s->hold : 0;
    s->moved_ms = now;
    if (s->len >= s->wanted) {
        s->wanted = UINT64_MAX;
        pthread_cond_broadcast(&s->grown);
    }
    pthread_mutex_unlock(&s->lock);
}

void staged_hold_back(struct staged *s, uint64_t bytes)
{
    s->hold = bytes;
}

bool staged_begin_again(struct staged *s)
{
    pthread_mutex_lock(&s->lock);
    bool unseen = !s->told;
    if (unseen)
        s->len = s->written = 0;
    pthread_mutex_unlock(&s->lock);
    return unseen;
}

void staged_show_all(struct staged *s)
{
    pthread_mutex_lock(&s->lock);
    s->right = true; // before a reader sees the last byte
    pthread_mutex_unlock(&s->lock);
    if (s->hold) {
        s->hold = 0;
        publish(s, s->written);
    }
}

void staged_touch(struct staged *s)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&s->lock);
    s->moved_ms = now;
    pthread_mutex_unlock(&s->lock);
}

// Swaps the memory for a block of `cap` bytes (at most STAGING_MEMORY_MAX) with the same prefix.
static void change_memory(struct staged *s, size_t cap)
{
    uint8_t *mem = cap ? mem_zalloc(cap) : NULL;
    if (mem && s->mem)
        memcpy(mem, s->mem, (size_t)s->written);
    pthread_mutex_lock(&s->lock);
    uint8_t *old = s->mem;
    s->mem = mem;
    s->mem_cap = cap;
    pthread_mutex_unlock(&s->lock);
    free(old);
}

// Room in memory for `len` bytes in all; false where the object has to go to a file.
static bool reserve_memory(struct staged *s, size_t len)
{
    if (len <= s->mem_cap)
        return true;
    size_t cap = s->mem_cap ? s->mem_cap : FIRST_BYTES;
    while (cap < len)
        cap *= 2;
    size_t more = cap - s->mem_cap;
    if (!staging_take_memory(s, more))
        return false;
    change_memory(s, cap);
    return true;
}

static errc write_all(struct staged *s, int fd, const uint8_t *data, size_t len, uint64_t off,
                      struct err *err)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, (off_t)off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int no = n < 0 ? errno : ENOSPC;
            errc kind = no == ENOSPC || no == EDQUOT || no == EFBIG ? ERR_NO_SPACE : ERR_IO;
            return staging_set_errno(
                err, kind, no, "cannot stage %.150s in METAFLOW_TEMPDIR (%.150s) at byte %" PRIu64,
                s->key ? s->key : "a value", s->st->root.tempdir, off);
        }
        data += n;
        len -= (size_t)n;
        off += (uint64_t)n;
    }
    return ERR_OK;
}

// Moves what is in memory to a file, which holds the object from here on.
static errc spill(struct staged *s, struct err *err)
{
    int fd;
    errc e = s->written ? staging_take_file(s, s->written, err) : ERR_OK;
    if (e == ERR_OK)
        e = staging_open_file(s, &fd, err);
    if (e != ERR_OK)
        return e;
    e = write_all(s, fd, s->mem, (size_t)s->written, 0, err);
    if (e != ERR_OK) {
        close(fd);
        return e;
    }
    size_t cap = s->mem_cap;
    pthread_mutex_lock(&s->lock);
    uint8_t *old = s->mem;
    s->mem = NULL;
    s->mem_cap = 0;
    s->fd = fd;
    pthread_mutex_unlock(&s->lock);
    s->taken = s->written;
    free(old);
    staging_give_memory(s, cap);
    return ERR_OK;
}

errc staged_append(struct staged *s, const void *data, size_t len, struct err *err)
{
    if (atomic_load(&s->cancel.set))
        return err_set(err, ERR_INTERRUPTED, "nobody reads %.200s any more",
                       s->key ? s->key : "it");
    uint64_t end;
    if (!len)
        return ERR_OK;
    if (__builtin_add_overflow(s->written, len, &end) || end > INT64_MAX)
        return err_set(err, ERR_LIMIT, "%.200s is larger than a file can be",
                       s->key ? s->key : "a value");
    if (s->fd < 0 && end <= STAGING_MEMORY_MAX && reserve_memory(s, (size_t)end)) {
        memcpy(s->mem + s->written, data, len); // beyond the prefix: no reader looks there
        publish(s, end);
        return ERR_OK;
    }
    errc e = s->fd < 0 ? spill(s, err) : ERR_OK;
    if (e == ERR_OK && end > s->taken) {
        e = staging_take_file(s, end - s->taken, err);
        s->taken = e == ERR_OK ? end : s->taken;
    }
    if (e == ERR_OK)
        e = write_all(s, s->fd, data, len, s->written, err);
    if (e == ERR_OK)
        publish(s, end);
    return e;
}

static bool sink_append(struct sink *sink, const void *data, size_t len)
{
    struct staged_sink *to = (struct staged_sink *)sink;
    return staged_append(to->staged, data, len, to->err) == ERR_OK;
}

struct staged_sink staged_sink(struct staged *s, struct err *err)
{
    return (struct staged_sink){.sink = {sink_append}, .staged = s, .err = err};
}

void staged_keep_in_memory(struct staged *s, const void *data, size_t len)
{
    uint8_t *mem = mem_zalloc(len);
    memcpy(mem, data, len);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->mem);
    s->mem = mem;
    s->mem_cap = len;
    s->len = s->written = len;
    pthread_mutex_lock(&s->st->lock);
    staging_uncharge(s);
    s->memory_charge = len;
    s->st->memory_bytes += len;
    pthread_mutex_unlock(&s->st->lock);
}

void staged_shrink(struct staged *s)
{
    size_t spare = s->mem_cap - (s->fd < 0 ? (size_t)s->written : s->mem_cap);
    if (!spare)
        return;
    change_memory(s, (size_t)s->written);
    staging_give_memory(s, spare);
}

void staged_finish_bytes(struct staged *s, const struct err *error)
{
    struct err *copy = NULL;
    if (error) {
        copy = mem_zalloc(sizeof *copy);
        *copy = *error;
    }
    pthread_mutex_lock(&s->lock);
    s->error = copy;
    s->right = !error;
    s->ended = true;
    pthread_cond_broadcast(&s->grown);
    pthread_mutex_unlock(&s->lock);
}

// --- for readers ---------------------------------------------------------------------------------

// With s->lock held: whether a wait for `upto` is over, one way or the other.
static bool is_there(const struct staged *s, uint64_t upto)
{
    return s->ended || (upto != UINT64_MAX && s->len >= upto);
}

// With s->lock held.
static void sleep_slice(struct staged *s, uint64_t upto)
{
    struct timespec until;
    s->wanted = upto < s->wanted ? upto : s->wanted;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_SLICE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&s->grown, &s->lock, &until);
}

static errc check_progress(struct staged *s, int64_t since_ms, struct err *err)
{
    if (s->moved_ms > since_ms)
        since_ms = s->moved_ms;
    if (s->patient || clock_mono_ms() - since_ms < (int64_t)s->st->conf.progress_ms)
        return ERR_OK;
    return err_set(err, ERR_TIMEOUT, "no new byte of %.300s for %u ms", s->key ? s->key : "it",
                   s->st->conf.progress_ms);
}

errc staged_wait(struct staged *s, uint64_t upto, struct cancel *cancel, uint64_t *ret_avail,
                 bool *ret_ended, struct err *err)
{
    errc e = ERR_OK;
    int64_t since = 0;
    pthread_mutex_lock(&s->lock);
    while (!is_there(s, upto) && e == ERR_OK) {
        if (!since)
            since = clock_mono_ms();
        e = cancel_check(cancel, err);
        if (e == ERR_OK)
            e = check_progress(s, since, err);
        if (e == ERR_OK)
            sleep_slice(s, upto);
    }
    if (e == ERR_OK && s->error && (upto == UINT64_MAX || s->len < upto)) {
        *err = *s->error;
        e = err->code;
    }
    if (e == ERR_OK) {
        s->told = s->told || s->len;
        *ret_avail = s->len;
        *ret_ended = s->ended && !s->error;
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

bool staged_ready(struct staged *s, uint64_t upto)
{
    pthread_mutex_lock(&s->lock);
    bool there = is_there(s, upto);
    s->told = s->told || (there && s->len);
    pthread_mutex_unlock(&s->lock);
    return there;
}

uint64_t staged_len(struct staged *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t len = s->len;
    pthread_mutex_unlock(&s->lock);
    return len;
}

bool staged_is_right(struct staged *s)
{
    pthread_mutex_lock(&s->lock);
    bool right = s->right;
    pthread_mutex_unlock(&s->lock);
    return right;
}

bool staged_is_wrong(struct staged *s, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool wrong = s->error && s->error->code == ERR_CORRUPT;
    if (wrong)
        *err = *s->error;
    pthread_mutex_unlock(&s->lock);
    return wrong;
}

errc staged_pread(struct staged *s, uint64_t off, void *to, size_t len, size_t *ret_got,
                  struct err *err)
{
    pthread_mutex_lock(&s->lock);
    int fd = s->fd;
    uint64_t left = off < s->len ? s->len - off : 0;
    if (len > left)
        len = (size_t)left;
    if (fd < 0 && len)
        memcpy(to, s->mem + off, len);
    pthread_mutex_unlock(&s->lock);
    size_t got = fd < 0 ? len : 0;
    while (got < len) {
        ssize_t n = pread(fd, (char *)to + got, len - got, (off_t)(off + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return staging_set_errno(err, ERR_IO, n < 0 ? errno : ENODATA,
                                     "reading the staged bytes of %.300s",
                                     s->key ? s->key : "a value");
        got += (size_t)n;
    }
    *ret_got = len;
    return ERR_OK;
}

errc staged_map(struct staged *s, const uint8_t **ret_data, size_t *ret_len, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool ended = s->ended && !s->error;
    int fd = s->fd;
    uint64_t len = s->len;
    const uint8_t *data = s->mem;
    pthread_mutex_unlock(&s->lock);
    if (!ended)
        return err_set(err, ERR_INVALID, "%.300s is not complete yet", s->key ? s->key : "a value");
    if (len > SIZE_MAX)
        return err_set(err, ERR_LIMIT, "%.300s is too large to map", s->key ? s->key : "a value");
    if (!len)
        data = no_bytes;
    if (fd >= 0) {
        void *map = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            return err_set_errno(err, errno, "mapping the staged bytes of %.300s",
                                 s->key ? s->key : "a value");
        data = map;
    }
    *ret_data = data;
    *ret_len = (size_t)len;
    return ERR_OK;
}

void staged_unmap(struct staged *s, const uint8_t *data, size_t len)
{
    if (s->fd >= 0 && len) // an ended object stays where it is
        munmap((void *)(uintptr_t)data, len);
}
