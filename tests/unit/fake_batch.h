// A server on loopback in the place of AWS: it answers one request after another as a script says, or does not, and keeps
// what it was asked; and the credentials that requests are signed with, in the place of the chain's.
#ifndef TESTS_FAKE_BATCH_H
#define TESTS_FAKE_BATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/batch_api.h"
#include "fake_keys.h"
#include "loopback.h"

enum how {
    HOW_ANSWER,
    HOW_NO_ANSWER, // the request is read, and the connection ends
    HOW_RESET,     // the same by a reset, without reading the body
    HOW_CUT,       // the answer ends before its end
};
struct step {
    const char *status;  // "200 OK"
    const char *body;    // or NULL
    const char *headers; // each with its CRLF, or NULL
    enum how how;
    int wait_ms;         // before it
};

#define FAKE_MAX 400
static struct fake {
    struct loopback net;
    pthread_mutex_t lock; // what follows
    struct step steps[FAKE_MAX];
    int len, at;          // at: requests that came
    char *asked[FAKE_MAX];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_script(const struct step *steps, int len)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < FAKE_MAX; i++) {
        free(fake.asked[i]);
        fake.asked[i] = NULL;
    }
    fake.at = 0;
    fake.len = len;
    if (len > 0) {
        memcpy(fake.steps, steps, (size_t)len * sizeof(*steps));
    }
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

// Whether request number `n` has that text in its head or body.
static inline bool asked_with(int n, const char *text)
{
    pthread_mutex_lock(&fake.lock);
    bool has = n < FAKE_MAX && fake.asked[n] && strcasestr(fake.asked[n], text);
    pthread_mutex_unlock(&fake.lock);
    return has;
}

static inline struct step fake_next(const char *request)
{
    struct step step = {.status = "501 Not In The Script"};
    pthread_mutex_lock(&fake.lock);
    if (fake.at < FAKE_MAX) {
        step = fake.at < fake.len ? fake.steps[fake.at] : step;
        fake.asked[fake.at] = mem_strdup(request);
    }
    fake.at++;
    pthread_mutex_unlock(&fake.lock);
    loopback_delay(&fake.net, step.wait_ms);
    return step;
}

static inline bool fake_answer(int fd, const char *request, const char *body_of_it)
{
    struct step next = fake_next(request), *step = &next;
    (void)body_of_it;
    const char *body = step->body ? step->body : "";
    if (step->how == HOW_RESET) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    }
    if (step->how == HOW_RESET || step->how == HOW_NO_ANSWER) {
        return false;
    }
    auto_free char *text = mem_printf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", step->status,
                                      step->headers ? step->headers : "",
                                      strlen(body) + (step->how == HOW_CUT ? 10 : 0), body);
    return loopback_say(fd, text, strlen(text)) && step->how == HOW_ANSWER;
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
    fake_script(NULL, 0);
    return 0;
}

#define FAKE_TOKEN "token-that-is-long-enough-to-be-told-"

// --- a client of it ------------------------------------------------------------------------------------------------

struct client {
    struct http *http;
    struct creds creds;
    struct batch_api *api;
};

static inline struct client *client_of(const char *endpoint)
{
    struct client *c = mem_zalloc(sizeof(*c));
    struct err err = ERR_INIT;
    struct http_conf quick = {.stall_ms = 400, .first_byte_ms = 2000, .connect_ms = 1000};
    c->creds = (struct creds){.serial = 1, .token = FAKE_TOKEN};
    auto_free char *own = mem_printf("http://127.0.0.1:%d", fake.net.port);
    assert_int_equal(http_new(&quick, &c->http, &err), ERR_OK);
    struct batch_api_conf conf = {.http = c->http, .creds = &c->creds, .region = "eu-west-1",
                                  .batch_endpoint = endpoint ? endpoint : own,
                                  .logs_endpoint = endpoint ? endpoint : own};
    assert_int_equal(batch_api_new(&conf, &c->api, &err), ERR_OK);
    return c;
}

static inline void client_free(struct client *c)
{
    batch_api_free(c->api);
    http_free(c->http);
    free(c);
}

#endif
