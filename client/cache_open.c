// Where the cache is, and whether what is there can be used.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/cache_i.h"

#define INITIAL_PID_NS UINT64_C(4026531836) // the kernel's PROC_PID_INIT_INO

// --- a cache of another boot that was not closed ------------------------------------------------------------

static void read_boot_id(char *out, size_t size)
{
    auto_cleanup(buf_free) struct buf text = {0};
    struct err err = ERR_INIT;
    out[0] = '\0';
    if (!file_read("/proc/sys/kernel/random/boot_id", 256, &text, &err) && text.data) {
        snprintf(out, size, "%.36s", text.data);
    }
}

// A file "open" in the folder holds the boot during which it was opened, until the last one closes it.
static bool was_left_by_another_boot(int folder_fd, const char *boot)
{
    char text[40] = "";
    int fd = openat(folder_fd, "open", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n <= 0 || strcmp(text, boot) != 0;
}

static void mark_open(int folder_fd, const char *boot)
{
    int fd = openat(folder_fd, "open", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ssize_t n = write(fd, boot, strlen(boot));
        (void)n; // one that is empty only makes the next boot look twice
        close(fd);
    }
}

// --- setting aside ------------------------------------------------------------------------------------------

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "open"};
    for (size_t i = 0; i < 3; i++) {
        auto_free char *path = file_join(folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

// The newest one is kept, for whoever wants to know what became of it.
static void set_aside(struct cache *c, const char *folder, int e)
{
    auto_free char *bad = mem_printf("%s.bad", folder);
    remove_folder(bad);
    if (rename(folder, bad) != 0) {
        remove_folder(folder);
    }
    c->set_aside++;
    log_info("cache", "%s could not be used (%s): it was set aside as %s, and a new one is made", folder,
             e ? mdb_strerror(e) : "left open by another boot, and damaged", bad);
}

// --- directories ----------------------------------------------------------------------------------------------

static bool is_network(int fd)
{
    static const uint64_t magics[] = {
        0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x65735546, 0x0bd00bd0, 0x47504653, 0x00c36400,
        0x5346414f, 0x19830326};
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if ((uint32_t)fs.f_type == magics[i]) {
            return true;
        }
    }
    return false;
}

static void make_parents(const char *dir)
{
    auto_free char *path = mem_strdup(dir);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

// A directory of ours, made where it is missing, in which nobody else can put anything; an open directory or
// -1. The mode of one that was there is its owner's affair.
static int open_private(const char *dir)
{
    make_parents(dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return -1;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0 ||
                    faccessat(AT_FDCWD, dir, W_OK, 0) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

// LMDB tells processes apart by PID, which two namespaces give twice.
static char *folder_name(const char *identity, const char *boot)
{
    struct stat st;
    static const uint8_t key[16] = "metaflowfs-cache";
    bool inside = stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != INITIAL_PID_NS;
    auto_free char *text = inside ? mem_printf("%d %s %s %llu", CACHE_SCHEMA, identity, boot,
                                               (unsigned long long)st.st_ino)
                                  : mem_printf("%d %s", CACHE_SCHEMA, identity);
    return mem_printf("v%d-%016llx", CACHE_SCHEMA, (unsigned long long)hash_sip64(key, text, strlen(text)));
}

// One try to use the folder; *ret_damaged: what is there should be set aside.
static int use_folder(struct cache *c, const char *folder, const char *boot, bool *ret_damaged)
{
    *ret_damaged = false;
    int fd = open_private(folder);
    if (fd < 0) {
        return errno ? errno : EACCES;
    }
    flock(fd, LOCK_SH | LOCK_NB);
    *ret_damaged = was_left_by_another_boot(fd, boot) && !cache_survives_walk(c, folder);
    int e = *ret_damaged ? 0 : cache_env_open(c, folder, false);
    if (e == MDB_CORRUPTED && cache_survives_walk(c, folder)) {
        e = cache_env_open(c, folder, true); // the last pages are free ones, which were never written
    }
    *ret_damaged |= e == MDB_INVALID || e == MDB_CORRUPTED || e == MDB_VERSION_MISMATCH || e == MDB_PAGE_NOTFOUND ||
                    e == MDB_PANIC || e == MDB_BAD_TXN || e == MDB_INCOMPATIBLE;
    if (e || *ret_damaged) {
        close(fd);
        return e ? e : MDB_CORRUPTED;
    }
    mark_open(fd, boot);
    c->folder_lock = fd;
    return 0;
}

static int use_dir(struct cache *c, const char *dir, const char *identity)
{
    char boot[40];
    int fd = open_private(dir);
    if (fd < 0) {
        return EACCES;
    }
    bool network = is_network(fd);
    close(fd);
    if (network) {
        log_info("cache", "%s is on a network file system: the cache is kept elsewhere", dir);
        return EXDEV;
    }
    read_boot_id(boot, sizeof(boot));
    auto_free char *name = folder_name(identity, boot);
    auto_free char *folder = file_join(dir, name);
    bool damaged;
    int e = use_folder(c, folder, boot, &damaged);
    if (e && damaged) {
        set_aside(c, folder, e);
        e = use_folder(c, folder, boot, &damaged);
    }
    if (!e) {
        c->folder = mem_strdup(folder);
        c->where = mem_strdup(folder);
    }
    return e;
}

// --- a cache that leaves nothing ------------------------------------------------------------------------------

static int use_nothing(struct cache *c, const char *parent, const char *why)
{
    auto_free char *folder = mem_printf("%s/metaflowfs-cache-XXXXXX", parent);
    if (!mkdtemp(folder)) {
        return errno;
    }
    int e = cache_env_open(c, folder, false);
    remove_folder(folder);
    if (!e) {
        if (c->is_map_small && c->max_bytes > c->map_bytes / 2) {
            c->max_bytes = c->map_bytes / 2; // nobody else has anything in it
        }
        c->where = mem_strdup(why);
    }
    return e;
}

static errc use_any(struct cache *c, const struct cache_conf *conf, const char *why, struct err *err)
{
    const char *const parents[] = {conf->tempdir, "/var/tmp", "/tmp", "/dev/shm"};
    int e = ENOENT;
    for (size_t i = 0; i < 4 && e != ENOMEM; i++) {
        e = parents[i] ? use_nothing(c, parents[i], why) : ENOENT;
        if (!e) {
            return ERR_OK;
        }
    }
    if (e == ENOMEM) {
        return err_set(err, ERR_NO_MEMORY, "there is no address space for the metadata cache, which needs at least %u "
                       "MiB of it: raise the process's limit (ulimit -v)", CACHE_MAP_LEAST >> 20);
    }
    return err_set(err, ERR_NO_SPACE, "no place for the metadata cache: neither METAFLOW_TEMPDIR nor /var/tmp nor /tmp "
                   "can be written (%s)", mdb_strerror(e));
}

errc cache_open_env(const struct cache_conf *conf, struct cache *c, struct err *err)
{
    if (!conf->dir) {
        return use_any(c, conf, "nothing is kept (--no-cache)", err);
    }
    auto_free char *mine = mem_printf("/var/tmp/metaflowfs-%u", (unsigned)geteuid());
    auto_free char *beside =
        conf->tempdir ? mem_printf("%s/metaflowfs-cache-%u", conf->tempdir, (unsigned)geteuid()) : NULL;
    const char *const dirs[] = {conf->dir, mine, beside};
    for (size_t i = 0; i < 3; i++) {
        if (dirs[i] && use_dir(c, dirs[i], conf->identity) == 0) {
            return ERR_OK;
        }
    }
    log_info("cache", "%s cannot hold the cache: nothing is kept", conf->dir);
    return use_any(c, conf, "nothing is kept: no directory can hold it", err);
}

void cache_close(struct cache *c)
{
    if (!c) {
        return;
    }
    if (c->env) {
        MDB_txn *txn;
        if (cache_txn_begin(c, 0, &txn) == 0) {
            cache_write_uses(c, txn);
            cache_txn_commit(c, txn);
        }
        // The last one to close leaves it whole on the disk, and says so.
        if (c->folder_lock >= 0 && flock(c->folder_lock, LOCK_EX | LOCK_NB) == 0 && mdb_env_sync(c->env, 1) == 0) {
            unlinkat(c->folder_lock, "open", 0);
        }
        mdb_env_close(c->env);
    }
    if (c->folder_lock >= 0) {
        close(c->folder_lock);
    }
    for (size_t i = 0; i < USES; i++) {
        free(c->uses[i].unit);
    }
    pthread_mutex_destroy(&c->lock);
    pthread_rwlock_destroy(&c->map_lock);
    free(c->folder);
    free(c->where);
    free(c);
}
