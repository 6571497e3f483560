// What a job file alone does not tell: whether its attributes fit the platform behind the queue, and whether the
// configuration has what they leave out.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "batch/job_request_i.h"
#include "batch/job_tag.h"

#define TAGS_MAX 50  // AWS Batch, "Tag restrictions"
#define MEMORY_MIN 4 // MiB

struct check {
    const struct job_spec *j;
    const struct batch_settings *s;
    const struct job_code *code;
    bool fargate;
    struct buf *problems;
    size_t found;
    char first[480]; // the first problem, for the cause
};

static void problem(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(struct check *c, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    for (char *p = line; *p != '\0'; p++) {
        *p = *p == '\n' ? ' ' : *p;
    }
    buf_puts(c->problems, line);
    buf_putc(c->problems, '\n');
    if (c->found++ == 0) {
        snprintf(c->first, sizeof(c->first), "%.*s", (int)sizeof(c->first) - 1, line);
    }
}

static bool missing(const char *mine, const char *configured)
{
    return (mine == NULL || mine[0] == '\0') && (configured == NULL || configured[0] == '\0');
}

static void check_configured(struct check *c)
{
    auto_free char *image = job_image(c->j, c->s, c->code);
    if (image == NULL) {
        problem(c, "batch.image: no image is named; give one (\"python:3.11\"), or set "
                   "METAFLOW_BATCH_CONTAINER_IMAGE in Metaflow's configuration%s",
                c->code != NULL ? " (the run named by code does not tell its version of Python)"
                                : ", or name a run with \"code\": its version of Python chooses one");
    }
    if (missing(c->j->iam_role, c->s->iam_role)) {
        problem(c, "batch.iam_role: No IAM role specified; give the role's ARN, or set "
                   "METAFLOW_ECS_S3_ACCESS_IAM_ROLE in Metaflow's configuration");
    }
    if (c->fargate && missing(c->j->execution_role, c->s->execution_role)) {
        problem(c, "batch.execution_role: No AWS Fargate task execution IAM role found; give the role's ARN, or set "
                   "METAFLOW_ECS_FARGATE_EXECUTION_ROLE in Metaflow's configuration");
    }
    auto_free char *bad_code = c->code != NULL ? job_code_problem(c->code) : NULL;
    if (bad_code != NULL) {
        problem(c, "%s", bad_code);
    }
}

static void check_tags(struct check *c)
{
    for (size_t i = 0; i < c->s->default_tags.len; i++) {
        const struct pair *tag = &c->s->default_tags.at[i];
        const char *own = pairs_get(&c->j->tags, tag->name);
        const char *what = job_tag_problem(tag->name, own != NULL ? own : tag->value);
        if (what != NULL) {
            problem(c, "METAFLOW_BATCH_DEFAULT_TAGS, the tag \"%.200s\": %s; correct it in Metaflow's configuration",
                    tag->name, what);
        }
    }
    auto_cleanup(pairs_free) struct pairs tags = {0};
    job_tags(c->j, c->s, c->code, &tags);
    if (tags.len > TAGS_MAX) {
        problem(c, "batch.aws_batch_tags: %zu tags with those of METAFLOW_BATCH_DEFAULT_TAGS and Metaflow's own; AWS "
                   "accepts %d", tags.len, TAGS_MAX);
    }
}

// AWS Batch API Reference, ResourceRequirement: what Fargate has for a number of vCPUs.
static const struct {
    double cpu;
    unsigned from, to, step; // MiB; a step of 0 doubles
} fargate_pairs[] = {
    {0.25, 512, 2048, 0},      {0.5, 1024, 4096, 1024},   {1, 2048, 8192, 1024},     {2, 4096, 16384, 1024},
    {4, 8192, 30720, 1024},    {8, 16384, 61440, 4096},   {16, 32768, 122880, 8192},
};

static void check_pair(struct check *c)
{
    double memory = (double)(int64_t)c->j->memory;
    for (size_t i = 0; i < sizeof(fargate_pairs) / sizeof(*fargate_pairs); i++) {
        unsigned from = fargate_pairs[i].from, to = fargate_pairs[i].to, step = fargate_pairs[i].step;
        if (c->j->cpu != fargate_pairs[i].cpu) {
            continue;
        }
        for (unsigned m = from; m <= to; m += step != 0 ? step : m) {
            if (memory == m) {
                return;
            }
        }
        char steps[32];
        snprintf(steps, sizeof(steps), step != 0 ? "in steps of %u" : "doubling", step);
        problem(c, "batch.memory, resources.memory: Fargate has no %.0f MiB for %g vCPU; it has %u to %u MiB %s",
                memory, c->j->cpu, from, to, steps);
        return;
    }
    problem(c, "batch.cpu, resources.cpu: Fargate has no %g vCPU; it has 0.25, 0.5, 1, 2, 4, 8 and 16", c->j->cpu);
}

// As it is sent: what %g rounds away is nothing to AWS.
static bool is_whole_cpu(double cpu)
{
    auto_free char *text = mem_printf("%g", cpu);
    return text[strspn(text, "0123456789")] == '\0' && text[0] != '0';
}

bool job_needs_fargate(const struct job_spec *j)
{
    return j->ephemeral_storage > 0 || !is_whole_cpu(j->cpu);
}

// AWS Batch API Reference, ResourceRequirement; it takes "1.0" for no number there.
static void check_ec2(struct check *c)
{
    const struct job_spec *j = c->j;
    if (j->ephemeral_storage > 0) {
        problem(c, "batch.ephemeral_storage: The ephemeral_storage parameter is only available for FARGATE compute "
                   "environments; leave it out, or name a queue on Fargate with batch.queue");
    }
    if (!is_whole_cpu(j->cpu)) {
        problem(c, "batch.cpu, resources.cpu: EC2 and Spot have no %g vCPU; they have whole numbers of 1 or more; give "
                   "one, or name a queue on Fargate with batch.queue", j->cpu);
    }
    if (j->memory < MEMORY_MIN) {
        problem(c, "batch.memory, resources.memory: AWS Batch has no %.0f MiB; it has %d MiB or more", j->memory,
                MEMORY_MIN);
    }
}

static void not_on_fargate(struct check *c, bool is_given, const char *key)
{
    if (is_given) {
        problem(c, "%s: not available for Fargate compute resources; leave it out, or name a queue on EC2 or Spot "
                   "with batch.queue", key);
    }
}

static void check_fargate(struct check *c)
{
    const struct job_spec *j = c->j;
    if (j->asks_tmpfs) {
        problem(c, "batch.use_tmpfs, batch.tmpfs_size: tmpfs is not available for Fargate compute resources; leave "
                   "both out, or name a queue on EC2 or Spot with batch.queue");
    }
    not_on_fargate(c, j->gpu > 0, "batch.gpu, resources.gpu");
    not_on_fargate(c, j->shared_memory >= 0, "batch.shared_memory, resources.shared_memory");
    not_on_fargate(c, j->max_swap >= 0, "batch.max_swap");
    not_on_fargate(c, j->swappiness >= 0, "batch.swappiness");
    not_on_fargate(c, j->inferentia > 0, "batch.inferentia");
    not_on_fargate(c, j->efa > 0, "batch.efa");
    not_on_fargate(c, j->host_volumes.len > 0, "batch.host_volumes");
    not_on_fargate(c, j->privileged, "batch.privileged");
    if (j->log_driver != NULL && strcmp(j->log_driver, "awslogs") != 0 && strcmp(j->log_driver, "splunk") != 0 &&
        strcmp(j->log_driver, "awsfirelens") != 0) {
        problem(c, "batch.log_driver: \"%s\" is not available for Fargate compute resources; awslogs, splunk "
                   "and awsfirelens are",
                j->log_driver);
    }
    check_pair(c);
}

static void check_size(struct check *c)
{
    // A definition's ARN and the name are as long as they can be, about.
    char longest[257];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const struct job_submission all = {
        .spec = c->j, .settings = c->s, .code = c->code, .job_name = longest + 128, .queue = longest,
        .definition = longest, .depends_on = &c->j->depends_on,
    };
    auto_free char *text = job_submission_json(&all);
    size_t len = strlen(text);
    if (len > SUBMISSION_MAX) {
        problem(c, "command, environment.vars: the request would be about %zu bytes long, and AWS Batch accepts %d; "
                   "put long texts into a file that the job reads", len, SUBMISSION_MAX);
    }
}

errc job_platform_check(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
                        const char *platform, struct buf *problems, struct err *err)
{
    struct check c = {.j = j, .s = s, .code = code, .fargate = job_is_fargate(platform), .problems = problems};
    check_configured(&c);
    if (c.fargate) {
        check_fargate(&c);
    } else {
        check_ec2(&c);
    }
    check_tags(&c);
    check_size(&c);
    if (c.found == 0) {
        return ERR_OK;
    }
    if (c.found == 1) {
        return err_set(err, ERR_INVALID, "%s", c.first);
    }
    return err_set(err, ERR_INVALID, "%s (and %zu more)", c.first, c.found - 1);
}
