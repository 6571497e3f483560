// A look at every page of a cache that nobody closed before the machine went down.
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/cache_i.h"

#define CHECK_MS 20000

static bool walk_one(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    struct item item;
    int e = mdb_cursor_open(txn, dbi, &cursor);
    while (!e && (e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        item_read(v.mv_data, v.mv_size, &item);
    }
    return e == MDB_NOTFOUND;
}

static bool walk_all(const struct cache *like, const char *folder)
{
    struct cache c = {.max_bytes = like->max_bytes};
    MDB_txn *txn;
    if (cache_env_open(&c, folder, true) || mdb_txn_begin(c.env, NULL, MDB_RDONLY, &txn)) {
        return false;
    }
    return walk_one(txn, 0) && walk_one(txn, c.items) && walk_one(txn, c.units) && walk_one(txn, c.marks) &&
           walk_one(txn, c.info); // 0 is LMDB's list of free pages
}

bool cache_survives_walk(const struct cache *c, const char *folder)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGBUS, SIG_DFL); // of whoever would rather see it
        signal(SIGSEGV, SIG_DFL);
        _exit(walk_all(c, folder) ? 0 : 1); // whatever is wrong with the pages, only this process ends of it
    }
    int status = 0;
    int64_t until = clock_mono_ms() + CHECK_MS;
    while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > until) {
            kill(pid, SIGKILL);
        }
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
