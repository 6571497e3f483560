// batch/journal_record.c: any bytes are a record or a failure with a cause, and a record that was read is written and
// read as the same. Names of files lead to one name each.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/journal_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_intent(const struct intent *i, unsigned after)
{
    if (i->generation <= after || i->state > INTENT_ENDED || (i->state == INTENT_ACCEPTED && !i->id)) {
        abort();
    }
}

static void check_record(const struct record *r)
{
    struct buf once = {0}, twice = {0};
    struct record again = {0};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < r->len; i++) {
        check_intent(&r->at[i], i > 0 ? r->at[i - 1].generation : 0);
    }
    if (record_write(r, &once, &err) || record_read(once.data, once.len, r->name, "again", &again, &err) ||
        record_write(&again, &twice, &err) || once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0 ||
        again.len != r->len) {
        abort();
    }
    buf_free(&once);
    buf_free(&twice);
    record_free(&again);
}

static void check_name(const char *file, size_t len)
{
    struct err err = ERR_INIT;
    auto_free char *name = journal_name_of(file, len), *back = NULL;
    if (name && (journal_file_of(name, &back, &err) || strlen(back) != len || memcmp(back, file, len) != 0 ||
                 strchr(back, '/') || back[0] == '.')) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record r = {0};
    struct err err = ERR_INIT;
    auto_free char *text = mem_zalloc(size + 1);
    memcpy(text, data, size);
    if (!record_read(text, size, "x", "the record", &r, &err)) {
        check_record(&r);
    } else if (!err.cause[0] || err.code != ERR_CORRUPT) {
        abort();
    }
    record_free(&r);
    check_name(text, strnlen(text, size < 300 ? size : 300));
    return 0;
}
