// Tag mutation (Metaflow: ServiceMetadataProvider._mutate_user_tags_for_run).
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/service_i.h"

static void put_list(struct json_out *w, const char *key, const struct strv *list)
{
    json_out_key(w, key);
    json_out_begin(w, '[');
    for (size_t i = 0; list && i < list->len; i++) {
        json_out_str(w, list->items[i]);
    }
    json_out_end(w, ']');
}

static errc take_answer(void *arg, const struct http_response *head, const void *data, size_t len, struct err *err)
{
    (void)head;
    (void)err;
    buf_put(arg, data, len);
    return ERR_OK;
}

static void read_tags(const struct buf *answer, struct strv *ret_tags)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err err = ERR_INIT;
    if (!ret_tags || !answer->len || json_parse(answer->data, answer->len, "tags", &json, &err)) {
        return;
    }
    const struct json *tags = json_get(json, "tags");
    for (size_t i = 0; json_kind(tags) == JSON_ARRAY && i < json_len(tags); i++) {
        if (json_str(json_at(tags, i))) {
            strv_add(ret_tags, json_str(json_at(tags, i)));
        }
    }
}

static errc judge(const struct service *s, const struct http_response *r, const char *run, struct err *err)
{
    auto_free char *words = service_words(r);
    switch (r->status) {
    case 404:
        return err_set(err, ERR_NOT_FOUND, "there is no run %s in the metadata service %s", run, s->shown);
    case 409:
        return err_set(err, ERR_BUSY, "somebody else changes the tags of run %s at this moment: try again", run);
    case 400:
    case 422:
        return strstr(words, "system") ? err_set(err, ERR_NOT_PERMITTED, "the service keeps system tags: %s", words)
                                       : err_set(err, ERR_INVALID, "the service refuses these tags: %s", words);
    default:
        return r->status >= 200 && r->status <= 299
                   ? ERR_OK
                   : err_set(err, ERR_IO, "changing the tags of run %s: status %d, %s", run, r->status, words);
    }
}

errc service_mutate_tags(struct service *s, const struct pathspec *run, const struct strv *add,
                         const struct strv *remove, struct cancel *cancel, struct strv *ret_tags, struct err *err)
{
    auto_cleanup(buf_free) struct buf path = {0}, body = {0}, answer = {0};
    auto_free char *text = pathspec_text(run);
    if (!service_put_path(&path, run)) {
        return err_set(err, ERR_NOT_FOUND, "there is no run %s", text);
    }
    buf_puts(&path, "/tag/mutate");
    struct json_out w = {.buf = &body};
    json_out_begin(&w, '{');
    put_list(&w, "tags_to_add", add);
    put_list(&w, "tags_to_remove", remove);
    json_out_end(&w, '}');
    struct service_call call = {.method = "PATCH", .path = path.data, .body = &body, .on_body = take_answer,
                                .arg = &answer};
    auto_cleanup(http_response_free) struct http_response response = {0};
    errc code = service_call(s, &call, cancel, &response, err);
    if (!code) {
        code = judge(s, &response, text, err);
    }
    if (!code) {
        read_tags(&answer, ret_tags);
    }
    return code;
}
