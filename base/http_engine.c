// The engine's thread: it moves bytes between libcurl and the calls, and keeps their deadlines.
#include <string.h>

#include "base/clock.h"
#include "base/http_i.h"
#include "base/mem.h"

#define TICK_MS 50
#define IDLE_MS 10000
#define SPARE_CHUNKS 128 // while requests are under way; none when there is nothing to do

// Keeps readers before what is fetched ahead, and each in the order of arrival.
static void enqueue(struct engine *e, struct call *c)
{
    struct call **at = &e->active;
    while (*at && ((*at)->priority <= c->priority)) {
        at = &(*at)->next;
    }
    c->next = *at;
    *at = c;
}

static void take_fresh(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct call *fresh = e->fresh;
    e->fresh = NULL;
    pthread_mutex_unlock(&e->lock);
    struct call *in_order = NULL;
    while (fresh) { // the newest stands first
        struct call *next = fresh->next;
        fresh->next = in_order;
        in_order = fresh;
        fresh = next;
    }
    while (in_order) {
        struct call *next = in_order->next;
        enqueue(e, in_order);
        in_order = next;
    }
}

static void finish(struct engine *e, struct call *c, CURLcode result, const char *deadline)
{
    struct call **at = &e->active;
    while (*at && *at != c) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = c->next;
    }
    if (c->state == CALL_RUNNING) {
        long opened = 0;
        curl_off_t connect_us = 0;
        curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &opened);
        curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &connect_us);
        atomic_fetch_add(&e->connections, (unsigned long long)opened);
        c->connected = connect_us > 0;
        curl_multi_remove_handle(e->multi, c->easy);
        e->running--;
        e->running_of[c->priority]--;
        atomic_store(&e->running_now, e->running);
    }
    pthread_mutex_lock(&c->lock);
    c->state = CALL_DONE;
    c->result = result;
    c->deadline = deadline;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    call_unref(c);
}

// Whether a connection that is free is kept for others.
static bool must_wait(const struct engine *e, enum http_priority priority)
{
    unsigned patient = e->running_of[HTTP_PATIENT], ahead = e->running_of[HTTP_AHEAD];
    if (priority == HTTP_PATIENT) {
        return patient >= (e->max_running + 1) / 2;
    }
    return priority == HTTP_AHEAD && ahead + patient >= e->max_running - e->max_running / 4;
}

static void start_queued(struct engine *e)
{
    for (struct call *c = e->active, *next; c && e->running < e->max_running; c = next) {
        next = c->next;
        if (c->state != CALL_QUEUED || must_wait(e, c->priority) || atomic_load(&c->abandoned)) {
            continue;
        }
        if (curl_multi_add_handle(e->multi, c->easy) != CURLM_OK) {
            finish(e, c, CURLE_OUT_OF_MEMORY, NULL);
            continue;
        }
        pthread_mutex_lock(&c->lock);
        c->state = CALL_RUNNING;
        pthread_mutex_unlock(&c->lock);
        e->running++;
        e->running_of[c->priority]++;
        atomic_store(&e->running_now, e->running);
    }
}

// Which deadline of a running call has passed, or NULL.
static const char *passed(struct call *c, int64_t now)
{
    if (c->sent_ms == 0) {
        curl_off_t us = 0;
        curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
        c->sent_ms = us > 0 ? now : 0;
        return NULL; // until then libcurl keeps the time of the connection
    }
    pthread_mutex_lock(&c->lock);
    bool head = c->head_whole, paused = c->paused;
    pthread_mutex_unlock(&c->lock);
    if (!head) {
        return now - c->sent_ms > c->first_byte_ms ? "first byte" : NULL;
    }
    if (paused || c->moved_ms == 0) {
        c->moved_ms = now;
    }
    return now - c->moved_ms > c->stall_ms ? "stall" : NULL;
}

static void look_after(struct engine *e)
{
    int64_t now = clock_mono_ms();
    if (!atomic_exchange(&e->attention, false) && now - e->looked_ms < TICK_MS / 2) {
        return;
    }
    e->looked_ms = now;
    for (struct call *c = e->active, *next; c; c = next) {
        next = c->next;
        if (atomic_load(&c->abandoned)) {
            finish(e, c, CURLE_ABORTED_BY_CALLBACK, NULL);
            continue;
        }
        if (c->state != CALL_RUNNING) {
            continue;
        }
        if (atomic_exchange(&c->resume, false)) {
            curl_easy_pause(c->easy, CURLPAUSE_CONT);
        }
        const char *deadline = passed(c, now);
        if (deadline) {
            finish(e, c, CURLE_OPERATION_TIMEDOUT, deadline);
        }
    }
}

static void take_ended(struct engine *e)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(e->multi, &left));) {
        if (m->msg == CURLMSG_DONE) {
            void *p = NULL;
            CURLcode result = m->data.result;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&p);
            if (p) {
                finish(e, p, result, NULL);
            }
        }
    }
}

static void *run(void *arg)
{
    struct engine *e = arg;
    while (!atomic_load(&e->ending)) {
        int running;
        take_fresh(e);
        look_after(e);
        start_queued(e);
        curl_multi_perform(e->multi, &running);
        take_ended(e);
        start_queued(e);
        if (!e->active) {
            chunk_pool_trim(&e->pool);
        }
        curl_multi_poll(e->multi, NULL, 0, e->active ? TICK_MS : IDLE_MS, NULL);
    }
    take_fresh(e);
    while (e->active) {
        finish(e, e->active, CURLE_ABORTED_BY_CALLBACK, NULL);
    }
    return NULL;
}

errc engine_start(struct engine *e, unsigned max_connections, struct err *err)
{
    e->max_running = max_connections;
    chunk_pool_init(&e->pool, SPARE_CHUNKS);
    e->multi = curl_multi_init();
    if (!e->multi) {
        return err_set(err, ERR_NO_MEMORY, "no memory for the HTTP engine");
    }
    curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)max_connections * 2);
    pthread_mutex_init(&e->lock, NULL);
    int failed = pthread_create(&e->thread, NULL, run, e);
    if (failed) {
        curl_multi_cleanup(e->multi);
        pthread_mutex_destroy(&e->lock);
        chunk_pool_free(&e->pool);
        return err_set_errno(err, failed, "the HTTP engine's thread");
    }
    return ERR_OK;
}

void engine_stop(struct engine *e)
{
    atomic_store(&e->ending, true);
    curl_multi_wakeup(e->multi);
    pthread_join(e->thread, NULL);
    curl_multi_cleanup(e->multi);
    pthread_mutex_destroy(&e->lock);
    chunk_pool_free(&e->pool);
}

void engine_submit(struct engine *e, struct call *c)
{
    pthread_mutex_lock(&e->lock);
    c->next = e->fresh;
    e->fresh = c;
    pthread_mutex_unlock(&e->lock);
    curl_multi_wakeup(e->multi);
}

void engine_attend(struct engine *e)
{
    atomic_store(&e->attention, true);
    curl_multi_wakeup(e->multi);
}
