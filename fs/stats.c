#include "fs/stats.h"

#include <string.h>

const char *const stat_op_names[OP_COUNT] = {
    [OP_LOOKUP] = "lookup", [OP_FORGET] = "forget", [OP_GETATTR] = "getattr", [OP_SETATTR] = "setattr",
    [OP_READLINK] = "readlink", [OP_MKDIR] = "mkdir", [OP_RMDIR] = "rmdir", [OP_OPEN] = "open",
    [OP_READ] = "read", [OP_WRITE] = "write", [OP_FLUSH] = "flush", [OP_RELEASE] = "release",
    [OP_OPENDIR] = "opendir", [OP_READDIR] = "readdir", [OP_READDIRPLUS] = "readdirplus",
    [OP_RELEASEDIR] = "releasedir", [OP_STATFS] = "statfs", [OP_GETXATTR] = "getxattr",
    [OP_LISTXATTR] = "listxattr", [OP_CREATE] = "create", [OP_FSYNC] = "fsync", [OP_RENAME] = "rename",
    [OP_UNLINK] = "unlink", [OP_REFUSED] = "refused",
};

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP metaflowfs_%s %s\n# TYPE metaflowfs_%s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *type, const char *help,
                   unsigned long long value)
{
    family(out, name, type, help);
    buf_printf(out, "metaflowfs_%s %llu\n", name, value);
}

static void print_opens(const struct stats *s, struct buf *out)
{
    static const char *const classes[] = {
        [CLASS_NONE] = "other", [CLASS_ARTIFACT] = "artifact", [CLASS_COMPUTED] = "computed"};
    unsigned long long sums[3] = {0};
    for (unsigned k = 0; k < K_COUNT; k++) {
        sums[kind_info((enum kind)k)->class] += atomic_load(&s->opens[k]);
    }
    family(out, "opens_total", "counter", "Files opened, by what they are.");
    for (unsigned c = 0; c < 3; c++) {
        buf_printf(out, "metaflowfs_opens_total{class=\"%s\"} %llu\n", classes[c], sums[c]);
    }
    family(out, "opens_by_kind_total", "counter", "Files opened, by kind of node.");
    for (unsigned k = 0; k < K_COUNT; k++) {
        unsigned long long n = atomic_load(&s->opens[k]);
        if (n > 0) {
            buf_printf(out, "metaflowfs_opens_by_kind_total{kind=\"%s\"} %llu\n",
                       kind_info((enum kind)k)->label, n);
        }
    }
}

static void print_own(const struct stats *s, struct buf *out)
{
    family(out, "requests_total", "counter", "Requests of the kernel, by operation.");
    for (unsigned i = 0; i < OP_COUNT; i++) {
        buf_printf(out, "metaflowfs_requests_total{op=\"%s\"} %llu\n", stat_op_names[i],
                   atomic_load(&s->ops[i]));
    }
    print_opens(s, out);
    family(out, "errors_total", "counter", "Requests that failed, by kind of failure.");
    for (unsigned i = ERR_OK + 1; i < STATS_ERR_COUNT; i++) {
        buf_printf(out, "metaflowfs_errors_total{kind=\"%s\"} %llu\n", err_name((errc)i),
                   atomic_load(&s->errors[i]));
    }
    single(out, "read_bytes_total", "counter", "Bytes given to readers.", atomic_load(&s->read_bytes));
    single(out, "listed_entries_total", "counter", "Directory entries given.",
           atomic_load(&s->listed_entries));
    single(out, "handed_over_total", "counter", "Requests that could not be answered at once.",
           atomic_load(&s->handed_over));
    single(out, "interrupted_total", "counter", "Requests whose caller went away.",
           atomic_load(&s->interrupted));
    single(out, "waiting_requests", "gauge", "Requests that wait now.", atomic_load(&s->waiting));
}

static void print_staging(const struct staging_stats *st, struct buf *out)
{
    single(out, "staging_objects", "gauge", "Staged objects.", st->objects);
    single(out, "staging_file_bytes", "gauge", "Bytes in staged files.", st->file_bytes);
    single(out, "staging_memory_bytes", "gauge", "Staged bytes in memory.", st->memory_bytes);
    single(out, "staging_produced_total", "counter", "Objects made or fetched.", st->produced);
    single(out, "staging_hits_total", "counter", "Objects that were there already.", st->hits);
    single(out, "staging_evicted_total", "counter", "Objects dropped to make room.", st->evicted);
    single(out, "staging_failed_total", "counter", "Objects that could not be made.", st->failed);
    single(out, "staging_cancelled_total", "counter", "Objects nobody wanted any more.", st->cancelled);
}

static void print_client(const struct client_stats *c, struct buf *out)
{
    single(out, "client_hits_total", "counter", "Answers from memory.", c->hits);
    single(out, "client_misses_total", "counter", "Answers that had to be asked for.", c->misses);
    single(out, "client_objects", "gauge", "Answers remembered.", c->objects);
    single(out, "client_evicted_total", "counter", "Answers dropped to make room.", c->evicted);
    single(out, "metadata_gets_total", "counter", "Objects asked of the metadata.", c->meta.gets);
    single(out, "metadata_lists_total", "counter", "Listings asked of the metadata.", c->meta.lists);
    single(out, "metadata_records_total", "counter", "Record lists asked of the metadata.", c->meta.records);
    single(out, "metadata_artifacts_total", "counter", "Artifact lists asked of the metadata.",
           c->meta.artifacts);
    single(out, "metadata_files_read_total", "counter", "Metadata files read.", c->meta.files_read);
    single(out, "metadata_dirs_read_total", "counter", "Metadata directories read.", c->meta.dirs_read);
}

void stats_print(const struct stats *s, const struct stats_layers *layers, struct buf *out)
{
    print_own(s, out);
    single(out, "nodes", "gauge", "Nodes that the kernel knows.", layers->inodes.nodes);
    single(out, "nodes_bytes", "gauge", "Memory of the node table.", layers->inodes.bytes);
    print_staging(&layers->staging, out);
    print_client(&layers->client, out);
}

void stats_put(void *out, const char *name, const char *help, uint64_t value)
{
    size_t len = strlen(name);
    bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    single(out, name, total ? "counter" : "gauge", help, value);
}
