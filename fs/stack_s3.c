#include "fs/stack_s3.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/creds.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/store_kept.h"
#include "client/store_s3.h"
#include "fs/s3_params.h"
#include "fs/stack_aws.h"
#include "fs/stats.h"
#include "s3/fetch.h"

struct stack_s3 {
    struct stack *stack;           // borrowed
    const struct options *options; // borrowed
    pthread_mutex_t lock;          // of all that follows, until made
    bool made;
    struct creds *creds;           // borrowed; NULL: requests are not signed
    struct s3 *s3;
    struct fetcher *fetcher;
    struct store *kept;            // the mounted datastore's cache layer, of the client; NULL: there is none
};

static bool is_s3_url(const char *text)
{
    return strncmp(text, "s3://", 5) == 0;
}

bool stack_wants_s3(const struct stack *s, const struct options *o)
{
    return o->datastore_root != NULL ? is_s3_url(o->datastore_root) : config_wants_s3(s->config);
}

// --- finding ----------------------------------------------------------------------------------------

errc stack_s3_find(struct stack *s, const struct options *o, struct err *err)
{
    errc e = config_s3_root(s->config, o->datastore_root, &s->s3_root, err);
    if (e) {
        return e;
    }
    // What .metaflowfs/config shows is what holds.
    if (o->datastore_root != NULL) {
        config_override(s->config, "DEFAULT_DATASTORE", "s3");
        config_override(s->config, "DATASTORE_SYSROOT_S3", s->s3_root);
    }
    if (o->endpoint_url != NULL) {
        config_override(s->config, "S3_ENDPOINT_URL", o->endpoint_url);
    }
    return s3_settings_find(s->config, o, NULL, &s->s3_settings, err);
}

// --- making -----------------------------------------------------------------------------------------

struct stack_s3 *stack_s3_new(struct stack *s, const struct options *o)
{
    struct stack_s3 *s3 = mem_zalloc(sizeof(*s3));
    s3->stack = s;
    s3->options = o;
    pthread_mutex_init(&s3->lock, NULL);
    return s3;
}

static errc make_layers(struct stack_s3 *s3, struct err *err)
{
    struct aws_parts aws;
    errc e = stack_aws_get(s3->stack->aws, &aws, err);
    if (e) {
        return e;
    }
    const struct s3_settings *set = aws.settings;
    s3->creds = aws.s3_creds;
    struct s3_conf conf = {.http = aws.http, .creds = s3->creds, .region = set->s3_region, .endpoint = set->endpoint,
                           .variant = set->s3_variant,
                           .style = set->style, .max_tries = set->tries};
    e = s3_new(&conf, &s3->s3, err);
    if (e) {
        return err_prefix(err, "the endpoint (%s)", set->endpoint_from); // the region was looked at before
    }
    struct fetcher_conf fetcher = {.s3 = s3->s3, .max_bytes = set->fetch_bytes};
    s3->fetcher = fetcher_new(&fetcher);
    return ERR_OK;
}

static void drop_layers(struct stack_s3 *s3)
{
    fetcher_free(s3->fetcher);
    s3_free(s3->s3);
    s3->fetcher = NULL;
    s3->s3 = NULL;
    s3->creds = NULL;
}

static errc make_once(struct stack_s3 *s3, struct err *err)
{
    errc e = ERR_OK;
    pthread_mutex_lock(&s3->lock);
    if (!s3->made) {
        e = make_layers(s3, err);
        s3->made = !e;
        if (e) {
            drop_layers(s3);
        }
    }
    pthread_mutex_unlock(&s3->lock);
    return e;
}

errc stack_s3_store(void *arg, const char *root, struct store **ret, struct err *err)
{
    struct stack_s3 *s3 = arg;
    const struct options *o = s3->options;
    struct store *store;
    errc e = make_once(s3, err);
    if (e) {
        return e;
    }
    struct store_s3_conf conf = {
        .s3 = s3->s3,
        .fetcher = s3->fetcher,
        .root = root,
        .ttl_ms = o->ttl_ms,
        .settle_ms = o->settle_after_ms > 0 ? o->settle_after_ms : 1, // 0 means the default there
    };
    e = store_s3_new(&conf, &store, err);
    if (!e && s3->stack->cache != NULL) {
        store = store_kept_new(store, s3->stack->cache, root);
        if (str_same(root, s3->stack->s3_root)) {
            s3->kept = store; // while the stack is built, by one thread
        }
    }
    if (!e) {
        *ret = store;
    }
    return e;
}

void stack_s3_free(struct stack_s3 *s3)
{
    if (s3 == NULL) {
        return;
    }
    drop_layers(s3);
    pthread_mutex_destroy(&s3->lock);
    free(s3);
}

// --- asking -----------------------------------------------------------------------------------------

errc stack_s3_check(const struct stack *s, struct cancel *cancel, struct err *err)
{
    auto_free char *bucket = NULL, *prefix = NULL;
    if (s->s3 == NULL || s->s3->s3 == NULL || s->s3_root == NULL || !s3_url_parse(s->s3_root, &bucket, &prefix)) {
        return ERR_OK; // nothing in S3 is mounted
    }
    // Who may read below a prefix may often list below it alone.
    auto_free char *below = mem_printf("%s%s", prefix, prefix[0] != '\0' ? "/" : "");
    return s3_check_bucket(s->s3->s3, bucket, below, cancel, err);
}

errc stack_s3_start(const struct stack *s, int64_t wait_ms, struct err *err)
{
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + wait_ms};
    struct cache_stats stats = {0};
    errc e = stack_s3_check(s, &cancel, err);
    bool network = e == ERR_UNREACHABLE || e == ERR_TIMEOUT || e == ERR_THROTTLED;
    if (network && s->cache != NULL) {
        cache_stats(s->cache, &stats);
    }
    if (!network || stats.items == 0) {
        return e;
    }
    log_warn("mount", "the datastore %s is not there; what is cached is shown meanwhile: %s", s->s3_root, err->cause);
    return ERR_OK;
}

static bool is_made(const struct stack *s)
{
    if (s->s3 == NULL) {
        return false;
    }
    pthread_mutex_lock(&s->s3->lock);
    bool made = s->s3->made;
    pthread_mutex_unlock(&s->s3->lock);
    return made;
}

// When the credentials end. Those that are valid are at hand: what would have to be asked for is not waited for.
static void put_expiry(struct creds *creds, int width, struct buf *out)
{
    struct cancel at_once = {.deadline_ms = clock_mono_ms() + 10};
    struct err err = ERR_INIT;
    struct creds_value value;
    char text[32];
    if (creds_get(creds, &at_once, &value, &err)) {
        return;
    }
    if (value.expires_ms >= 0) {
        clock_iso8601(value.expires_ms, text, sizeof(text));
        buf_printf(out, "%-*s %s\n", width, "keys-until", text);
    }
    creds_value_free(&value);
}

static void put_credentials(struct creds *creds, int width, struct buf *out)
{
    struct creds_stats stats;
    auto_free char *source = creds_source(creds);
    creds_stats(creds, &stats);
    const char *none = stats.failures > 0 ? "cannot be had" : "(not asked for yet)";
    buf_printf(out, "%-*s %s\n", width, "credentials", source[0] != '\0' ? source : none);
    if (source[0] != '\0') {
        put_expiry(creds, width, out);
    }
}

// The caller's to free; NULL where no root is set.
static char *bucket_of(const struct stack *s)
{
    char *bucket = NULL, *prefix = NULL;
    if (s->s3_root != NULL) {
        (void)s3_url_parse(s->s3_root, &bucket, &prefix);
    }
    free(prefix);
    return bucket;
}

// What somebody configured for Metaflow's client and this one has no use for.
static void put_unused(const struct stack *s, int width, struct buf *out)
{
    const struct strv *unused = &s->s3_settings.unused;
    auto_cleanup(buf_free) struct buf names = {0};
    for (size_t i = 0; i < unused->len; i++) {
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", unused->items[i]);
    }
    if (unused->len > 0) {
        buf_printf(out, "%-*s %s of %s: not used here\n", width, "not-used", names.data, S3_PARAMS_NAME);
    }
}

void stack_s3_describe(const struct stack *s, int width, struct buf *out)
{
    if (!is_made(s)) {
        return;
    }
    struct stack_s3 *s3 = s->s3;
    auto_cleanup(buf_free) struct buf text = {0};
    auto_free char *bucket = bucket_of(s);
    s3_describe(s3->s3, bucket, &text);
    buf_printf(out, "%-*s %s (endpoint: %s)\n", width, "s3", text.data != NULL ? text.data : "",
               s->s3_settings.endpoint_from);
    put_unused(s, width, out);
    if (s3->creds == NULL) {
        buf_printf(out, "%-*s %s\n", width, "credentials", "none (--no-sign-request)");
        return;
    }
    put_credentials(s3->creds, width, out);
}

static void put_fetcher(const struct fetcher_stats *f, struct buf *out)
{
    stats_put(out, "fetch_objects_total", "Objects fetched in parts.", f->objects);
    stats_put(out, "fetch_parts_total", "Parts asked for.", f->parts);
    stats_put(out, "fetch_parts_again_total", "Parts asked for again.", f->parts_again);
    stats_put(out, "fetch_running", "Objects that are being fetched now.", f->running);
    stats_put(out, "fetch_parts_running", "Parts under way now.", f->parts_now);
    stats_put(out, "fetch_reserved_bytes", "Bytes reserved for what is in flight.", f->bytes_now);
}

void stack_s3_counters(const struct stack *s, struct buf *out)
{
    struct s3_stats st;
    struct fetcher_stats f;
    struct creds_stats c = {0};
    if (!is_made(s)) {
        return;
    }
    s3_stats(s->s3->s3, &st);
    stats_put(out, "s3_gets_total", "Objects and ranges asked for, again ones among them.", st.gets);
    stats_put(out, "s3_heads_total", "Heads of objects asked for.", st.heads);
    stats_put(out, "s3_lists_total", "Listings of keys asked for.", st.lists);
    stats_put(out, "s3_retries_total", "Requests sent again.", st.retries);
    stats_put(out, "s3_redirects_total", "Regions learned from an answer.", st.redirects);
    stats_put(out, "s3_denied_total", "Requests that were refused.", st.denied);
    stats_put(out, "s3_received_bytes_total", "Bytes of objects.", st.bytes_in);
    fetcher_stats(s->s3->fetcher, &f);
    put_fetcher(&f, out);
    if (s->s3->creds != NULL) {
        creds_stats(s->s3->creds, &c);
    }
    stats_put(out, "credentials_refreshes_total", "Credentials looked for and found.", c.refreshes);
    stats_put(out, "credentials_failures_total", "Credentials looked for in vain.", c.failures);
    stats_put(out, "credentials_rejected_total", "Credentials that an answer refused.", c.rejected);
    if (s->s3->kept != NULL) {
        struct store_kept_stats kept;
        store_kept_stats(s->s3->kept, &kept);
        stats_put(out, "s3_kept_hits_total", "Small objects read from the cache.", kept.hits);
        stats_put(out, "s3_kept_misses_total", "Small objects that the cache did not have.", kept.misses);
        stats_put(out, "s3_kept_writes_total", "Small objects put into the cache.", kept.kept);
    }
}

bool stack_http_stats(const struct stack *s, struct http_stats *ret)
{
    struct http *own = stack_aws_own_http(s->aws);
    *ret = (struct http_stats){0};
    if (s->http != NULL) {
        http_stats(s->http, ret);
    }
    if (own != NULL) {
        struct http_stats more;
        http_stats(own, &more);
        ret->requests += more.requests;
        ret->failed += more.failed;
        ret->cancelled += more.cancelled;
        ret->refused += more.refused;
        ret->connections_opened += more.connections_opened;
        ret->bytes_in += more.bytes_in;
        ret->bytes_out += more.bytes_out;
        ret->running += more.running;
        ret->waiting += more.waiting;
    }
    return s->http != NULL || own != NULL;
}
