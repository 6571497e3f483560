#include "batch/batch_api.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "batch/batch_api_i.h"

#define FIRST_BACKOFF_MS 500
#define MAX_BACKOFF_MS 20000
#define READ_MS 10000 // without a deadline of the token
#define ONCE_MS 30000
#define LEAST_MS 100 // with less time left a call is not begun after a hold

// --- the client --------------------------------------------------------------------------------------------

static errc service_init(struct batch_service *s, const char *name, const struct batch_api_conf *conf,
                         const char *given, struct err *err)
{
    auto_free char *own = aws_host(name, conf->region, conf->variant);
    auto_free char *url = given && *given ? mem_strdup(given) : mem_printf("https://%s", own);
    struct url_parts u;
    if (!url_split(url, &u)) {
        return err_set(err, ERR_INVALID, "the endpoint of AWS %s is no URL: give one like https://%s", name, own);
    }
    bool has_path = strcmp(u.path, "/") != 0;
    if (!has_path) {
        *s = (struct batch_service){.name = name, .url = mem_printf("%s://%s", u.scheme, u.host),
                                    .host = mem_strdup(u.host)};
        pthread_mutex_init(&s->lock, NULL);
    }
    url_parts_free(&u);
    return !has_path ? ERR_OK
                     : err_set(err, ERR_INVALID, "the endpoint of AWS %s has a path or a query: give a scheme, a host "
                                                 "and a port, like https://%s", name, own);
}

static void service_free(struct batch_service *s)
{
    if (s->url) {
        pthread_mutex_destroy(&s->lock);
    }
    free(s->url);
    free(s->host);
}

errc batch_api_new(const struct batch_api_conf *conf, struct batch_api **ret, struct err *err)
{
    if (!conf->region || !aws_region_is_usable(conf->region)) {
        return err_set(err, ERR_INVALID, "\"%.60s\" is no region: give one like eu-west-1",
                       conf->region ? conf->region : "");
    }
    struct batch_api *a = mem_zalloc(sizeof(*a));
    errc e = service_init(&a->batch, "batch", conf, conf->batch_endpoint, err);
    e = e ? e : service_init(&a->logs, "logs", conf, conf->logs_endpoint, err);
    if (e) {
        batch_api_free(a);
        return e;
    }
    a->http = conf->http;
    a->creds = conf->creds;
    a->region = mem_strdup(conf->region);
    *ret = a;
    return ERR_OK;
}

void batch_api_free(struct batch_api *a)
{
    if (!a) {
        return;
    }
    service_free(&a->batch);
    service_free(&a->logs);
    free(a->region);
    free(a);
}

void batch_api_stats(struct batch_api *a, struct batch_api_stats *ret)
{
    *ret = (struct batch_api_stats){
        .calls = atomic_load(&a->calls),
        .retries = atomic_load(&a->retries),
        .throttled = atomic_load(&a->throttled),
        .failed = atomic_load(&a->failed),
        .logs_calls = atomic_load(&a->logs_calls),
        .submitted = atomic_load(&a->submitted),
    };
}

// --- throttling --------------------------------------------------------------------------------------------

static errc no_peace(const struct batch_ask *ask, int64_t wait_ms, struct err *err)
{
    return err_set(err, ERR_THROTTLED, "%s at %.100s: AWS refused earlier calls because there were too many; the next "
                                       "is allowed in %lld ms, and no time is left for that; try later",
                   batch_operation_name(ask->operation), ask->service->host, (long long)wait_ms);
}

static errc wait_for_peace(const struct batch_ask *ask, struct cancel *cancel, struct err *err)
{
    struct batch_service *s = ask->service;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        int64_t until = s->hold_until_ms, spread = s->backoff_ms / 4;
        pthread_mutex_unlock(&s->lock);
        int64_t now = clock_mono_ms(), wait = until - now;
        if (wait <= 0) {
            return ERR_OK;
        }
        wait += retry_chance() % (spread + 1);
        if (now + wait + LEAST_MS > ask->deadline_ms) {
            return no_peace(ask, wait, err);
        }
        errc e = cancel_sleep(cancel, wait, err);
        if (e) { // a sleep may last a little longer than it was told to, and pass the deadline
            return e == ERR_TIMEOUT ? no_peace(ask, wait, err) : e;
        }
    }
}

// Of calls that were under way together one refusal counts.
static void note_throttled(struct batch_service *s, int64_t sent_ms, int64_t retry_after_ms)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&s->lock);
    if (s->backoff_ms == 0 || sent_ms >= s->held_ms) {
        unsigned next = s->backoff_ms ? s->backoff_ms * 2 : FIRST_BACKOFF_MS;
        s->backoff_ms = next < MAX_BACKOFF_MS ? next : MAX_BACKOFF_MS;
        s->held_ms = now;
        s->hold_until_ms = now + s->backoff_ms / 2 + retry_chance() % s->backoff_ms;
    }
    if (now + retry_after_ms > s->hold_until_ms) {
        s->hold_until_ms = now + retry_after_ms;
    }
    pthread_mutex_unlock(&s->lock);
}

static void note_answered(struct batch_service *s, int64_t sent_ms)
{
    pthread_mutex_lock(&s->lock);
    if (sent_ms >= s->held_ms) {
        s->backoff_ms = 0;
        s->hold_until_ms = 0;
    }
    pthread_mutex_unlock(&s->lock);
}

static void note(struct batch_api *a, const struct batch_ask *ask, int64_t sent_ms, const struct batch_outcome *o)
{
    if (o->fate == BATCH_THROTTLED) {
        atomic_fetch_add(&a->throttled, 1);
        note_throttled(ask->service, sent_ms, o->retry_after_ms);
    } else if (o->fate == BATCH_DONE || o->fate == BATCH_REFUSED) {
        note_answered(ask->service, sent_ms);
    }
}

// --- calls -------------------------------------------------------------------------------------------------

static errc send_signed(struct batch_api *a, const struct batch_ask *ask, const struct creds_value *key,
                        struct cancel *cancel, struct json **ret, struct batch_outcome *o, struct err *err)
{
    struct batch_sent sent;
    int64_t now = clock_mono_ms();
    batch_send(a, ask, key, cancel, &sent, err);
    errc e = batch_judge(ask, key, &sent, ret, o, err);
    batch_sent_free(&sent);
    note(a, ask, now, o);
    if (e) {
        atomic_fetch_add(&a->failed, 1);
        log_debug("batch", "%s", err->cause);
    } else if (ask->service == &a->batch && strcmp(ask->operation, "submitjob") == 0) {
        atomic_fetch_add(&a->submitted, 1);
    }
    return e;
}

// One try; what was refused for its signature alone is signed anew and sent once more, each reason once.
static errc ask_once(struct batch_api *a, const struct batch_ask *ask, struct cancel *cancel, struct json **ret,
                     struct batch_outcome *o, struct err *err)
{
    bool used_creds = false, used_clock = false;
    uint64_t rejected = 0;
    *o = (struct batch_outcome){BATCH_NOT_SENT, BATCH_GIVE_UP, -1, 0};
    for (;;) {
        struct creds_value key = {0};
        enum batch_fate before = o->fate;
        errc e = wait_for_peace(ask, cancel, err);
        e = e ? e : creds_get(a->creds, cancel, &key, err);
        if (e) {
            *o = (struct batch_outcome){before, BATCH_GIVE_UP, -1, 0};
            return e;
        }
        if (used_creds && key.serial == rejected) {
            creds_value_free(&key);
            return err->code; // there are no others: the refusal stands
        }
        e = send_signed(a, ask, &key, cancel, ret, o, err);
        uint64_t serial = key.serial;
        creds_value_free(&key);
        if (o->action == BATCH_FRESH_CREDS && !used_creds) {
            used_creds = true;
            rejected = serial;
            creds_rejected(a->creds, serial);
        } else if (o->action == BATCH_SET_CLOCK && !used_clock) {
            used_clock = true;
            atomic_store(&a->clock_offset_ms, o->clock_offset_ms);
            log_warn("batch", "this machine's clock is %lld s off AWS's; calls are signed by AWS's",
                     (long long)(o->clock_offset_ms / 1000));
        } else {
            return e;
        }
        atomic_fetch_add(&a->retries, 1);
    }
}

static int64_t deadline_of(const struct cancel *cancel, int64_t without_ms)
{
    return cancel && cancel->deadline_ms ? cancel->deadline_ms : clock_mono_ms() + without_ms;
}

errc batch_call_once(struct batch_api *a, const char *operation, const char *body, struct cancel *cancel,
                     struct json **ret, enum batch_fate *ret_fate, struct err *err)
{
    struct batch_ask ask = {&a->batch, operation, body, true, deadline_of(cancel, ONCE_MS)};
    struct batch_outcome o;
    errc e = ask_once(a, &ask, cancel, ret, &o, err);
    *ret_fate = o.fate;
    return e;
}

static errc ask_again(struct batch_api *a, const struct batch_ask *ask, struct cancel *cancel, struct json **ret,
                      struct err *err)
{
    const struct retry_policy policy = {.max_tries = 1000, .first_ms = 200, .max_ms = 5000, .jitter_percent = 50};
    // Whether a try is worth it was said by the answer's judge: what is left is how long to wait.
    const struct retry_outcome worth = {.status = 503, .retry_after_ms = -1, .is_idempotent = true};
    struct err last = ERR_INIT;
    for (unsigned tries = 1;; tries++) {
        struct batch_outcome o;
        int64_t wait = 0;
        errc e = ask_once(a, ask, cancel, ret, &o, err);
        if (e == ERR_TIMEOUT && o.fate == BATCH_NOT_SENT && last.code == ERR_THROTTLED) {
            *err = last; // time that ran out says less than what it was spent on
            e = last.code;
        }
        last = *err;
        if (!e || o.action != BATCH_AGAIN) {
            return e;
        }
        // After a throttled call the wait is that of all calls.
        if (!retry_next(&policy, tries, &worth, clock_mono_ms(), ask->deadline_ms, retry_chance(), &wait)) {
            return err_prefix(err, "no time is left to ask again after %u tries", tries);
        }
        e = o.fate == BATCH_THROTTLED ? ERR_OK : cancel_sleep(cancel, wait, err);
        if (e) {
            return e;
        }
        atomic_fetch_add(&a->retries, 1);
    }
}

errc batch_call(struct batch_api *a, const char *operation, const char *body, struct cancel *cancel,
                struct json **ret, struct err *err)
{
    struct batch_ask ask = {&a->batch, operation, body, false, deadline_of(cancel, READ_MS)};
    return ask_again(a, &ask, cancel, ret, err);
}

errc batch_logs_call(struct batch_api *a, const char *target, const char *body, struct cancel *cancel,
                     struct json **ret, struct err *err)
{
    struct batch_ask ask = {&a->logs, target, body, false, deadline_of(cancel, READ_MS)};
    return ask_again(a, &ask, cancel, ret, err);
}
