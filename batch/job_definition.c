// The job definition, member by member in the order in which Metaflow's _register_job_definition inserts them: its
// name is a hash of Python's text of the dictionary.
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "batch/job_request_i.h"

void job_definition_free(struct job_definition *d)
{
    free(d->name);
    free(d->preimage);
    free(d->json);
    *d = (struct job_definition){0};
}

bool job_is_fargate(const char *platform)
{
    return strcmp(platform, "FARGATE") == 0 || strcmp(platform, "FARGATE_SPOT") == 0;
}

static const char *or_else(const char *first, const char *second)
{
    return first != NULL && first[0] != '\0' ? first : second;
}

static void put_requirement(struct body *b, const char *value, const char *type)
{
    body_open(b, '{');
    body_pair(b, "value", value);
    body_pair(b, "type", type);
    body_close(b, '}');
}

// The real command, cpu and memory come with the submission.
static void put_placeholders(struct body *b)
{
    body_key(b, "command");
    body_open(b, '[');
    body_str(b, "echo");
    body_str(b, "hello world");
    body_close(b, ']');
    body_key(b, "resourceRequirements");
    body_open(b, '[');
    put_requirement(b, "1", "VCPU");
    put_requirement(b, "4096", "MEMORY");
    body_close(b, ']');
}

static void put_logging(struct body *b, const struct job_spec *j)
{
    if (j->log_driver == NULL && j->log_options.len == 0) {
        return;
    }
    body_key(b, "logConfiguration");
    body_open(b, '{');
    if (j->log_driver != NULL) {
        body_pair(b, "logDriver", j->log_driver);
    }
    if (j->log_options.len > 0) {
        auto_cleanup(pairs_free) struct pairs options = {0};
        for (size_t i = 0; i < j->log_options.len; i++) {
            const char *option = j->log_options.items[i];
            const char *colon = strchrnul(option, ':');
            auto_free char *name = mem_strndup(option, (size_t)(colon - option));
            pairs_set(&options, name, *colon == ':' ? colon + 1 : "");
        }
        body_key(b, "options");
        body_open(b, '{');
        for (size_t i = 0; i < options.len; i++) {
            body_pair(b, options.at[i].name, options.at[i].value);
        }
        body_close(b, '}');
    }
    body_close(b, '}');
}

static void put_fargate(struct body *b, const struct job_spec *j, const struct batch_settings *s)
{
    body_pair(b, "executionRoleArn", or_else(j->execution_role, s->execution_role));
    body_key(b, "networkConfiguration");
    body_open(b, '{');
    body_pair(b, "assignPublicIp", "ENABLED");
    body_close(b, '}');
    if (j->ephemeral_storage > 0) {
        body_key(b, "ephemeralStorage");
        body_open(b, '{');
        body_key(b, "sizeInGiB");
        body_int(b, j->ephemeral_storage);
        body_close(b, '}');
    }
}

static void put_neurons(struct body *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        auto_free char *path = mem_printf("/dev/neuron%lld", (long long)i);
        body_open(b, '{');
        body_pair(b, "containerPath", path);
        body_pair(b, "hostPath", path);
        body_key(b, "permissions");
        body_open(b, '[');
        body_str(b, "READ");
        body_str(b, "WRITE");
        body_close(b, ']');
        body_close(b, '}');
    }
}

// An elastic fabric adapter is one device for a job on one node, however many were asked for.
static void put_efa(struct body *b)
{
    body_open(b, '{');
    body_pair(b, "hostPath", "/dev/infiniband/uverbs0");
    body_close(b, '}');
}

static void put_tmpfs(struct body *b, const struct job_spec *j)
{
    body_key(b, "tmpfs");
    body_open(b, '[');
    body_open(b, '{');
    body_pair(b, "containerPath", j->tmpfs_path);
    body_key(b, "size");
    body_int(b, j->tmpfs_size);
    body_key(b, "mountOptions");
    body_open(b, '[');
    body_str(b, "defaults");
    body_close(b, ']');
    body_close(b, '}');
    body_close(b, ']');
}

static void put_given_int(struct body *b, const char *key, int64_t value)
{
    if (value >= 0) {
        body_key(b, key);
        body_int(b, value);
    }
}

static void put_linux(struct body *b, const struct job_spec *j)
{
    body_key(b, "linuxParameters");
    body_open(b, '{');
    put_given_int(b, "sharedMemorySize", j->shared_memory);
    put_given_int(b, "swappiness", j->swappiness);
    put_given_int(b, "maxSwap", j->max_swap);
    if (j->inferentia > 0) { // "devices" stands where the first kind of device put it
        body_key(b, "devices");
        body_open(b, '[');
        put_neurons(b, j->inferentia);
        if (j->efa > 0) {
            put_efa(b);
        }
        body_close(b, ']');
    }
    if (j->tmpfs) {
        put_tmpfs(b, j);
    }
    if (j->efa > 0 && j->inferentia == 0) {
        body_key(b, "devices");
        body_open(b, '[');
        put_efa(b);
        body_close(b, ']');
    }
    body_close(b, '}');
}

// A volume "HOST[:CONTAINER]" or "FILESYSTEM[:CONTAINER]", cut at its first colon.
struct volume {
    char *what, *name, *at; // each owned
};

static void volume_free(struct volume *v)
{
    free(v->what);
    free(v->name);
    free(v->at);
}

static struct volume host_volume(const char *text)
{
    const char *colon = strchr(text, ':');
    struct volume v = {colon != NULL ? mem_strndup(text, (size_t)(colon - text)) : mem_strdup(text)};
    v.at = mem_strdup(colon != NULL ? colon + 1 : text);
    v.name = mem_strdup(v.what);
    for (char *p = v.name; *p != '\0'; p++) {
        *p = *p == '/' || *p == '.' ? '_' : *p;
    }
    return v;
}

static struct volume efs_volume(const char *text)
{
    const char *colon = strchr(text, ':');
    struct volume v = {colon != NULL ? mem_strndup(text, (size_t)(colon - text)) : mem_strdup(text)};
    v.at = colon != NULL ? mem_strdup(colon + 1) : mem_printf("/mnt/%s", text);
    v.name = mem_printf("efs_%s", v.what);
    return v;
}

static void put_sources(struct body *b, const struct strv *texts, bool efs)
{
    for (size_t i = 0; i < texts->len; i++) {
        auto_cleanup(volume_free) struct volume v = efs ? efs_volume(texts->items[i]) : host_volume(texts->items[i]);
        body_open(b, '{');
        body_pair(b, "name", v.name);
        body_key(b, efs ? "efsVolumeConfiguration" : "host");
        body_open(b, '{');
        body_pair(b, efs ? "fileSystemId" : "sourcePath", v.what);
        if (efs) {
            body_pair(b, "transitEncryption", "ENABLED");
        }
        body_close(b, '}');
        body_close(b, '}');
    }
}

static void put_mounts(struct body *b, const struct strv *texts, bool efs)
{
    for (size_t i = 0; i < texts->len; i++) {
        auto_cleanup(volume_free) struct volume v = efs ? efs_volume(texts->items[i]) : host_volume(texts->items[i]);
        body_open(b, '{');
        body_pair(b, "sourceVolume", v.name);
        body_pair(b, "containerPath", v.at);
        body_close(b, '}');
    }
}

static void put_volumes(struct body *b, const struct job_spec *j)
{
    if (j->host_volumes.len == 0 && j->efs_volumes.len == 0) {
        return;
    }
    body_key(b, "volumes");
    body_open(b, '[');
    put_sources(b, &j->host_volumes, false);
    put_sources(b, &j->efs_volumes, true);
    body_close(b, ']');
    body_key(b, "mountPoints");
    body_open(b, '[');
    put_mounts(b, &j->host_volumes, false);
    put_mounts(b, &j->efs_volumes, true);
    body_close(b, ']');
}

static void put_container(struct body *b, const struct job_spec *j, const struct batch_settings *s, const char *image,
                          bool fargate)
{
    body_open(b, '{');
    body_pair(b, "image", image);
    body_pair(b, "jobRoleArn", or_else(j->iam_role, s->iam_role));
    put_placeholders(b);
    if (j->privileged) {
        body_key(b, "privileged");
        body_true(b);
    }
    put_logging(b, j);
    if (fargate) {
        put_fargate(b, j, s);
    } else {
        put_linux(b, j);
    }
    put_volumes(b, j);
    body_close(b, '}');
}

errc job_definition_make(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
                         const char *platform, struct job_definition *ret, struct buf *problems, struct err *err)
{
    errc e = job_platform_check(j, s, code, platform, problems, err);
    if (e) {
        return e;
    }
    auto_free char *image = job_image(j, s, code);
    auto_cleanup(buf_free) struct buf json = {0};
    auto_cleanup(buf_free) struct buf py = {0};
    struct body b = {.json = &json, .py = &py};
    body_open(&b, '{');
    body_pair(&b, "type", "container");
    body_key(&b, "containerProperties");
    put_container(&b, j, s, image, job_is_fargate(platform));
    body_key(&b, "propagateTags");
    body_true(&b);
    if (job_is_fargate(platform)) {
        body_key(&b, "platformCapabilities");
        body_open(&b, '[');
        body_str(&b, "FARGATE");
        body_close(&b, ']');
    }
    buf_putc(&py, '}');
    uint8_t digest[SHA224_BYTES];
    char hex[2 * SHA224_BYTES + 1];
    sha224_of(py.data, py.len, digest);
    hash_hex(digest, sizeof(digest), hex);
    char *name = mem_printf("metaflow_%s", hex);
    b.py = NULL;
    body_pair(&b, "jobDefinitionName", name);
    body_close(&b, '}');
    *ret = (struct job_definition){.name = name, .preimage = buf_steal(&py), .json = buf_steal(&json)};
    return ERR_OK;
}
