// The keeper: who gets which value, and who fetches the next one.
#include "base/creds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/creds_i.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define WAIT_SLICE_MS 50
#define AHEAD_MS (15 * 60 * 1000) // before the end one caller fetches the next value
#define LATE_MS (5 * 60 * 1000)   // before the end everybody waits for it
#define AGAIN_MS 5000             // between tries to refresh what still holds, and between equal rejections
#define FAILED_MS 1000            // a failure is everybody's for so long

struct creds {
    struct http *http;   // borrowed
    aws_env_fn env;
    char *profile, *region; // owned, or NULL
    struct found given;     // keys that go before every source; source NULL: none
    pthread_mutex_t lock;   // what follows
    pthread_cond_t changed;
    struct found now;
    bool has, rejected, refreshing;
    int64_t ahead_ms, late_ms; // wall clock, of the value; -1: never
    int64_t again_ms;          // monotonic: no try before, while the old value holds
    int64_t same_until_ms;     // monotonic: the sources gave the same keys again, and rejecting them changes nothing
    int64_t failed_until_ms;   // monotonic: `failure` is the answer, when there is no value that holds
    uint64_t turns;            // refreshes that ended
    struct err failure;        // of the last one; code ERR_OK when it went well
    struct creds_stats stats;
};

static const char *real_env(const char *name)
{
    return getenv(name);
}

// Without its serial.
static void copy_value(const struct creds_value *v, struct creds_value *ret)
{
    *ret = (struct creds_value){mem_strdup(v->access_key), mem_strdup(v->secret_key), mem_strdup(v->token),
                                v->expires_ms, 0};
}

struct creds *creds_new(const struct creds_conf *conf)
{
    struct creds *c = mem_zalloc(sizeof(*c));
    pthread_condattr_t attr;
    c->http = conf->http;
    c->env = conf->env ? conf->env : real_env;
    c->profile = mem_strdup(conf->profile);
    c->region = mem_strdup(conf->region);
    if (conf->given) {
        copy_value(conf->given, &c->given.value);
        c->given.source = mem_strdup(conf->given_from);
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void creds_free(struct creds *c)
{
    if (!c) {
        return;
    }
    found_free(&c->now);
    found_free(&c->given);
    free(c->profile);
    free(c->region);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

// --- one look-up ---------------------------------------------------------------------------------------------

static void wipe_all(struct strv *v)
{
    for (size_t i = 0; i < v->len; i++) {
        explicit_bzero(v->items[i], strlen(v->items[i]));
    }
    strv_free(v);
}

static errc take_given(struct creds *c, struct found *ret, struct err *err)
{
    errc e = creds_check(&c->given, err);
    if (!e) {
        copy_value(&c->given.value, &ret->value);
        ret->source = mem_strdup(c->given.source);
        ret->is_fixed = true;
    }
    return e;
}

static errc look_up(struct creds *c, struct cancel *cancel, struct found *ret, struct err *err)
{
    if (c->given.source) {
        return take_given(c, ret, err);
    }
    struct aws_files *files = NULL;
    struct look l = {.http = c->http, .env = c->env, .profile = aws_profile_name(c->env, c->profile),
                     .is_given = c->profile != NULL, .region = c->region, .cancel = cancel};
    errc e = aws_files_load(c->env, &files, err);
    if (e) {
        return err_set(err, ERR_DENIED, "AWS's shared files cannot be used: %.500s", err->cause);
    }
    l.files = files;
    e = creds_from_chain(&l, ret, err);
    if (e) {
        look_scrub(&l, err);
    }
    wipe_all(&l.secrets);
    strv_free(&l.visited);
    aws_files_free(files);
    return e;
}

// --- keeping -------------------------------------------------------------------------------------------------

static bool same_value(const struct creds_value *a, const struct creds_value *b)
{
    return str_same(a->access_key, b->access_key) && str_same(a->secret_key, b->secret_key) &&
           str_same(a->token, b->token);
}

// A value that lives shorter than half an hour is refreshed after half of its life, and waited for in its last sixth.
static int64_t before_end(const struct found *f, int64_t most, int64_t part)
{
    int64_t life = f->value.expires_ms - clock_wall_ms();
    return f->value.expires_ms < 0 ? -1 : f->value.expires_ms - (life / part < most ? life / part : most);
}

// With the lock held. The same keys keep their serial, so that who was refused with them sees that there are no others.
static void keep(struct creds *c, struct found *f)
{
    bool same = c->has && same_value(&c->now.value, &f->value);
    if (same && c->rejected) {
        c->same_until_ms = clock_mono_ms() + AGAIN_MS;
    }
    f->value.serial = c->now.value.serial + !same;
    c->ahead_ms = before_end(f, AHEAD_MS, 2);
    c->late_ms = before_end(f, LATE_MS, 6);
    found_free(&c->now);
    c->now = *f;
    c->has = true;
    c->rejected = false;
    c->failed_until_ms = 0;
    c->stats.refreshes++;
    log_info("creds", "%s credentials from %s", same ? "the same" : "new", c->now.source);
}

// Whether the value, if any, may be used at all.
static bool holds(const struct creds *c)
{
    return c->has && !c->rejected && (c->now.value.expires_ms < 0 || c->now.value.expires_ms > clock_wall_ms());
}

static bool is_past(int64_t wall_ms)
{
    return wall_ms >= 0 && clock_wall_ms() >= wall_ms;
}

// With the lock held, which is let go while the sources are asked.
static errc refresh(struct creds *c, struct cancel *cancel, struct err *err)
{
    struct found f = {.source = NULL};
    c->refreshing = true;
    pthread_mutex_unlock(&c->lock);
    errc e = look_up(c, cancel, &f, err);
    struct err ignored;
    bool left = e && cancel_check(cancel, &ignored) != ERR_OK; // speaks of the caller, not of the sources
    pthread_mutex_lock(&c->lock);
    c->refreshing = false;
    c->turns++;
    c->failure = (struct err)ERR_INIT;
    if (!e) {
        keep(c, &f);
    } else if (!left) {
        c->failure = *err;
        c->stats.failures++;
        c->again_ms = clock_mono_ms() + AGAIN_MS;
        c->failed_until_ms = clock_mono_ms() + FAILED_MS;
        if (holds(c)) {
            log_warn("creds", "credentials cannot be refreshed yet: %s", err->cause);
        }
    }
    pthread_cond_broadcast(&c->changed);
    return e;
}

// With the lock held: until the refresh that somebody else makes has ended.
static errc wait_for_other(struct creds *c, struct cancel *cancel, struct err *err)
{
    for (uint64_t turn = c->turns; turn == c->turns;) {
        struct timespec ts;
        errc e = cancel_check(cancel, err);
        if (e) {
            return e;
        }
        clock_gettime(CLOCK_MONOTONIC, &ts);
        ts.tv_nsec += WAIT_SLICE_MS * 1000000L;
        ts.tv_sec += ts.tv_nsec / 1000000000L;
        ts.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&c->changed, &c->lock, &ts);
    }
    return ERR_OK;
}

// With the lock held: sees to it that there is a value.
static errc ensure(struct creds *c, struct cancel *cancel, struct err *err)
{
    for (;;) {
        bool usable = holds(c), ahead = usable && is_past(c->ahead_ms), late = usable && is_past(c->late_ms);
        int64_t now = clock_mono_ms();
        if (usable && (!ahead || now < c->again_ms || (!late && c->refreshing))) {
            return ERR_OK;
        }
        if (!usable && now < c->failed_until_ms) {
            *err = c->failure;
            return err->code;
        }
        if (!c->refreshing) {
            errc e = refresh(c, cancel, err);
            return e && holds(c) ? ERR_OK : e;
        }
        errc e = wait_for_other(c, cancel, err);
        if (e) {
            return e;
        }
    }
}

errc creds_get(struct creds *c, struct cancel *cancel, struct creds_value *ret, struct err *err)
{
    errc e = cancel_check(cancel, err);
    if (e) {
        return e;
    }
    pthread_mutex_lock(&c->lock);
    e = ensure(c, cancel, err);
    if (!e) {
        const struct creds_value *v = &c->now.value;
        *ret = (struct creds_value){mem_strdup(v->access_key), mem_strdup(v->secret_key), mem_strdup(v->token),
                                    v->expires_ms, v->serial};
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

void creds_rejected(struct creds *c, uint64_t serial)
{
    pthread_mutex_lock(&c->lock);
    if (c->has && c->now.value.serial == serial) {
        c->stats.rejected++;
        c->rejected = c->rejected || (!c->now.is_fixed && clock_mono_ms() >= c->same_until_ms);
    }
    pthread_mutex_unlock(&c->lock);
}

char *creds_source(struct creds *c)
{
    pthread_mutex_lock(&c->lock);
    char *text = mem_strdup(c->now.source ? c->now.source : "");
    pthread_mutex_unlock(&c->lock);
    return text;
}

void creds_stats(struct creds *c, struct creds_stats *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->stats;
    pthread_mutex_unlock(&c->lock);
}

char *creds_region(aws_env_fn env, const char *profile)
{
    aws_env_fn get = env ? env : real_env;
    const char *region = aws_env_get(get, "AWS_REGION");
    region = region ? region : aws_env_get(get, "AWS_DEFAULT_REGION");
    if (region) {
        return mem_strdup(region);
    }
    struct aws_files *files = NULL;
    struct err ignored = ERR_INIT;
    if (aws_files_load(get, &files, &ignored) != ERR_OK) {
        return NULL;
    }
    region = aws_profile_get(files, aws_profile_name(get, profile), NULL, "region");
    char *text = region && *region ? mem_strdup(region) : NULL;
    aws_files_free(files);
    return text;
}
