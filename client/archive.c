#include "client/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

#define PIECE ((size_t)64 * 1024)
#define ZEROS ((size_t)64 * 1024)
#define CHECK_EACH ((uint64_t)1024 * 1024)
#define FILTERS 2 // gzip, and the one that stands for the bytes themselves

struct walk {
    struct archive *archive;
    struct staged *from;
    const struct archive_limits *limits;
    const struct archive_visitor *visitor;
    struct cancel *cancel;
    struct err *err;
    bool failed;       // err is set: libarchive only passes the failure on
    uint8_t *piece;
    uint64_t at;       // of the staged bytes
    uint64_t content;  // bytes of all members so far
    uint64_t unchecked; // since the token was looked at
};

static la_ssize_t give(struct archive *a, void *arg, const void **ret)
{
    struct walk *w = arg;
    size_t got = 0;
    uint64_t avail;
    bool ended;
    errc e = cancel_check(w->cancel, w->err);
    if (!e) {
        e = staged_wait(w->from, w->at + PIECE, w->cancel, &avail, &ended, w->err);
    }
    if (!e) {
        e = staged_pread(w->from, w->at, w->piece, PIECE, &got, w->err);
    }
    if (e) {
        w->failed = true;
        archive_set_error(a, EIO, "it cannot be read");
        return ARCHIVE_FATAL;
    }
    w->at += got;
    *ret = w->piece;
    return (la_ssize_t)got;
}

static errc broken(struct walk *w)
{
    if (w->failed) {
        return w->err->code;
    }
    if (archive_errno(w->archive) == ENOMEM) {
        return err_set(w->err, ERR_NO_MEMORY, "there is no memory to read the archive");
    }
    const char *why = archive_error_string(w->archive);
    return err_set(w->err, ERR_CORRUPT, "it is no tar archive with or without gzip, or a damaged one: %.200s",
                   why != NULL ? why : "it cannot be read");
}

static bool is_fine(int result)
{
    return result == ARCHIVE_OK || result == ARCHIVE_WARN;
}

static errc too_large(struct walk *w)
{
    return err_set(w->err, ERR_LIMIT, "it unpacks to more than %" PRIu64 " bytes", w->limits->bytes);
}

static errc pass(struct walk *w, const struct archive_member *m, bool wanted, const void *data, size_t len)
{
    w->content += len;
    w->unchecked += len;
    if (w->content > w->limits->bytes) {
        return too_large(w);
    }
    if (w->unchecked >= CHECK_EACH) {
        w->unchecked = 0;
        errc e = cancel_check(w->cancel, w->err);
        if (e) {
            return e;
        }
    }
    return wanted && len > 0 ? w->visitor->bytes(w->visitor->arg, m, data, len, w->err) : ERR_OK;
}

// A hole of a sparse file.
static errc pass_zeros(struct walk *w, const struct archive_member *m, bool wanted, uint64_t len)
{
    static const uint8_t zeros[ZEROS];
    errc e = ERR_OK;
    while (!e && len > 0) {
        size_t n = len < ZEROS ? (size_t)len : ZEROS;
        e = pass(w, m, wanted, zeros, n);
        len -= n;
    }
    return e;
}

// Reads a member's content to its end, wanted or not: so libarchive never skips what nobody counts.
static errc pass_content(struct walk *w, const struct archive_member *m, bool wanted)
{
    uint64_t at = 0;
    const void *data;
    size_t len;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(w->archive, &data, &len, &offset)) != ARCHIVE_EOF) {
        if (!is_fine(result)) {
            return broken(w);
        }
        uint64_t end;
        if (offset < 0 || (uint64_t)offset < at || __builtin_add_overflow((uint64_t)offset, len, &end) ||
            (m->kind == ARCHIVE_FILE && end > m->size)) {
            return err_set(w->err, ERR_CORRUPT, "the archive is damaged: a member's pieces do not fit together");
        }
        errc e = pass_zeros(w, m, wanted, (uint64_t)offset - at);
        if (!e) {
            e = pass(w, m, wanted, data, len);
        }
        if (e) {
            return e;
        }
        at = end;
    }
    return m->kind == ARCHIVE_FILE ? pass_zeros(w, m, wanted, m->size - at) : ERR_OK;
}

static int64_t mtime_of(struct archive_entry *entry)
{
    int64_t ms;
    if (!archive_entry_mtime_is_set(entry) || archive_entry_mtime(entry) < 0 ||
        __builtin_mul_overflow((int64_t)archive_entry_mtime(entry), INT64_C(1000), &ms) ||
        __builtin_add_overflow(ms, archive_entry_mtime_nsec(entry) / 1000000, &ms)) {
        return 0;
    }
    return ms;
}

static errc take_member(struct walk *w, struct archive_entry *entry, uint32_t number)
{
    const char *path = archive_entry_pathname(entry);
    mode_t type = archive_entry_filetype(entry);
    bool link = archive_entry_hardlink(entry) != NULL;
    struct archive_member m = {
        .number = number,
        .path = path != NULL ? path : "",
        .kind = link ? ARCHIVE_OTHER : type == AE_IFREG ? ARCHIVE_FILE : type == AE_IFDIR ? ARCHIVE_DIR : ARCHIVE_OTHER,
        .executable = (archive_entry_perm(entry) & S_IXUSR) != 0,
        .mtime_ms = mtime_of(entry),
    };
    if (m.kind == ARCHIVE_FILE) {
        if (archive_entry_size(entry) < 0) {
            return err_set(w->err, ERR_CORRUPT, "the archive is damaged: a member's size is negative");
        }
        m.size = (uint64_t)archive_entry_size(entry);
        if (m.size > w->limits->bytes) {
            return too_large(w);
        }
    }
    bool wanted = false;
    errc e = w->visitor->member(w->visitor->arg, &m, &wanted, w->err);
    return e ? e : pass_content(w, &m, wanted && m.kind == ARCHIVE_FILE);
}

static errc take_all(struct walk *w)
{
    struct archive_entry *entry;
    int result;
    for (uint32_t number = 0; (result = archive_read_next_header(w->archive, &entry)) != ARCHIVE_EOF; number++) {
        if (!is_fine(result)) {
            return broken(w);
        }
        if (archive_filter_count(w->archive) > FILTERS) {
            return err_set(w->err, ERR_CORRUPT, "it is compressed more than once: a package is a tar archive, with or "
                           "without gzip");
        }
        if (number >= w->limits->members) {
            return err_set(w->err, ERR_LIMIT, "it has more than %" PRIu32 " members", w->limits->members);
        }
        // Headers are inflated too, and long ones hold no content.
        if ((uint64_t)archive_filter_bytes(w->archive, 0) > w->limits->bytes) {
            return too_large(w);
        }
        errc e = cancel_check(w->cancel, w->err);
        if (!e) {
            e = take_member(w, entry, number);
        }
        if (e) {
            return e;
        }
    }
    return ERR_OK;
}

static errc open_archive(struct walk *w)
{
    // Where libarchive has no zlib it would start a program to inflate, and says so by a warning.
    if (archive_read_support_format_tar(w->archive) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(w->archive) != ARCHIVE_OK) {
        return err_set(w->err, ERR_NO_FORM, "this libarchive cannot read tar and gzip: install one built with zlib");
    }
    return is_fine(archive_read_open(w->archive, w, NULL, give, NULL)) ? ERR_OK : broken(w);
}

errc archive_each(struct staged *from, const struct archive_limits *limits, const struct archive_visitor *visitor,
                  struct cancel *cancel, struct err *err)
{
    struct walk w = {.from = from, .limits = limits, .visitor = visitor, .cancel = cancel, .err = err};
    w.archive = archive_read_new();
    if (w.archive == NULL) {
        return err_set(err, ERR_NO_MEMORY, "there is no memory to read the archive");
    }
    auto_free uint8_t *piece = mem_zalloc(PIECE);
    w.piece = piece;
    errc e = open_archive(&w);
    if (!e) {
        e = take_all(&w);
    }
    archive_read_free(w.archive);
    uint64_t avail;
    bool ended;
    return e ? e : staged_wait(from, UINT64_MAX, cancel, &avail, &ended, err);
}
