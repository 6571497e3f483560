#include "client/store_awaited.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct awaited {
    struct store store; // first member
    char *sysroot;      // owned
    pthread_mutex_t lock;
    struct store *found; // under lock to be set; once set it stays
};

// The datastore, once its directory is there; else NULL.
static struct store *look(struct awaited *a)
{
    struct err none = ERR_INIT;
    pthread_mutex_lock(&a->lock);
    if (!a->found && store_local_new(a->sysroot, &a->found, &none)) {
        a->found = NULL;
    }
    struct store *found = a->found;
    pthread_mutex_unlock(&a->lock);
    return found;
}

static errc not_yet(const struct awaited *a, const char *path, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no %s: the datastore %s does not exist here", path, a->sysroot);
}

static errc awaited_info(struct store *s, const char *path, unsigned flags, struct cancel *cancel,
                         struct store_info *ret, struct err *err)
{
    struct awaited *a = (struct awaited *)s;
    struct store *found = look(a);
    return found ? found->ops->info(found, path, flags, cancel, ret, err) : not_yet(a, path, err);
}

static errc awaited_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                         struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct awaited *a = (struct awaited *)s;
    struct store *found = look(a);
    return found ? found->ops->read(found, path, offset, cancel, ret_info, fn, arg, err) : not_yet(a, path, err);
}

static errc awaited_list(struct store *s, const char *dir, struct cancel *cancel, store_list_fn fn, void *arg,
                         struct err *err)
{
    struct store *found = look((struct awaited *)s);
    return found ? found->ops->list(found, dir, cancel, fn, arg, err) : ERR_OK;
}

static void awaited_free(struct store *s)
{
    struct awaited *a = (struct awaited *)s;
    if (a->found) {
        a->found->ops->free(a->found);
    }
    pthread_mutex_destroy(&a->lock);
    free(a->sysroot);
    free(a);
}

static const struct store_ops awaited_ops = {awaited_info, awaited_read, awaited_list, awaited_free};

struct store *store_awaited_new(const char *sysroot)
{
    struct awaited *a = mem_zalloc(sizeof(*a));
    a->sysroot = mem_strdup(sysroot);
    a->store = (struct store){&awaited_ops, "local", a->sysroot};
    pthread_mutex_init(&a->lock, NULL);
    return &a->store;
}
