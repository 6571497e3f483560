// batch_request: reads a JSON object a line and answers one a line, for the comparison with Metaflow's own code.
//   {"text": JOB, "platform": P, "settings": {...}, "code": {...} or null}: what would be sent as {"name", "preimage",
//       "register", "submit"}, or {"problems": "..."};
//   {"repr": TEXT}: {"repr": Python's repr of it}; {"image": TEXT}: {"registry": whether it names one}.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/py_repr.h"
#include "batch/job_request_i.h"

static char *text_of(const struct json *object, const char *key)
{
    return mem_strdup(json_str(json_get(object, key)));
}

// A list of [name, value].
static void read_pairs(const struct json *list, struct pairs *ret)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *pair = json_at(list, i);
        pairs_set(ret, json_str(json_at(pair, 0)), json_str(json_at(pair, 1)));
    }
}

static struct batch_settings read_settings(const struct json *from)
{
    struct batch_settings s = {
        .user = text_of(from, "user"), .region = text_of(from, "region"), .queue = text_of(from, "queue"),
        .image = text_of(from, "image"), .registry = text_of(from, "registry"), .iam_role = text_of(from, "iam_role"),
        .execution_role = text_of(from, "execution_role"),
    };
    json_bool(json_get(from, "emit_tags"), &s.emit_tags);
    read_pairs(json_get(from, "default_tags"), &s.default_tags);
    read_pairs(json_get(from, "env_first"), &s.env_first);
    read_pairs(json_get(from, "env_last"), &s.env_last);
    return s;
}

static struct job_code read_code(const struct json *from)
{
    return (struct job_code){
        .flow = text_of(from, "flow"), .run = text_of(from, "run"), .metadata = text_of(from, "metadata"),
        .sha = text_of(from, "sha"), .url = text_of(from, "url"), .ds = text_of(from, "ds"),
        .python_version = text_of(from, "python_version"),
    };
}

static void put(struct json_out *out, const char *key, const char *text)
{
    json_out_key(out, key);
    json_out_str(out, text);
}

static errc make(struct json_out *out, const struct job_spec *j, const struct json *given, struct buf *problems,
                 struct err *err)
{
    auto_cleanup(batch_settings_free) struct batch_settings s = read_settings(json_get(given, "settings"));
    auto_cleanup(job_code_free) struct job_code code = read_code(json_get(given, "code"));
    auto_cleanup(job_definition_free) struct job_definition d = {0};
    const struct job_code *with = json_kind(json_get(given, "code")) == JSON_OBJECT ? &code : NULL;
    errc e = job_definition_make(j, &s, with, json_str(json_get(given, "platform")), &d, problems, err);
    if (e) {
        return e;
    }
    auto_free char *arn = mem_printf("arn:%s", d.name);
    auto_free char *name = job_name_make(s.user, j->name, "", 0, 1);
    const struct job_submission submission = {
        .spec = j, .settings = &s, .code = with, .job_name = name, .definition = arn, .depends_on = &j->depends_on,
        .queue = j->queue ? j->queue : s.queue ? s.queue : "first-queue",
    };
    auto_free char *body = job_submission_json(&submission);
    put(out, "name", d.name);
    put(out, "preimage", d.preimage);
    json_out_key(out, "register");
    json_out_raw(out, d.json);
    json_out_key(out, "submit");
    json_out_raw(out, body);
    return ERR_OK;
}

static void answer(struct json_out *out, const struct json *given)
{
    size_t len = 0;
    const char *repr = json_str_len(json_get(given, "repr"), &len);
    const char *image = json_str(json_get(given, "image"));
    if (repr) {
        auto_cleanup(buf_free) struct buf text = {0};
        py_repr(&text, repr, len);
        put(out, "repr", text.data);
        return;
    }
    if (image) {
        json_out_key(out, "registry");
        json_out_bool(out, job_image_has_registry(image));
        return;
    }
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    auto_cleanup(job_spec_free) struct job_spec j = {0};
    const char *text = json_str_len(json_get(given, "text"), &len);
    errc e = job_spec_read(text, len, "train", &j, &problems, &err);
    if (!e)
        e = make(out, &j, given, &problems, &err);
    if (e) {
        put(out, "problems", problems.data);
        put(out, "cause", err.cause);
    }
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        struct err err = ERR_INIT;
        struct json *given = NULL;
        if (json_parse(line, (size_t)len, "stdin", &given, &err) != ERR_OK) {
            fprintf(stderr, "%s\n", err.cause);
            break;
        }
        auto_cleanup(buf_free) struct buf pretty = {0};
        struct json_out out = {.buf = &pretty};
        json_out_begin(&out, '{');
        answer(&out, given);
        json_out_end(&out, '}');
        json_free(given);
        for (char *p = pretty.data; *p; p++) // a line: in JSON text a newline is never more than a blank
            *p = *p == '\n' ? ' ' : *p;
        puts(pretty.data);
        fflush(stdout);
    }
    free(line);
    return 0;
}
