// The command line: one table row an option (fs/options_table.c), read by the parser and by --help.
// Every long option is also accepted after -o, with - or _ in its name, so that fstab can give it.
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/log.h"
#include "base/strv.h"

// What main returns; --help tells it.
enum exit_code {
    EXIT_OK = 0,
    EXIT_OTHER = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIG = 3,       // no datastore found, or the configuration is wrong
    EXIT_DATASTORE = 4,    // the datastore cannot be read: a directory, or S3 that cannot be reached or refuses
    EXIT_FUSE = 5,         // no /dev/fuse or fusermount3, or mounting is not permitted
    EXIT_MOUNTPOINT = 6,   // missing, no directory, busy or mounted already
    EXIT_STALE = 7,        // a daemon that died left it: Transport endpoint is not connected
    EXIT_PROVIDER = 8,     // configured for a datastore that is neither local nor in S3
    EXIT_SERVICE = 9,      // the metadata service cannot be reached, or refuses
};

struct options {
    char *mountpoint;      // as given
    char *datastore_root;  // or NULL
    char *ns;              // namespace, or NULL
    char *cache_dir;       // or NULL
    char *log_file, *fault;
    char *aws_profile, *aws_region, *endpoint_url; // or NULL
    bool foreground, debug, check, clean_stale, help, version;
    bool no_batch, batch_dry_run, batch_allow_other;
    bool read_only, allow_other, allow_root, list_dots, no_auto_unmount;
    bool has_uid, has_gid, has_umask, has_ahead_bytes;
    uint64_t ahead_bytes;
    uint64_t uid, gid, umask;
    int64_t ttl_ms, stale_after_ms, settle_after_ms;
    int64_t service_timeout_ms;
    uint64_t staging_bytes, cache_bytes; // 0: the default
    bool no_cache;
    bool path_style, virtual_host_style, no_sign_request;
    bool has_max_connections;
    uint64_t max_connections, fetch_bytes; // to S3; 0: the default
    enum log_level log_level;
    bool has_log_level;
    struct strv mount_flags; // for the kernel: noexec, nosuid, ...
};

// Parses argv[1..]; errors are ERR_INVALID and name the option. *o is always to be freed.
errc options_parse(int argc, char *const *argv, struct options *o, struct err *err) ERR_MUST_CHECK;
void options_free(struct options *o);
void options_help(FILE *out);

// --- private to fs/options*.c ---------------------------------------------------------------------
enum option_type {
    OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_OCTAL, OPTION_SECONDS, OPTION_BYTES, OPTION_LEVEL,
    OPTION_DOTS,
};
struct option_row {
    const char *name;     // long name with '-'
    char letter;          // or 0
    enum option_type type;
    size_t offset;        // of the field in struct options
    size_t has_offset;    // of a bool that tells it was given, or SIZE_MAX
    const char *arg;      // "DIR", or NULL
    const char *help;
    bool testing;
};
extern const struct option_row option_table[]; // ended by a NULL name
// The row of a name, '-' and '_' being the same; NULL when there is none.
const struct option_row *option_find(const char *name, size_t len);
// The row whose name is nearest, for a hint; NULL when none is near.
const struct option_row *option_nearest(const char *name, size_t len);
// Options that fstab or mount(8) add and that mean nothing to us.
bool option_is_ignored(const char *name);
// Mount flags that go to the kernel as they are.
bool option_is_mount_flag(const char *name);

#endif
