// Whether the service is up: after some failures in a row nobody waits for it any more, and one small
// request at a time finds out when it is back.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/service_i.h"

#define FAILURES_TO_OPEN 3
#define FIRST_PROBE_MS 1000
#define MAX_PROBE_MS 5000
#define PROBE_TIMEOUT_MS 5000
#define WANTED_MS (60 * 1000)
#define SILENT_MS 1500 // small calls are answered in milliseconds

void breaker_init(struct breaker *b)
{
    pthread_condattr_t attr;
    memset(b, 0, sizeof(*b));
    b->open_since_ms = -1;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&b->lock, NULL);
}

void breaker_stop(struct breaker *b)
{
    pthread_mutex_lock(&b->lock);
    b->ending = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    if (b->has_thread) {
        pthread_join(b->thread, NULL);
    }
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
}

void breaker_wait_begin(struct breaker *b)
{
    pthread_mutex_lock(&b->lock);
    if (b->waiting++ == 0) {
        b->silent_ms = clock_mono_ms();
    }
    pthread_mutex_unlock(&b->lock);
}

void breaker_wait_end(struct breaker *b)
{
    pthread_mutex_lock(&b->lock);
    b->waiting--;
    pthread_mutex_unlock(&b->lock);
}

errc breaker_check(struct breaker *b, const char *url, bool can_do_without, struct err *err)
{
    errc code = ERR_OK;
    pthread_mutex_lock(&b->lock);
    b->wanted_ms = clock_mono_ms();
    if (b->open) {
        char since[32];
        clock_iso8601(b->open_since_ms, since, sizeof(since));
        code = err_set(err, ERR_UNREACHABLE, "the metadata service %s is down since %s (%.300s); it is tried again "
                       "every few seconds", url, since, b->first_cause);
        pthread_cond_signal(&b->wake);
    } else if (can_do_without && b->waiting > 0 && b->wanted_ms - b->silent_ms > SILENT_MS) {
        code = err_set(err, ERR_UNREACHABLE, "the metadata service %s has answered nothing for %lld ms", url,
                       (long long)(b->wanted_ms - b->silent_ms));
    }
    pthread_mutex_unlock(&b->lock);
    return code;
}

static bool probe(struct service *s)
{
    auto_free char *url = mem_printf("%s/ping", s->url);
    struct http_request rq = {.url = url, .headers = &s->headers, .total_ms = PROBE_TIMEOUT_MS};
    struct http_response r = {0};
    struct err err = ERR_INIT;
    atomic_fetch_add(&s->requests, 1);
    errc code = s->transport(s->transport_arg, &rq, NULL, NULL, NULL, &r, &err);
    bool up = !code && r.status < 500;
    http_response_free(&r);
    return up;
}

// With the lock held; ends early when there is nothing to wait for.
static void sleep_ms(struct breaker *b, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    while (!b->ending && b->open && pthread_cond_timedwait(&b->wake, &b->lock, &until) == 0) {
    }
}

// With the lock held, but for the request.
static void probe_now(struct service *s)
{
    struct breaker *b = &s->breaker;
    pthread_mutex_unlock(&b->lock);
    bool up = probe(s);
    pthread_mutex_lock(&b->lock);
    if (up && b->open) {
        b->open = false;
        b->failures = 0;
        log_info("service", "the metadata service %s answers again", s->shown);
    }
}

static void *run(void *arg)
{
    struct service *s = arg;
    struct breaker *b = &s->breaker;
    int64_t wait_ms = FIRST_PROBE_MS;
    pthread_mutex_lock(&b->lock);
    while (!b->ending) {
        if (!b->open) {
            wait_ms = FIRST_PROBE_MS;
            pthread_cond_wait(&b->wake, &b->lock);
            continue;
        }
        sleep_ms(b, wait_ms);
        if (!b->ending && b->open && clock_mono_ms() - b->wanted_ms <= WANTED_MS) {
            probe_now(s);
            wait_ms = wait_ms * 2 < MAX_PROBE_MS ? wait_ms * 2 : MAX_PROBE_MS;
        }
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

// With the lock held.
static void open_now(struct service *s)
{
    struct breaker *b = &s->breaker;
    if (!b->has_thread) {
        b->has_thread = pthread_create(&b->thread, NULL, run, s) == 0;
    }
    if (!b->has_thread) {
        return; // with nobody to see when it is back it must not be taken to be down
    }
    b->open = true;
    b->open_since_ms = clock_wall_ms();
    log_warn("service", "the metadata service %s is taken to be down: %s", s->shown, b->first_cause);
    pthread_cond_signal(&b->wake);
}

void breaker_failed(struct service *s, const char *cause)
{
    struct breaker *b = &s->breaker;
    pthread_mutex_lock(&b->lock);
    snprintf(b->cause, sizeof(b->cause), "%s", cause);
    if (b->failures == 0) {
        snprintf(b->first_cause, sizeof(b->first_cause), "%s", cause);
    }
    b->failures++;
    if (b->failures >= FAILURES_TO_OPEN && !b->open && !b->ending) {
        open_now(s);
    }
    pthread_mutex_unlock(&b->lock);
}

void breaker_worked(struct service *s)
{
    struct breaker *b = &s->breaker;
    pthread_mutex_lock(&b->lock);
    b->failures = 0;
    b->silent_ms = clock_mono_ms();
    if (b->open) {
        b->open = false;
        pthread_cond_signal(&b->wake);
    }
    pthread_mutex_unlock(&b->lock);
}
