// client/service.h over a transport that answers from a table: URLs, rows, pages, traits, retries, breaker.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/service_i.h"

struct canned {
    const char *path;        // a part of the URL; the first that fits answers
    int status;
    const char *headers[3];  // "name: value"
    const char *body;
    enum http_fault fault;
    int times;               // answers so often, then the next that fits; 0: always
};

static struct {
    const struct canned *answers;
    size_t n;
    int used[16];
    atomic_int asked;
    char url[2048], method[16], body[2048];
    size_t headers;
} server;

static void serve(const struct canned *answers, size_t n)
{
    memset(&server, 0, sizeof(server));
    server.answers = answers;
    server.n = n;
}

static errc transport(void *arg, const struct http_request *rq, struct cancel *cancel, http_body_fn fn, void *body_arg,
                      struct http_response *ret, struct err *err)
{
    (void)arg;
    (void)cancel;
    atomic_fetch_add(&server.asked, 1);
    if (!strstr(rq->url, "/ping")) {
        snprintf(server.url, sizeof(server.url), "%s", rq->url);
        snprintf(server.method, sizeof(server.method), "%s", rq->method ? rq->method : "GET");
        snprintf(server.body, sizeof(server.body), "%.*s", (int)rq->body_len, rq->body ? (const char *)rq->body : "");
        server.headers = rq->headers->len;
    }
    const struct canned *a = NULL;
    for (size_t i = 0; !a && i < server.n; i++) {
        const struct canned *c = &server.answers[i];
        if (strstr(rq->url, c->path) && (c->times == 0 || server.used[i]++ < c->times)) {
            a = c;
        }
    }
    *ret = (struct http_response){.status = a ? a->status : 404, .fault = a ? a->fault : HTTP_OK};
    for (size_t i = 0; a && i < 3 && a->headers[i]; i++) {
        strv_add(&ret->headers, a->headers[i]);
    }
    const char *body = a && a->body ? a->body : "{}";
    if (fn && ret->status >= 200 && ret->status <= 299) {
        size_t half = strlen(body) / 2; // in two pieces
        ret->bytes = strlen(body);
        errc e = half ? fn(body_arg, ret, body, half, err) : ERR_OK;
        e = e ? e : fn(body_arg, ret, body + half, strlen(body) - half, err);
        if (e) {
            return e;
        }
    } else {
        buf_puts(&ret->error_body, body);
    }
    return ret->fault == HTTP_OK              ? ERR_OK
           : ret->fault == HTTP_NO_CONNECTION ? err_set(err, ERR_UNREACHABLE, "no connection to here:1")
                                              : err_set(err, ERR_IO, "cut");
}

static struct service *service(unsigned retries)
{
    struct service_conf conf = {.url = "http://me:pass@here:1/base/", .headers_json = "{\"x-api-key\": \"k\"}",
                                .retry_count = retries, .timeout_ms = 8000};
    struct service *s;
    struct err err = ERR_INIT;
    assert_int_equal(service_new(&conf, &s, &err), ERR_OK);
    s->transport = transport;
    return s;
}

struct rows {
    struct buf text;
    int n, stop_at;
};

static errc take(void *arg, struct service_row *row, struct err *err)
{
    struct rows *r = arg;
    const struct meta_object *o = &row->object;
    if (row->artifact.name) {
        buf_printf(&r->text, "%s/%s %s %s @%d;", row->step, row->task, row->artifact.name, row->artifact.sha,
                   row->artifact.attempt);
    } else if (row->record.field) {
        buf_printf(&r->text, "%s/%s %s=%s%s @%d #%lld;", row->step ? row->step : "", row->task ? row->task : "",
                   row->record.field, row->record.value, row->record.is_json ? "(json)" : "", row->record.attempt,
                   (long long)row->record_id);
    } else {
        buf_printf(&r->text, "%s/%s/%s/%s %lld %lld %zu;", o->flow, o->run ? o->run : "", o->step ? o->step : "",
                   o->task ? o->task : "", (long long)o->created_ms, (long long)o->heartbeat_ms,
                   o->tags.len + o->system_tags.len);
    }
    return ++r->n == r->stop_at ? err_set(err, ERR_BUSY, "enough") : ERR_OK;
}

static errc ask_with(struct service *s, const struct service_query *q, struct rows *rows, struct service_page *page,
                     struct err *err)
{
    *rows = (struct rows){0};
    *page = (struct service_page){0};
    return service_get(s, q, HTTP_READER, NULL, take, rows, page, err);
}

// Asks and compares URL and rows.
static void check(struct service *s, struct service_query q, const char *url, const char *expected)
{
    struct rows rows;
    struct service_page page;
    struct err err = ERR_INIT;
    if (ask_with(s, &q, &rows, &page, &err)) {
        fail_msg("%s: %s", url, err.cause);
    }
    if (url) {
        assert_string_equal(server.url + strlen("http://me:pass@here:1/base"), url);
    }
    assert_string_equal(rows.text.data ? rows.text.data : "", expected);
    buf_free(&rows.text);
    service_page_free(&page);
}

static struct service_query about(enum service_what what, const char *f, const char *r, const char *s, const char *t)
{
    struct service_query q = SERVICE_QUERY_INIT;
    q.what = what;
    q.at = (struct pathspec){f, r, s, t};
    return q;
}

static void every_level_has_its_url_and_rows(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {"/tasks/5/metadata", 200, {"x-limit: 500"}, "[{\"id\":9,\"field_name\":\"attempt\",\"value\":\"1\",\"tags\":[\"attempt_id:1\"],"
         "\"ts_epoch\":3},{\"id\":8,\"field_name\":\"foreach-stack\",\"value\":[\"a=1\"],\"tags\":null,\"system_tags\":[\"attempt_id:2\"]}]", 0, 0},
        {"/attempt/2/artifacts", 200, {NULL}, "[{\"name\":\"x\",\"sha\":\"ab\",\"attempt_id\":2,\"step_name\":\"s\",\"task_id\":5}]", 0, 0},
        {"/runs/7/artifacts", 200, {"x-limit: 500"}, "[{\"name\":\"x\",\"sha\":\"ab\",\"attempt_id\":0,\"step_name\":\"s\",\"task_id\":5},"
         "{\"name\":\"../y\",\"sha\":\"cd\"},{\"sha\":\"no name\"},3]", 0, 0},
        {"/steps/s/tasks/5", 200, {NULL}, "{\"flow_id\":\"F\",\"run_number\":7,\"step_name\":\"s\",\"task_id\":5,\"ts_epoch\":11,"
         "\"last_heartbeat_ts\":12}", 0, 0},
        {"/steps/s/tasks", 200, {"x-limit: 500", "x-next-cursor: a+b/c="}, "[{\"task_id\":5,\"ts_epoch\":11,\"last_heartbeat_ts\":null},"
         "{\"task_id\":\"named\",\"ts_epoch\":-5},{\"task_id\":null,\"task_name\":\"argo-1\"}]", 0, 0},
        {"/steps", 200, {NULL}, "[{\"step_name\":\"s\",\"run_number\":\"7\",\"ts_epoch\":10}]", 0, 0},
        {"/flows/F/runs/7", 200, {NULL}, "{\"flow_id\":\"F\",\"run_number\":7,\"ts_epoch\":5,\"tags\":[\"a\",3],\"system_tags\":[\"b\"]}", 0, 0},
        {"/runs", 200, {"x-limit: 500"}, "[{\"run_number\":7,\"ts_epoch\":5,\"last_heartbeat_ts\":6},{\"run_number\":\"sfn-1\"},"
         "{\"run_number\":\"..\"},{\"run_number\":\"a/b\"},{\"run_number\":\"\"},{\"run_number\":[1]}]", 0, 0},
        {"/flows", 200, {"x-limit: 500"}, "[{\"flow_id\":\"F\",\"ts_epoch\":1,\"tags\":null}]", 0, 0},
    };
    serve(answers, sizeof(answers) / sizeof(answers[0]));
    struct service *s = service(1);
    check(s, about(SERVICE_CHILDREN, NULL, NULL, NULL, NULL), "/flows?_limit=500", "F/// 1 -1 0;");
    check(s, about(SERVICE_CHILDREN, "F", NULL, NULL, NULL), "/flows/F/runs?_limit=500", "F/7// 5 6000 0;F/sfn-1// 0 -1 0;");
    check(s, about(SERVICE_OBJECT, "F", "7", NULL, NULL), "/flows/F/runs/7", "F/7// 5 -1 2;");
    check(s, about(SERVICE_CHILDREN, "F", "7", NULL, NULL), "/flows/F/runs/7/steps", "F/7/s/ 10 -1 0;");
    check(s, about(SERVICE_CHILDREN, "F", "7", "s", NULL), "/flows/F/runs/7/steps/s/tasks?_limit=500",
          "F/7/s/5 11 -1 0;F/7/s/named 0 -1 0;F/7/s/argo-1 0 -1 0;");
    check(s, about(SERVICE_OBJECT, "F", "7", "s", "5"), "/flows/F/runs/7/steps/s/tasks/5", "F/7/s/5 11 12000 0;");
    check(s, about(SERVICE_ARTIFACTS, "F", "7", NULL, NULL), "/flows/F/runs/7/artifacts?_limit=500", "s/5 x ab @0;");
    struct service_query attempt = about(SERVICE_ARTIFACTS, "F", "7", "s", "5");
    attempt.attempt = 2;
    check(s, attempt, "/flows/F/runs/7/steps/s/tasks/5/attempt/2/artifacts", "s/5 x ab @2;");
    check(s, about(SERVICE_RECORDS, "F", "7", "s", "5"), "/flows/F/runs/7/steps/s/tasks/5/metadata?_limit=500",
          "/ attempt=1 @1 #9;/ foreach-stack=[\"a=1\"](json) @2 #8;");
    assert_int_equal(server.headers, 2);
    service_free(s);
}

static void filters_and_cursors_are_escaped(void **state)
{
    (void)state;
    static const struct canned answers[] = {{"/runs", 200, {"x-limit: 500", "x-next-cursor: a+b/c="}, "[]", 0, 0}};
    serve(answers, 1);
    struct service *s = service(1);
    struct service_query q = about(SERVICE_CHILDREN, "F \xc3\xa9", NULL, NULL, NULL);
    q.cursor = "a+b/c=";
    q.limit = 20;
    q.from_ms = 1000;
    q.to_ms = 2000;
    q.beat_from_ms = 3500;
    q.status = "failed,running";
    q.tag = "a&b";
    check(s, q, "/flows/F%20%C3%A9/runs?_limit=20&_cursor=a%2Bb%2Fc%3D&ts_epoch:ge=1000&ts_epoch:lt=2000"
                "&last_heartbeat_ts:ge=3&status=failed%2Crunning&_tags=a%26b", "");
    struct rows rows;
    struct service_page page;
    struct err err = ERR_INIT;
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_OK);
    assert_true(page.paged);
    assert_string_equal(page.next_cursor, "a+b/c=");
    service_page_free(&page);
    int asked = atomic_load(&server.asked);
    static const char *const impossible[] = {"", ".", "..", "a/b", "a\nb"};
    for (size_t i = 0; i < 5; i++) {
        q = about(SERVICE_OBJECT, "F", impossible[i], NULL, NULL);
        assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NOT_FOUND);
    }
    assert_int_equal(atomic_load(&server.asked), asked);
    service_free(s);
}

static void an_old_service_shows_what_it_cannot(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {"/runs/7/", 404, {NULL}, "{\"detail\":\"Not Found\"}", 0, 0},
        {"/runs", 200, {NULL}, "[{\"run_number\":1}]", 0, 0},
        {"/flows/F", 404, {NULL}, "{}", 0, 0},
        {"/flows", 404, {NULL}, "404: Not Found", 0, 0},
    };
    serve(answers, 4);
    struct service *s = service(1);
    struct rows rows;
    struct service_page page;
    struct err err = ERR_INIT;
    assert_int_equal(service_can(s, SERVICE_PAGES), SERVICE_UNKNOWN);
    struct service_query q = about(SERVICE_CHILDREN, "F", NULL, NULL, NULL);
    q.tag = "t";
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NO_FORM); // not the whole list in place of the tag's
    assert_int_equal(rows.n, 0);
    assert_int_equal(service_can(s, SERVICE_PAGES), SERVICE_CANNOT);
    int asked = atomic_load(&server.asked);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NO_FORM);
    assert_int_equal(atomic_load(&server.asked), asked);
    check(s, about(SERVICE_CHILDREN, "F", NULL, NULL, NULL), "/flows/F/runs", "F/1// 0 -1 0;");
    q = about(SERVICE_ARTIFACTS, "F", "7", NULL, NULL);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NO_FORM);
    q = about(SERVICE_RECORDS, "F", "7", NULL, NULL);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NO_FORM);
    q = about(SERVICE_CHILDREN, NULL, NULL, NULL, NULL);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NO_FORM);
    q = about(SERVICE_OBJECT, "F", NULL, NULL, NULL);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_NOT_FOUND);
    auto_free char *text = service_traits_text(s);
    assert_string_equal(text, "paging=no run-artifacts=no run-records=no flows=no");
    service_free(s);
    s = service(1);
    service_traits_restore(s, text);
    service_traits_restore(s, "other=yes paging run-artifacts=maybe");
    auto_free char *again = service_traits_text(s);
    assert_string_equal(again, text);
    service_free(s);
}

static void fails(const struct canned *answer, size_t n, errc code, const char *word, int asked)
{
    serve(answer, n);
    struct service *s = service(2);
    struct rows rows;
    struct service_page page;
    struct err err = ERR_INIT;
    struct service_query q = about(SERVICE_CHILDREN, "F", NULL, NULL, NULL);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), code);
    if (!strstr(err.cause, word) || strstr(err.cause, "pass@")) {
        fail_msg("%s", err.cause);
    }
    assert_int_equal(atomic_load(&server.asked), asked);
    buf_free(&rows.text);
    service_free(s);
}

static void refusals_have_a_cause(void **state)
{
    (void)state;
    fails(&(struct canned){"", 401, {NULL}, "{\"message\":\"Forbidden\"}", 0, 0}, 1, ERR_DENIED, "Forbidden", 1);
    fails(&(struct canned){"", 403, {NULL}, "", 0, 0}, 1, ERR_DENIED, "METAFLOW_SERVICE_AUTH_KEY", 1);
    fails(&(struct canned){"", 500, {NULL}, "{\"detail\":\"db\\ngone\"}", 0, 0}, 1, ERR_IO, "db gone", 1);
    fails(&(struct canned){"", 500, {NULL}, "\"{\\\"err_msg\\\": \\\"too big\\\"}\"", 0, 0}, 1, ERR_IO, "too big", 1);
    fails(&(struct canned){"", 503, {NULL}, "busy", 0, 0}, 1, ERR_THROTTLED, "busy", 2);
    fails(&(struct canned){"", 429, {"retry-after: 1"}, "", 0, 0}, 1, ERR_THROTTLED, "429", 2);
    fails(&(struct canned){"", 400, {NULL}, "\"Invalid cursor\"", 0, 0}, 1, ERR_IO, "Invalid cursor", 1);
    fails(&(struct canned){"", 200, {NULL}, "<html>", 0, 0}, 1, ERR_CORRUPT, "not JSON", 1);
    fails(&(struct canned){"", 200, {NULL}, "{\"a\":1}", 0, 0}, 1, ERR_CORRUPT, "something else", 1);
    fails(&(struct canned){"", 200, {NULL}, "[{\"run_number\":", 0, 0}, 1, ERR_CORRUPT, "ends early", 1);
    fails(&(struct canned){"", 0, {NULL}, "", HTTP_NO_CONNECTION, 0}, 1, ERR_UNREACHABLE, "no connection", 2);
    static const struct canned then_well[] = {{"", 503, {NULL}, "", 0, 1}, {"", 200, {NULL}, "[{\"run_number\":1}]", 0, 0}};
    serve(then_well, 2);
    struct service *s = service(3);
    check(s, about(SERVICE_CHILDREN, "F", NULL, NULL, NULL), NULL, "F/1// 0 -1 0;");
    struct service_stats st;
    service_stats(s, &st);
    assert_int_equal(st.retries, 1);
    assert_int_equal(st.rows, 1);
    service_free(s);
}

static void a_cut_answer_is_asked_again_only_before_its_first_row(void **state)
{
    (void)state;
    static const struct canned late[] = {{"", 200, {NULL}, "[{\"run_number\":1},{\"run_number\":2}]", HTTP_CUT, 0}};
    fails(late, 1, ERR_IO, "cut", 1);
    static const struct canned early[] = {{"", 200, {NULL}, "[{\"run", HTTP_CUT, 1}, {"", 200, {NULL}, "[{\"run_number\":1}]", 0, 0}};
    serve(early, 2);
    struct service *s = service(3);
    check(s, about(SERVICE_CHILDREN, "F", NULL, NULL, NULL), NULL, "F/1// 0 -1 0;");
    service_free(s);
}

static void the_breaker_opens_and_closes(void **state)
{
    (void)state;
    static const struct canned dead[] = {{"", 0, {NULL}, "", HTTP_NO_CONNECTION, 0}};
    serve(dead, 1);
    struct service *s = service(1);
    struct rows rows;
    struct service_page page;
    struct service_stats st;
    struct err err = ERR_INIT;
    struct service_query q = about(SERVICE_CHILDREN, "F", NULL, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_UNREACHABLE);
    }
    service_stats(s, &st);
    assert_true(st.open);
    int asked = atomic_load(&server.asked);
    int64_t before = clock_mono_ms();
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_UNREACHABLE);
    assert_true(clock_mono_ms() - before < 500);
    assert_non_null(strstr(err.cause, "is down since"));
    assert_int_equal(atomic_load(&server.asked), asked);
    static const struct canned well[] = {{"", 200, {NULL}, "[]", 0, 0}};
    server.answers = well; // the probe finds it
    for (int i = 0; i < 60 && st.open; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        service_stats(s, &st);
    }
    assert_false(st.open);
    assert_int_equal(ask_with(s, &q, &rows, &page, &err), ERR_OK);
    service_page_free(&page);
    service_free(s);
}

static void tags_are_mutated(void **state)
{
    (void)state;
    static const struct canned well[] = {{"/tag/mutate", 200, {NULL}, "{\"tags\":[\"a\",\"new\"]}", 0, 0}};
    serve(well, 1);
    struct service *s = service(1);
    struct strv add = {0}, remove = {0}, after = {0};
    struct err err = ERR_INIT;
    struct pathspec run = {.flow = "F", .run = "7"};
    strv_add(&add, "new \"x\"");
    assert_int_equal(service_mutate_tags(s, &run, &add, &remove, NULL, &after, &err), ERR_OK);
    assert_string_equal(server.method, "PATCH");
    assert_non_null(strstr(server.url, "/flows/F/runs/7/tag/mutate"));
    assert_non_null(strstr(server.body, "new \\\"x\\\""));
    assert_int_equal(after.len, 2);
    strv_free(&after);
    static const struct { int status; const char *body; errc code; } refusals[] = {
        {404, "{}", ERR_NOT_FOUND}, {409, "{}", ERR_BUSY}, {422, "\"too many\"", ERR_INVALID},
        {422, "\"Cannot remove tags that are existing system tags\"", ERR_NOT_PERMITTED}, {418, "{}", ERR_IO}};
    for (size_t i = 0; i < 5; i++) {
        struct canned no = {"/tag/mutate", refusals[i].status, {NULL}, refusals[i].body, 0, 0};
        serve(&no, 1);
        assert_int_equal(service_mutate_tags(s, &run, &add, &remove, NULL, NULL, &err), refusals[i].code);
    }
    strv_free(&add);
    service_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_has_its_url_and_rows),
        cmocka_unit_test(filters_and_cursors_are_escaped),
        cmocka_unit_test(an_old_service_shows_what_it_cannot),
        cmocka_unit_test(refusals_have_a_cause),
        cmocka_unit_test(a_cut_answer_is_asked_again_only_before_its_first_row),
        cmocka_unit_test(the_breaker_opens_and_closes),
        cmocka_unit_test(tags_are_mutated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
