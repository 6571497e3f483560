// For the tests of credentials: an HTTP server on loopback that answers by a table and keeps what it was asked, an
// environment of our own, a wall clock that can be moved, and a log that is looked at for secrets. Every secret of these
// tests has S3CR3T in it.
#ifndef TESTS_UNIT_FAKE_CREDS_H
#define TESTS_UNIT_FAKE_CREDS_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/creds.h"
#include "base/log.h"
#include "base/mem.h"
#include "tempdir.h"

#define MAX_REPLIES 16
#define MAX_ENV 24

struct reply {
    const char *prefix; // of the request line
    int status;
    const char *body;
    int delay_ms, times; // how often it is given; 0: always
    size_t filler;       // so many bytes more behind the body
};

static struct fake {
    int fd, port;
    pthread_t thread;
    atomic_bool ending;
    atomic_int asked, open;
    pthread_mutex_t lock; // what follows
    struct reply replies[MAX_REPLIES];
    size_t len;
    char last[16384];     // the last request, with its body
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

// --- the server -----------------------------------------------------------------------------------------------

static inline void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static inline void reply_with(struct reply r)
{
    pthread_mutex_lock(&fake.lock);
    if (fake.len == MAX_REPLIES)
        abort();
    fake.replies[fake.len++] = r;
    pthread_mutex_unlock(&fake.lock);
}

static inline void reply_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.len = 0;
    fake.last[0] = '\0';
    pthread_mutex_unlock(&fake.lock);
    atomic_store(&fake.asked, 0);
}

static inline struct reply reply_for(const char *request)
{
    struct reply found = {.status = 404, .body = "nothing here"};
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.last, sizeof fake.last, "%s", request);
    for (size_t i = 0; i < fake.len; i++) {
        struct reply *r = &fake.replies[i];
        if (strncmp(request, r->prefix, strlen(r->prefix)) == 0 && r->times >= 0) {
            found = *r;
            r->times = r->times == 1 ? -1 : r->times > 1 ? r->times - 1 : 0;
            break;
        }
    }
    pthread_mutex_unlock(&fake.lock);
    return found;
}

static inline bool send_reply(int fd, const struct reply *r)
{
    char head[200], filler[4096];
    memset(filler, ' ', sizeof filler);
    for (int i = 0; i < r->delay_ms / 10 && !atomic_load(&fake.ending); i++)
        pause_ms(10);
    size_t len = strlen(r->body);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", r->status, len + r->filler);
    bool ok = send(fd, head, (size_t)n, MSG_NOSIGNAL) == n && send(fd, r->body, len, MSG_NOSIGNAL) == (ssize_t)len;
    for (size_t left = r->filler; ok && left > 0;) {
        size_t piece = left < sizeof filler ? left : sizeof filler;
        ok = send(fd, filler, piece, MSG_NOSIGNAL) == (ssize_t)piece;
        left -= piece;
    }
    return ok;
}

static inline void *serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[16384];
    size_t len = 0;
    for (bool go_on = true; go_on && !atomic_load(&fake.ending);) {
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
        size_t need = end ? (size_t)(end - text) + 4 + (length && length < end ? (size_t)atoi(length + 15) : 0) : 0;
        if (!end || len < need) {
            ssize_t n = len < sizeof text - 1 ? recv(fd, text + len, sizeof text - 1 - len, 0) : 0;
            if (n <= 0)
                break;
            len += (size_t)n;
            continue;
        }
        atomic_fetch_add(&fake.asked, 1);
        struct reply r = reply_for(text);
        go_on = send_reply(fd, &r);
        memmove(text, text + need, len - need);
        len -= need;
    }
    close(fd);
    atomic_fetch_sub(&fake.open, 1);
    return NULL;
}

static inline void *serve_all(void *arg)
{
    (void)arg;
    while (!atomic_load(&fake.ending)) {
        int fd = accept(fake.fd, NULL, NULL);
        pthread_t thread;
        if (fd < 0)
            continue;
        atomic_fetch_add(&fake.open, 1);
        if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) != 0)
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

// --- the environment and the clock ------------------------------------------------------------------------------

static struct {
    char name[64], value[4096];
    bool is_set;
} fake_env[MAX_ENV];

static inline const char *env_of(const char *name)
{
    for (size_t i = 0; i < MAX_ENV; i++)
        if (fake_env[i].is_set && strcmp(fake_env[i].name, name) == 0)
            return fake_env[i].value;
    return NULL;
}

static inline void env_set(const char *name, const char *value)
{
    for (size_t i = 0; i < MAX_ENV; i++) {
        bool same = strcmp(fake_env[i].name, name) == 0;
        if (same || !fake_env[i].name[0]) {
            snprintf(fake_env[i].name, sizeof fake_env[i].name, "%s", name);
            snprintf(fake_env[i].value, sizeof fake_env[i].value, "%s", value ? value : "");
            fake_env[i].is_set = value != NULL;
            return;
        }
    }
    abort();
}

static inline void env_set_url(const char *name, const char *path)
{
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", fake.port, path);
    env_set(name, url);
}

static inline void put_file(const char *name, const char *text)
{
    tempdir_put(name, text, strlen(text));
}

static atomic_llong wall_now;

static inline int64_t fake_wall(void)
{
    return atomic_load(&wall_now);
}

// --- each test ----------------------------------------------------------------------------------------------------

static struct http *fake_http;

static inline int group_setup(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct err err = ERR_INIT;
    char path[200];
    fake.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tempdir_make(state) || bind(fake.fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fake.fd, 64) != 0)
        return -1;
    getsockname(fake.fd, (struct sockaddr *)&at, &len);
    fake.port = ntohs(at.sin_port);
    pthread_create(&fake.thread, NULL, serve_all, NULL);
    snprintf(path, sizeof path, "%s/log", tempdir);
    return log_open(path, LOG_LEVEL_DEBUG, &err) || http_new(&(struct http_conf){0}, &fake_http, &err) ? -1 : 0;
}

// Nothing of a secret was logged by all the tests before.
static inline bool log_is_clean(void)
{
    char path[200], line[8192];
    bool clean = true;
    size_t lines = 0;
    snprintf(path, sizeof path, "%s/log", tempdir);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        lines++;
        if (strstr(line, "S3CR3T")) {
            fprintf(stderr, "%s", line);
            clean = false;
        }
    }
    if (f)
        fclose(f);
    return clean && lines > 0;
}

static inline int group_teardown(void **state)
{
    http_free(fake_http);
    log_close();
    bool clean = log_is_clean();
    atomic_store(&fake.ending, true);
    shutdown(fake.fd, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.fd);
    for (int i = 0; i < 500 && atomic_load(&fake.open) > 0; i++)
        pause_ms(10);
    clock_set_fake(NULL, NULL);
    return tempdir_remove(state) || !clean ? -1 : 0;
}

static inline int each_setup(void **state)
{
    (void)state;
    memset(fake_env, 0, sizeof fake_env);
    env_set("HOME", tempdir);
    env_set("AWS_EC2_METADATA_DISABLED", "true");
    put_file(".aws/config", "");
    put_file(".aws/credentials", "");
    reply_reset();
    atomic_store(&wall_now, 1800000000000); // 2027-01-15T08:00:00Z
    clock_set_fake(fake_wall, NULL);
    return 0;
}

static inline struct creds *creds_of(const char *profile)
{
    return creds_new(&(struct creds_conf){.http = fake_http, .env = env_of, .profile = profile});
}

// The keys as JSON with an end `minutes` from now.
static inline const char *document(int n, int minutes)
{
    static char text[8][600];
    static atomic_uint next;
    char *out = text[atomic_fetch_add(&next, 1) % 8], when[28];
    clock_iso8601(clock_wall_ms() + minutes * 60000LL, when, sizeof when);
    snprintf(out, 600, "{\"Code\": \"Success\", \"AccessKeyId\": \"ASIAS3CR3T%d\", \"SecretAccessKey\": \"S3CR3TKEY%d/abcdefgh\","
             " \"Token\": \"S3CR3TTOKEN%d/abcdefgh\", \"Expiration\": \"%s\"}", n, n, n, when);
    return out;
}

static inline const char *sts_answer(const char *action, int n, int minutes)
{
    static char text[4][1200];
    static atomic_uint next;
    char *out = text[atomic_fetch_add(&next, 1) % 4], when[28];
    clock_iso8601(clock_wall_ms() + minutes * 60000LL, when, sizeof when);
    snprintf(out, 1200, "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><%sResult><AssumedRoleUser><Arn>a"
             "</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAS3CR3T%d</AccessKeyId><SecretAccessKey>S3CR3TKEY%d"
             "</SecretAccessKey><SessionToken>S3CR3TTOKEN%d</SessionToken><Expiration>%s</Expiration></Credentials>"
             "</%sResult></%sResponse>", action, action, n, n, n, when, action, action);
    return out;
}

#endif
