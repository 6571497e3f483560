// The body of SubmitJob, in the order in which Metaflow's create_job builds it (plugins/aws/batch/batch.py).
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/job_request_i.h"

#define TEMPDIR "{tempdir}"

// A text with every {tempdir} replaced; owned by the caller.
static char *with_tempdir(const char *text, const char *tempdir)
{
    auto_cleanup(buf_free) struct buf out = {0};
    for (const char *at; (at = strstr(text, TEMPDIR)) != NULL; text = at + strlen(TEMPDIR)) {
        buf_put(&out, text, (size_t)(at - text));
        buf_puts(&out, tempdir);
    }
    buf_puts(&out, text);
    return buf_steal(&out);
}

static void put_command(struct body *b, const struct job_spec *j, const struct job_code *code)
{
    body_key(b, "command");
    body_open(b, '[');
    if (code != NULL) {
        auto_free char *script = job_bootstrap(code);
        body_str(b, "bash");
        body_str(b, "-c");
        body_str(b, script);
        body_str(b, "bash"); // $0: the command's words are "$@"
    }
    for (size_t i = 0; i < j->command.len; i++) {
        auto_free char *word = with_tempdir(j->command.items[i], job_spec_tempdir(j));
        body_str(b, word);
    }
    body_close(b, ']');
}

static void put_requirement(struct body *b, bool type_first, const char *type, const char *value)
{
    body_open(b, '{');
    if (type_first) {
        body_pair(b, "type", type);
    }
    body_pair(b, "value", value);
    if (!type_first) {
        body_pair(b, "type", type);
    }
    body_close(b, '}');
}

static void put_requirements(struct body *b, const struct job_spec *j)
{
    auto_free char *cpu = mem_printf("%g", j->cpu);
    auto_free char *gpu = mem_printf("%.0f", __builtin_trunc(j->gpu));
    auto_free char *memory = mem_printf("%.0f", __builtin_trunc(j->memory));
    body_key(b, "resourceRequirements");
    body_open(b, '[');
    put_requirement(b, false, "VCPU", cpu);
    if (j->gpu > 0) {
        put_requirement(b, true, "GPU", gpu);
    }
    put_requirement(b, false, "MEMORY", memory);
    body_close(b, ']');
}

static void set_given(struct pairs *p, const char *name, const char *value)
{
    if (value != NULL) {
        pairs_set(p, name, value);
    }
}

static void put_environment(struct body *b, const struct job_submission *s)
{
    const struct job_spec *j = s->spec;
    auto_cleanup(pairs_free) struct pairs env = {0};
    set_given(&env, "AWS_DEFAULT_REGION", s->settings->region);
    if (s->code != NULL) {
        set_given(&env, "METAFLOW_CODE_METADATA", s->code->metadata);
        set_given(&env, "METAFLOW_CODE_SHA", s->code->sha);
        set_given(&env, "METAFLOW_CODE_URL", s->code->url);
        set_given(&env, "METAFLOW_CODE_DS", s->code->ds);
    }
    pairs_copy(&env, &s->settings->env_first);
    if (j->tmpfs && j->tmpfs_tempdir) {
        pairs_set(&env, "METAFLOW_TEMPDIR", j->tmpfs_path);
    }
    pairs_copy(&env, &s->settings->env_last);
    for (size_t i = 0; i < j->vars.len; i++) {
        auto_free char *value = with_tempdir(j->vars.at[i].value, job_spec_tempdir(j));
        pairs_set(&env, j->vars.at[i].name, value);
    }
    body_key(b, "environment");
    body_open(b, '[');
    for (size_t i = 0; i < env.len; i++) {
        body_open(b, '{');
        body_pair(b, "name", env.at[i].name);
        body_pair(b, "value", env.at[i].value);
        body_close(b, '}');
    }
    body_close(b, ']');
}

// sanitize_batch_tag (plugins/aws/aws_utils.py): what tags may not have is left out.
static char *tag_text(const char *text, size_t max)
{
    static const char blanks[] = " \t\n\v\f\r\x1c\x1d\x1e\x1f";
    auto_cleanup(buf_free) struct buf out = {0};
    for (const char *p = text; *p != '\0' && out.len < max; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (plain || strchr("+-=._:/@", *p) != NULL || strchr(blanks, *p) != NULL) {
            buf_putc(&out, *p);
        }
    }
    return buf_steal(&out);
}

void job_tags(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
              struct pairs *ret)
{
    if (s->emit_tags) {
        auto_free char *user = tag_text(s->user, 256);
        pairs_set(ret, "app", "metaflow");
        if (code != NULL) {
            pairs_set(ret, "metaflow.flow_name", code->flow);
            pairs_set(ret, "metaflow.run_id", code->run);
        }
        pairs_set(ret, "metaflow.user", user);
        pairs_copy(ret, &s->default_tags);
    }
    pairs_copy(ret, &j->tags);
}

static void put_map(struct body *b, const char *key, const struct pairs *p)
{
    body_key(b, key);
    body_open(b, '{');
    for (size_t i = 0; i < p->len; i++) {
        body_pair(b, p->at[i].name, p->at[i].value);
    }
    body_close(b, '}');
}

static void put_parameters(struct body *b, const struct job_submission *s)
{
    auto_cleanup(pairs_free) struct pairs p = {0};
    if (s->code != NULL) {
        pairs_set(&p, "metaflow.flow_name", s->code->flow);
        pairs_set(&p, "metaflow.run_id", s->code->run);
    }
    pairs_set(&p, "metaflow.user", s->settings->user);
    put_map(b, "parameters", &p);
}

static void put_number(struct body *b, const char *object, const char *key, int64_t value)
{
    body_key(b, object);
    body_open(b, '{');
    body_key(b, key);
    body_int(b, value);
    body_close(b, '}');
}

static void put_dependencies(struct body *b, const struct strv *ids)
{
    if (ids == NULL || ids->len == 0) {
        return;
    }
    body_key(b, "dependsOn");
    body_open(b, '[');
    for (size_t i = 0; i < ids->len; i++) {
        body_open(b, '{');
        body_pair(b, "jobId", ids->items[i]);
        body_close(b, '}');
    }
    body_close(b, ']');
}

char *job_submission_json(const struct job_submission *s)
{
    auto_cleanup(buf_free) struct buf json = {0};
    struct body b = {.json = &json};
    body_open(&b, '{');
    body_pair(&b, "jobName", s->job_name);
    body_pair(&b, "jobQueue", s->queue);
    body_key(&b, "containerOverrides");
    body_open(&b, '{');
    put_command(&b, s->spec, s->code);
    put_requirements(&b, s->spec);
    put_environment(&b, s);
    body_close(&b, '}');
    put_number(&b, "timeout", "attemptDurationSeconds", s->spec->timeout_s);
    body_pair(&b, "jobDefinition", s->definition);
    put_parameters(&b, s);
    auto_cleanup(pairs_free) struct pairs tags = {0};
    job_tags(s->spec, s->settings, s->code, &tags);
    if (tags.len > 0) {
        put_map(&b, "tags", &tags);
    }
    if (s->spec->attempts > 0) {
        put_number(&b, "retryStrategy", "attempts", s->spec->attempts);
    }
    put_dependencies(&b, s->depends_on);
    body_close(&b, '}');
    return buf_steal(&json);
}
