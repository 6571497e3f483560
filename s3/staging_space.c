// The accounts of the staging area: caps on memory, file bytes and files, the floor of free space,
// and who goes when they are reached.
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "s3/staging_i.h"

// How much is written between two looks at the file system's free space.
#define BUDGET_BYTES (16 * 1024 * 1024)
// How long an object that was told to stop is waited for, and how often that is looked at.
#define LEAVING_MS 2000
#define LEAVING_SLICE_MS 2
#define SMALLEST_FLOOR_PART 16 // of a file system that is smaller than the floor is meant for

void staging_list_push(struct staged *s)
{
    struct staged_list *list = s->has_file ? &s->st->file_list : &s->st->memory_list;
    s->list = list;
    s->newer = NULL;
    s->older = list->newest;
    if (list->newest)
        list->newest->newer = s;
    else
        list->oldest = s;
    list->newest = s;
}

void staging_list_remove(struct staged *s)
{
    if (!s->list)
        return;
    if (s->older)
        s->older->newer = s->newer;
    else
        s->list->oldest = s->newer;
    if (s->newer)
        s->newer->older = s->older;
    else
        s->list->newest = s->older;
    s->older = s->newer = NULL;
    s->list = NULL;
}

void staging_uncharge(struct staged *s)
{
    struct staging *st = s->st;
    st->memory_bytes -= s->memory_charge;
    st->file_bytes -= s->file_charge;
    st->files -= s->has_file;
    st->leaving -= s->leaving;
    s->leaving = false;
    staging_charge_held(s, false);
    staging_unpromise(s);
    s->memory_charge = s->file_charge = 0;
    s->has_file = false;
}

void staging_charge_held(struct staged *s, bool held)
{
    s->st->held_bytes -= s->held_charge;
    s->held_charge = held ? s->file_charge : 0;
    s->st->held_bytes += s->held_charge;
}

void staging_promise(struct staged *s, uint64_t bytes)
{
    s->promised = bytes > STAGING_MEMORY_MAX ? bytes : 0;
    s->st->promised_bytes += s->promised;
}

void staging_unpromise(struct staged *s)
{
    s->st->promised_bytes -= s->promised;
    s->promised = 0;
}

// With staging.lock held: what there is room for has been taken.
static void charge_file(struct staged *s, uint64_t bytes)
{
    uint64_t kept = bytes < s->promised ? bytes : s->promised;
    s->promised -= kept;
    s->st->promised_bytes -= kept;
    s->file_charge += bytes;
    staging_charge_held(s, s->holders > 0);
}

struct staged *staging_evict(struct staging *st, struct staged_list *list)
{
    struct staged *s = list->oldest;
    if (!s)
        return NULL;
    staging_list_remove(s);
    staging_table_remove(s);
    st->stats.evicted++;
    staging_uncharge(s);
    if (s->attached)
        return NULL;
    s->next = NULL;
    return s;
}

static void chain(struct staged **victims, struct staged *s)
{
    if (s) {
        s->next = *victims;
        *victims = s;
    }
}

void staging_drop(struct staged *victims)
{
    while (victims) {
        struct staged *next = victims->next;
        (void)staging_object_free(victims); // a closed area has nothing to evict
        victims = next;
    }
}

struct staged *staging_trim(struct staging *st)
{
    struct staged *victims = NULL;
    while (st->memory_bytes > st->conf.max_memory && st->memory_list.oldest)
        chain(&victims, staging_evict(st, &st->memory_list));
    while ((st->file_bytes > st->conf.max_bytes || st->files > st->conf.max_files) &&
           st->file_list.oldest)
        chain(&victims, staging_evict(st, &st->file_list));
    return victims;
}

bool staging_take_memory(struct staged *s, uint64_t bytes)
{
    struct staging *st = s->st;
    struct staged *victims = NULL;
    pthread_mutex_lock(&st->lock);
    while (st->memory_bytes + bytes > st->conf.max_memory && st->memory_list.oldest)
        chain(&victims, staging_evict(st, &st->memory_list));
    bool fits = st->memory_bytes + bytes <= st->conf.max_memory;
    if (fits) {
        st->memory_bytes += bytes;
        s->memory_charge += bytes;
    }
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    return fits;
}

void staging_give_memory(struct staged *s, uint64_t bytes)
{
    pthread_mutex_lock(&s->st->lock);
    if (bytes > s->memory_charge)
        bytes = s->memory_charge;
    s->memory_charge -= bytes;
    s->st->memory_bytes -= bytes;
    pthread_mutex_unlock(&s->st->lock);
}

static errc no_space(struct staged *s, uint64_t bytes, const char *limit, uint64_t value,
                     struct err *err)
{
    struct staging *st = s->st;
    const char *option = st->cap_option;
    return err_set(err, ERR_NO_SPACE,
                   "cannot stage %.200s: it needs %" PRIu64 " bytes or more, but %s %" PRIu64
                   " bytes and no file that is not open can be dropped; %s%s%sset METAFLOW_TEMPDIR "
                   "(now %.160s) "
                   "to a larger file system",
                   s->key ? s->key : "a value", s->written + bytes, limit, value,
                   option ? "raise " : "", option ? option : "", option ? " or " : "",
                   st->root.tempdir);
}

// Room below the cap. With staging.lock held.
static bool fit_cap(struct staging *st, uint64_t bytes, struct staged **victims)
{
    while (bytes > st->conf.max_bytes || st->file_bytes > st->conf.max_bytes - bytes) {
        if (!st->file_list.oldest || (bytes > st->conf.max_bytes && !st->conf.soft_cap))
            return st->conf.soft_cap;
        chain(victims, staging_evict(st, &st->file_list));
    }
    return true;
}

static uint64_t floor_of(const struct staging *st, uint64_t total)
{
    uint64_t part = total / SMALLEST_FLOOR_PART;
    return st->floor_scales && part < st->conf.min_free_bytes ? part : st->conf.min_free_bytes;
}

// Room above the floor of free space; *ret_free is what the file system has. Looks at it once in
// BUDGET_BYTES, so that small appends cost nothing.
static bool fit_floor(struct staging *st, uint64_t bytes, uint64_t *ret_free)
{
    pthread_mutex_lock(&st->lock);
    bool fits = st->free_budget >= bytes;
    if (fits)
        st->free_budget -= bytes;
    pthread_mutex_unlock(&st->lock);
    if (fits)
        return true;
    uint64_t total, room = staging_root_free_bytes(&st->root, &total), floor = floor_of(st, total);
    *ret_free = room;
    if (room < floor || room - floor < bytes)
        return false;
    room -= floor + bytes;
    pthread_mutex_lock(&st->lock);
    st->free_budget = room < BUDGET_BYTES ? room : BUDGET_BYTES;
    pthread_mutex_unlock(&st->lock);
    return true;
}

// There is no room: whether it is worth to look again, because an object that nobody wants is still to be stopped.
static bool wait_for_leaving(struct staged *s, int64_t until_ms)
{
    struct err ignored = ERR_INIT;
    pthread_mutex_lock(&s->st->lock);
    bool some = s->st->leaving > 0;
    pthread_mutex_unlock(&s->st->lock);
    return some && clock_mono_ms() < until_ms && cancel_sleep(&s->cancel, LEAVING_SLICE_MS, &ignored) == ERR_OK;
}

errc staging_take_file(struct staged *s, uint64_t bytes, struct err *err)
{
    struct staging *st = s->st;
    int64_t until_ms = clock_mono_ms() + LEAVING_MS;
    for (;;) {
        struct staged *victims = NULL;
        uint64_t room = 0;
        pthread_mutex_lock(&st->lock);
        bool fits = fit_cap(st, bytes, &victims);
        if (fits)
            st->file_bytes += bytes;
        pthread_mutex_unlock(&st->lock);
        staging_drop(victims);
        if (!fits && wait_for_leaving(s, until_ms))
            continue;
        if (!fits)
            return no_space(s, bytes, "the staging area holds at most", st->conf.max_bytes, err);
        bool above = fit_floor(st, bytes, &room);
        pthread_mutex_lock(&st->lock);
        bool more = st->file_list.oldest != NULL;
        victims = NULL;
        if (above) {
            charge_file(s, bytes);
        } else {
            st->file_bytes -= bytes;
            chain(&victims, staging_evict(st, &st->file_list));
        }
        pthread_mutex_unlock(&st->lock);
        staging_drop(victims);
        if (above)
            return ERR_OK;
        if (!more && wait_for_leaving(s, until_ms))
            continue;
        if (!more)
            return no_space(s, bytes, "the file system has free only", room, err);
    }
}

static errc no_room(const struct staging *st, uint64_t bytes, const char *limit, uint64_t value, struct err *err)
{
    const char *option = st->cap_option;
    return err_set(err, ERR_NO_SPACE,
                   "there is no room for %" PRIu64 " bytes more: %s %" PRIu64
                   " bytes and no file that is not open can be dropped; %s%s%sset METAFLOW_TEMPDIR (now %.160s) to a "
                   "larger file system",
                   bytes, limit, value, option ? "raise " : "", option ? option : "", option ? " or " : "",
                   st->root.tempdir);
}

// Whether the floor leaves room for bytes that were counted already; else they are not counted any more, and *ret_more
// says whether something was dropped instead.
static bool keep_above_floor(struct staging *st, uint64_t bytes, uint64_t *ret_free, bool *ret_more)
{
    if (fit_floor(st, bytes, ret_free))
        return true;
    struct staged *victims = NULL;
    staging_give_room(st, bytes);
    pthread_mutex_lock(&st->lock);
    *ret_more = st->file_list.oldest != NULL;
    chain(&victims, staging_evict(st, &st->file_list));
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    return false;
}

errc staging_take_room(struct staging *st, uint64_t bytes, struct err *err)
{
    for (;;) {
        struct staged *victims = NULL;
        uint64_t room = 0;
        bool more = false;
        pthread_mutex_lock(&st->lock);
        bool fits = fit_cap(st, bytes, &victims);
        if (fits) {
            st->file_bytes += bytes;
            st->held_bytes += bytes;
        }
        pthread_mutex_unlock(&st->lock);
        staging_drop(victims);
        if (!fits)
            return no_room(st, bytes, "the staging area holds at most", st->conf.max_bytes, err);
        if (keep_above_floor(st, bytes, &room, &more))
            return ERR_OK;
        if (!more)
            return no_room(st, bytes, "the file system has free only", room, err);
    }
}

void staging_give_room(struct staging *st, uint64_t bytes)
{
    pthread_mutex_lock(&st->lock);
    st->file_bytes -= bytes;
    st->held_bytes -= bytes;
    pthread_mutex_unlock(&st->lock);
}

uint64_t staging_room_for(struct staging *st, uint64_t bytes)
{
    if (bytes <= STAGING_MEMORY_MAX)
        return UINT64_MAX;
    uint64_t total, room = staging_root_free_bytes(&st->root, &total), floor = floor_of(st, total);
    pthread_mutex_lock(&st->lock);
    uint64_t ours = st->file_bytes;
    pthread_mutex_unlock(&st->lock);
    uint64_t most = room > UINT64_MAX - ours ? UINT64_MAX : room + ours;
    return most > floor ? most - floor : 0;
}

static errc too_large(const struct staging *st, uint64_t bytes, uint64_t room, struct err *err)
{
    const char *option = st->cap_option;
    if (bytes > room)
        return err_set(err, ERR_NO_SPACE,
                       "it has %" PRIu64 " bytes, but only %" PRIu64 " can be staged in %.300s, beside a part that "
                       "stays free: set METAFLOW_TEMPDIR to a larger file system",
                       bytes, room, st->root.tempdir);
    return err_set(err, ERR_NO_SPACE,
                   "it has %" PRIu64 " bytes, but the staging area holds at most %" PRIu64 "%s%s", bytes,
                   st->conf.max_bytes, option ? ": raise " : "", option ? option : "");
}

errc staging_fits(struct staging *st, uint64_t bytes, uint64_t room, struct err *err)
{
    if (bytes <= STAGING_MEMORY_MAX)
        return ERR_OK;
    uint64_t most = st->conf.soft_cap || room < st->conf.max_bytes ? room : st->conf.max_bytes;
    uint64_t others = st->held_bytes + st->promised_bytes;
    if (bytes > most)
        return too_large(st, bytes, room, err);
    if (others > most - bytes)
        return err_set(err, ERR_NO_SPACE,
                       "it has %" PRIu64 " bytes, but of the %" PRIu64 " that can be staged in %.300s %" PRIu64
                       " are for what is being read now: read one after the other, %s%s%sset METAFLOW_TEMPDIR to a "
                       "larger file system",
                       bytes, most, st->root.tempdir, others, st->cap_option ? "raise " : "",
                       st->cap_option ? st->cap_option : "", st->cap_option ? ", or " : "or ");
    return ERR_OK;
}

errc staging_open_file(struct staged *s, int *ret_fd, struct err *err)
{
    struct staging *st = s->st;
    for (;;) {
        struct staged *victims = NULL;
        pthread_mutex_lock(&st->lock);
        if (st->files >= st->conf.max_files)
            chain(&victims, staging_evict(st, &st->file_list));
        bool more = st->file_list.oldest != NULL;
        pthread_mutex_unlock(&st->lock);
        staging_drop(victims);
        errc e = staging_root_file(&st->root, ret_fd, err);
        if (e != ERR_OK && (e != ERR_TOO_MANY || !more))
            return e;
        pthread_mutex_lock(&st->lock);
        if (e == ERR_OK) {
            st->files++;
            s->has_file = true;
            pthread_mutex_unlock(&st->lock);
            return ERR_OK;
        }
        victims = staging_evict(st, &st->file_list);
        pthread_mutex_unlock(&st->lock);
        staging_drop(victims);
    }
}
