// One file: from the tree to a temporary name beside its place, and from there to its place when it is whole.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fs/get_i.h"

#define PART_END ".metaflowfs-part"

// What is at the place now.
enum place { PLACE_FREE, PLACE_OURS, PLACE_WHOLE };

static errc target_errno(struct err *err, int no, const char *what)
{
    err_set_errno(err, no, "%s", what);
    err->code = no == ENOSPC || no == EDQUOT || no == EFBIG ? ERR_NO_SPACE : err->code;
    return err->code;
}

static bool is_same(const struct stat *st, const struct get_record *record, uint64_t version)
{
    int64_t mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    // Some file systems keep times in steps of two seconds.
    return version != 0 && record->version == version && (uint64_t)st->st_size == record->size &&
           llabs(mtime_ms - record->mtime_ms) <= 2000;
}

static errc look_at_place(struct get *g, const struct get_item *item, const char *path, uint64_t version,
                          enum place *ret, struct err *err)
{
    struct stat st;
    struct get_record record;
    *ret = PLACE_FREE;
    if (fstatat(item->dir->fd, item->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? ERR_OK : target_errno(err, errno, "cannot look at what is there");
    }
    enum get_known known = g->state != NULL ? get_state_find(g->state, path, &record) : GET_UNKNOWN;
    if (S_ISDIR(st.st_mode)) {
        return err_set(err, ERR_EXISTS, "a directory is there already where a file belongs: remove it");
    }
    if (S_ISREG(st.st_mode) && known == GET_DONE && is_same(&st, &record, version)) {
        *ret = PLACE_WHOLE;
        return ERR_OK;
    }
    if ((S_ISREG(st.st_mode) && known != GET_UNKNOWN) || g->overwrite) {
        *ret = PLACE_OURS;
        return ERR_OK;
    }
    return err_set(err, ERR_EXISTS, "a file is there already that no copy of this made: --overwrite replaces it");
}

static void part_name(const char *name, char *out, size_t size)
{
    static const uint8_t key[16] = "get-part-of-name";
    size_t len = strlen(name);
    if (len + strlen(PART_END) + 1 <= 255) {
        snprintf(out, size, ".%s" PART_END, name);
    } else {
        snprintf(out, size, ".%016" PRIx64 PART_END, hash_sip64(key, name, len));
    }
}

// A part that somebody holds a lock on is being written; any other was left by a process that was killed.
static errc take_away_left(int dirfd, const char *part, struct err *err)
{
    int fd = openat(dirfd, part, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        bool busy = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        close(fd);
        if (busy) {
            return err_set(err, ERR_BUSY, "another metaflowfs get is writing this file");
        }
    }
    if (unlinkat(dirfd, part, 0) != 0 && errno != ENOENT) {
        return target_errno(err, errno, "cannot remove the part of an interrupted copy");
    }
    return ERR_OK;
}

static errc open_part(int dirfd, const char *part, int *ret, struct err *err)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dirfd, part, flags, 0666);
    if (fd < 0 && errno == EEXIST) {
        errc e = take_away_left(dirfd, part, err);
        if (e) {
            return e;
        }
        fd = openat(dirfd, part, flags, 0666);
    }
    if (fd < 0) {
        return target_errno(err, errno, "cannot create the file");
    }
    (void)flock(fd, LOCK_EX | LOCK_NB); // where locks do not work, two copies at once are not told apart
    *ret = fd;
    return ERR_OK;
}

static errc write_all(int fd, const char *data, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return target_errno(err, n < 0 ? errno : ENOSPC, "cannot write the file");
        }
        data += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

// *ret_wrote tells whose failure it was: of the copy, or of what is copied.
static errc stream(struct get *g, struct content *content, int fd, char *chunk, uint64_t *done, bool *ret_wrote,
                   struct err *err)
{
    uint64_t size = content_size(content);
    *ret_wrote = false;
    while (*done < size) {
        size_t got, want = size - *done < GET_CHUNK ? (size_t)(size - *done) : GET_CHUNK;
        errc e = content_read(content, *done, chunk, want, &g->cancel, &got, err);
        if (!e) {
            e = cancel_check(&g->cancel, err);
        }
        if (e) {
            return e;
        }
        if (got == 0) {
            return err_set(err, ERR_CORRUPT, "it ended at byte %" PRIu64 " of %" PRIu64, *done, size);
        }
        *ret_wrote = true;
        e = write_all(fd, chunk, got, err);
        if (e) {
            return e;
        }
        *ret_wrote = false;
        *done += got;
        atomic_fetch_add(&g->bytes, got);
    }
    return ERR_OK;
}

// For everybody who may read it.
static errc make_executable(int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || fchmod(fd, (st.st_mode & 0777) | (st.st_mode & 0444) >> 2) != 0) {
        return target_errno(err, errno, "cannot make the file executable");
    }
    return ERR_OK;
}

// Puts the whole part into its place, and says so in the state: first that the place is ours, so that a copy that is
// killed between the two knows its own file.
static errc put_in_place(struct get *g, const struct get_item *item, const char *path, const char *part, int fd,
                         enum place place, const struct get_record *record, struct err *err)
{
    struct timespec time = {.tv_sec = record->mtime_ms / 1000, .tv_nsec = record->mtime_ms % 1000 * 1000000};
    const struct timespec times[2] = {time, time};
    if (futimens(fd, times) != 0) {
        return target_errno(err, errno, "cannot set the file's time");
    }
    errc e = item->executable ? make_executable(fd, err) : ERR_OK;
    if (!e && g->state != NULL) {
        e = get_state_begin(g->state, path, err);
    }
    if (e) {
        return e;
    }
    int dir = item->dir->fd, failed = -1;
    if (place == PLACE_FREE) {
        failed = renameat2(dir, part, dir, item->name, RENAME_NOREPLACE);
    }
    if (failed && (place != PLACE_FREE || errno == EINVAL || errno == ENOSYS)) {
        failed = renameat(dir, part, dir, item->name);
    }
    if (failed) {
        return target_errno(err, errno, "cannot give the file its name");
    }
    return g->state != NULL ? get_state_done(g->state, path, record, err) : ERR_OK;
}

static errc copy_content(struct get *g, struct get_item *item, const char *path, enum place place, uint64_t version,
                         struct content *content, char *chunk, struct err *err)
{
    char part[300];
    int fd = -1, dir = item->dir->fd;
    uint64_t done = 0, size = content_size(content);
    bool wrote = true;
    // What was shown may have been a guess; from here on it is known.
    atomic_fetch_add(&g->bytes_known, size - item->size);
    item->size = size;
    part_name(item->name, part, sizeof(part));
    errc e = open_part(dir, part, &fd, err);
    if (!e) {
        struct get_record record = {version, size, item->mtime_ms};
        e = stream(g, content, fd, chunk, &done, &wrote, err);
        if (!e) {
            wrote = true;
            e = put_in_place(g, item, path, part, fd, place, &record, err);
        }
        if (e) {
            (void)unlinkat(dir, part, 0);
            atomic_fetch_sub(&g->bytes, done);
        }
        close(fd);
    }
    if (e == ERR_NO_SPACE && wrote) {
        get_fatal(g, path, err);
    }
    if (!e) {
        atomic_fetch_add(&g->copied, 1);
        atomic_fetch_add(&g->bytes_copied, size);
    }
    return e;
}

static errc find_attr(struct get *g, struct get_item *item, struct err *err)
{
    struct tattr attr;
    if (item->has_attr && item->ref.kind != K_PICKLE) {
        return ERR_OK;
    }
    errc e = tree_attr(g->stack.tree, &item->ref, &g->cancel, &attr, err);
    if (e) {
        return e;
    }
    atomic_fetch_add(&g->bytes_known, attr.size - item->size);
    item->size = attr.size;
    item->mtime_ms = attr.mtime_ms;
    item->executable = (attr.mode & 0111) != 0;
    item->has_attr = true;
    return ERR_OK;
}

errc get_copy(struct get *g, struct get_item *item, char *chunk, struct err *err)
{
    auto_free char *path = get_item_path(item);
    uint64_t version = 0, opened;
    enum place place = PLACE_FREE;
    errc e = find_attr(g, item, err);
    if (!e) {
        e = tree_version(g->stack.tree, &item->ref, &g->cancel, &version, err);
    }
    if (!e) {
        e = look_at_place(g, item, path, version, &place, err);
    }
    if (e) {
        return e;
    }
    if (place == PLACE_WHOLE) {
        atomic_fetch_add(&g->there, 1);
        atomic_fetch_add(&g->bytes, item->size);
        return ERR_OK;
    }
    auto_cleanup(content_unrefp) struct content *content = NULL;
    e = tree_open(g->stack.tree, &item->ref, &g->cancel, &content, &opened, err);
    return e ? e : copy_content(g, item, path, place, opened != 0 ? opened : version, content, chunk, err);
}
