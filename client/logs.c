#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/logs_i.h"

// In the order that .logs/ lists them; a merge takes them in the client's order of sources.
struct part_name {
    const char *source;
    enum log_stream stream;
    bool legacy;
};
static const struct part_name part_names[] = {
    {"runtime_stdout", LOG_STDOUT, false}, {"runtime_stderr", LOG_STDERR, false},
    {"task_stdout", LOG_STDOUT, false},    {"task_stderr", LOG_STDERR, false},
    {"stdout", LOG_STDOUT, true},          {"stderr", LOG_STDERR, true},
};
#define PART_NAMES (sizeof part_names / sizeof part_names[0])

static char *part_path(const struct log_source *src, const char *name)
{
    return mem_printf("%s/%s/%s/%s/%s", src->flow, src->run, src->step, src->task, name);
}

// Size and time of a part; *ret_found is false when there is none.
static errc part_info(const struct log_source *src, const char *name, struct cancel *cancel,
                      bool *ret_found, struct store_info *ret, struct err *err)
{
    auto_free char *path = part_path(src, name);
    struct store_info info = {0};
    errc e = src->store->ops->info(src->store, path, src->final ? STORE_SETTLED : 0, cancel, &info, err);
    *ret_found = e == ERR_OK;
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    free(info.attributes);
    info.attributes = NULL;
    *ret = info;
    return ERR_OK;
}

errc logs_parts(const struct log_source *src, struct cancel *cancel, logs_part_fn fn, void *arg,
                struct err *err)
{
    for (size_t i = 0; i < PART_NAMES; i++) {
        auto_free char *name = mem_printf("%d.%s.log", src->attempt, part_names[i].source);
        struct store_info info;
        bool found;
        errc e = part_info(src, name, cancel, &found, &info, err);
        if (e != ERR_OK)
            return e;
        if (found && !fn(arg, name, info.size, info.mtime_ms))
            break;
    }
    return ERR_OK;
}

static bool is_part(const struct log_source *src, const char *name)
{
    for (size_t i = 0; i < PART_NAMES; i++) {
        auto_free char *known = mem_printf("%d.%s.log", src->attempt, part_names[i].source);
        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

static char *version_of(const struct store_info *info)
{
    return mem_printf("%" PRIu64 ":%" PRId64, info->size, info->mtime_ms);
}

errc logs_open_part(const struct log_source *src, const char *name, struct cancel *cancel,
                    struct content **ret, struct err *err)
{
    bool found = false;
    struct store_info info;
    errc e = is_part(src, name) ? part_info(src, name, cancel, &found, &info, err) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "attempt %d has no log %.200s", src->attempt, name);
    auto_free char *path = part_path(src, name);
    auto_free char *version = version_of(&info);
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    e = blob_get_grown(src->grown, src->store, src->staging, path, version, info.size, &staged, err);
    uint64_t avail;
    bool ended;
    if (e == ERR_OK)
        e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        *ret = content_of(steal_ptr(&staged), 0, UINT64_MAX);
    return e;
}

// --- which parts make a text ---------------------------------------------------------------------

void log_choice_free(struct log_choice *c)
{
    for (size_t i = 0; i < c->len; i++) {
        free(c->parts[i].path);
        free(c->parts[i].version);
    }
    c->len = 0;
}

static errc choose_one(const struct log_source *src, const struct part_name *kind, int attempt,
                       struct cancel *cancel, struct log_choice *c, struct err *err)
{
    auto_free char *name = mem_printf("%d.%s.log", attempt, kind->source);
    struct store_info info;
    bool found;
    errc e = part_info(src, name, cancel, &found, &info, err);
    if (e == ERR_OK && found) {
        c->parts[c->len++] = (struct log_choice_part){.path = part_path(src, name),
                                                      .version = version_of(&info),
                                                      .legacy = kind->legacy,
                                                      .size = info.size};
    }
    return e;
}

// The attempt that a log_location record names.
static errc legacy_attempt(const char *location, int *ret, struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    errc e = json_parse(location, strlen(location), "metadata log_location", &json, err);
    if (e != ERR_OK)
        return e;
    int64_t attempt = -1;
    const struct json *value = json_get(json, "attempt");
    if (!json_int(value, &attempt) && json_str(value) &&
        strspn(json_str(value), "0123456789") == strlen(json_str(value)))
        attempt = strtol(json_str(value), NULL, 10);
    if (attempt < 0 || attempt > 1000)
        return err_set(err, ERR_CORRUPT, "metadata log_location names no attempt: %.200s",
                       location);
    *ret = (int)attempt;
    return ERR_OK;
}

static errc choose_stream(const struct log_source *src, enum log_stream stream,
                          struct cancel *cancel, struct log_choice *c, struct err *err)
{
    const char *location = stream == LOG_STDOUT ? src->legacy_stdout : src->legacy_stderr;
    int attempt = src->attempt;
    errc e = location && *location ? legacy_attempt(location, &attempt, err) : ERR_OK;
    bool legacy = location && *location;
    for (size_t i = 0; i < PART_NAMES && e == ERR_OK; i++) {
        if (part_names[i].stream == stream && part_names[i].legacy == legacy)
            e = choose_one(src, &part_names[i], attempt, cancel, c, err);
    }
    return e;
}

errc log_choose(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
                struct log_choice *c, struct err *err)
{
    errc e = streams & LOG_STDOUT ? choose_stream(src, LOG_STDOUT, cancel, c, err) : ERR_OK;
    if (e == ERR_OK && streams & LOG_STDERR)
        e = choose_stream(src, LOG_STDERR, cancel, c, err);
    return e;
}

// The client asks for a location of the log first, then for the datastore.
bool log_is_single_empty_line(const struct log_source *src, enum log_stream streams)
{
    bool legacy = (streams & LOG_STDOUT && src->legacy_stdout) ||
                  (streams & LOG_STDERR && src->legacy_stderr);
    return src->no_datastore && !legacy;
}

errc logs_raw_size(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
                   uint64_t *ret_size, struct err *err)
{
    if (log_is_single_empty_line(src, streams)) {
        *ret_size = 1;
        return ERR_OK;
    }
    auto_cleanup(log_choice_free) struct log_choice c = {0};
    errc e = log_choose(src, streams, cancel, &c, err);
    if (e != ERR_OK)
        return e;
    uint64_t sum = 0;
    for (size_t i = 0; i < c.len; i++)
        sum += c.parts[i].size;
    *ret_size = sum;
    return ERR_OK;
}
