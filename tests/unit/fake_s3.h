// A server on loopback that answers one request after another as a script says and keeps what it was asked; and the
// credentials that its requests are signed with, in the place of the chain's.
#ifndef TESTS_FAKE_S3_H
#define TESTS_FAKE_S3_H

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
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
    int fd, port;
    pthread_t thread;
    atomic_int open;
    atomic_bool ending;
    pthread_mutex_t lock;
    struct step steps[FAKE_MAX];
    int len, at;          // at: requests that were answered
    char *heads[FAKE_MAX];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_pause(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

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

static inline bool fake_say(int fd, const char *text, size_t len)
{
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool fake_answer(int fd, const char *head)
{
    pthread_mutex_lock(&fake.lock);
    static const struct step unexpected = {"501 Not In The Script", NULL, NULL, 0, false, 0};
    struct step step = fake.at < fake.len ? fake.steps[fake.at] : unexpected;
    if (fake.at < FAKE_MAX) {
        fake.heads[fake.at] = mem_strdup(head);
    }
    fake.at++;
    pthread_mutex_unlock(&fake.lock);
    for (int i = 0; i < step.wait_ms && !atomic_load(&fake.ending); i += 5) {
        fake_pause(5);
    }
    const char *body = step.body ? step.body : "";
    struct buf text = {0};
    buf_printf(&text, "HTTP/1.1 %s\r\n%s", step.status, step.headers ? step.headers : "");
    bool is_head = strncmp(head, "HEAD ", 5) == 0;
    if (step.told < 0) {
        buf_printf(&text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
    } else {
        buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", step.told ? (size_t)step.told : strlen(body),
                   is_head ? "" : body);
    }
    bool ok = fake_say(fd, text.data, text.len);
    buf_free(&text);
    return ok && !step.is_cut;
}

static void *fake_serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[16384];
    size_t len = 0;
    for (bool go_on = true; go_on && !atomic_load(&fake.ending);) {
        char *end = memmem(text, len, "\r\n\r\n", 4);
        if (!end) {
            ssize_t n = len < sizeof(text) ? recv(fd, text + len, sizeof(text) - len, 0) : 0;
            if (n <= 0) {
                break;
            }
            len += (size_t)n;
            continue;
        }
        *end = '\0';
        go_on = fake_answer(fd, text);
        size_t used = (size_t)(end - text) + 4;
        memmove(text, text + used, len - used);
        len -= used;
    }
    close(fd);
    atomic_fetch_sub(&fake.open, 1);
    return NULL;
}

static void *fake_accept(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(fake.fd, NULL, NULL)) >= 0;) {
        pthread_t thread;
        atomic_fetch_add(&fake.open, 1);
        if (pthread_create(&thread, NULL, fake_serve, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
    return NULL;
}

static inline int fake_start(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    signal(SIGPIPE, SIG_IGN);
    fake.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fake.fd, (struct sockaddr *)&at, len) || listen(fake.fd, 64) ||
        getsockname(fake.fd, (struct sockaddr *)&at, &len)) {
        return -1;
    }
    fake.port = ntohs(at.sin_port);
    return pthread_create(&fake.thread, NULL, fake_accept, NULL);
}

static inline int fake_stop(void **state)
{
    (void)state;
    atomic_store(&fake.ending, true);
    shutdown(fake.fd, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.fd);
    for (int i = 0; i < 500 && atomic_load(&fake.open) > 0; i++) {
        fake_pause(10);
    }
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

// --- credentials ------------------------------------------------------------------------------------------------

struct creds {
    uint64_t serial;
    bool has_token, is_fixed; // fixed: there are no others
    int rejected;
};

errc creds_get(struct creds *c, struct cancel *cancel, struct creds_value *ret, struct err *err)
{
    (void)cancel;
    if (c->serial == 0) {
        return err_set(err, ERR_DENIED, "there are no credentials");
    }
    *ret = (struct creds_value){
        .access_key = mem_strdup("AKTEST"),
        .secret_key = mem_strdup("very-secret"),
        .token = c->has_token ? mem_printf("token-%d", (int)c->serial) : NULL,
        .expires_ms = -1,
        .serial = c->serial,
    };
    return ERR_OK;
}

void creds_value_free(struct creds_value *v)
{
    free(v->access_key);
    free(v->secret_key);
    free(v->token);
}

void creds_rejected(struct creds *c, uint64_t serial)
{
    c->rejected++;
    if (serial == c->serial && !c->is_fixed) {
        c->serial++;
    }
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
    c->creds = (struct creds){.serial = 1, .has_token = true};
    auto_free char *endpoint = mem_printf("http://127.0.0.1:%d", fake.port);
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
