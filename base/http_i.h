// Private to base/http*.c: one request as its caller and the engine's thread share it.
#ifndef BASE_HTTP_I_H
#define BASE_HTTP_I_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/chunks.h"
#include "base/http.h"

#define HTTP_MAX_HEADER_BYTES (256 * 1024)

enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_DONE };

struct call {
    struct chunk_pool *pool;    // the engine's
    struct call *next;          // the engine's list
    CURL *easy;                 // the engine's thread alone, but before submission and after DONE
    struct curl_slist *headers; // as sent
    enum http_priority priority;
    unsigned first_byte_ms, stall_ms;
    size_t window;
    char error[CURL_ERROR_SIZE];
    // The engine's thread alone:
    int64_t sent_ms, moved_ms;  // when it was connected, when a byte came last; 0: not yet
    atomic_bool abandoned;      // the caller left: drop it
    atomic_bool resume;         // the caller has taken what there was
    pthread_mutex_t lock;       // what follows
    pthread_cond_t changed;
    unsigned refs;
    enum call_state state;
    struct chunks data;         // received and not yet taken
    bool paused;
    bool is_sent;               // connected, and the request is being written
    int status;
    struct strv head;           // "name: value" lines so far
    size_t head_bytes;
    bool head_whole;
    CURLcode result;
    const char *deadline;       // which one passed, or NULL
    bool connected;
};

struct engine {
    CURLM *multi;
    struct chunk_pool pool;
    pthread_t thread;
    unsigned max_running;
    atomic_bool ending;
    atomic_bool attention;      // a call was abandoned or may go on
    int64_t looked_ms;          // the thread alone: when the deadlines were looked at last
    pthread_mutex_t lock;       // what follows
    struct call *fresh;         // submitted and not yet seen by the thread
    struct call *active;        // the thread alone: queued and running
    unsigned running, running_of[HTTP_PRIORITIES]; // the thread alone
    atomic_uint running_now;
    atomic_ullong connections;
};

errc engine_start(struct engine *e, unsigned max_connections, struct err *err) ERR_MUST_CHECK;
void engine_stop(struct engine *e);
void engine_submit(struct engine *e, struct call *c); // takes over one reference
void engine_attend(struct engine *e); // after abandoned or resume of a call was set

struct call *call_new(struct chunk_pool *pool);
void call_unref(struct call *c);
size_t call_on_header(char *data, size_t size, size_t n, void *arg);
int call_before_sending(void *arg, char *to, char *from, int to_port, int from_port);
curl_socket_t call_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a);
// The proxy of HTTP_PROXY for this URL, or NULL: libcurl reads http_proxy alone, Python (urllib.request.getproxies) the
// other as well, unless REQUEST_METHOD is set: then a request's Proxy header may have made it. Borrowed.
const char *call_http_proxy(const char *url);
// Says why there is no connection to `host`, which is "name:port" of that URL: a proxy in between may be the cause.
errc call_not_connected(const struct call *c, const char *url, const char *host, unsigned connect_ms, struct err *err);
size_t call_on_body(char *data, size_t size, size_t n, void *arg);

#endif
