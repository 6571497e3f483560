// Rows of the metadata service as Metaflow's objects. FACTS: numbers may be text, what is absent may be null.
#include <string.h>

#include "base/mem.h"
#include "client/service_i.h"

#define MAX_TIME_MS (INT64_C(1) << 53) // what JSON numbers are good for

// An id, whatever JSON had: text, or a number as text. NULL for anything else. Owned.
static char *id_of(const struct json *object, const char *key)
{
    const struct json *v = json_get(object, key);
    int64_t n;
    const char *text = json_str(v);
    return text ? mem_strdup(text) : json_int(v, &n) ? mem_printf("%lld", (long long)n) : NULL;
}

static char *text_of(const struct json *object, const char *key)
{
    return mem_strdup(json_str(json_get(object, key)));
}

static int64_t int_of(const struct json *object, const char *key, int64_t otherwise)
{
    int64_t n;
    return json_int(json_get(object, key), &n) ? n : otherwise;
}

// When it was made; 0 for what is no time, so that nothing that is counted from it can overflow.
static int64_t time_of(const struct json *object)
{
    int64_t ms = int_of(object, "ts_epoch", 0);
    return ms >= 0 && ms < MAX_TIME_MS ? ms : 0;
}

static void tags_of(const struct json *object, const char *key, struct strv *to)
{
    const struct json *list = json_get(object, key);
    for (size_t i = 0; json_kind(list) == JSON_ARRAY && i < json_len(list); i++) {
        const char *tag = json_str(json_at(list, i));
        if (tag) {
            strv_add(to, tag);
        }
    }
}

// attempt_id:N among tags; -1 without.
static int attempt_of(const struct json *object, const char *key)
{
    const struct json *list = json_get(object, key);
    for (size_t i = 0; json_kind(list) == JSON_ARRAY && i < json_len(list); i++) {
        const char *tag = json_str(json_at(list, i));
        if (tag && strncmp(tag, "attempt_id:", 11) == 0 && tag[11] >= '0' && tag[11] <= '9') {
            long n = strtol(tag + 11, NULL, 10);
            return n < 1000 ? (int)n : -1;
        }
    }
    return -1;
}

static const char *const id_keys[] = {"flow_id", "run_number", "step_name", "task_id"};

bool service_row_is_asked(const struct service_query *q, const struct json *json)
{
    const char *const given[] = {q->at.flow, q->at.run, q->at.step, q->at.task};
    enum level at = pathspec_level(&q->at);
    if (at == LEVEL_ROOT) {
        return true;
    }
    auto_free char *id = id_of(json, id_keys[at - 1]);
    return !id || strcmp(id, given[at - 1]) == 0;
}

static bool read_object(const struct service_query *q, const struct json *json, struct meta_object *o)
{
    static const char *const named[] = {NULL, "run_id", NULL, "task_name"};
    const char *const given[] = {q->at.flow, q->at.run, q->at.step, q->at.task};
    enum level at = pathspec_level(&q->at), level = q->what == SERVICE_CHILDREN ? at + 1 : at;
    char **const ids[] = {&o->flow, &o->run, &o->step, &o->task};
    for (unsigned i = 0; i < level; i++) {
        char *id = i < at ? mem_strdup(given[i]) : id_of(json, id_keys[i]);
        if (!id && named[i]) {
            id = id_of(json, named[i]);
        }
        *ids[i] = id;
        if (!service_id_is_usable(id)) {
            return false;
        }
    }
    int64_t beat_s = int_of(json, "last_heartbeat_ts", -1);
    o->created_ms = time_of(json);
    o->heartbeat_ms = beat_s >= 0 && beat_s < MAX_TIME_MS / 1000 ? beat_s * 1000 : -1;
    o->user = text_of(json, "user_name");
    tags_of(json, "tags", &o->tags);
    tags_of(json, "system_tags", &o->system_tags);
    return true;
}

static bool read_artifact(const struct json *json, struct meta_artifact *a)
{
    a->name = text_of(json, "name");
    a->sha = text_of(json, "sha");
    a->content_type = text_of(json, "content_type");
    a->ds_type = text_of(json, "ds_type");
    a->location = text_of(json, "location");
    int64_t attempt = int_of(json, "attempt_id", 0);
    a->attempt = attempt >= 0 && attempt < 1000 ? (int)attempt : 0;
    a->created_ms = time_of(json);
    return service_id_is_usable(a->name);
}

static bool read_record(const struct json *json, struct meta_record *r)
{
    r->field = text_of(json, "field_name");
    r->type = text_of(json, "type");
    const struct json *value = json_get(json, "value");
    r->value = mem_strdup(json_str(value));
    if (!r->value && json_kind(value) != JSON_ABSENT && json_kind(value) != JSON_NULL) {
        struct buf text = {0};
        json_dump(value, &text);
        r->value = buf_steal(&text);
        r->is_json = true;
    }
    r->created_ms = time_of(json);
    r->attempt = attempt_of(json, "tags");
    if (r->attempt < 0) {
        r->attempt = attempt_of(json, "system_tags");
    }
    return r->field != NULL;
}

bool service_read_row(const struct service_query *q, const struct json *json, struct service_row *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->record_id = -1;
    if (json_kind(json) != JSON_OBJECT) {
        return false;
    }
    if (q->what == SERVICE_OBJECT || q->what == SERVICE_CHILDREN) {
        return read_object(q, json, &ret->object);
    }
    ret->step = json_str(json_get(json, "step_name"));
    ret->object.task = id_of(json, "task_id"); // only for its life: `task` borrows from it
    ret->task = ret->object.task;
    if (!service_id_is_usable(ret->step) || !service_id_is_usable(ret->task)) {
        ret->step = ret->task = NULL;
    }
    ret->record_id = int_of(json, "id", -1);
    return q->what == SERVICE_ARTIFACTS ? read_artifact(json, &ret->artifact) : read_record(json, &ret->record);
}

void service_row_clear(struct service_row *row)
{
    struct meta_object *o = &row->object;
    free(o->flow);
    free(o->run);
    free(o->step);
    free(o->task);
    free(o->user);
    strv_free(&o->tags);
    strv_free(&o->system_tags);
    free(row->artifact.name);
    free(row->artifact.sha);
    free(row->artifact.content_type);
    free(row->artifact.ds_type);
    free(row->artifact.location);
    free(row->record.field);
    free(row->record.type);
    free(row->record.value);
    memset(row, 0, sizeof(*row));
}
