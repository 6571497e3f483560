// The code package of a run, as the client's Run.code finds it (metaflow/client/core.py): that of the first step,
// newest first, whose task has one.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/model.h"
#include "fs/stack_batch.h"

struct ids {
    struct strv names;
    size_t max;
};

static bool take_id(void *arg, const char *id, int64_t created_ms)
{
    (void)created_ms;
    struct ids *ids = arg;
    strv_add(&ids->names, id);
    return ids->names.len < ids->max;
}

// The record of a step's newest task, owned by the caller; NULL when it has none.
static errc package_of_step(struct client *c, const struct pathspec *step, struct cancel *cancel, char **ret,
                            struct err *err)
{
    struct ids tasks = {.max = 1};
    const struct task *task;
    *ret = NULL;
    errc e = client_list(c, step, cancel, take_id, &tasks, err);
    if (!e && tasks.names.len > 0) {
        struct pathspec ps = pathspec_child(step, tasks.names.items[0]);
        e = client_task(c, &ps, cancel, &task, err);
        if (!e) {
            *ret = mem_strdup(task_metadata(task, "code-package", -1));
            task_unref(task);
        }
    }
    strv_free(&tasks.names);
    return e;
}

static errc package_of_run(struct client *c, const struct pathspec *run, struct cancel *cancel, char **ret,
                           struct err *err)
{
    struct ids steps = {.max = SIZE_MAX};
    *ret = NULL;
    errc e = client_list(c, run, cancel, take_id, &steps, err);
    for (size_t i = 0; !e && *ret == NULL && i < steps.names.len; i++) {
        struct pathspec step = pathspec_child(run, steps.names.items[i]);
        e = package_of_step(c, &step, cancel, ret, err);
    }
    strv_free(&steps.names);
    return e;
}

static const char *tag_value(const struct strv *tags, const char *prefix)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < tags->len; i++) {
        if (strncmp(tags->items[i], prefix, len) == 0) {
            return tags->items[i] + len;
        }
    }
    return NULL;
}

// "3.11" of "python_version:3.11.2".
static char *python_of(const struct meta_object *run)
{
    static const char prefix[] = "python_version:";
    const char *value = tag_value(&run->system_tags, prefix);
    value = value != NULL ? value : tag_value(&run->tags, prefix);
    if (value == NULL) {
        return NULL;
    }
    size_t major = strcspn(value, ".");
    size_t end = value[major] == '.' ? major + 1 + strcspn(value + major + 1, ".") : major;
    return end > 0 ? mem_strndup(value, end) : NULL;
}

static errc take_package(const char *run, const char *text, struct job_code *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    errc e = json_parse(text, strlen(text), "the record of the code package", &json, err);
    if (e) {
        return e;
    }
    const char *ds = json_str(json_get(json, "ds_type")), *sha = json_str(json_get(json, "sha"));
    const char *url = json_str(json_get(json, "location")), *metadata = json_str(json_get(json, "metadata"));
    if (ds == NULL || sha == NULL || url == NULL) {
        return err_set(err, ERR_INVALID, "the record of the code package of run %s lacks its place", run);
    }
    if (strcmp(ds, "s3") != 0) {
        return err_set(err, ERR_INVALID, "the code package of run %s is in a datastore of type %s, which a "
                       "container cannot reach: name a run whose datastore is in S3", run, ds);
    }
    ret->ds = mem_strdup(ds);
    ret->sha = mem_strdup(sha);
    ret->url = mem_strdup(url);
    ret->metadata = mem_strdup(metadata);
    return ERR_OK;
}

errc batch_code_find(struct client *c, const char *run, struct cancel *cancel, struct job_code *ret, struct err *err)
{
    const char *slash = strchr(run, '/');
    if (slash == NULL || slash == run || slash[1] == '\0' || strchr(slash + 1, '/') != NULL) {
        return err_set(err, ERR_INVALID, "\"%.200s\" is no run: write it as FLOW/RUN", run);
    }
    struct job_code code = {.flow = mem_strndup(run, (size_t)(slash - run)), .run = mem_strdup(slash + 1)};
    struct pathspec ps = {.flow = code.flow, .run = code.run};
    auto_cleanup(meta_object_freep) struct meta_object *object = NULL;
    auto_free char *package = NULL;
    errc e = client_object(c, &ps, cancel, &object, err);
    if (!e) {
        e = package_of_run(c, &ps, cancel, &package, err);
    }
    if (!e && package == NULL) {
        e = err_set(err, ERR_NOT_FOUND, "the run %.200s has no code package: Metaflow stores one for runs with "
                    "remote steps, or with METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE=1", run);
    }
    if (!e) {
        e = take_package(run, package, &code, err);
    }
    if (e) {
        job_code_free(&code);
        return e;
    }
    code.python_version = python_of(object);
    *ret = code;
    return ERR_OK;
}
