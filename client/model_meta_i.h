// Private to client/model_meta*.c: the members of a .meta, as far as somebody wants them.
#ifndef CLIENT_MODEL_META_I_H
#define CLIENT_MODEL_META_I_H

#include "base/json.h"
#include "client/model_i.h"

// Which of the members are made.
enum meta_part {
    META_ALL,
    META_KEYS, // all but the long maps, each value null
    META_ONE,  // `key` alone
};

struct meta_out {
    struct json_out json;
    enum meta_part part;
    const char *key;
};

// Whether somebody reads the value of this member, or of one of them (up to NULL): what it costs is paid only then.
bool meta_wants(const struct meta_out *w, const char *key);
bool meta_wants_any(const struct meta_out *w, const char *const *keys);
// Begins a member; false where no value is to follow.
bool meta_begin(struct meta_out *w, const char *key);
void meta_put_time(struct meta_out *w, const char *key, int64_t ms); // -1: null
void meta_time_value(struct json_out *w, int64_t ms); // the value alone
void meta_put_str(struct meta_out *w, const char *key, const char *text);
void meta_put_bool(struct meta_out *w, const char *key, bool v);
void meta_put_identity(struct meta_out *w, const struct pathspec *ps);
void meta_put_object(struct meta_out *w, const struct meta_object *o);
void meta_put_code(struct meta_out *w, const char *record); // of `code-package`, or NULL

// client/model_meta_task.c
errc meta_task_json(struct client *c, const struct pathspec *ps, int attempt, struct cancel *cancel,
                    struct meta_out *w, struct err *err) ERR_MUST_CHECK;

#endif
