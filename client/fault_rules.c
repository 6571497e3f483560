#include "client/fault_rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SLICE_MS 20
#define DELAY_MAX_MS 86400000L

enum action { ACTION_DELAY, ACTION_HANG, ACTION_FAIL, ACTION_RATE };

struct rule {
    enum fault_what what;
    enum action action;
    long number;     // milliseconds of a delay, N of a rate
    errc code;       // of a failure
    char *file;      // of a hang, or NULL
    char *substring; // or NULL: everywhere
    atomic_ulong calls;
};

struct fault {
    struct rule *rules; // only `calls` changes
    size_t len, cap;
};

static const char *const what_names[] = {"get", "list", "records", "artifacts", "info", "read", "any"};

static errc bad_rule(const char *text, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "\"%.80s\" is no fault rule: give WHAT:ACTION[@SUBSTRING] with WHAT one of get, list, "
                   "records, artifacts, info, read, any and ACTION one of delay=MS, hang, hang=FILE, "
                   "fail=CODE (such as io, timeout, denied), rate=N",
                   text);
}

static bool parse_number(const char *text, long min, long max, long *ret)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || n < min || n > max)
        return false;
    *ret = n;
    return true;
}

static bool parse_code(const char *name, errc *ret)
{
    for (int code = ERR_OK + 1; code <= ERR_NO_MEMORY; code++) {
        if (strcmp(name, err_name((errc)code)) == 0) {
            *ret = (errc)code;
            return true;
        }
    }
    return false;
}

static bool parse_action(char *text, struct rule *rule)
{
    char *value = strchr(text, '=');
    if (value)
        *value++ = '\0';
    if (strcmp(text, "hang") == 0 && (!value || value[0])) {
        rule->action = ACTION_HANG;
        rule->file = mem_strdup(value);
        return true;
    }
    if (!value)
        return false;
    if (strcmp(text, "delay") == 0) {
        rule->action = ACTION_DELAY;
        return parse_number(value, 0, DELAY_MAX_MS, &rule->number);
    }
    if (strcmp(text, "rate") == 0) {
        rule->action = ACTION_RATE;
        return parse_number(value, 1, 1000000000, &rule->number);
    }
    rule->action = ACTION_FAIL;
    return strcmp(text, "fail") == 0 && parse_code(value, &rule->code);
}

static bool parse_what(const char *name, enum fault_what *ret)
{
    for (unsigned i = 0; i < sizeof what_names / sizeof *what_names; i++) {
        if (strcmp(name, what_names[i]) == 0) {
            *ret = (enum fault_what)i;
            return true;
        }
    }
    return false;
}

// Takes the text of one rule apart, in place.
static bool parse_rule(char *text, struct rule *rule)
{
    char *at = strchr(text, '@');
    if (at) {
        *at++ = '\0';
        if (!at[0])
            return false;
        rule->substring = mem_strdup(at);
    }
    char *action = strchr(text, ':');
    if (!action)
        return false;
    *action++ = '\0';
    return parse_what(text, &rule->what) && parse_action(action, rule);
}

static void rule_clear(struct rule *rule)
{
    free(rule->file);
    free(rule->substring);
}

errc fault_parse(const char *rules, struct fault **ret, struct err *err)
{
    auto_free char *text = mem_strdup(rules);
    struct fault *f = mem_zalloc(sizeof *f);
    char *rest = text, *one;
    while ((one = strsep(&rest, ";"))) {
        if (!one[0])
            continue;
        auto_free char *whole = mem_strdup(one);
        struct rule rule = {0};
        if (!parse_rule(one, &rule)) {
            rule_clear(&rule);
            fault_free(f);
            return bad_rule(whole, err);
        }
        f->rules = mem_grow(f->rules, &f->cap, f->len + 1, sizeof *f->rules);
        memcpy(&f->rules[f->len++], &rule, sizeof rule);
    }
    if (f->len == 0) {
        fault_free(f);
        return bad_rule(rules, err);
    }
    *ret = f;
    return ERR_OK;
}

void fault_free(struct fault *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->len; i++)
        rule_clear(&f->rules[i]);
    free(f->rules);
    free(f);
}

static errc pause_slice(int64_t ms, struct cancel *cancel, struct err *err)
{
    struct timespec ts = {.tv_nsec = (ms < SLICE_MS ? ms : SLICE_MS) * 1000000};
    nanosleep(&ts, NULL);
    return cancel_check(cancel, err);
}

static errc wait_delay(long ms, struct cancel *cancel, struct err *err)
{
    int64_t end = clock_mono_ms() + ms;
    for (;;) {
        int64_t left = end - clock_mono_ms();
        errc e = left > 0 ? pause_slice(left, cancel, err) : ERR_OK;
        if (e || left <= 0)
            return e;
    }
}

static errc wait_hang(const char *file, struct cancel *cancel, struct err *err)
{
    while (!file || access(file, F_OK) == 0) {
        errc e = pause_slice(SLICE_MS, cancel, err);
        if (e)
            return e;
    }
    return ERR_OK;
}

static errc rule_apply(struct rule *rule, const char *path, struct cancel *cancel, struct err *err)
{
    switch (rule->action) {
    case ACTION_DELAY:
        return wait_delay(rule->number, cancel, err);
    case ACTION_HANG:
        return wait_hang(rule->file, cancel, err);
    case ACTION_RATE:
        if (atomic_fetch_add(&rule->calls, 1) % (unsigned long)rule->number != (unsigned long)rule->number - 1)
            return ERR_OK;
        return err_set(err, ERR_IO, "%s: failed as a fault rule asks", path);
    case ACTION_FAIL:
        return err_set(err, rule->code, "%s: failed as a fault rule asks", path);
    }
    return ERR_OK;
}

errc fault_apply(struct fault *f, enum fault_what what, const char *path, struct cancel *cancel,
                 struct err *err)
{
    for (size_t i = 0; i < f->len; i++) {
        struct rule *rule = &f->rules[i];
        if (rule->what != FAULT_ANY && rule->what != what)
            continue;
        if (rule->substring && !strstr(path, rule->substring))
            continue;
        errc e = rule_apply(rule, path, cancel, err);
        if (e)
            return e;
    }
    return ERR_OK;
}
