#include <string.h>

#include "base/mem.h"
#include "client/model_i.h"

int parse_small_int(const char *text, int max)
{
    int v = 0;
    if (!text || !*text) {
        return -1;
    }
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }
        v = v * 10 + (*p - '0');
        if (v > max) {
            return -1;
        }
    }
    return v;
}

const char *record_text(const struct meta_record *r)
{
    return r && r->value && strcmp(r->value, "None") != 0 ? r->value : NULL;
}

// When attempt `attempt` started: the last such record counts, as in a Python dict. -1 when it did not.
static int64_t attempt_start(const struct meta_record *records, size_t n, int attempt)
{
    int64_t start = -1;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(records[i].field, "attempt") == 0 &&
            parse_small_int(records[i].value, 1000) == attempt) {
            start = records[i].created_ms;
        }
    }
    return start;
}

struct record_window record_window(const struct meta_record *records, size_t n, int attempt)
{
    struct record_window w = {.attempt = attempt, .all = attempt < 0, .by_tag = true};
    for (size_t i = 0; i < n; i++) {
        w.by_tag &= records[i].attempt >= 0;
    }
    if (!w.all && !w.by_tag) {
        w.from_ms = attempt_start(records, n, attempt);
        w.to_ms = attempt_start(records, n, attempt + 1);
        if (w.from_ms < 0) {
            w.from_ms = INT64_MAX;
        }
        if (w.to_ms < 0) {
            w.to_ms = INT64_MAX;
        }
    }
    return w;
}

bool record_window_has(const struct record_window *w, const struct meta_record *r)
{
    if (w->all) {
        return true;
    }
    return w->by_tag ? r->attempt == w->attempt : r->created_ms >= w->from_ms && r->created_ms < w->to_ms;
}

const struct meta_record *records_newest(const struct meta_record *records, size_t n, const char *field,
                                         int attempt)
{
    struct record_window w = record_window(records, n, attempt);
    const struct meta_record *newest = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct meta_record *r = &records[i];
        if (strcmp(r->field, field) == 0 && (!newest || r->created_ms >= newest->created_ms) &&
            record_window_has(&w, r)) {
            newest = r;
        }
    }
    return newest;
}

void records_add(struct meta_records *to, const struct meta_record *r)
{
    to->items = mem_grow(to->items, &to->cap, to->len + 1, sizeof(to->items[0]));
    to->items[to->len++] = (struct meta_record){
        .field = mem_strdup(r->field),
        .type = mem_strdup(r->type),
        .value = mem_strdup(r->value),
        .is_json = r->is_json,
        .created_ms = r->created_ms,
        .attempt = r->attempt,
    };
}

static int by_field_and_age(const void *a, const void *b)
{
    const struct meta_record *ra = *(const struct meta_record *const *)a;
    const struct meta_record *rb = *(const struct meta_record *const *)b;
    int c = strcmp(ra->field, rb->field);
    if (c == 0) {
        c = (ra->created_ms > rb->created_ms) - (ra->created_ms < rb->created_ms);
    }
    return c ? c : (ra > rb) - (ra < rb); // both in one array: the later of equals is newer
}

const struct meta_record **records_latest(const struct meta_record *records, size_t n, int attempt,
                                          size_t *ret_len)
{
    struct record_window w = record_window(records, n, attempt);
    const struct meta_record **out = mem_zalloc((n + 1) * sizeof(void *));
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (record_window_has(&w, &records[i])) {
            out[len++] = &records[i];
        }
    }
    qsort(out, len, sizeof(void *), by_field_and_age);
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (i + 1 == len || strcmp(out[i]->field, out[i + 1]->field) != 0) {
            out[kept++] = out[i];
        }
    }
    *ret_len = kept;
    return out;
}

void records_borrow(struct meta_records *to, const struct meta_records *origin)
{
    size_t own_len, loan_len, o = 0;
    auto_free const struct meta_record **own = records_latest(to->items, to->len, -1, &own_len);
    auto_free const struct meta_record **loan = records_latest(origin->items, origin->len, -1, &loan_len);
    struct meta_records added = {0};
    for (size_t i = 0; i < loan_len; i++) {
        while (o < own_len && strcmp(own[o]->field, loan[i]->field) < 0) {
            o++;
        }
        if (o == own_len || strcmp(own[o]->field, loan[i]->field) != 0) {
            records_add(&added, loan[i]);
            added.items[added.len - 1].attempt = -1; // the number means nothing in the clone
        }
    }
    // Only now: `own` points into what grows here.
    to->items = mem_grow(to->items, &to->cap, to->len + added.len, sizeof(to->items[0]));
    for (size_t i = 0; i < added.len; i++) {
        to->items[to->len++] = added.items[i];
    }
    free(added.items);
}

size_t records_bytes(const struct meta_records *r)
{
    size_t bytes = r->cap * sizeof(r->items[0]);
    for (size_t i = 0; i < r->len; i++) {
        bytes += str_bytes(r->items[i].field) + str_bytes(r->items[i].type) + str_bytes(r->items[i].value);
    }
    return bytes;
}
