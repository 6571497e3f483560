// A walk over a text of which json_scan said that it is COMPLETE: only then are the tokens where this looks for them.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_jansson.h"
#include "base/json_scan.h"
#include "base/mem.h"

#define DEPTH_MAX 64

struct level {
    json_t *keys;    // of an object: those that were seen; NULL in a list
    size_t path_len; // of the path without this level's keys
};

struct walk {
    const char *text;
    size_t len, at;
    struct level levels[DEPTH_MAX];
    size_t depth;
    struct buf path;
    bool key_next, stopped;
    bool (*fn)(void *arg, enum json_flaw flaw, const char *path);
    void *arg;
};

static void tell(struct walk *w, enum json_flaw flaw)
{
    w->stopped = w->stopped || !w->fn(w->arg, flaw, w->path.len > 0 ? w->path.data : "");
}

static void cut_path(struct walk *w, size_t len)
{
    if (w->path.data != NULL && w->path.len > len) {
        w->path.len = len;
        w->path.data[len] = '\0';
    }
}

// Past the string that begins here; it starts at the result.
static size_t pass_string(struct walk *w)
{
    size_t start = w->at++;
    while (w->at < w->len && w->text[w->at] != '"') {
        w->at += w->text[w->at] == '\\' ? 2 : 1;
    }
    w->at++;
    return start;
}

// Of the string token in that part of the text.
static bool has_lone_surrogate(const struct walk *w, size_t start, size_t end)
{
    bool high = false;
    for (size_t i = start; i < end; i++) {
        bool low = false, another = false;
        if (w->text[i] == '\\' && w->text[i + 1] == 'u') {
            char c = w->text[i + 2], d = w->text[i + 3];
            bool surrogate = (c == 'd' || c == 'D') && strchr("89abABcdefCDEF", d) != NULL;
            another = surrogate && strchr("89abAB", d) != NULL;
            low = surrogate && !another;
        }
        if (high != low) {
            return true;
        }
        high = another;
        i += w->text[i] != '\\' ? 0 : w->text[i + 1] == 'u' ? 5 : 1;
    }
    return high;
}

static void see_key(struct walk *w)
{
    struct level *top = &w->levels[w->depth - 1];
    size_t start = pass_string(w);
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *key = NULL;
    cut_path(w, top->path_len);
    if (w->path.len > 0) {
        buf_putc(&w->path, '.');
    }
    if (json_parse(w->text + start, w->at - start, "key", &key, &err) != ERR_OK) {
        return;
    }
    const char *name = json_str(key);
    if (name == NULL) {
        tell(w, JSON_FLAW_NUL_KEY);
        return;
    }
    buf_puts(&w->path, name);
    if (has_lone_surrogate(w, start, w->at)) {
        tell(w, JSON_FLAW_SURROGATE);
    }
    if (json_object_get(top->keys, name) != NULL) {
        tell(w, JSON_FLAW_TWICE);
    } else {
        json_object_set_new_nocheck(top->keys, name, json_true());
    }
}

static void open_level(struct walk *w, bool object)
{
    if (w->depth < DEPTH_MAX) {
        w->levels[w->depth++] = (struct level){object ? json_object() : NULL, w->path.len};
    } else {
        w->stopped = true;
    }
    w->key_next = object;
    w->at++;
}

static void close_level(struct walk *w)
{
    if (w->depth > 0) {
        w->depth--;
        json_decref(w->levels[w->depth].keys);
        cut_path(w, w->levels[w->depth].path_len);
    }
    w->key_next = false;
    w->at++;
}

static void see_number(struct walk *w)
{
    // A number ends within the text: the outermost value is an object.
    size_t n = strspn(w->text + w->at, "+-.eE0123456789"), digits = strspn(w->text + w->at, "-0123456789");
    // A whole number of any size is taken (base/json.h); one with a point or an exponent has to fit a double.
    if (digits < n) {
        auto_free char *number = mem_strndup(w->text + w->at, n);
        if (isinf(strtod(number, NULL))) {
            tell(w, JSON_FLAW_TOO_LARGE);
        }
    }
    w->at += n;
}

static void see_token(struct walk *w)
{
    char c = w->text[w->at];
    if (c == '"') {
        if (w->key_next && w->depth > 0 && w->levels[w->depth - 1].keys != NULL) {
            see_key(w);
        } else {
            size_t start = pass_string(w);
            if (has_lone_surrogate(w, start, w->at)) {
                tell(w, JSON_FLAW_SURROGATE);
            }
        }
        w->key_next = false;
    } else if (c == '{' || c == '[') {
        open_level(w, c == '{');
    } else if (c == '}' || c == ']') {
        close_level(w);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        see_number(w);
    } else {
        w->key_next = c == ',' ? w->depth > 0 && w->levels[w->depth - 1].keys != NULL : w->key_next;
        w->at++;
    }
}

void json_flaws(const char *text, size_t len, bool (*fn)(void *arg, enum json_flaw flaw, const char *path), void *arg)
{
    struct walk w = {.text = text, .len = len, .fn = fn, .arg = arg};
    while (w.at < len && !w.stopped) {
        see_token(&w);
    }
    while (w.depth > 0) {
        json_decref(w.levels[--w.depth].keys);
    }
    buf_free(&w.path);
}
