// The HTTP engine: one thread around one libcurl multi handle, for every request that metaflowfs makes
// (metadata service, S3, Batch). Connections are kept alive and shared; a request is a call that waits on
// the caller's own thread, which also takes the body, piece by piece, as it arrives: the engine's thread
// only moves bytes. Thread-safe.
//
// Deadlines: connect (DNS, TCP and TLS), first byte (from the end of the request to the status line), stall
// (no new byte of the body while the caller has taken all that came) and the whole request (total_ms, and the
// cancel token's own deadline). A cancelled caller returns within 100 ms; its transfer is dropped.
// Redirects are never followed. Nothing is decompressed. TLS is verified, always; the CA bundle comes from
// http_conf.ca_file, where the caller puts what it found in CURL_CA_BUNDLE, SSL_CERT_FILE, REQUESTS_CA_BUNDLE or
// AWS_CA_BUNDLE, else it is the system's. Proxies come from the environment (http_proxy, https_proxy, all_proxy,
// no_proxy), as curl reads it, and from HTTP_PROXY, as Python does.
// Header values and bodies are never logged; URLs are, without their user part and query.
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/strv.h"

struct http;

struct http_conf {
    unsigned max_connections; // at once; 0 means 128. What is fetched ahead uses three quarters of them at most
    unsigned max_waiting;     // requests begun and not ended, above which ERR_TOO_MANY; 0 means 2,048
    size_t window_bytes;      // received and not yet taken by the caller, a request; 0 means 1 MiB
    unsigned connect_ms;      // defaults of the deadlines below; 0 means 5 s
    unsigned first_byte_ms;   // 0 means 20 s
    unsigned stall_ms;        // 0 means 10 s
    const char *ca_file;      // PEM bundle, or NULL; copied
};
errc http_new(const struct http_conf *conf, struct http **ret, struct err *err) ERR_MUST_CHECK;
void http_free(struct http *h); // nobody is in a call any more; NULL is fine

// A reader's request goes before the others, when connections are short; one that fetches ahead goes last. A patient
// one, whose server may leave it waiting for long, uses half of the connections at most, and fetching ahead leaves
// those that patient ones use: a quarter is there for readers.
enum http_priority { HTTP_READER, HTTP_PATIENT, HTTP_AHEAD, HTTP_PRIORITIES };

struct http_request {
    const char *method;         // NULL means GET
    const char *url;            // http or https
    const struct strv *headers; // each "Name: value"; borrowed; may be NULL
    const void *body;           // borrowed; NULL for none
    size_t body_len;
    enum http_priority priority;
    unsigned connect_ms, first_byte_ms, stall_ms; // 0: the engine's
    unsigned head_ms;           // from the call to the status line, with the wait for a connection; 0: no bound
    unsigned total_ms;          // 0: only the cancel token's deadline
    size_t window_bytes;        // received before its caller takes them; 0: the engine's
    bool no_proxy;              // never through a proxy (instance metadata)
    bool is_fresh;              // on a connection of its own, so that it is sent once at most: where a kept connection
                                // turns out to be dead, libcurl sends a request again by itself
};

// What went wrong below HTTP: for the retry policy (base/retry.h).
enum http_fault {
    HTTP_OK,           // there is a status, and the body is whole
    HTTP_NO_CONNECTION, // name not resolved, refused, unreachable, connect deadline: nothing was sent
    HTTP_NO_ANSWER,    // sent, and no status line in time, or the connection ended before it
    HTTP_CUT,          // the body stalled, was cut short or the connection was reset in it
    HTTP_BAD_TLS,      // the certificate or the handshake; or a URL that is none
    HTTP_STOPPED,      // by the caller: cancelled, deadline of its token, or its body function failed
};

struct http_response {
    int status;            // 0 without a status line
    enum http_fault fault;
    bool is_sent;          // false: not a byte of the request has left, nor will; true: the server may have it
    struct strv headers;   // "name: value", names in lower case; whole before the first byte of the body
    struct buf error_body; // of a status outside 200..299: its body, at most 64 KiB of it
    uint64_t bytes;        // of the body, as received
};
void http_response_free(struct http_response *r); // empties it
// Value of the first header of that lower-case name, borrowed; NULL when absent.
const char *http_header(const struct http_response *r, const char *name);

// Takes the next bytes of the body of a 2xx answer, on the caller's thread; an error ends the request
// and is returned by it. `head` has status and headers.
typedef errc (*http_body_fn)(void *arg, const struct http_response *head, const void *data, size_t len,
                             struct err *err);

// Makes one request, once. ERR_OK when there is a status, whatever it is, and the body came whole: the caller
// looks at ret->status. Else ERR_UNREACHABLE (no connection), ERR_TIMEOUT (a deadline), ERR_IO (cut, reset,
// TLS), ERR_INTERRUPTED, ERR_TOO_MANY (nothing was tried), or what fn returned; the cause names host and
// deadline. *ret is filled in any case (zeroed first) and is the caller's to free. fn may be NULL: the body is dropped.
errc http_do(struct http *h, const struct http_request *rq, struct cancel *cancel, http_body_fn fn, void *arg,
             struct http_response *ret, struct err *err) ERR_MUST_CHECK;

// A request that is under way while its caller does something else; as much of its answer as fits the
// window waits for it. http_do is http_start and http_follow.
struct http_started;
// What rq points to is copied, but for its body, which must live until it is followed or abandoned.
errc http_start(struct http *h, const struct http_request *rq, struct http_started **ret, struct err *err)
    ERR_MUST_CHECK;
// Waits for it, and frees it, as http_do does.
errc http_follow(struct http *h, struct http_started *started, struct cancel *cancel, http_body_fn fn, void *arg,
                 struct http_response *ret, struct err *err) ERR_MUST_CHECK;
void http_abandon(struct http *h, struct http_started *started); // frees it; NULL is fine

struct http_stats {
    uint64_t requests, ended_ok, failed, cancelled, refused;   // refused: ERR_TOO_MANY
    uint64_t connections_opened, bytes_in, bytes_out;
    unsigned running, waiting;                                 // now
    uint64_t first_byte_ms_sum, total_ms_sum;
};
void http_stats(struct http *h, struct http_stats *ret);

// Appends text to a URL, percent-encoding every byte but the unreserved ones of RFC 3986 (letters, digits, - . _ ~).
void http_url_put(struct buf *url, const char *text);

#endif
