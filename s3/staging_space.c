// The accounts of the staging area: caps on memory, file bytes and files, the floor of free space,
// and who goes when they are reached.
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "s3/staging_i.h"

// How much is written between two looks at the file system's free space.
#define BUDGET_BYTES (16 * 1024 * 1024)
#define LEAVING_SLICE_MS 2 // how often what is leaving is looked at
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
    s->memory_charge = s->file_charge = 0;
    staging_charge_held(s);
    staging_unpromise(s);
    s->has_file = false;
}

void staging_charge_held(struct staged *s)
{
    s->st->held_bytes -= s->held_charge;
    s->held_charge = s->holders > 0 && !atomic_load(&s->cancel.ahead) ? s->file_charge : 0;
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
    staging_charge_held(s);
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

// `s` is NULL for what is no object of the area.
static errc no_space(const struct staging *st, const struct staged *s, uint64_t bytes, const char *limit,
                     uint64_t value, struct err *err)
{
    const char *option = st->cap_option;
    auto_free char *what = s ? mem_printf("cannot stage %.200s: it needs %" PRIu64 " bytes or more, but",
                                          s->key ? s->key : "a value", s->written + bytes)
                             : mem_printf("there is no room for %" PRIu64 " bytes more:", bytes);
    return err_set(err, ERR_NO_SPACE,
                   "%s %s %" PRIu64 " bytes and no file that is not open can be dropped; %s%s%sset METAFLOW_TEMPDIR "
                   "(now %.160s) to a larger file system",
                   what, limit, value, option ? "raise " : "", option ? option : "", option ? " or " : "",
                   st->root.tempdir);
}

// With staging.lock held: bytes that others were promised, and that are left to them by who takes more than its own
// promise (`s` is NULL for what is no object).
static uint64_t left_to_others(const struct staging *st, const struct staged *s, uint64_t bytes)
{
    uint64_t own = s ? s->promised : 0;
    return bytes <= own ? 0 : st->promised_bytes - own;
}

// Room below the cap for bytes beside `others` that stay free. With staging.lock held.
static bool fit_cap(struct staging *st, uint64_t bytes, uint64_t others, struct staged **victims)
{
    uint64_t need = bytes > UINT64_MAX - others ? UINT64_MAX : bytes + others;
    while (need > st->conf.max_bytes || st->file_bytes > st->conf.max_bytes - need) {
        if (!st->file_list.oldest || (need > st->conf.max_bytes && !st->conf.soft_cap))
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

// Room above the floor of free space, beside `others` that stay free; *ret_free is what the file system has. Looks at
// it once in BUDGET_BYTES, so that small appends cost nothing.
static bool fit_floor(struct staging *st, uint64_t bytes, uint64_t others, uint64_t *ret_free)
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
    if (room < floor || room - floor < bytes || room - floor - bytes < others)
        return false;
    room -= floor + bytes + others;
    pthread_mutex_lock(&st->lock);
    st->free_budget = room < BUDGET_BYTES ? room : BUDGET_BYTES;
    pthread_mutex_unlock(&st->lock);
    return true;
}

// There is no room: whether it is worth to look again, because what cannot be dropped yet is held by nobody who waits
// for it: its producer is still to be stopped, or it is fetched ahead and soon whole.
static bool wait_for_leaving(struct staging *st, struct cancel *cancel, int64_t until_ms)
{
    struct err ignored = ERR_INIT;
    pthread_mutex_lock(&st->lock);
    bool some = st->file_list.oldest == NULL && st->file_bytes > st->held_bytes;
    pthread_mutex_unlock(&st->lock);
    return some && clock_mono_ms() < until_ms && cancel_sleep(cancel, LEAVING_SLICE_MS, &ignored) == ERR_OK;
}

// Counts bytes below the cap; *ret_others is what has to stay free beside them.
static bool count_below_cap(struct staging *st, const struct staged *s, uint64_t bytes, uint64_t *ret_others)
{
    struct staged *victims = NULL;
    pthread_mutex_lock(&st->lock);
    *ret_others = left_to_others(st, s, bytes);
    bool fits = fit_cap(st, bytes, *ret_others, &victims);
    if (fits)
        st->file_bytes += bytes;
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    return fits;
}

// Of bytes that were counted: charges whom they are for.
static void charge(struct staging *st, struct staged *s, uint64_t bytes)
{
    pthread_mutex_lock(&st->lock);
    if (s)
        charge_file(s, bytes);
    else
        st->held_bytes += bytes;
    pthread_mutex_unlock(&st->lock);
}

// They are not counted any more; true when something was dropped instead.
static bool drop_instead(struct staging *st, uint64_t bytes)
{
    struct staged *victims = NULL;
    pthread_mutex_lock(&st->lock);
    st->file_bytes -= bytes;
    bool any = st->file_list.oldest != NULL;
    chain(&victims, staging_evict(st, &st->file_list));
    pthread_mutex_unlock(&st->lock);
    staging_drop(victims);
    return any;
}

static errc take(struct staging *st, struct staged *s, uint64_t bytes, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + st->conf.leaving_ms;
    struct cancel *cancel = s ? &s->cancel : NULL;
    for (;;) {
        uint64_t others, room = 0;
        bool fits = count_below_cap(st, s, bytes, &others);
        if (fits && fit_floor(st, bytes, others, &room)) {
            charge(st, s, bytes);
            return ERR_OK;
        }
        if ((fits && drop_instead(st, bytes)) || wait_for_leaving(st, cancel, until_ms))
            continue;
        return fits ? no_space(st, s, bytes, "the file system has free only", room, err)
                    : no_space(st, s, bytes, "the staging area holds at most", st->conf.max_bytes, err);
    }
}

errc staging_take_file(struct staged *s, uint64_t bytes, struct err *err)
{
    return take(s->st, s, bytes, err);
}

errc staging_take_room(struct staging *st, uint64_t bytes, struct err *err)
{
    return take(st, NULL, bytes, err);
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

errc staging_fits(struct staging *st, uint64_t bytes, uint64_t room, bool *ret_beside, struct err *err)
{
    *ret_beside = false;
    if (bytes <= STAGING_MEMORY_MAX)
        return ERR_OK;
    uint64_t most = st->conf.soft_cap || room < st->conf.max_bytes ? room : st->conf.max_bytes;
    uint64_t others = st->held_bytes + st->promised_bytes;
    if (bytes > most)
        return too_large(st, bytes, room, err);
    *ret_beside = others > most - bytes;
    if (*ret_beside)
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
