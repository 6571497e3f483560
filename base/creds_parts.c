// What the sources of credentials share: secrets and causes, times, and keys in JSON.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/mem.h"

#define SCRUB_BYTES 10 // so many bytes in a row of a secret tell something of it

void found_free(struct found *f)
{
    creds_value_free(&f->value);
    free(f->source);
    f->source = NULL;
}

void creds_value_free(struct creds_value *v)
{
    mem_wipe(&v->access_key);
    mem_wipe(&v->secret_key);
    mem_wipe(&v->token);
}

// --- secrets and causes --------------------------------------------------------------------------------------

void look_keep_secret(struct look *l, const char *text)
{
    if (text && *text) {
        strv_add(&l->secrets, text);
    }
}

void creds_value_secret(struct look *l, const struct creds_value *v)
{
    look_keep_secret(l, v->access_key);
    look_keep_secret(l, v->secret_key);
    look_keep_secret(l, v->token);
}

static void scrub(struct err *err, const char *secret)
{
    bool hit[sizeof(err->cause)] = {false};
    size_t len = strlen(err->cause), all = strlen(secret), run = all < SCRUB_BYTES ? all : SCRUB_BYTES;
    for (size_t i = 0; run > 0 && i + run <= len; i++) {
        if (memmem(secret, all, err->cause + i, run)) {
            for (size_t k = 0; k < run; k++) {
                hit[i + k] = true;
            }
        }
    }
    for (size_t i = 0; i < len; i++) {
        err->cause[i] = hit[i] ? '*' : err->cause[i];
    }
}

void look_scrub(const struct look *l, struct err *err)
{
    for (size_t i = 0; i < l->secrets.len; i++) {
        scrub(err, l->secrets.items[i]);
    }
}

static bool is_key(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f) {
            return false;
        }
    }
    return *text != '\0';
}

errc creds_check(const struct found *f, struct err *err)
{
    const struct creds_value *v = &f->value;
    if (!is_key(v->access_key) || !is_key(v->secret_key) || (v->token && !is_key(v->token))) {
        return err_set(err, ERR_DENIED,
                       "%s: the access key, secret key or session token is empty or has blanks, line ends or other "
                       "characters that no key has", f->source);
    }
    if (v->expires_ms >= 0 && v->expires_ms <= clock_wall_ms()) {
        char when[28];
        clock_iso8601(v->expires_ms, when, sizeof(when));
        return err_set(err, ERR_DENIED, "%s gave credentials that have expired already, at %s (is the clock right?)",
                       f->source, when);
    }
    return ERR_OK;
}

// --- times ---------------------------------------------------------------------------------------------------

static int two_digits(const char *p)
{
    return isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

// ".123", "Z", "+01:00", "-0130" behind the seconds.
static bool parse_tail(const char *p, int64_t *ret_ms)
{
    int64_t ms = 0, unit = 100;
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++, unit /= 10) {
            ms += (*p - '0') * unit;
        }
    }
    if (strcmp(p, "Z") == 0 || strcmp(p, "UTC") == 0 || *p == '\0') {
        *ret_ms = ms;
        return true;
    }
    int hours = *p == '+' || *p == '-' ? two_digits(p + 1) : -1;
    const char *rest = hours < 0 ? "" : p[3] == ':' ? p + 4 : p + 3;
    int minutes = two_digits(rest);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || rest[2] != '\0') {
        return false;
    }
    int64_t offset = ((int64_t)hours * 60 + minutes) * 60000;
    *ret_ms = ms + (*p == '+' ? -offset : offset);
    return true;
}

bool creds_parse_time(const char *text, int64_t *ret_ms)
{
    struct tm tm = {0};
    int64_t tail = 0;
    const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    p = p ? p : strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
    if (!p || !parse_tail(p, &tail)) {
        return false;
    }
    *ret_ms = (int64_t)timegm(&tm) * 1000 + tail;
    return true;
}

// --- keys in JSON --------------------------------------------------------------------------------------------

errc creds_parse_json(const struct buf *text, const char *what, struct json **ret, struct err *err)
{
    struct err inner = ERR_INIT;
    errc e = json_parse(text->data ? text->data : "", text->len, what, ret, &inner);
    return e ? err_set(err, ERR_IO, "%s gave text that is not JSON (%zu bytes)", what, text->len) : ERR_OK;
}

static errc take_text(const struct json *object, const char *name, bool needed, const char *what, char **ret,
                      struct err *err)
{
    const struct json *member = json_get(object, name);
    enum json_kind kind = json_kind(member);
    const char *text = json_str(member);
    if (!text && (needed || (kind != JSON_ABSENT && kind != JSON_NULL))) {
        return err_set(err, ERR_IO, "%s gave an answer without %s as text", what, name);
    }
    *ret = mem_strdup(text);
    return ERR_OK;
}

static errc take_expires(const struct json *object, const struct creds_names *names, const char *what,
                         int64_t *ret_ms, struct err *err)
{
    char *text = NULL;
    errc e = take_text(object, names->expires, names->needs_expires, what, &text, err);
    if (!e && text && !creds_parse_time(text, ret_ms)) {
        e = err_set(err, ERR_IO, "%s gave a %s that is no time like 2030-01-31T12:00:00Z", what, names->expires);
    }
    free(text);
    return e;
}

static errc take_members(const struct json *object, const struct creds_names *names, const char *what,
                         struct creds_value *v, struct err *err)
{
    errc e = take_text(object, names->access_key, true, what, &v->access_key, err);
    e = e ? e : take_text(object, names->secret_key, true, what, &v->secret_key, err);
    e = e ? e : take_text(object, names->token, names->needs_token, what, &v->token, err);
    if (!e && v->token && !*v->token) {
        free(steal_ptr(&v->token));
    }
    return !e && names->expires ? take_expires(object, names, what, &v->expires_ms, err) : e;
}

errc creds_from_json(struct look *l, const struct json *object, const struct creds_names *names, const char *what,
                     struct creds_value *ret, struct err *err)
{
    struct creds_value v = {.expires_ms = -1};
    errc e = take_members(object, names, what, &v, err);
    creds_value_secret(l, &v);
    if (e) {
        creds_value_free(&v);
        return e;
    }
    *ret = v;
    return ERR_OK;
}
