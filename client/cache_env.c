// The LMDB environment of a cache. What LMDB would learn by a signal is made sure of before: that the bytes it touches
// through a map are there, and that the map fits into the address space.
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/cache_i.h"

#define MAX_READERS 1024
#define LOCK_BYTES (MAX_READERS * 64 + 4096) // no less than LMDB's own size, so that it does not grow the file

static int open_databases(struct cache *c)
{
    static const char *const names[] = {"items", "units", "marks", "info"};
    MDB_dbi *const all[] = {&c->items, &c->units, &c->marks, &c->info};
    MDB_txn *txn;
    int e = cache_txn_begin(c, 0, &txn);
    if (e) {
        return e;
    }
    for (size_t i = 0; !e && i < 4; i++) {
        e = mdb_dbi_open(txn, names[i], MDB_CREATE, all[i]);
    }
    if (e) {
        cache_txn_abort(c, txn);
        return e;
    }
    return cache_txn_commit(c, txn);
}

// Reading a page beyond the end of the file would end the process.
static int check_length(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat st;
    struct stat file;
    mdb_filehandle_t fd;
    int e = mdb_env_info(env, &info);
    e = e ? e : mdb_env_stat(env, &st);
    e = e ? e : mdb_env_get_fd(env, &fd);
    if (!e && fstat(fd, &file) == 0 && (uint64_t)file.st_size < ((uint64_t)info.me_last_pgno + 1) * st.ms_psize) {
        e = MDB_CORRUPTED;
    }
    return e;
}

// LMDB sizes its lock file by ftruncate, so that on a full file system the first touch of its map is a SIGBUS. (The
// data file is written by pwrite, which fails as it should.) Never shorter than it is: others may have it mapped.
static int reserve_lock(const char *folder)
{
    auto_free char *path = file_join(folder, "lock.mdb");
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat st;
    if (fd < 0) {
        return errno;
    }
    int e = fstat(fd, &st) != 0 ? errno : 0;
    if (!e && st.st_size == 0) {
        e = posix_fallocate(fd, 0, LOCK_BYTES);
        // What was reserved before it failed is given back: a part of a lock file would be taken for one.
        e = e && ftruncate(fd, 0) != 0 ? errno : e;
    } else if (!e && fallocate(fd, 0, 0, st.st_size) != 0) {
        e = errno == EOPNOTSUPP ? 0 : errno; // not posix_fallocate, which may write where others do
    }
    close(fd);
    return e;
}

// Twice what is kept, so that eviction comes before the map is full; of a limited address space only a part, since
// threads and buffers need it too.
static size_t wanted_map(struct cache *c)
{
    size_t bytes;
    struct rlimit limit;
    if (__builtin_mul_overflow(c->max_bytes, (size_t)2, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)1 << 30, &bytes)) {
        bytes = SIZE_MAX / 2;
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur / 4) {
        bytes = limit.rlim_cur / 4;
        c->is_map_small = true;
    }
    bytes &= ~((size_t)CACHE_MAP_LEAST - 1);
    return bytes > CACHE_MAP_LEAST ? bytes : CACHE_MAP_LEAST;
}

static int open_mapped(struct cache *c, const char *folder, size_t map)
{
    int e = mdb_env_create(&c->env);
    if (e) {
        return e;
    }
    mdb_env_set_maxdbs(c->env, 4);
    mdb_env_set_maxreaders(c->env, MAX_READERS);
    mdb_env_set_mapsize(c->env, map);
    e = mdb_env_open(c->env, folder, MDB_NOTLS | MDB_NOSYNC, 0600);
    if (e) {
        mdb_env_close(c->env);
        c->env = NULL;
    }
    return e;
}

static int open_fitting(struct cache *c, const char *folder)
{
    size_t map = wanted_map(c);
    int e = open_mapped(c, folder, map);
    while (e == ENOMEM && map > CACHE_MAP_LEAST) {
        map = map / 2 > CACHE_MAP_LEAST ? map / 2 : CACHE_MAP_LEAST;
        map &= ~((size_t)CACHE_MAP_LEAST - 1);
        e = open_mapped(c, folder, map);
        c->is_map_small = true;
    }
    c->map_bytes = map;
    return e;
}

int cache_env_open(struct cache *c, const char *folder, bool any_length)
{
    int e = reserve_lock(folder);
    e = e ? e : open_fitting(c, folder);
    if (e) {
        return e;
    }
    e = any_length ? 0 : check_length(c->env);
    if (!e) {
        int dead;
        mdb_reader_check(c->env, &dead);
        e = open_databases(c);
    }
    if (e) {
        mdb_env_close(c->env);
        c->env = NULL;
    }
    return e;
}
