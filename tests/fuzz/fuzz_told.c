// What Batch tells of a job: read, reduced to what is kept, and read again to the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "batch/jobs_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        if (!str_same(t.id, u.id) || !str_same(t.status, u.status) || !str_same(t.reason, u.reason) ||
            !str_same(t.stream, u.stream) || !str_same(t.group, u.group) || !str_same(t.tempdir, u.tempdir) ||
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
