// AWS Batch and CloudWatch Logs on loopback, as far as a submitter sees them: queues, compute environments, job
// definitions, jobs with their states, logs; and faults, by operation and by the number of its call.
#ifndef TESTS_FAKE_AWS_BATCH_H
#define TESTS_FAKE_AWS_BATCH_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/creds.h"
#include "base/json.h"
#include "base/mem.h"
#include "fake_keys.h"
#include "loopback.h"

#define FAKE_JOBS 2000
#define FAKE_FAULTS 16
#define FAKE_ACCOUNT "arn:aws:batch:us-east-1:123456789012:"

struct fake_job {
    char id[40], name[140], queue[80], status[16], stream[80];
    char *parameters, *definition; // owned
    int64_t created_ms, started_ms, stopped_ms;
    int exit_code;                 // -1: none
    const char *status_reason, *reason, *attempts;
    bool is_hidden;                // not yet seen by ListJobs and DescribeJobs
};

enum fake_fault {
    FAKE_REFUSE,      // 400, not carried out
    FAKE_GONE,        // 400: the job definition is not active
    FAKE_THROTTLE,    // 429
    FAKE_FAIL,        // 500, not carried out
    FAKE_FAIL_DONE,   // 500, carried out
    FAKE_CUT,         // the connection ends, not carried out
    FAKE_CUT_DONE,    // the connection ends, carried out
};
struct fake_rule {
    const char *operation;
    int from, to;     // of its calls, from 1
    enum fake_fault fault;
};

static struct fake_batch {
    struct loopback net;
    pthread_mutex_t lock; // all that follows
    struct fake_job jobs[FAKE_JOBS];
    int jobs_len, definitions, lines;
    struct fake_rule rules[FAKE_FAULTS];
    int rules_len;
    struct {
        char name[40];
        int calls;
    } counts[16];
    char *definition_name;
    const char *platform;
    bool hides;           // new jobs are hidden
    int blind_lists;      // so many listings see no job yet
    bool has_no_stream;            // GetLogEvents knows none
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .platform = "EC2"};

static inline int fake_count_call(const char *operation)
{
    int i = 0;
    while (i < 15 && fake.counts[i].name[0] != '\0' && strcmp(fake.counts[i].name, operation) != 0) {
        i++;
    }
    snprintf(fake.counts[i].name, sizeof(fake.counts[i].name), "%s", operation);
    return ++fake.counts[i].calls;
}

static inline int fake_calls(const char *operation)
{
    int calls = 0;
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < 16; i++) {
        if (operation == NULL || strcmp(fake.counts[i].name, operation) == 0) {
            calls += fake.counts[i].calls;
        }
    }
    pthread_mutex_unlock(&fake.lock);
    return calls;
}

static inline void fake_rule(const char *operation, int from, int to, enum fake_fault fault)
{
    pthread_mutex_lock(&fake.lock);
    fake.rules[fake.rules_len++] = (struct fake_rule){operation, from, to, fault};
    pthread_mutex_unlock(&fake.lock);
}

// Nothing goes wrong any more.
static inline void fake_forgive(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.rules_len = 0;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < fake.jobs_len; i++) {
        free(fake.jobs[i].parameters);
        free(fake.jobs[i].definition);
    }
    free(fake.definition_name);
    fake.definition_name = NULL;
    fake.jobs_len = fake.definitions = fake.rules_len = fake.lines = fake.blind_lists = 0;
    memset(fake.counts, 0, sizeof(fake.counts));
    fake.platform = "EC2";
    fake.hides = fake.has_no_stream = false;
    pthread_mutex_unlock(&fake.lock);
}

// --- operations ---------------------------------------------------------------------------------------------------

static inline struct fake_job *fake_find(const char *id)
{
    for (int i = 0; id != NULL && i < fake.jobs_len; i++) {
        if (strcmp(fake.jobs[i].id, id) == 0) {
            return &fake.jobs[i];
        }
    }
    return NULL;
}

// With the lock held.
static inline struct fake_job *fake_add(const char *name, const char *queue, const char *parameters)
{
    if (fake.jobs_len == FAKE_JOBS) {
        abort();
    }
    struct fake_job *job = &fake.jobs[fake.jobs_len++];
    *job = (struct fake_job){.created_ms = 1790000000000 + fake.jobs_len * 1000, .exit_code = -1};
    snprintf(job->id, sizeof(job->id), "00000000-0000-4000-8000-%012d", fake.jobs_len);
    snprintf(job->name, sizeof(job->name), "%s", name);
    snprintf(job->queue, sizeof(job->queue), "%s", queue);
    snprintf(job->status, sizeof(job->status), "RUNNABLE");
    job->parameters = mem_strdup(parameters);
    job->is_hidden = fake.hides;
    return job;
}

static inline void fake_submit(const struct json *body, struct buf *out)
{
    auto_cleanup(buf_free) struct buf parameters = {0};
    const char *name = json_str(json_get(body, "jobName")), *queue = json_str(json_get(body, "jobQueue"));
    json_dump(json_get(body, "parameters"), &parameters);
    struct fake_job *job = fake_add(name, queue, parameters.data ? parameters.data : "{}");
    job->definition = mem_strdup(json_str(json_get(body, "jobDefinition")));
    buf_printf(out, "{\"jobArn\":\"" FAKE_ACCOUNT "job/%s\",\"jobName\":\"%s\",\"jobId\":\"%s\"}", job->id, name, job->id);
}

static inline void fake_put_job(const struct fake_job *job, bool whole, struct buf *out)
{
    buf_printf(out, "{\"jobId\":\"%s\",\"jobArn\":\"" FAKE_ACCOUNT "job/%s\",\"jobName\":\"%s\",\"createdAt\":%" PRId64
               ",\"status\":\"%s\"", job->id, job->id, job->name, job->created_ms, job->status);
    if (job->status_reason) {
        buf_printf(out, ",\"statusReason\":\"%s\"", job->status_reason);
    }
    if (job->started_ms) {
        buf_printf(out, ",\"startedAt\":%" PRId64, job->started_ms);
    }
    if (job->stopped_ms) {
        buf_printf(out, ",\"stoppedAt\":%" PRId64, job->stopped_ms);
    }
    if (whole) {
        buf_printf(out, ",\"jobQueue\":\"" FAKE_ACCOUNT "job-queue/%s\",\"parameters\":%s,\"attempts\":%s,\"container\":{"
                   "\"environment\":[{\"name\":\"METAFLOW_SERVICE_HEADERS\",\"value\":\"S3CR3T\"}]", job->queue,
                   job->parameters ? job->parameters : "{}", job->attempts ? job->attempts : "[]");
        if (job->stream[0]) {
            buf_printf(out, ",\"logStreamName\":\"%s\"", job->stream);
        }
        if (job->exit_code >= 0) {
            buf_printf(out, ",\"exitCode\":%d", job->exit_code);
        }
        if (job->reason) {
            buf_printf(out, ",\"reason\":\"%s\"", job->reason);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, '}');
}

static inline void fake_describe(const struct json *body, struct buf *out)
{
    const struct json *ids = json_get(body, "jobs");
    buf_puts(out, "{\"jobs\":[");
    for (size_t i = 0, n = 0; i < json_len(ids); i++) {
        const struct fake_job *job = fake_find(json_str(json_at(ids, i)));
        if (job && !job->is_hidden) {
            buf_puts(out, n++ ? "," : "");
            fake_put_job(job, true, out);
        }
    }
    buf_puts(out, "]}");
}

static inline bool fake_is_named(const struct fake_job *job, const char *queue, const char *value)
{
    size_t len = strlen(value);
    bool is_prefix = len > 0 && value[len - 1] == '*';
    return !job->is_hidden && strcmp(job->queue, queue) == 0 &&
           (is_prefix ? strncasecmp(job->name, value, len - 1) : strcasecmp(job->name, value)) == 0;
}

// The newest first, 100 a page; the token is where the next begins.
static inline void fake_list(const struct json *body, struct buf *out)
{
    const char *queue = json_str(json_get(body, "jobQueue")), *token = json_str(json_get(body, "nextToken"));
    const char *value = json_str(json_at(json_get(json_at(json_get(body, "filters"), 0), "values"), 0));
    int at = token ? atoi(token) : fake.jobs_len, n = 0;
    if (fake.blind_lists > 0) {
        fake.blind_lists--;
        at = 0;
    }
    buf_puts(out, "{\"jobSummaryList\":[");
    while (at > 0 && n < 100) {
        const struct fake_job *job = &fake.jobs[--at];
        if (queue && value && fake_is_named(job, queue, value)) {
            buf_puts(out, n++ ? "," : "");
            fake_put_job(job, false, out);
        }
    }
    buf_puts(out, "]");
    if (at > 0) {
        buf_printf(out, ",\"nextToken\":\"%d\"", at);
    }
    buf_puts(out, "}");
}

static inline void fake_terminate(const struct json *body, struct buf *out)
{
    struct fake_job *job = fake_find(json_str(json_get(body, "jobId")));
    if (job) {
        snprintf(job->status, sizeof(job->status), "FAILED");
        job->status_reason = "Metaflow initiated job termination.";
        job->stopped_ms = job->created_ms + 5000;
    }
    buf_puts(out, "{}");
}

// Three lines a page, as many as fake.lines says; the token repeats at the end.
static inline void fake_events(const struct json *body, struct buf *out)
{
    const char *token = json_str(json_get(body, "nextToken"));
    int at = token ? atoi(token + 2) : 0, n = 0;
    buf_puts(out, "{\"events\":[");
    for (; at < fake.lines && n < 3; at++) {
        buf_printf(out, "%s{\"timestamp\":1,\"message\":\"line %d\"}", n++ ? "," : "", at);
    }
    buf_printf(out, "],\"nextForwardToken\":\"f/%d\",\"nextBackwardToken\":\"b/0\"}", at);
}

static inline void fake_carry_out(const char *operation, const struct json *body, struct buf *out)
{
    if (strcmp(operation, "submitjob") == 0) {
        fake_submit(body, out);
    } else if (strcmp(operation, "describejobs") == 0) {
        fake_describe(body, out);
    } else if (strcmp(operation, "listjobs") == 0) {
        fake_list(body, out);
    } else if (strcmp(operation, "terminatejob") == 0) {
        fake_terminate(body, out);
    } else if (strcmp(operation, "GetLogEvents") == 0) {
        fake_events(body, out);
    } else if (strcmp(operation, "describejobqueues") == 0) {
        const char *asked = json_str(json_at(json_get(body, "jobQueues"), 0));
        buf_printf(out, asked && strcmp(asked, "queue") != 0 ? "{\"jobQueues\":[]}" :
                   "{\"jobQueues\":[{\"jobQueueName\":\"queue\",\"jobQueueArn\":\"" FAKE_ACCOUNT "job-queue/queue\","
                   "\"state\":\"ENABLED\",\"status\":\"VALID\",\"priority\":1,\"computeEnvironmentOrder\":[{\"order\":1,"
                   "\"computeEnvironment\":\"" FAKE_ACCOUNT "compute-environment/ce\"}]}]}");
    } else if (strcmp(operation, "describecomputeenvironments") == 0) {
        buf_printf(out, "{\"computeEnvironments\":[{\"computeEnvironmentName\":\"ce\",\"type\":\"MANAGED\",\"state\":"
                   "\"ENABLED\",\"status\":\"VALID\",\"computeEnvironmentArn\":\"" FAKE_ACCOUNT "compute-environment/ce\","
                   "\"computeResources\":{\"type\":\"%s\"}}]}", fake.platform);
    } else if (strcmp(operation, "describejobdefinitions") == 0 && fake.definitions == 0) {
        buf_puts(out, "{\"jobDefinitions\":[]}");
    } else if (strcmp(operation, "describejobdefinitions") == 0) {
        buf_printf(out, "{\"jobDefinitions\":[{\"jobDefinitionName\":\"%s\",\"jobDefinitionArn\":\"" FAKE_ACCOUNT
                   "job-definition/%s:%d\",\"status\":\"ACTIVE\",\"revision\":%d,\"type\":\"container\"}]}",
                   fake.definition_name, fake.definition_name, fake.definitions, fake.definitions);
    } else if (strcmp(operation, "registerjobdefinition") == 0) {
        free(fake.definition_name);
        fake.definition_name = mem_strdup(json_str(json_get(body, "jobDefinitionName")));
        fake.definitions++;
        buf_printf(out, "{\"jobDefinitionName\":\"%s\",\"jobDefinitionArn\":\"" FAKE_ACCOUNT "job-definition/%s:%d\","
                   "\"revision\":%d}", fake.definition_name, fake.definition_name, fake.definitions, fake.definitions);
    }
}

// --- the server -----------------------------------------------------------------------------------------------------

static inline const struct fake_rule *fake_rule_for(const char *operation, int call)
{
    for (int i = 0; i < fake.rules_len; i++) {
        const struct fake_rule *r = &fake.rules[i];
        if (strcmp(r->operation, operation) == 0 && call >= r->from && call <= r->to) {
            return r;
        }
    }
    return NULL;
}

// False when the connection has to end without an answer.
static inline bool fake_answer(const char *operation, const char *text, int *ret_status, struct buf *out)
{
    struct json *body = NULL;
    struct err err = ERR_INIT;
    bool is_answered = true;
    if (json_parse(text, strlen(text), "request", &body, &err)) {
        *ret_status = 400;
        return true;
    }
    pthread_mutex_lock(&fake.lock);
    const struct fake_rule *r = fake_rule_for(operation, fake_count_call(operation));
    enum fake_fault fault = r ? r->fault : FAKE_REFUSE;
    *ret_status = 200;
    if (!r || fault == FAKE_FAIL_DONE || fault == FAKE_CUT_DONE) {
        fake_carry_out(operation, body, out);
    }
    if (r) {
        out->len = 0;
        *ret_status = fault == FAKE_THROTTLE ? 429 : fault == FAKE_FAIL || fault == FAKE_FAIL_DONE ? 500 : 400;
        is_answered = fault != FAKE_CUT && fault != FAKE_CUT_DONE;
        buf_puts(out, fault == FAKE_GONE ? "{\"message\":\"JobDefinition is not active\"}"
                                         : "{\"message\":\"the fake says no\"}");
        fake.definitions = fault == FAKE_GONE ? 0 : fake.definitions;
    }
    if (fake.has_no_stream && strcmp(operation, "GetLogEvents") == 0) {
        out->len = 0;
        *ret_status = 404;
        buf_puts(out, "{\"message\":\"The specified log stream does not exist.\"}");
    }
    pthread_mutex_unlock(&fake.lock);
    json_free(body);
    return is_answered;
}

static inline bool fake_say(int fd, int status, const struct buf *body)
{
    static const char *const errors[] = {"ClientException", "TooManyRequestsException", "ServerException",
                                         "ResourceNotFoundException"};
    struct buf text = {0};
    buf_printf(&text, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", status, body->len);
    if (status != 200) {
        buf_printf(&text, "x-amzn-errortype: %s\r\n", errors[status == 429 ? 1 : status >= 500 ? 2 : status == 404 ? 3 : 0]);
    }
    buf_puts(&text, "\r\n");
    buf_put(&text, body->data, body->len);
    bool ok = loopback_say(fd, text.data, text.len);
    buf_free(&text);
    return ok;
}

static inline bool fake_take(int fd, const char *head, const char *body)
{
    char operation[64] = "";
    struct buf out = {0};
    int status = 200;
    const char *target = strcasestr(head, "x-amz-target: Logs_20140328.");
    if (target) {
        sscanf(target + strlen("x-amz-target: Logs_20140328."), "%63[A-Za-z]", operation);
    } else {
        sscanf(head, "POST /v1/%63[a-z]", operation);
    }
    bool ok = fake_answer(operation, body, &status, &out) && fake_say(fd, status, &out);
    buf_free(&out);
    return ok;
}

static inline int fake_start(void)
{
    return loopback_start(&fake.net, fake_take);
}

static inline void fake_stop(void)
{
    loopback_stop(&fake.net);
    fake_reset();
}

// --- what tests change and see -----------------------------------------------------------------------------------------

static inline int fake_jobs(void)
{
    pthread_mutex_lock(&fake.lock);
    int n = fake.jobs_len;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static inline void fake_set(int job, const char *status, int exit_code)
{
    pthread_mutex_lock(&fake.lock);
    struct fake_job *j = &fake.jobs[job];
    snprintf(j->status, sizeof(j->status), "%s", status);
    j->exit_code = exit_code;
    if (strcmp(status, "RUNNING") == 0 || exit_code >= 0) {
        j->started_ms = j->created_ms + 1000;
        snprintf(j->stream, sizeof(j->stream), "metaflow/default/%d", job);
    }
    if (strcmp(status, "SUCCEEDED") == 0 || strcmp(status, "FAILED") == 0) {
        j->stopped_ms = j->created_ms + 9000;
    }
    pthread_mutex_unlock(&fake.lock);
}

#endif
