// What libcurl tells of one request: its status, headers and body, for the caller to take.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/http_i.h"
#include "base/mem.h"

struct call *call_new(struct chunk_pool *pool)
{
    struct call *c = mem_zalloc(sizeof(*c));
    c->pool = pool;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&c->lock, NULL);
    c->refs = 1;
    return c;
}

void call_unref(struct call *c)
{
    pthread_mutex_lock(&c->lock);
    bool last = --c->refs == 0;
    pthread_mutex_unlock(&c->lock);
    if (!last) {
        return;
    }
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    chunks_free(&c->data, c->pool);
    strv_free(&c->head);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

// "HTTP/1.1 200 OK": the start of a head, after which what came before (100, a proxy's) counts no more.
static bool take_status(struct call *c, const char *line, size_t len)
{
    if (len < 12 || strncmp(line, "HTTP/", 5) != 0) {
        return false;
    }
    const char *space = memchr(line, ' ', len);
    c->status = 0;
    for (const char *p = space ? space + 1 : line + len; p < line + len && isdigit((unsigned char)*p); p++) {
        c->status = c->status < 1000 ? c->status * 10 + (*p - '0') : c->status;
    }
    strv_free(&c->head);
    return true;
}

static void take_line(struct call *c, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon) {
        return;
    }
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    auto_free char *name = mem_strndup(line, name_len);
    for (char *p = name; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    strv_take(&c->head, mem_printf("%s: %.*s", name, (int)(end - value), value));
}

size_t call_on_header(char *data, size_t size, size_t n, void *arg)
{
    struct call *c = arg;
    size_t len = size * n, all = len;
    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r')) {
        len--;
    }
    c->moved_ms = clock_mono_ms();
    pthread_mutex_lock(&c->lock);
    c->head_bytes += all;
    bool over = c->head_bytes > HTTP_MAX_HEADER_BYTES;
    if (len == 0) {
        c->head_whole = c->status >= 200;
        pthread_cond_broadcast(&c->changed);
    } else if (!over && !c->head_whole && !take_status(c, data, len)) {
        take_line(c, data, len);
    }
    pthread_mutex_unlock(&c->lock);
    return over ? 0 : all;
}

size_t call_on_body(char *data, size_t size, size_t n, void *arg)
{
    struct call *c = arg;
    size_t len = size * n;
    c->moved_ms = clock_mono_ms();
    pthread_mutex_lock(&c->lock);
    c->paused = c->data.len > 0 && c->data.len + len > c->window;
    bool paused = c->paused;
    bool no_memory = !paused && !chunks_put(&c->data, c->pool, data, len);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return paused ? CURL_WRITEFUNC_PAUSE : no_memory ? 0 : len;
}

// libcurl's own sockets pass to every program that is started, which then keeps their connections open.
curl_socket_t call_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)arg;
    (void)purpose;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

int call_before_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct call *c = arg;
    (void)to, (void)from, (void)to_port, (void)from_port;
    pthread_mutex_lock(&c->lock);
    bool is_wanted = !atomic_load(&c->abandoned);
    c->is_sent = c->is_sent || is_wanted;
    pthread_mutex_unlock(&c->lock);
    return is_wanted ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

// --- words -------------------------------------------------------------------------------------------------

static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

const char *call_http_proxy(const char *url)
{
    const char *value = getenv("HTTP_PROXY");
    bool counts = value && *value && !getenv("http_proxy") && !getenv("REQUEST_METHOD");
    return counts && !is_https(url) ? value : NULL;
}

// The variable by which there is a proxy for a URL; NULL: none is set.
static const char *proxy_variable(const char *url)
{
    static const char *const of_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const of_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    const char *const *name = is_https(url) ? of_https : of_http;
    if (call_http_proxy(url)) {
        return "HTTP_PROXY";
    }
    for (; *name; name++) {
        const char *value = getenv(*name);
        if (value && *value) {
            break;
        }
    }
    return *name;
}

// libcurl 7.88 does not tell whether it went by a proxy (no_proxy), but whom it did not reach.
static bool is_other_host(const char *error, const char *host)
{
    static const char begin[] = "Failed to connect to ";
    const char *port = strrchr(host, ':');
    if (!port) {
        return false;
    }
    bool is_address = host[0] == '['; // told without its brackets
    auto_free char *name = mem_strndup(host + is_address, (size_t)(port - host) - (is_address ? 2 : 0));
    auto_free char *own = mem_printf("%s%s port %s ", begin, name, port + 1);
    return strncmp(error, begin, strlen(begin)) == 0 && strncmp(error, own, strlen(own)) != 0;
}

errc call_not_connected(const struct call *c, const char *url, const char *host, unsigned connect_ms, struct err *err)
{
    const char *why = c->error[0] ? c->error : curl_easy_strerror(c->result);
    const char *variable = proxy_variable(url);
    if (c->result == CURLE_OPERATION_TIMEDOUT) {
        return err_set(err, ERR_UNREACHABLE, "no connection to %s within %u ms", host, connect_ms);
    }
    if (variable && (c->result == CURLE_COULDNT_RESOLVE_PROXY || is_other_host(why, host))) {
        return err_set(err, ERR_UNREACHABLE, "no connection to %s: the proxy of %s cannot be reached: %s", host,
                       variable, why);
    }
    return err_set(err, ERR_UNREACHABLE, "no connection to %s: %s", host, why);
}
