// For the tests of credentials: an HTTP server on loopback that answers by a table and keeps what it was asked, an
// environment of our own, a wall clock that can be moved, and a log that is looked at for secrets. Every secret of these
// tests has S3CR3T in it.
#ifndef TESTS_UNIT_FAKE_CREDS_H
#define TESTS_UNIT_FAKE_CREDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/creds.h"
#include "base/log.h"
#include "base/mem.h"
#include "loopback.h"
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
    struct loopback net;
    atomic_int asked;
    pthread_mutex_t lock; // what follows
    struct reply replies[MAX_REPLIES];
    size_t len;
    char last[16384];     // the last request, with its body
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

// --- the server -----------------------------------------------------------------------------------------------

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
    loopback_delay(&fake.net, r->delay_ms);
    size_t len = strlen(r->body);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", r->status, len + r->filler);
    bool ok = loopback_say(fd, head, (size_t)n) && loopback_say(fd, r->body, len);
    for (size_t left = r->filler; ok && left > 0;) {
        size_t piece = left < sizeof filler ? left : sizeof filler;
        ok = loopback_say(fd, filler, piece);
        left -= piece;
    }
    return ok;
}

static inline bool serve_one(int fd, const char *request, const char *body)
{
    (void)body;
    atomic_fetch_add(&fake.asked, 1);
    struct reply r = reply_for(request);
    return send_reply(fd, &r);
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
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", fake.net.port, path);
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
    struct err err = ERR_INIT;
    char path[200];
    if (tempdir_make(state) || loopback_start(&fake.net, serve_one))
        return -1;
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
    loopback_stop(&fake.net);
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
