// A server on loopback that answers one request after another as a script says and keeps what it was asked; and the
// credentials that its requests are signed with, in the place of the chain's.
#ifndef TESTS_FAKE_S3_H
#define TESTS_FAKE_S3_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_keys.h"
#include "loopback.h"
#include "s3/s3.h"

struct step {
    const char *status;  // "200 OK"
    const char *headers; // each with its CRLF, or NULL
    const char *body;    // or NULL
    long told;           // Content-Length where it is not the body's; -1: the answer is chunked
    bool is_cut;         // the connection ends behind the body
    int wait_ms;         // before the answer
};

#define FAKE_MAX 64
static struct fake {
    struct loopback net;
    pthread_mutex_t lock;
    struct step steps[FAKE_MAX];
    int len, at;          // at: requests that were answered
    char *heads[FAKE_MAX];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_forget(void)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < FAKE_MAX; i++) {
        free(fake.heads[i]);
        fake.heads[i] = NULL;
    }
    fake.len = fake.at = 0;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_script(const struct step *steps, int len)
{
    fake_forget();
    pthread_mutex_lock(&fake.lock);
    memcpy(fake.steps, steps, (size_t)len * sizeof(*steps));
    fake.len = len;
    pthread_mutex_unlock(&fake.lock);
}
#define SCRIPT(...) fake_script((const struct step[]){__VA_ARGS__}, \
                                (int)(sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step)))

static inline int fake_asked(void)
{
    pthread_mutex_lock(&fake.lock);
    int n = fake.at;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static inline bool fake_answer(int fd, const char *request, const char *body_of_it)
{
    (void)body_of_it;
    pthread_mutex_lock(&fake.lock);
    static const struct step unexpected = {"501 Not In The Script", NULL, NULL, 0, false, 0};
    struct step step = fake.at < fake.len ? fake.steps[fake.at] : unexpected;
    if (fake.at < FAKE_MAX) {
        fake.heads[fake.at] = mem_strdup(request);
    }
    fake.at++;
    pthread_mutex_unlock(&fake.lock);
    loopback_delay(&fake.net, step.wait_ms);
    const char *body = step.body ? step.body : "";
    struct buf text = {0};
    buf_printf(&text, "HTTP/1.1 %s\r\n%s", step.status, step.headers ? step.headers : "");
    bool is_head = strncmp(request, "HEAD ", 5) == 0;
    if (step.told < 0) {
        buf_printf(&text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
    } else {
        buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", step.told ? (size_t)step.told : strlen(body),
                   is_head ? "" : body);
    }
    bool ok = loopback_say(fd, text.data, text.len);
    buf_free(&text);
    return ok && !step.is_cut;
}

static inline int fake_start(void **state)
{
    (void)state;
    return loopback_start(&fake.net, fake_answer);
}

static inline int fake_stop(void **state)
{
    (void)state;
    loopback_stop(&fake.net);
    fake_forget();
    return 0;
}

// Whether the request (from 0) had that text, e.g. "\r\nRange: bytes=5-\r\n" (a CRLF stands before and after each line).
static inline bool asked_with(int request, const char *text)
{
    pthread_mutex_lock(&fake.lock);
    auto_free char *head = mem_printf("%s\r\n", request < FAKE_MAX && fake.heads[request] ? fake.heads[request] : "");
    pthread_mutex_unlock(&fake.lock);
    return strcasestr(head, text) != NULL;
}

// --- a client of it ------------------------------------------------------------------------------------------------

struct client {
    struct http *http;
    struct creds creds;
    struct s3 *s3;
};

static inline struct client *client_of(const struct s3_conf *conf)
{
    struct client *c = mem_zalloc(sizeof(*c));
    struct err err = ERR_INIT;
    struct http_conf quick = {.stall_ms = 400, .first_byte_ms = 3000};
    c->creds = (struct creds){.serial = 1, .token = "token-"};
    auto_free char *endpoint = mem_printf("http://127.0.0.1:%d", fake.net.port);
    struct s3_conf own = conf ? *conf : (struct s3_conf){0};
    own.max_tries = own.max_tries ? own.max_tries : 4;
    own.first_wait_ms = own.first_wait_ms ? own.first_wait_ms : 5;
    own.endpoint = own.endpoint ? own.endpoint : endpoint;
    own.creds = &c->creds;
    assert_int_equal(http_new(&quick, &c->http, &err), ERR_OK);
    own.http = c->http;
    assert_int_equal(s3_new(&own, &c->s3, &err), ERR_OK);
    return c;
}

static inline void client_free(struct client *c)
{
    s3_free(c->s3);
    http_free(c->http);
    free(c);
}

#endif
