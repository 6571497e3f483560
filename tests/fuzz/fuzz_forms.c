// Any bytes as the pickle of a table or array: write it as CSV, .npy and JSON, as far as some MiB.
#include <stdint.h>
#include <stdlib.h>

#include "client/csv.h"
#include "client/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounded_sink {
    struct sink sink;
    size_t left;
};

static volatile uint8_t seen;

static bool take(struct sink *sink, const void *data, size_t len)
{
    struct bounded_sink *s = (struct bounded_sink *)sink;
    for (size_t i = 0; i < len; i++)
        seen ^= ((const uint8_t *)data)[i];
    s->left -= len < s->left ? len : s->left;
    return s->left;
}

static errc write_csv(const struct value *v, struct sink *sink, struct err *err)
{
    struct frame *f = NULL;
    errc e = frame_of(v, NULL, &f, err);
    if (e == ERR_OK)
        e = csv_write(f, NULL, sink, err);
    frame_free(f);
    return e;
}

// Rows cost nothing in a pickle (a range): texts of them are measured for a table of few rows only.
static bool is_small(const struct value *v)
{
    struct frame *f = NULL;
    struct err err = ERR_INIT;
    bool small = frame_of(v, NULL, &f, &err) != ERR_OK || (f->rows < 10000 && f->n_columns < 10000);
    frame_free(f);
    return small;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle_limits limits = {.max_memory = 4 << 20, .max_ops = 100000};
    struct pickle *p = NULL;
    struct err err = ERR_INIT;
    if (pickle_read(data, size, &limits, NULL, &p, &err))
        return 0;
    for (int form = 0; form < 3; form++) {
        struct bounded_sink sink = {.sink.put = take, .left = 1 << 20};
        const struct value *v = pickle_root(p);
        errc e = form == 0                ? write_csv(v, &sink.sink, &err)
                 : form == 1              ? render_json(v, NULL, &sink.sink, &err)
                 : frame_is(v) && !is_small(v) ? ERR_OK
                                          : npy_write(v, NPY_ANY, NULL, &sink.sink, &err);
        if (e == ERR_INTERRUPTED && sink.left)
            abort();
    }
    pickle_free(p);
    return 0;
}
