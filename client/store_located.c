#include "client/store_located.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"

#define MAX_PLACES 64 // a datastore whose records name more has been moved about a lot

struct place {
    char *sysroot;       // owned
    struct store *store; // owned; NULL: not of this machine's file system
};

struct located {
    struct store store; // first member
    struct store *mounted;
    pthread_mutex_t lock;
    // Under lock to be added to; those below len never change and live as long as the store.
    struct place places[MAX_PLACES];
    size_t len;
};

static size_t places_len(struct located *l)
{
    pthread_mutex_lock(&l->lock);
    size_t len = l->len;
    pthread_mutex_unlock(&l->lock);
    return len;
}

// F/data/ab/… (blobs) and data/F/… (included files): equal paths are equal bytes, wherever they are.
static bool is_content_addressed(const char *path)
{
    const char *slash = strchr(path, '/');
    return strncmp(path, "data/", 5) == 0 || (slash && strncmp(slash + 1, "data/", 5) == 0);
}

static errc not_here(struct located *l, size_t len, const char *path, struct err *err)
{
    for (size_t i = 0; i < len; i++) {
        if (!l->places[i].store) {
            return err_set(err, ERR_NO_FORM,
                           "%s is not in the datastore %s; records name %s too, which this mount of a "
                           "local datastore does not read",
                           path, l->mounted->sysroot, l->places[i].sysroot);
        }
    }
    return err->code;
}

static errc located_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                         struct store_info *ret, struct err *err)
{
    struct located *l = (struct located *)s;
    errc code = l->mounted->ops->info(l->mounted, path, flags, cancel, ret, err);
    if (code != ERR_NOT_FOUND || !is_content_addressed(path)) {
        return code;
    }
    size_t len = places_len(l);
    for (size_t i = 0; i < len; i++) {
        struct err other = ERR_INIT;
        struct store *st = l->places[i].store;
        if (st && !st->ops->info(st, path, flags, cancel, ret, &other)) {
            return ERR_OK;
        }
    }
    return not_here(l, len, path, err);
}

static errc located_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                         struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct located *l = (struct located *)s;
    errc code = l->mounted->ops->read(l->mounted, path, offset, cancel, ret_info, fn, arg, err);
    if (code != ERR_NOT_FOUND || !is_content_addressed(path)) {
        return code;
    }
    size_t len = places_len(l);
    for (size_t i = 0; i < len; i++) {
        struct err other = ERR_INIT;
        struct store *st = l->places[i].store;
        code = st ? st->ops->read(st, path, offset, cancel, ret_info, fn, arg, &other) : ERR_NOT_FOUND;
        if (!code) {
            return ERR_OK;
        }
        if (code != ERR_NOT_FOUND) {
            *err = other; // pieces may have been given already
            return code;
        }
    }
    return not_here(l, len, path, err);
}

static errc located_list(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn,
                         void *arg, struct err *err)
{
    struct located *l = (struct located *)s;
    return l->mounted->ops->list(l->mounted, dir, cancel, fn, arg, err);
}

static void located_free(struct store *s)
{
    struct located *l = (struct located *)s;
    for (size_t i = 0; i < l->len; i++) {
        free(l->places[i].sysroot);
        if (l->places[i].store) {
            l->places[i].store->ops->free(l->places[i].store);
        }
    }
    l->mounted->ops->free(l->mounted);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static const struct store_ops located_ops = {located_info, located_read, located_list, located_free};

struct store *store_located_new(struct store *mounted)
{
    struct located *l = mem_zalloc(sizeof(*l));
    l->store = (struct store){&located_ops, mounted->type, mounted->sysroot};
    l->mounted = mounted;
    pthread_mutex_init(&l->lock, NULL);
    return &l->store;
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

static bool is_known(struct located *l, const char *sysroot)
{
    size_t len = places_len(l);
    for (size_t i = 0; i < len; i++) {
        if (strcmp(l->places[i].sysroot, sysroot) == 0) {
            return true;
        }
    }
    return len == MAX_PLACES || strcmp(sysroot, l->mounted->sysroot) == 0;
}

void store_located_add(struct store *s, const char *flow, const char *location)
{
    struct located *l = (struct located *)s;
    auto_free char *sysroot = location ? store_located_sysroot(flow, location) : NULL;
    if (!sysroot || is_known(l, sysroot)) {
        return;
    }
    struct store *other = NULL;
    if (sysroot[0] == '/') {
        struct err err = ERR_INIT;
        struct stat st;
        if (stat(sysroot, &st) != 0 || !S_ISDIR(st.st_mode) ||
            is_same_directory(sysroot, l->mounted->sysroot)) {
            return;
        }
        if (store_local_new(sysroot, &other, &err)) {
            log_warn("model", "the recorded datastore %s is not used: %s", sysroot, err.cause);
            return;
        }
    }
    pthread_mutex_lock(&l->lock);
    bool added = l->len < MAX_PLACES;
    if (added) {
        l->places[l->len] = (struct place){steal_ptr(&sysroot), other};
        l->len++;
    }
    pthread_mutex_unlock(&l->lock);
    if (added) {
        log_info("model", "records name the datastore %s too", l->places[places_len(l) - 1].sysroot);
    } else if (other) {
        other->ops->free(other);
    }
}
