// What Batch tells of a job, DescribeJobs' JobDetail (AWS Batch API Reference), taken apart, and its ends in words.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/jobs_i.h"

void told_free(struct told *t)
{
    char *const owned[] = {t->id,     t->arn,    t->job_name, t->queue,  t->status, t->status_reason, t->reason,
                           t->stream, t->driver, t->group,    t->region, t->user,   t->task,          t->tempdir};
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        free(owned[i]);
    }
    for (size_t i = 0; i < t->tries_len; i++) {
        free(t->tries[i].reason);
        free(t->tries[i].stream);
    }
    free(t->tries);
    *t = (struct told){0};
}

bool told_ended(const struct told *t)
{
    return t->status != NULL && (strcmp(t->status, "SUCCEEDED") == 0 || strcmp(t->status, "FAILED") == 0);
}

int64_t told_changed_ms(const struct told *t)
{
    int64_t last = t->created_ms > t->started_ms ? t->created_ms : t->started_ms;
    return last > t->stopped_ms ? last : t->stopped_ms;
}

static const char *exit_words(int64_t code)
{
    static const struct {
        int64_t code;
        const char *words;
    } known[] = {
        {0, "it ended well"},
        {126, "the command cannot be executed"},
        {127, "the command was not found"},
        {130, "interrupted (SIGINT)"},
        {132, "illegal instruction (SIGILL)"},
        {134, "aborted (SIGABRT)"},
        {135, "bus error (SIGBUS): often a file or a shared memory that became too small"},
        {136, "arithmetic error (SIGFPE)"},
        {137, "killed (SIGKILL): out of memory, or the job was terminated"},
        {139, "segmentation fault (SIGSEGV)"},
        {141, "broken pipe (SIGPIPE)"},
        {143, "terminated (SIGTERM): the job was stopped, or its host was taken away"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (known[i].code == code) {
            return known[i].words;
        }
    }
    return code > 128 && code < 193 ? "ended by a signal (its number is the code less 128)" : "the command failed";
}

// Text of Batch's on one line: control characters become spaces.
static void put_line(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        buf_putc(out, (unsigned char)*p < ' ' ? ' ' : *p);
    }
    buf_putc(out, '\n');
}

// The lines of `reason`; NULL when there is nothing to say. `killed`: somebody asked for the end.
static char *reason_lines(const char *status_reason, const char *container_reason, const int64_t *exit_code,
                          bool killed)
{
    struct buf out = {0};
    bool out_of_memory = container_reason != NULL && strstr(container_reason, "OutOfMemory") != NULL;
    if (status_reason != NULL && *status_reason != '\0') {
        put_line(&out, status_reason);
    }
    if (container_reason != NULL && *container_reason != '\0') {
        put_line(&out, container_reason);
    }
    if (out_of_memory) {
        buf_puts(&out, "hint: give the job more memory; what is written to a tmpfs counts as its memory\n");
    }
    if (exit_code != NULL && *exit_code == 137 && (out_of_memory || killed)) {
        buf_printf(&out, "exit code 137: killed (SIGKILL), %s\n",
                   out_of_memory ? "out of memory" : "the job was terminated");
    } else if (exit_code != NULL) {
        buf_printf(&out, "exit code %" PRId64 ": %s\n", *exit_code, exit_words(*exit_code));
    }
    if (out.len == 0) {
        buf_free(&out);
        return NULL;
    }
    return buf_steal(&out);
}

static char *text_of(const struct json *object, const char *key)
{
    return mem_strdup(json_str(json_get(object, key)));
}

static int64_t time_of(const struct json *object, const char *key)
{
    int64_t ms = 0;
    return json_int(json_get(object, key), &ms) && ms > 0 ? ms : 0;
}

static void read_tries(const struct json *attempts, struct told *t)
{
    size_t len = json_len(attempts);
    if (json_kind(attempts) != JSON_ARRAY || len == 0) {
        return;
    }
    t->tries = mem_zalloc(len * sizeof(*t->tries));
    t->tries_len = len;
    for (size_t i = 0; i < len; i++) {
        const struct json *a = json_at(attempts, i), *container = json_get(a, "container");
        struct told_try *one = &t->tries[i];
        one->has_exit = json_int(json_get(container, "exitCode"), &one->exit_code);
        one->stream = text_of(container, "logStreamName");
        one->started_ms = time_of(a, "startedAt");
        one->stopped_ms = time_of(a, "stoppedAt");
        one->reason = reason_lines(json_str(json_get(a, "statusReason")), json_str(json_get(container, "reason")),
                                   one->has_exit ? &one->exit_code : NULL, false);
    }
}

static void read_parameters(const struct json *p, struct told *t)
{
    const char *flow = json_str(json_get(p, "metaflow.flow_name")), *run = json_str(json_get(p, "metaflow.run_id"));
    const char *step = json_str(json_get(p, "metaflow.step_name")), *task = json_str(json_get(p, "metaflow.task_id"));
    t->user = text_of(p, "metaflow.user");
    if (flow != NULL && run != NULL && step != NULL && task != NULL) {
        t->task = mem_printf("%s/%s/%s/%s", flow, run, step, task);
    }
}

static char *tempdir_of(const struct json *container)
{
    const struct json *environment = json_get(container, "environment");
    for (size_t i = 0; i < json_len(environment); i++) {
        const char *name = json_str(json_get(json_at(environment, i), "name"));
        if (name != NULL && strcmp(name, "METAFLOW_TEMPDIR") == 0) {
            return text_of(json_at(environment, i), "value");
        }
    }
    return text_of(container, "tempdir"); // of told_reduce
}

bool told_read(const struct json *detail, struct told *ret)
{
    const struct json *container = json_get(detail, "container");
    const struct json *log = json_get(container, "logConfiguration"), *options = json_get(log, "options");
    const char *id = json_str(json_get(detail, "jobId")), *status = json_str(json_get(detail, "status"));
    bool is_terminated = false;
    if (id == NULL || *id == '\0' || status == NULL) {
        return false;
    }
    ret->id = mem_strdup(id);
    ret->status = mem_strdup(status);
    ret->arn = text_of(detail, "jobArn");
    ret->job_name = text_of(detail, "jobName");
    ret->queue = text_of(detail, "jobQueue");
    ret->status_reason = text_of(detail, "statusReason");
    ret->created_ms = time_of(detail, "createdAt");
    ret->started_ms = time_of(detail, "startedAt");
    ret->stopped_ms = time_of(detail, "stoppedAt");
    ret->has_exit = json_int(json_get(container, "exitCode"), &ret->exit_code);
    ret->stream = text_of(container, "logStreamName");
    ret->driver = text_of(log, "logDriver");
    ret->group = text_of(options, "awslogs-group");
    ret->region = text_of(options, "awslogs-region");
    ret->tempdir = tempdir_of(container);
    (void)json_bool(json_get(detail, "isTerminated"), &is_terminated);
    ret->reason = reason_lines(ret->status_reason, json_str(json_get(container, "reason")),
                               ret->has_exit ? &ret->exit_code : NULL, is_terminated);
    read_tries(json_get(detail, "attempts"), ret);
    read_parameters(json_get(detail, "parameters"), ret);
    return true;
}

// --- what is kept ------------------------------------------------------------------------------------------------

static void keep(struct buf *out, const struct json *from, const char *key)
{
    const struct json *value = json_get(from, key);
    if (json_kind(value) == JSON_ABSENT || json_kind(value) == JSON_NULL) {
        return;
    }
    buf_printf(out, "%s\"%s\":", out->len > 0 && out->data[out->len - 1] != '{' ? "," : "", key);
    json_dump(value, out);
}

static void keep_log(struct buf *out, const struct json *log)
{
    if (json_kind(log) != JSON_OBJECT) {
        return;
    }
    buf_printf(out, "%s\"logConfiguration\":{", out->data[out->len - 1] != '{' ? "," : "");
    keep(out, log, "logDriver");
    buf_printf(out, "%s\"options\":{", out->data[out->len - 1] != '{' ? "," : "");
    keep(out, json_get(log, "options"), "awslogs-group");
    keep(out, json_get(log, "options"), "awslogs-region");
    buf_puts(out, "}}");
}

static void keep_container(struct buf *out, const struct json *container)
{
    auto_free char *tempdir = tempdir_of(container);
    buf_puts(out, ",\"container\":{");
    keep(out, container, "exitCode");
    keep(out, container, "reason");
    keep(out, container, "logStreamName");
    keep_log(out, json_get(container, "logConfiguration"));
    if (tempdir != NULL) {
        buf_printf(out, "%s\"tempdir\":", out->data[out->len - 1] != '{' ? "," : "");
        json_quote(out, tempdir, strlen(tempdir));
    }
    buf_putc(out, '}');
}

static void keep_tries(struct buf *out, const struct json *attempts)
{
    buf_puts(out, ",\"attempts\":[");
    size_t len = json_kind(attempts) == JSON_ARRAY ? json_len(attempts) : 0;
    for (size_t i = 0; i < len; i++) {
        const struct json *a = json_at(attempts, i);
        buf_printf(out, "%s{", i > 0 ? "," : "");
        keep(out, a, "startedAt");
        keep(out, a, "stoppedAt");
        keep(out, a, "statusReason");
        buf_printf(out, "%s\"container\":{", out->data[out->len - 1] != '{' ? "," : "");
        keep(out, json_get(a, "container"), "exitCode");
        keep(out, json_get(a, "container"), "reason");
        keep(out, json_get(a, "container"), "logStreamName");
        buf_puts(out, "}}");
    }
    buf_putc(out, ']');
}

char *told_reduce(const struct json *detail)
{
    static const char *const plain[] = {"jobId",  "jobArn",       "jobName",   "jobQueue",  "jobDefinition",
                                        "status", "statusReason", "createdAt", "startedAt", "stoppedAt",
                                        "isTerminated"};
    struct buf out = {0};
    buf_putc(&out, '{');
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        keep(&out, detail, plain[i]);
    }
    if (json_kind(json_get(detail, "container")) == JSON_OBJECT) {
        keep_container(&out, json_get(detail, "container"));
    }
    keep_tries(&out, json_get(detail, "attempts"));
    buf_putc(&out, '}');
    return buf_steal(&out);
}
