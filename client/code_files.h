// The files of a code package as a tree: which of an archive's members a person sees, under which paths. Pure, from the
// members alone.
//
// What is shown is what extracting the archive would leave in a directory: of members of one path the last counts,
// directories that no member is for are there too. Paths are made plain ("./a//b" is a/b). Not shown are paths that
// lead out ("../x", "/x"), links, devices and pipes, and a file below whose name something else lies.
#ifndef CLIENT_CODE_FILES_H
#define CLIENT_CODE_FILES_H

#include <stddef.h>

#include "client/archive.h"

#define CODE_DEPTH_MAX 24               // names of a path; the inode table has room for as many
#define CODE_MEMBERS_MAX 32768
#define CODE_PATHS_MAX (3 * 1024 * 1024) // bytes of all paths
#define CODE_BYTES_MAX ((uint64_t)1024 * 1024 * 1024)

struct code_file {
    const char *path;     // path_len bytes; no NUL behind a directory that no member is for
    uint32_t path_len;
    uint32_t name_at;     // where its last name begins
    uint32_t member;      // its number in the archive; UINT32_MAX where no member is for it
    uint32_t end;         // of a directory: the index behind the last that is below it
    bool is_dir, executable;
    uint64_t size;        // of a file
    uint64_t offset;      // of a file's bytes, where those of all files follow each other in the archive's order
    int64_t mtime_ms;     // of a directory that no member is for: the newest below it
};

struct code_files {
    struct code_file *items; // parents before what is in them, else by name
    size_t len;
    uint32_t *by_member;     // the files, as indexes of items, in the archive's order
    size_t n_files;
    uint64_t bytes;          // of all files
    char *paths;
};
void code_files_free(struct code_files *f);
// What it takes in memory, nearly.
size_t code_files_bytes(const struct code_files *f);

// Collects members. Zero-initialised; code_files_make frees it, or code_maker_free.
struct code_maker {
    struct code_member *items;
    size_t len, cap;
    char *paths;
    size_t paths_len, paths_cap;
};
void code_maker_free(struct code_maker *m);
// ERR_LIMIT where the paths are too many, too long or too deep. `flag` is the caller's own, for code_files_make.
errc code_maker_add(struct code_maker *m, const struct archive_member *member, bool flag,
                    struct err *err) ERR_MUST_CHECK;
// The tree; members whose flag is set are left out if `without_flagged`. Takes over what the maker has.
errc code_files_make(struct code_maker *m, bool without_flagged, struct code_files *ret,
                     struct err *err) ERR_MUST_CHECK;

// The entry of a path ("a/b.py"), or NULL. Borrowed.
const struct code_file *code_files_find(const struct code_files *f, const char *path);
// The entries directly in a directory (NULL: the root), in the order of their names; false of `fn` ends it.
void code_files_list(const struct code_files *f, const struct code_file *dir,
                     bool (*fn)(void *arg, const struct code_file *file), void *arg);

#endif
