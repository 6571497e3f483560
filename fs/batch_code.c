// The code package that a job file names, by its run.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/code.h"
#include "fs/stack_batch.h"

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

static errc take_package(const char *run, const struct code_package *p, struct job_code *ret, struct err *err)
{
    if (strcmp(p->ds_type, "s3") != 0) {
        return err_set(err, ERR_INVALID, "the code package of run %s is in a datastore of type %s, which a "
                       "container cannot reach: name a run whose datastore is in S3", run, p->ds_type);
    }
    ret->ds = mem_strdup(p->ds_type);
    ret->sha = mem_strdup(p->sha);
    ret->url = mem_strdup(p->location);
    ret->metadata = mem_strdup(p->metadata);
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
    auto_cleanup(code_package_unrefp) const struct code_package *package = NULL;
    errc e = client_object(c, &ps, cancel, &object, err);
    if (!e) {
        e = client_code(c, &ps, cancel, &package, err);
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
