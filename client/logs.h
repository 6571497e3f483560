// A task's logs as the client gives them (Metaflow: metaflow/mflog/mflog.py, client/core.py
// Task._load_log).
#ifndef CLIENT_LOGS_H
#define CLIENT_LOGS_H

#include "base/cancel.h"
#include "client/blob_grow.h"
#include "client/content.h"
#include "client/store.h"

enum log_stream { LOG_STDOUT = 1, LOG_STDERR = 2, LOG_BOTH = 3 };

struct log_source {
    struct store *store; // borrowed
    struct staging *staging;
    struct grown *grown; // borrowed: what was read of parts that grow (client/blob_grow.h), or NULL
    const char *flow, *run, *step, *task;
    int attempt;
    // the task ended: merge exactly; else lines in arrival order, append-only
    bool settled;
    // nothing is written to any of its attempts any more: what is known of the parts holds for ever
    bool final;
    // value of metadata log_location_stdout/_stderr, or NULL
    const char *legacy_stdout, *legacy_stderr;
    // metadata has no ds-type or ds-root: the client gives a single empty line
    bool no_datastore;
};

// The names of the raw log parts of the attempt that exist, with sizes and times:
// 0.runtime_stdout.log, 0.runtime_stderr.log, 0.task_stdout.log, 0.task_stderr.log, and before
// mflog 0.stdout.log, 0.stderr.log.
typedef bool (*logs_part_fn)(void *arg, const char *name, uint64_t size, int64_t mtime_ms);
errc logs_parts(const struct log_source *src, struct cancel *cancel, logs_part_fn fn, void *arg,
                struct err *err) ERR_MUST_CHECK;
// Sum of raw sizes of the parts of `streams` (the client's stdout_size): what `stat` shows before
// open. It is 0 only where the text is empty.
errc logs_raw_size(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
                   uint64_t *ret_size, struct err *err) ERR_MUST_CHECK;
// The merged text: every message and a newline, as task.stdout; LOG_BOTH merges both streams by
// time. Bytes that are not UTF-8 are kept as they are. Each open looks at the parts anew; what is
// there in the same sizes and times is merged once. Not settled: one part is shown by
// logs_messages, several are merged by time as they are now, in which lines may still move.
errc logs_open(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
               struct content **ret, struct err *err) ERR_MUST_CHECK;
// One raw part, as stored.
errc logs_open_part(const struct log_source *src, const char *name, struct cancel *cancel,
                    struct content **ret, struct err *err) ERR_MUST_CHECK;

// The merge itself, on bytes (pure; fuzzed): parts are whole files. Metaflow's merge_logs, every
// message followed by a newline. Where Python cannot order two lines (one marked to persist, one
// not, at the same time) the unmarked one comes first. ERR_LIMIT above LOGS_MAX_LINES lines.
#define LOGS_MAX_LINES (16 * 1024 * 1024)
struct log_part {
    const char *data;
    size_t len;
};
errc logs_merge(const struct log_part *parts, size_t n, struct sink *sink,
                struct err *err) ERR_MUST_CHECK;
// What is shown of a part while its task still writes it: its messages in the order of the file,
// without a last line that has no newline yet. A longer version of the file gives a longer text
// with the same beginning.
errc logs_messages(const struct log_part *part, struct sink *sink, struct err *err) ERR_MUST_CHECK;

#endif
