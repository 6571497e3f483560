// The map of a cache's file, which other processes make longer, and the transactions that need it.
#include "base/log.h"
#include "client/cache_i.h"

#define TRIES 4 // another process may make it longer again meanwhile

// With map_lock to write. LMDB unmaps before it maps: after a failure there is no map.
static int map_bytes(struct cache *c, size_t bytes)
{
    if (mdb_env_set_mapsize(c->env, bytes) == 0) {
        return 0;
    }
    c->is_lost = true;
    return MDB_MAP_RESIZED;
}

static int map_anew(struct cache *c, size_t room)
{
    MDB_envinfo info;
    MDB_stat st;
    int e = c->is_lost ? MDB_MAP_RESIZED : mdb_env_info(c->env, &info);
    e = e ? e : mdb_env_stat(c->env, &st);
    if (e) {
        return e;
    }
    size_t used = (info.me_last_pgno + 1) * st.ms_psize, wanted = used + room + CACHE_MAP_LEAST;
    wanted &= ~((size_t)CACHE_MAP_LEAST - 1);
    wanted = wanted > info.me_mapsize ? wanted : info.me_mapsize;
    e = map_bytes(c, wanted);
    if (e) {
        log_warn("cache", "the address space does not hold %s, which others made larger (%zu MiB): nothing is read "
                 "from it or kept in it any more; raise the process's limit (ulimit -v), or use --no-cache",
                 c->where ? c->where : "the cache", used >> 20);
    }
    return e;
}

// A quarter more than is there, so that a file that grows is not mapped anew all the time.
static int follow_file(struct cache *c)
{
    MDB_envinfo info;
    pthread_rwlock_wrlock(&c->map_lock);
    int e = c->is_lost ? MDB_MAP_RESIZED : mdb_env_info(c->env, &info);
    e = e ? e : map_anew(c, info.me_mapsize / 4);
    pthread_rwlock_unlock(&c->map_lock);
    return e;
}

int cache_grow_map(struct cache *c)
{
    pthread_rwlock_wrlock(&c->map_lock);
    int e = map_anew(c, CACHE_MAP_LEAST);
    pthread_rwlock_unlock(&c->map_lock);
    return e;
}

int cache_txn_begin(struct cache *c, unsigned flags, MDB_txn **ret)
{
    for (int i = 0;; i++) {
        pthread_rwlock_rdlock(&c->map_lock);
        int e = c->is_lost ? MDB_MAP_RESIZED : mdb_txn_begin(c->env, NULL, flags, ret);
        if (e == 0) {
            return 0; // map_lock is given back when it ends
        }
        bool again = e == MDB_MAP_RESIZED && !c->is_lost && i < TRIES;
        pthread_rwlock_unlock(&c->map_lock);
        if (!again || follow_file(c)) {
            return e;
        }
    }
}

void cache_txn_abort(struct cache *c, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&c->map_lock);
}

int cache_txn_commit(struct cache *c, MDB_txn *txn)
{
    int e = mdb_txn_commit(txn);
    pthread_rwlock_unlock(&c->map_lock);
    return e;
}
