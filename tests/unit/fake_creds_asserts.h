// What the tests of the sources of credentials assert, over tests/unit/fake_creds.h.
#ifndef TESTS_UNIT_FAKE_CREDS_ASSERTS_H
#define TESTS_UNIT_FAKE_CREDS_ASSERTS_H

#include "base/buf.h"
#include "fake_creds.h"

static inline void gets(const char *source, const char *access_key)
{
    struct creds_value v = {0};
    struct err err = ERR_INIT;
    struct creds *c = creds_of(NULL);
    if (creds_get(c, NULL, &v, &err) != ERR_OK) {
        fail_msg("%s: %s", source, err.cause);
    }
    auto_free char *got = creds_source(c);
    assert_string_equal(got, source);
    assert_string_equal(v.access_key, access_key);
    creds_value_free(&v);
    creds_free(c);
}

static inline void fails(errc code, const char *word)
{
    struct creds_value v = {0};
    struct err err = ERR_INIT;
    struct creds *c = creds_of(NULL);
    errc e = creds_get(c, NULL, &v, &err);
    creds_free(c);
    if (e != code || e != err.code || !strstr(err.cause, word) || strstr(err.cause, "S3CR3T")) {
        fail_msg("%s: %s (and not %s: %s)", err_name(e), err.cause, err_name(code), word);
    }
}

// Fails, and the cause has not this.
static inline void fails_without(const char *word)
{
    struct creds_value v = {0};
    struct err err = ERR_INIT;
    struct creds *c = creds_of(NULL);
    assert_int_not_equal(creds_get(c, NULL, &v, &err), ERR_OK);
    creds_free(c);
    if (strstr(err.cause, word)) {
        fail_msg("%s", err.cause);
    }
}

static inline void asked(const char *text)
{
    if (!strcasestr(fake.last, text)) {
        fail_msg("%s\ndoes not have: %s", fake.last, text);
    }
}

static inline void not_asked(const char *text)
{
    if (strcasestr(fake.last, text)) {
        fail_msg("%s\nhas: %s", fake.last, text);
    }
}

static inline void answer(const char *prefix, int status, const char *body)
{
    reply_with((struct reply){.prefix = prefix, .status = status, .body = body});
}

static inline char *in_tempdir(const char *format)
{
    struct buf out = {0};
    for (const char *p = format; *p; p++) {
        if (*p == '@') {
            buf_puts(&out, tempdir);
        } else {
            buf_putc(&out, *p);
        }
    }
    return buf_steal(&out);
}

// Puts the config file; '@' is the directory of the tests.
static inline void config(const char *text)
{
    auto_free char *full = in_tempdir(text);
    put_file(".aws/config", full);
}

#endif
