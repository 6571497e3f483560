// Any bytes as the record of a code package and as a stored request: what is made of them is a body that is JSON, or a
// problem by the name of its key.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "batch/job_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void with_code(const char *url, const char *metadata)
{
    char word[] = "true", path[] = "/tmp", role[] = "role", image[] = "x", user[] = "u", s3[] = "s3";
    char *words[] = {word};
    const struct job_spec j = {
        .command = {.items = words, .len = 1}, .cpu = 1, .memory = 1, .tmpfs_path = path, .timeout_s = 60,
    };
    const struct batch_settings s = {.user = user, .iam_role = role, .image = image};
    auto_cleanup(job_code_free) struct job_code code = {
        .flow = mem_strdup("F"), .run = mem_strdup("1"), .ds = mem_strdup(s3), .url = mem_strdup(url),
        .metadata = mem_strdup(metadata),
    };
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    auto_cleanup(job_definition_free) struct job_definition d = {0};
    errc e = job_definition_make(&j, &s, &code, "EC2", &d, &problems, &err);
    if (e != ERR_OK) {
        if (e != ERR_INVALID || problems.len == 0 || problems.data[problems.len - 1] != '\n')
            abort();
        return;
    }
    const struct job_submission sub = {.spec = &j, .settings = &s, .code = &code, .job_name = "n", .queue = "q",
                                       .definition = d.name};
    auto_free char *body = job_submission_json(&sub);
    auto_cleanup(json_freep) struct json *parsed = NULL;
    if (json_parse(body, strlen(body), "body", &parsed, &err) != ERR_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = mem_strndup((const char *)data, size);
    auto_free char *url = mem_printf("s3://%s", text);
    with_code(text, NULL);
    with_code(url, NULL);
    with_code("s3://b/k", text);
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf out = {0};
    if (job_request_show(text, "{}", text, &out, &err) == ERR_OK) {
        auto_cleanup(json_freep) struct json *shown = NULL;
        if (json_parse(out.data, out.len, "shown", &shown, &err) != ERR_OK)
            abort();
    }
    return 0;
}
