// A record of the journal and its text. What cannot be read whole is not read at all: a record with a part missing
// could have a job submitted twice.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "batch/journal_i.h"

#define VERSION 1

static const char *const states[] = {
    [INTENT_NONE] = "not submitted", [INTENT_SENDING] = "sending", [INTENT_ACCEPTED] = "accepted",
    [INTENT_ENDED] = "ended"};

// The texts of an intent, and what they are called.
static const struct {
    const char *name;
    size_t at;
} texts[] = {
    {"text", offsetof(struct intent, text)},
    {"job_name", offsetof(struct intent, job_name)},
    {"queue", offsetof(struct intent, queue)},
    {"tempdir", offsetof(struct intent, tempdir)},
    {"definition", offsetof(struct intent, definition)},
    {"submission", offsetof(struct intent, submission)},
    {"id", offsetof(struct intent, id)},
    {"last", offsetof(struct intent, last)},
    {"error", offsetof(struct intent, error)},
};
static const struct {
    const char *name;
    size_t at;
} times[] = {
    {"saved_ms", offsetof(struct intent, saved_ms)},
    {"sent_ms", offsetof(struct intent, sent_ms)},
    {"changed_ms", offsetof(struct intent, changed_ms)},
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static char **text_at(struct intent *i, size_t n)
{
    return (char **)(void *)((char *)i + texts[n].at);
}

static const char *text_of(const struct intent *i, size_t n)
{
    return *(char *const *)(const void *)((const char *)i + texts[n].at);
}

void intent_free(struct intent *i)
{
    for (size_t n = 0; n < COUNT(texts); n++) {
        free(*text_at(i, n));
    }
    *i = (struct intent){0};
}

void record_free(struct record *r)
{
    for (size_t n = 0; n < r->len; n++) {
        intent_free(&r->at[n]);
    }
    free(r->at);
    free(r->name);
    *r = (struct record){0};
}

struct intent *record_present(const struct record *r)
{
    return r->len > 0 ? &r->at[r->len - 1] : NULL;
}

// --- writing -----------------------------------------------------------------------------------------------

// The text has to come back as it was, byte for byte: it tells one intent from another.
static bool comes_back(const char *text)
{
    auto_cleanup(buf_free) struct buf quoted = {.max = RECORD_MAX};
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err ignored = ERR_INIT;
    json_quote(&quoted, text, strlen(text));
    if (quoted.over || json_parse(quoted.data, quoted.len, "a text", &json, &ignored)) {
        return false;
    }
    const char *same = json_str(json);
    return same && strcmp(same, text) == 0;
}

static void write_intent(struct json_out *w, const struct intent *i)
{
    json_out_begin(w, '{');
    json_out_key(w, "generation");
    json_out_int(w, i->generation);
    json_out_key(w, "state");
    json_out_str(w, states[i->state]);
    for (size_t n = 0; n < COUNT(texts); n++) {
        if (text_of(i, n)) {
            json_out_key(w, texts[n].name);
            json_out_str(w, text_of(i, n));
        }
    }
    for (size_t n = 0; n < COUNT(times); n++) {
        json_out_key(w, times[n].name);
        json_out_int(w, *(const int64_t *)(const void *)((const char *)i + times[n].at));
    }
    if (i->mtime_ms > 0) {
        json_out_key(w, "mtime_ms");
        json_out_int(w, i->mtime_ms);
    }
    json_out_end(w, '}');
}

static void write_from(const struct record *r, size_t first, struct buf *out)
{
    struct json_out w = {.buf = out};
    json_out_begin(&w, '{');
    json_out_key(&w, "version");
    json_out_int(&w, VERSION);
    json_out_key(&w, "name");
    json_out_str(&w, r->name);
    json_out_key(&w, "file_removed");
    json_out_bool(&w, r->file_removed);
    json_out_key(&w, "generations");
    json_out_begin(&w, '[');
    for (size_t i = first; i < r->len; i++) {
        write_intent(&w, &r->at[i]);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    buf_putc(out, '\n');
}

errc record_write(const struct record *r, struct buf *out, struct err *err)
{
    size_t first = r->len > RECORD_GENERATIONS ? r->len - RECORD_GENERATIONS : 0;
    for (size_t i = first; i < r->len; i++) {
        if (r->at[i].text && !comes_back(r->at[i].text)) {
            return err_set(err, ERR_INVALID, "the job file of \"%.100s\" is not UTF-8 and cannot be kept", r->name);
        }
    }
    for (; first == 0 || first < r->len; first++) {
        struct buf text = {.max = RECORD_MAX};
        write_from(r, first, &text);
        if (!text.over) {
            buf_free(out);
            *out = text;
            return ERR_OK;
        }
        buf_free(&text);
    }
    return err_set(err, ERR_LIMIT, "what is to be kept of the job \"%.100s\" is more than %u bytes", r->name,
                   RECORD_MAX);
}

// --- reading -----------------------------------------------------------------------------------------------

// A text that may be absent, but must not be anything else.
static bool read_text(const struct json *object, const char *name, char **ret)
{
    const struct json *value = json_get(object, name);
    const char *text = json_str(value);
    if (!text) {
        return json_kind(value) == JSON_ABSENT;
    }
    *ret = mem_strdup(text);
    return true;
}

static bool read_state(const struct json *object, enum intent_state *ret)
{
    const char *text = json_str(json_get(object, "state"));
    for (size_t i = 0; text && i < COUNT(states); i++) {
        if (strcmp(text, states[i]) == 0) {
            *ret = (enum intent_state)i;
            return true;
        }
    }
    return false;
}

static bool read_times(const struct json *object, struct intent *i)
{
    for (size_t n = 0; n < COUNT(times); n++) {
        int64_t *to = (int64_t *)(void *)((char *)i + times[n].at);
        if (!json_int(json_get(object, times[n].name), to) || *to < 0) {
            return false;
        }
    }
    // Records that were written before it was kept lack it.
    const struct json *mtime = json_get(object, "mtime_ms");
    return json_kind(mtime) == JSON_ABSENT || (json_int(mtime, &i->mtime_ms) && i->mtime_ms > 0);
}

// NULL, or what is wrong.
static const char *read_intent(const struct json *object, unsigned after, struct intent *ret)
{
    int64_t generation;
    if (!json_int(json_get(object, "generation"), &generation) || generation <= (int64_t)after ||
        generation > INT32_MAX) {
        return "has a generation without a number, or out of order";
    }
    ret->generation = (unsigned)generation;
    if (!read_state(object, &ret->state)) {
        return "has a generation of no state that is known here";
    }
    for (size_t n = 0; n < COUNT(texts); n++) {
        if (!read_text(object, texts[n].name, text_at(ret, n))) {
            return "has a generation with a member that is no text";
        }
    }
    if (!read_times(object, ret)) {
        return "has a generation without its times";
    }
    if (ret->state == INTENT_ACCEPTED && (!ret->id || !*ret->id)) {
        return "has a generation that was accepted and has no id";
    }
    return NULL;
}

static const char *read_all(const struct json *json, struct record *r)
{
    const struct json *list = json_get(json, "generations");
    int64_t version;
    if (!json_int(json_get(json, "version"), &version) || version != VERSION) {
        return "was not written by this version";
    }
    if (!json_str(json_get(json, "name")) || !json_bool(json_get(json, "file_removed"), &r->file_removed) ||
        json_kind(list) != JSON_ARRAY) {
        return "lacks its name, its generations, or whether its file was removed";
    }
    size_t len = json_len(list);
    if (len > RECORD_GENERATIONS) {
        return "has more generations than are kept";
    }
    r->at = mem_grow(r->at, &r->cap, len + 1, sizeof(*r->at));
    for (size_t i = 0; i < len; i++) {
        r->at[i] = (struct intent){0};
        r->len = i + 1;
        const char *wrong = read_intent(json_at(list, i), i > 0 ? r->at[i - 1].generation : 0, &r->at[i]);
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}

errc record_read(const char *text, size_t len, const char *name, const char *what, struct record *ret,
                 struct err *err)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct record r = {0};
    errc e = json_parse(text, len, what, &json, err);
    if (e) {
        return e;
    }
    const char *wrong = read_all(json, &r);
    if (wrong) {
        record_free(&r);
        return err_set(err, ERR_CORRUPT, "%s is no record of a job: it %s; it is left as it is, move it away", what,
                       wrong);
    }
    r.name = mem_strdup(name);
    *ret = r;
    return ERR_OK;
}
