#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/job_read_i.h"

#define PROBLEMS_MAX 100 // lines; a file with more is no job file
#define SHOWN_MAX 60     // bytes of outside text in a problem

__attribute__((format(printf, 3, 0))) static void put(struct job_reader *r, const char *key, const char *fmt,
                                                      va_list ap)
{
    if (r->count++ >= PROBLEMS_MAX) {
        return;
    }
    char *what = NULL;
    if (vasprintf(&what, fmt, ap) < 0) {
        what = mem_strdup("out of memory");
    }
    auto_free char *line = key != NULL ? mem_printf("%s: %s", key, what) : mem_strdup(what);
    free(what);
    buf_printf(r->problems, "%s\n", line);
    if (r->first == NULL) {
        r->first = steal_ptr(&line);
    }
}

void job_problem(struct job_reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(r, NULL, fmt, ap);
    va_end(ap);
}

void job_problems_end(struct job_reader *r)
{
    if (r->count > PROBLEMS_MAX) {
        buf_printf(r->problems, "and %zu more problems\n", r->count - PROBLEMS_MAX);
    }
}

void job_problem_of(struct job_reader *r, enum job_key_id id, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(r, job_key(id)->name, fmt, ap);
    va_end(ap);
    r->refused[id] = true;
}

static bool plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!letter && strchr("_-./:@", *c) == NULL) {
            return false;
        }
    }
    return *text != '\0';
}

char *job_show(const char *text)
{
    size_t len = strlen(text), shown = len;
    if (len <= SHOWN_MAX && plain(text)) {
        return mem_strdup(text);
    }
    if (len > SHOWN_MAX) {
        shown = SHOWN_MAX;
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80) { // not within a character
            shown--;
        }
    }
    struct buf out = {0};
    json_quote(&out, text, shown);
    if (shown < len) {
        buf_puts(&out, "...");
    }
    return buf_steal(&out);
}

// "a list", or what it is as JSON where that is short and may be shown.
static char *show_value(const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        return mem_strdup("null");
    case JSON_STR: {
        const char *text = json_str(value);
        struct buf out = {0};
        auto_free char *shown = text != NULL ? job_show(text) : mem_strdup("");
        buf_printf(&out, *shown == '"' ? "%s is text" : "\"%s\" is text", shown);
        return buf_steal(&out);
    }
    case JSON_ARRAY:
        return mem_strdup("a list is not what it takes");
    case JSON_OBJECT:
        return mem_strdup("an object is not what it takes");
    case JSON_BOOL:
    case JSON_INT:
    case JSON_REAL:
        break;
    }
    struct buf out = {0};
    json_dump(value, &out);
    buf_puts(&out, json_kind(value) == JSON_BOOL ? " is a truth value" : " is a number");
    return buf_steal(&out);
}

// What the text would be without its quotes, as JSON of the wanted type: "4096", "True"; or NULL.
static char *unquoted(const char *text, enum job_type type)
{
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *value = NULL;
    bool yes = strcasecmp(text, "true") == 0, no = strcasecmp(text, "false") == 0;
    if (type == JOB_T_BOOL) {
        return yes || no ? mem_strdup(yes ? "true" : "false") : NULL;
    }
    if ((type != JOB_T_WHOLE && type != JOB_T_NUMBER) || strlen(text) > 20 ||
        json_parse(text, strlen(text), "text", &value, &err) != ERR_OK ||
        (json_kind(value) != JSON_INT && json_kind(value) != JSON_REAL)) {
        return NULL;
    }
    return mem_strdup(text);
}

void job_problem_kind(struct job_reader *r, enum job_key_id id, const struct json *found)
{
    const struct job_key *key = job_key(id);
    const char *text = json_str(found);
    if (json_kind(found) == JSON_NULL) {
        job_problem_of(r, id, "null is not accepted; leave the key out, or give %s", key->accepted);
        return;
    }
    if (json_kind(found) == JSON_STR && text == NULL) {
        job_problem_of(r, id, "the text has a NUL (\\u0000) inside; it takes %s", key->accepted);
        return;
    }
    if (text != NULL && (key->type == JOB_T_OBJECT || key->type == JOB_T_PAIRS)) {
        job_problem_of(r, id, "a text is not what it takes; it takes %s", key->accepted); // and may be a secret
        return;
    }
    auto_free char *bare = text != NULL ? unquoted(text, key->type) : NULL;
    auto_free char *shown = show_value(found);
    if (bare != NULL) {
        job_problem_of(r, id, "%s; write %s without quotes", shown, bare);
    } else {
        job_problem_of(r, id, "%s; it takes %s", shown, key->accepted);
    }
}

// The full name of the one key elsewhere whose last part is `key`, or NULL; of batch rather than resources.
static const char *elsewhere(const char *level, const char *key)
{
    static const char *const levels[] = {"", "batch.", "resources.", "environment.", "timeout.", "retry."};
    if (*level == '\0' && strchr(key, '.') != NULL) {
        const struct job_key *dotted = job_key_find(key);
        return dotted != NULL ? dotted->name : NULL;
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        auto_free char *full = mem_printf("%s%s", levels[i], key);
        const struct job_key *found = strcmp(level, levels[i]) != 0 ? job_key_find(full) : NULL;
        if (found != NULL && strlen(found->name) > strlen(levels[i]) &&
            strchr(found->name + strlen(levels[i]), '.') == NULL) {
            return found->name;
        }
    }
    return NULL;
}

static void put_known(struct buf *out, const char *level)
{
    size_t prefix = strlen(level);
    for (size_t i = 0; i < K_COUNT; i++) {
        const struct job_key *key = job_key((enum job_key_id)i);
        if (key->type != JOB_T_REFUSED && strncmp(key->name, level, prefix) == 0 &&
            strchr(key->name + prefix, '.') == NULL) {
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", key->name + prefix);
        }
    }
}

void job_problem_unknown(struct job_reader *r, const char *level, const char *key)
{
    auto_free char *shown = job_show(key);
    const char *other = elsewhere(level, key), *near = job_key_near(level, key);
    if (other != NULL && job_key_find(other)->type == JOB_T_REFUSED) {
        job_problem(r, "%s%s: is refused: %s", level, shown, job_key_find(other)->meaning);
    } else if (other != NULL && strchr(other, '.') != NULL) {
        int n = (int)(strchr(other, '.') - other);
        job_problem(r, "%s%s: is not known here; it belongs into \"%.*s\": {\"%s\": ...}", level, shown, n, other,
                    other + n + 1);
    } else if (other != NULL) {
        job_problem(r, "%s%s: is not known here; \"%s\" stands in the outermost object", level, shown, key);
    } else if (near != NULL) {
        job_problem(r, "%s%s: is not known; did you mean %s?", level, shown, near);
    } else if (strcmp(level, "environment.") == 0) {
        job_problem(r, "%s%s: is not known; variables are written \"environment\": {\"vars\": {...}}", level, shown);
    } else {
        auto_cleanup(buf_free) struct buf known = {0};
        put_known(&known, level);
        job_problem(r, "%s%s: is not known; known here: %s", level, shown, known.data);
    }
}
