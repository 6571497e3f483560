// What Batch tells of a job: read, reduced to what is kept, and read again to the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/jobs_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct json *root = NULL, *again = NULL;
    struct told t = {0}, u = {0};
    if (json_parse((const char *)data, size, "job", &root, &err)) {
        return 0;
    }
    if (told_read(root, &t)) {
        auto_free char *kept = told_reduce(root);
        if (json_parse(kept, strlen(kept), "kept", &again, &err) || !told_read(again, &u)) {
            abort();
        }
        if (!is_same(t.id, u.id) || !is_same(t.status, u.status) || !is_same(t.reason, u.reason) ||
            !is_same(t.stream, u.stream) || !is_same(t.group, u.group) || !is_same(t.tempdir, u.tempdir) ||
            t.tries_len != u.tries_len || t.has_exit != u.has_exit || told_changed_ms(&t) != told_changed_ms(&u)) {
            abort();
        }
        auto_free char *twice = told_reduce(again);
        if (strcmp(kept, twice) != 0) {
            abort();
        }
    }
    told_free(&t);
    told_free(&u);
    json_free(root);
    json_free(again);
    return 0;
}
