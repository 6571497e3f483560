// sign_dump: reads requests, a JSON object a line, and prints for each its Authorization header and, with a tab between,
// its payload hash ("-" where it is not sent). For the comparison with botocore's signer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/sign.h"

static const char *text(const struct json *request, const char *name)
{
    const char *value = json_str(json_get(request, name));
    return value ? value : "";
}

static const char *value_of(const struct strv *headers, const char *name)
{
    for (size_t i = 0; i < headers->len; i++) {
        if (strncmp(headers->items[i], name, strlen(name)) == 0) {
            return headers->items[i] + strlen(name);
        }
    }
    return "-";
}

static void sign(const struct json *request)
{
    struct strv more = {0}, headers = {0};
    char hash[65];
    const char *payload = json_str(json_get(request, "payload"));
    bool is_s3 = false;
    int64_t time_ms = 0;
    json_bool(json_get(request, "is_s3"), &is_s3);
    json_int(json_get(request, "time_ms"), &time_ms);
    for (size_t i = 0; i < json_len(json_get(request, "headers")); i++) {
        strv_add(&more, json_str(json_at(json_get(request, "headers"), i)));
    }
    sign_payload_hash(payload ? payload : "", payload ? strlen(payload) : 0, hash);
    const struct sign_key key = {text(request, "access_key"), text(request, "secret_key"),
                                 json_str(json_get(request, "token"))};
    const struct sign_request rq = {.method = text(request, "method"), .host = text(request, "host"),
                                    .path = text(request, "path"), .query = text(request, "query"),
                                    .signed_headers = &more, .payload_hash = payload ? hash : SIGN_UNSIGNED_PAYLOAD,
                                    .region = text(request, "region"), .service = text(request, "service"),
                                    .is_s3 = is_s3, .time_ms = time_ms};
    sign_v4(&key, &rq, &headers);
    printf("%s\t%s\n", value_of(&headers, "Authorization: "), value_of(&headers, "X-Amz-Content-Sha256: "));
    strv_free(&more);
    strv_free(&headers);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &cap, stdin)) > 0) {
        struct err err = ERR_INIT;
        struct json *request = NULL;
        ok = json_parse(line, (size_t)len, "a request", &request, &err) == ERR_OK;
        if (ok) {
            sign(request);
        } else {
            fprintf(stderr, "%s\n", err.cause);
        }
        json_free(request);
    }
    free(line);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
