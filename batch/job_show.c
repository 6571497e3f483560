#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "batch/job_request.h"

struct show {
    struct json_out *out;
    bool is_variable; // {"name": ..., "value": ...}, whose name tells that its value is not shown
};

static void show_value(struct json_out *out, const struct json *value);

static bool show_member(void *arg, const char *key, const struct json *value)
{
    struct show *s = arg;
    json_out_key(s->out, key);
    bool is_text = json_kind(value) == JSON_STR;
    if (is_text && (secret_is_name(key) || (s->is_variable && strcmp(key, "value") == 0))) {
        json_out_str(s->out, SECRET_SHOWN);
    } else {
        show_value(s->out, value);
    }
    return true;
}

static void show_value(struct json_out *out, const struct json *value)
{
    if (json_kind(value) == JSON_OBJECT) {
        const char *name = json_str(json_get(value, "name"));
        struct show s = {.out = out, .is_variable = name != NULL && secret_is_name(name)};
        json_out_begin(out, '{');
        json_each(value, show_member, &s);
        json_out_end(out, '}');
    } else if (json_kind(value) == JSON_ARRAY) {
        json_out_begin(out, '[');
        for (size_t i = 0; i < json_len(value); i++) {
            show_value(out, json_at(value, i));
        }
        json_out_end(out, ']');
    } else if (json_str(value) != NULL) {
        auto_cleanup(buf_free) struct buf text = {0};
        secret_put_text(&text, json_str(value));
        json_out_str(out, text.data != NULL ? text.data : "");
    } else {
        auto_cleanup(buf_free) struct buf text = {0};
        json_dump(value, &text);
        json_out_raw(out, text.data != NULL ? text.data : "null");
    }
}

errc job_request_show(const char *definition, const char *submission, const char *note, struct buf *out,
                      struct err *err)
{
    auto_cleanup(json_freep) struct json *d = NULL;
    auto_cleanup(json_freep) struct json *s = NULL;
    errc e = json_parse(definition, strlen(definition), "the job definition", &d, err);
    if (e == ERR_OK) {
        e = json_parse(submission, strlen(submission), "the submission", &s, err);
    }
    if (e != ERR_OK) {
        return e;
    }
    struct json_out w = {.buf = out};
    json_out_begin(&w, '{');
    json_out_key(&w, "definition");
    show_value(&w, d);
    json_out_key(&w, "submission");
    show_value(&w, s);
    if (note != NULL) {
        json_out_key(&w, "note");
        json_out_str(&w, note);
    }
    json_out_end(&w, '}');
    buf_putc(out, '\n');
    return ERR_OK;
}
