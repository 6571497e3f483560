// The places that records name, and which run is where.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/store_located_i.h"

static const uint8_t sip_key[16] = "metaflowfs-place";

size_t places_len(struct located *l)
{
    pthread_mutex_lock(&l->lock);
    size_t len = l->len;
    pthread_mutex_unlock(&l->lock);
    return len;
}

bool places_is_remote(const char *sysroot)
{
    return sysroot && strstr(sysroot, "://") != NULL;
}

int places_find(struct located *l, const char *sysroot)
{
    size_t len = places_len(l);
    for (size_t i = 0; i < len; i++) {
        if (strcmp(l->places[i].sysroot, sysroot) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void places_free(struct located *l)
{
    for (size_t i = 0; i < l->len; i++) {
        free(l->places[i].sysroot);
        if (l->places[i].store) {
            l->places[i].store->ops->free(l->places[i].store);
        }
    }
}

char *store_located_sysroot(const char *flow, const char *location)
{
    if (strncmp(location, ":root:", 6) == 0) {
        location += 6;
    } else if (flow) {
        // The sysroot of a blob's URL is what stands before the last "/F/data/".
        auto_free char *mark = mem_printf("/%s/data/", flow);
        const char *at = NULL;
        for (const char *p = location; (p = strstr(p, mark)); p++) {
            at = p;
        }
        if (at) {
            return at == location ? NULL : mem_strndup(location, (size_t)(at - location));
        }
    }
    size_t len = strlen(location);
    while (len > 1 && location[len - 1] == '/') {
        len--;
    }
    return len > 1 && (location[0] == '/' || strstr(location, "://")) ? mem_strndup(location, len) : NULL;
}

static bool is_same_directory(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

// --- adding --------------------------------------------------------------------------------------------------

// A place without a datastore is only named in causes.
static int put(struct located *l, const char *sysroot, struct store *store, bool on_demand)
{
    pthread_mutex_lock(&l->lock);
    int at = -1;
    for (size_t i = 0; i < l->len && at < 0; i++) {
        at = strcmp(l->places[i].sysroot, sysroot) == 0 ? (int)i : -1;
    }
    bool added = at < 0 && l->len < MAX_PLACES;
    if (added) {
        at = (int)l->len;
        struct place *p = &l->places[l->len++];
        p->sysroot = mem_strdup(sysroot);
        p->store = store;
        atomic_init(&p->on_demand, on_demand);
    } else if (at >= 0 && !on_demand) {
        atomic_store(&l->places[at].on_demand, false);
    }
    pthread_mutex_unlock(&l->lock);
    if (!added && store) {
        store->ops->free(store);
    }
    if (added && !on_demand) {
        log_info("model", "records name the datastore %s too", sysroot);
    }
    return at;
}

// Opens what is at a sysroot; *ret stays NULL where that is nothing that this mount reads. False: leave it out.
static bool open_place(struct located *l, const char *sysroot, struct store **ret)
{
    struct err err = ERR_INIT;
    *ret = NULL;
    if (sysroot[0] != '/') {
        if (l->open && l->open(l->open_arg, sysroot, ret, &err)) {
            *ret = NULL;
            log_warn("model", "the recorded datastore %s is not used: %s", sysroot, err.cause);
        }
        return true;
    }
    struct stat st;
    if (stat(sysroot, &st) != 0 || !S_ISDIR(st.st_mode) || is_same_directory(sysroot, l->mounted->sysroot)) {
        return false;
    }
    if (store_local_new(sysroot, ret, &err)) {
        log_warn("model", "the recorded datastore %s is not used: %s", sysroot, err.cause);
        return false;
    }
    return true;
}

// Index of the place, PLACE_MOUNTED for the mounted one and what is left out.
static int add(struct located *l, const char *sysroot)
{
    struct store *store;
    int at = places_find(l, sysroot);
    if (at >= 0) {
        atomic_store(&l->places[at].on_demand, false);
    }
    if (at >= 0 || strcmp(sysroot, l->mounted->sysroot) == 0 || places_len(l) == MAX_PLACES ||
        !open_place(l, sysroot, &store)) {
        return at >= 0 ? at : PLACE_MOUNTED;
    }
    at = put(l, sysroot, store, false);
    return at >= 0 ? at : PLACE_MOUNTED;
}

void store_located_add(struct store *s, const char *flow, const char *location)
{
    auto_free char *sysroot = location ? store_located_sysroot(flow, location) : NULL;
    if (sysroot) {
        add((struct located *)s, sysroot);
    }
}

struct store *store_located_at(struct store *s, const char *sysroot, struct err *err)
{
    struct located *l = (struct located *)s;
    if (s->ops != &located_ops || !l->open) {
        err_set(err, ERR_NO_FORM, "it is in %s, which this mount does not read", sysroot);
        return NULL;
    }
    int at = places_find(l, sysroot);
    if (at < 0 || !l->places[at].store) {
        struct store *store;
        if (l->open(l->open_arg, sysroot, &store, err)) {
            return NULL;
        }
        at = put(l, sysroot, store, true);
    }
    if (at < 0 || !l->places[at].store) {
        err_set(err, ERR_LIMIT, "it is in %s, and this mount reads %d other places already", sysroot, MAX_PLACES);
        return NULL;
    }
    return l->places[at].store;
}

// --- runs ----------------------------------------------------------------------------------------------------

static uint64_t run_hash(const char *flow, size_t flow_len, const char *run, size_t run_len)
{
    auto_free char *text = mem_printf("%.*s/%.*s", (int)flow_len, flow, (int)run_len, run);
    return hash_sip64(sip_key, text, strlen(text)) | 1;
}

void store_located_run(struct store *s, const char *flow, const char *run, const char *location)
{
    struct located *l = (struct located *)s;
    auto_free char *sysroot = location ? store_located_sysroot(flow, location) : NULL;
    if (!sysroot) {
        return;
    }
    uint64_t hash = run_hash(flow, strlen(flow), run, strlen(run));
    int place = add(l, sysroot);
    pthread_mutex_lock(&l->lock);
    l->runs[hash / 2 % RUNS] = (struct run_place){hash, place};
    pthread_mutex_unlock(&l->lock);
}

int places_of_run(struct located *l, const char *path)
{
    bool is_card = strncmp(path, "mf.cards/", 9) == 0;
    const char *flow = path + (is_card ? 9 : 0);
    size_t flow_len = strcspn(flow, "/");
    const char *run = flow + flow_len + (flow[flow_len] == '/');
    if (is_card && strncmp(run, "runs/", 5) == 0) {
        run += 5;
    }
    uint64_t hash = run_hash(flow, flow_len, run, strcspn(run, "/"));
    pthread_mutex_lock(&l->lock);
    struct run_place found = l->runs[hash / 2 % RUNS];
    pthread_mutex_unlock(&l->lock);
    return found.run == hash ? found.place : PLACE_UNKNOWN;
}
