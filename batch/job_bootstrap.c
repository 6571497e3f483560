// A run's code package in the container: what MetaflowEnvironment.get_package_commands and the packages'
// get_extract_commands and get_post_extract_env_vars do (metaflow_environment.py, packaging_sys/), without the calls
// that upload logs. The job's command runs in the unpacked folder, where the flow's own files are.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "batch/job_request_i.h"

#define S3_SCHEME "s3://"

struct package {
    char *bucket, *key; // owned
    bool in_code_dir;   // modules are in .mf_code (mfcontent_version 1), not beside the flow's files (0)
};

static void package_free(struct package *p)
{
    free(p->bucket);
    free(p->key);
}

// Why a package cannot be fetched; NULL when *ret has it. Owned by the caller.
static char *place_problem(const struct job_code *code, struct package *ret)
{
    const char *url = code->url != NULL ? code->url : "";
    const char *bucket = url + strlen(S3_SCHEME);
    if (code->ds == NULL || strcmp(code->ds, "s3") != 0 || strncmp(url, S3_SCHEME, strlen(S3_SCHEME)) != 0) {
        return mem_printf("code: the code package of %s/%s is at \"%s\", where a container cannot fetch it; only "
                          "packages in S3 can be used", code->flow, code->run, url);
    }
    const char *key = bucket + strcspn(bucket, "/");
    size_t bucket_len = (size_t)(key - bucket);
    key += strspn(key, "/");
    size_t key_len = strlen(key);
    while (key_len > 0 && key[key_len - 1] == '/') {
        key_len--;
    }
    if (bucket_len == 0 || key_len == 0) {
        return mem_printf("code: the code package of %s/%s is at \"%s\", which names no object; "
                          "s3://BUCKET/KEY is expected", code->flow, code->run, url);
    }
    ret->bucket = mem_strndup(bucket, bucket_len);
    ret->key = mem_strndup(key, key_len);
    return NULL;
}

static char *layout_problem(const struct job_code *code, struct package *ret)
{
    if (code->metadata == NULL) {
        return NULL; // written before packages had a version: everything is in one folder
    }
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *metadata = NULL;
    if (json_parse(code->metadata, strlen(code->metadata), "the package's metadata", &metadata, &err) != ERR_OK) {
        return mem_printf("code: of the code package of %s/%s: %s", code->flow, code->run, err.cause);
    }
    const struct json *format = json_get(metadata, "archive_format"), *layout = json_get(metadata, "mfcontent_version");
    const char *name = json_kind(format) == JSON_ABSENT ? "tgz" : json_str(format);
    if (name == NULL || strcmp(name, "tgz") != 0) {
        return mem_printf("code: the code package of %s/%s is in the format \"%s\"; \"tgz\" is known", code->flow,
                          code->run, name != NULL ? name : "?");
    }
    int64_t version = 0;
    if (json_kind(layout) != JSON_ABSENT && (!json_int(layout, &version) || version < 0 || version > 1)) {
        return mem_printf("code: the code package of %s/%s has a layout (mfcontent_version) that is not known; 0 and "
                          "1 are", code->flow, code->run);
    }
    ret->in_code_dir = version == 1;
    return NULL;
}

static char *package_read(const struct job_code *code, struct package *ret)
{
    char *bad = place_problem(code, ret);
    return bad != NULL ? bad : layout_problem(code, ret);
}

char *job_code_problem(const struct job_code *code)
{
    auto_cleanup(package_free) struct package p = {0};
    return package_read(code, &p);
}

// One word of a shell.
static char *shell_word(const char *text)
{
    auto_cleanup(buf_free) struct buf out = {0};
    buf_putc(&out, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'') {
            buf_puts(&out, "'\\''");
        } else {
            buf_putc(&out, *p);
        }
    }
    buf_putc(&out, '\'');
    return buf_steal(&out);
}

char *job_bootstrap(const struct job_code *code)
{
    auto_cleanup(package_free) struct package p = {0};
    free(package_read(code, &p));
    auto_free char *bucket = shell_word(p.bucket != NULL ? p.bucket : "");
    auto_free char *key = shell_word(p.key != NULL ? p.key : "");
    auto_free char *url = shell_word(code->url != NULL ? code->url : "");
    return mem_printf(
        "set -e\n"
        "echo 'Setting up task environment.'\n"
        "if [ -z \"$METAFLOW_SKIP_INSTALL_DEPENDENCIES\" ]; then python -m pip install -qqq --no-compile "
        "--no-cache-dir --disable-pip-version-check boto3 requests; fi\n"
        "mkdir metaflow\n"
        "cd metaflow\n"
        "mkdir .metaflow\n"
        "i=0\n"
        "while [ $i -le 5 ]; do\n"
        "  echo 'Downloading code package...'\n"
        "  python -c 'import boto3, os, sys; ep=os.getenv(\"METAFLOW_S3_ENDPOINT_URL\"); "
        "boto3.client(\"s3\", **({\"endpoint_url\":ep} if ep else {})).download_file(*sys.argv[1:])' %s %s job.tar "
        "&& echo 'Code package downloaded.' && break\n"
        "  sleep 10; i=$((i+1))\n"
        "done\n"
        "if [ $i -gt 5 ]; then echo 'Failed to download code package from '%s' after 6 tries. Exiting...'; exit 1; fi\n"
        "TAR_OPTIONS='--warning=no-timestamp' tar -xzf job.tar -C .\n"
        "export PYTHONPATH=\"$(pwd)%s:$PYTHONPATH\"\n"
        "export METAFLOW_EXTRACTED_ROOT=\"$(pwd)\"\n"
        "echo 'Task is starting.'\n"
        "exec \"$@\"",
        bucket, key, url, p.in_code_dir ? "/.mf_code" : "");
}
