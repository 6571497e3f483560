#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/ctl_text.h"
#include "fs/stack_batch.h"
#include "fs/stack_s3.h"
#include "fs/tree_i.h"

static void put_bytes(struct buf *out, const char *label, uint64_t n)
{
    buf_printf(out, "%-18s %llu\n", label, (unsigned long long)n);
}

static void collect(const struct ctl *c, struct stats_layers *layers)
{
    inodes_stats(c->serve->inodes, &layers->inodes);
    staging_stats(c->stack->staging, &layers->staging);
    client_stats(c->stack->client, &layers->client);
}

static void put_status(struct ctl *c, struct buf *out)
{
    struct stats_layers layers = {0};
    char since[32];
    collect(c, &layers);
    clock_iso8601(c->started_ms, since, sizeof(since));
    buf_printf(out, "%-18s %s\n", "mountpoint", c->mountpoint);
    buf_printf(out, "%-18s %s\n", "datastore", stack_datastore(c->stack));
    buf_printf(out, "%-18s %s\n", "metadata", c->stack->service_shown != NULL ? c->stack->service_shown : "local");
    buf_printf(out, "%-18s %s\n", "namespace", c->options->ns != NULL ? c->options->ns : "(all)");
    buf_printf(out, "%-18s %s\n", "writable", c->options->read_only ? "no" : "tags");
    buf_printf(out, "%-18s %s\n", "version", METAFLOWFS_VERSION);
    buf_printf(out, "%-18s %ld\n", "pid", (long)getpid());
    buf_printf(out, "%-18s %s\n", "since", since);
    buf_printf(out, "%-18s %g\n", "ttl-seconds", (double)c->options->ttl_ms / 1000);
    put_bytes(out, "waiting-requests", atomic_load(&c->serve->stats.waiting));
    put_bytes(out, "nodes", layers.inodes.nodes);
    put_bytes(out, "node-bytes", layers.inodes.bytes);
    put_bytes(out, "staged-objects", layers.staging.objects);
    put_bytes(out, "staged-bytes", layers.staging.file_bytes + layers.staging.memory_bytes);
    put_bytes(out, "errors", errlog_total(c->serve->errlog));
    client_describe(c->stack->client, out);
    stack_s3_describe(c->stack, 18, out);
    stack_batch_describe(c->stack->batch, 18, out);
}

static void put_http(const struct stack *stack, struct buf *out)
{
    struct http_stats st;
    if (!stack_http_stats(stack, &st)) {
        return;
    }
    stats_put(out, "http_requests_total", "Requests sent.", st.requests);
    stats_put(out, "http_failed_total", "Requests without an answer.", st.failed);
    stats_put(out, "http_cancelled_total", "Requests that nobody waited for any more.", st.cancelled);
    stats_put(out, "http_refused_total", "Requests that were too many at once.", st.refused);
    stats_put(out, "http_connections_opened_total", "Connections made.", st.connections_opened);
    stats_put(out, "http_received_bytes_total", "Bytes of answers.", st.bytes_in);
    stats_put(out, "http_sent_bytes_total", "Bytes of requests.", st.bytes_out);
    stats_put(out, "http_running_requests", "Requests on the wire now.", st.running);
    stats_put(out, "http_waiting_requests", "Requests that wait for a connection now.", st.waiting);
}

static void put_ahead(struct ahead *ahead, struct buf *out)
{
    struct ahead_stats st;
    if (ahead == NULL) {
        return;
    }
    ahead_stats(ahead, &st);
    stats_put(out, "ahead_tasks_total", "Tasks made ready before somebody asked.", st.tasks);
    stats_put(out, "ahead_right_total", "Of these, those that were asked for then.", st.right);
    stats_put(out, "ahead_wrong_total", "Of these, those that were given up.", st.wrong);
    stats_put(out, "ahead_fetched_bytes_total", "Bytes of artifacts and logs fetched ahead.", st.fetched_bytes);
    stats_put(out, "ahead_read_bytes_total", "Of these, those that were opened then.", st.read_bytes);
    stats_put(out, "ahead_unread_bytes", "Of these, those that wait for a reader now.", st.unread_bytes);
}

static void put_stats(struct ctl *c, struct buf *out)
{
    struct stats_layers layers = {0};
    collect(c, &layers);
    stats_print(&c->serve->stats, &layers, out);
    client_counters(c->stack->client, stats_put, out);
    put_http(c->stack, out);
    stack_s3_counters(c->stack, out);
    stack_batch_counters(c->stack->batch, out);
    put_ahead(c->serve->ahead, out);
}

static bool ctl_text(void *arg, const char *name, struct buf *out)
{
    struct ctl *c = arg;
    if (strcmp(name, "README") == 0) {
        help_readme(c->stack->batch != NULL, out);
    } else if (strcmp(name, "status") == 0) {
        put_status(c, out);
    } else if (strcmp(name, "stats") == 0) {
        put_stats(c, out);
    } else if (strcmp(name, "errors") == 0) {
        errlog_print(c->serve->errlog, out);
    } else if (strcmp(name, "config") == 0) {
        config_print(c->stack->config, out);
    } else if (strcmp(name, "version") == 0) {
        buf_puts(out, "metaflowfs " METAFLOWFS_VERSION "\n");
    } else {
        return false;
    }
    return true;
}

static char *ctl_tempdir(void *arg)
{
    struct ctl *c = arg;
    return mem_strdup(staging_root(c->stack->staging));
}

static void ctl_refreshed(void *arg, const char *path)
{
    struct ctl *c = arg;
    serve_refreshed(c->serve, path);
}

void ctl_init(struct ctl *c, const struct options *o, const struct stack *stack)
{
    *c = (struct ctl){
        .source = {.arg = c, .text = ctl_text, .tempdir = ctl_tempdir, .refreshed = ctl_refreshed},
        .options = o,
        .stack = stack,
        .started_ms = clock_wall_ms(),
    };
}
