// client/cache_key.c and client/rows.c: any bytes are an item or none, and what an item holds is a row or none.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/cache_i.h"
#include "client/model_i.h"
#include "client/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(const void *data, size_t len)
{
    struct meta_object *object = NULL;
    struct meta_record record;
    struct meta_artifact artifact;
    if (rows_get_object(data, len, &object)) {
        meta_object_free(object);
    }
    if (rows_get_record(data, len, &record)) {
        free(record.field);
        free(record.type);
        free(record.value);
    }
    if (rows_get_artifact(data, len, &artifact)) {
        meta_artifact_clear(&artifact);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct item item;
    if (item_read(data, size, &item)) {
        read_rows(item.data, item.len);
    }
    read_rows(data, size);
    // What is written reads back, whatever it is.
    auto_cleanup(buf_free) struct buf out = {0};
    struct cache_key key = {"F/1", "s", 'x', 7, "n", false};
    item_write(&out, 3, 4, &key, data, size);
    if (!item_read(out.data, out.len, &item) || item.len != size || (size && memcmp(item.data, data, size) != 0) ||
        item.generation != 3 || item.asked_ms != 4 || strcmp(item.unit, "F/1") != 0 || strcmp(item.name, "n") != 0) {
        abort();
    }
    return 0;
}
