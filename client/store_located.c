#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/store_located_i.h"

// F/data/ab/… (blobs) and data/F/… (included files): equal paths are equal bytes, wherever they are.
static bool is_content_addressed(const char *path)
{
    const char *slash = strchr(path, '/');
    return strncmp(path, "data/", 5) == 0 || (slash && strncmp(slash + 1, "data/", 5) == 0);
}

// --- where to look besides the mounted datastore -----------------------------------------------------------

struct search {
    size_t from, to;  // places
    bool other_kind;  // only those of another kind than the mounted one
    bool sure;        // what its place says is the answer, also a failure
};

static struct search search_for(struct located *l, const char *path)
{
    struct search all = {0, places_len(l), false, false};
    if (is_content_addressed(path)) {
        return all;
    }
    int place = places_of_run(l, path);
    bool mounted_is_remote = places_is_remote(l->mounted->sysroot);
    if (place == PLACE_UNKNOWN) {
        all.other_kind = true;
        return all;
    }
    if (place == PLACE_MOUNTED || (!mounted_is_remote && !places_is_remote(l->places[place].sysroot))) {
        return (struct search){0};
    }
    return (struct search){(size_t)place, (size_t)place + 1, false, true};
}

// The next place to look in, or NULL.
static struct store *next_place(struct located *l, struct search *s)
{
    while (s->from < s->to) {
        const struct place *p = &l->places[s->from++];
        bool same_kind = places_is_remote(p->sysroot) == places_is_remote(l->mounted->sysroot);
        if (p->store && !atomic_load(&p->on_demand) && !(s->other_kind && same_kind)) {
            return p->store;
        }
    }
    return NULL;
}

// Whether the failure of one place ends the search. Where it is not known whose place it is, a run's own files are
// missing unless some place has them, so that a bucket that is out of reach does not spoil the runs of this machine.
static bool is_final(const struct search *s, const char *path, errc code)
{
    return s->sure || code == ERR_INTERRUPTED || code == ERR_TIMEOUT ||
           (code != ERR_NOT_FOUND && is_content_addressed(path));
}

// Nobody has it: says so, or that it may be where this mount cannot look.
static errc not_here(struct located *l, const char *path, const struct err *missing, struct err *err)
{
    size_t len = is_content_addressed(path) ? places_len(l) : 0;
    for (size_t i = 0; i < len; i++) {
        if (!l->places[i].store) {
            return err_set(err, ERR_NO_FORM,
                           "%s is not in the datastore %s; records name %s too, which this mount does not read",
                           path, l->mounted->sysroot, l->places[i].sysroot);
        }
    }
    *err = *missing;
    return missing->code;
}

// --- the calls -----------------------------------------------------------------------------------------------

static errc located_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                         struct store_info *ret, struct err *err)
{
    struct located *l = (struct located *)s;
    struct err missing = ERR_INIT;
    errc code = l->mounted->ops->info(l->mounted, path, flags, cancel, ret, &missing);
    struct search search = code == ERR_NOT_FOUND ? search_for(l, path) : (struct search){0};
    for (struct store *st; code == ERR_NOT_FOUND && (st = next_place(l, &search));) {
        struct err other = ERR_INIT;
        errc there = st->ops->info(st, path, flags, cancel, ret, &other);
        if (!there) {
            return ERR_OK;
        }
        if (is_final(&search, path, there)) {
            *err = other;
            return there;
        }
    }
    if (code == ERR_NOT_FOUND) {
        return not_here(l, path, &missing, err);
    }
    if (code) {
        *err = missing;
    }
    return code;
}

// Tells whether a source gave anything.
struct given {
    store_bytes_fn bytes;
    store_list_fn entry;
    void *arg;
    bool any;
};

static errc give_bytes(void *arg, const void *data, size_t len, struct err *err)
{
    struct given *g = arg;
    g->any = true;
    return g->bytes(g->arg, data, len, err);
}

static errc located_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                         struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct located *l = (struct located *)s;
    struct err missing = ERR_INIT;
    struct given given = {.bytes = fn, .arg = arg};
    errc code = l->mounted->ops->read(l->mounted, path, offset, cancel, ret_info, give_bytes, &given, &missing);
    struct search search = code == ERR_NOT_FOUND ? search_for(l, path) : (struct search){0};
    for (struct store *st; code == ERR_NOT_FOUND && (st = next_place(l, &search));) {
        struct err other = ERR_INIT;
        errc there = st->ops->read(st, path, offset, cancel, ret_info, give_bytes, &given, &other);
        if (!there) {
            return ERR_OK;
        }
        if (given.any || is_final(&search, path, there)) { // what was given cannot be taken back
            *err = other;
            return there;
        }
    }
    if (code == ERR_NOT_FOUND) {
        return not_here(l, path, &missing, err);
    }
    if (code) {
        *err = missing;
    }
    return code;
}

static bool give_entry(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    struct given *g = arg;
    g->any = true;
    return g->entry(g->arg, name, is_dir, size, mtime_ms);
}

static errc located_list(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn,
                         void *arg, struct err *err)
{
    struct located *l = (struct located *)s;
    struct given given = {.entry = fn, .arg = arg};
    errc code = l->mounted->ops->list(l->mounted, dir, cancel, give_entry, &given, err);
    if (code || given.any || is_content_addressed(dir)) {
        return code;
    }
    struct search search = search_for(l, dir);
    for (struct store *st; !given.any && (st = next_place(l, &search));) {
        struct err other = ERR_INIT;
        code = st->ops->list(st, dir, cancel, give_entry, &given, &other);
        if (code && (given.any || is_final(&search, dir, code))) {
            *err = other;
            return code;
        }
    }
    return ERR_OK;
}

static void located_free(struct store *s)
{
    struct located *l = (struct located *)s;
    places_free(l);
    l->mounted->ops->free(l->mounted);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

const struct store_ops located_ops = {located_info, located_read, located_list, located_free};

struct store *store_located_new(struct store *mounted, store_open_fn open, void *arg)
{
    struct located *l = mem_zalloc(sizeof(*l));
    l->store = (struct store){&located_ops, mounted->type, mounted->sysroot};
    l->mounted = mounted;
    l->open = open;
    l->open_arg = arg;
    pthread_mutex_init(&l->lock, NULL);
    return &l->store;
}
