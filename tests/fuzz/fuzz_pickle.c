// Any bytes as a pickle: read it and render it in every form, into a sink that soon has enough.
#include <stdint.h>
#include <stdlib.h>

#include "client/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct counting_sink {
    struct sink sink;
    size_t left;
};

static bool count(struct sink *sink, const void *data, size_t len)
{
    struct counting_sink *c = (struct counting_sink *)sink;
    (void)data;
    if (len > c->left)
        return false;
    c->left -= len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum natural_form forms[] = {NATURAL_TEXT, NATURAL_LINE, NATURAL_JSON};
    struct pickle_limits limits = {.max_memory = 4 << 20, .max_ops = 100000};
    struct pickle *p = NULL;
    struct err err = ERR_INIT;
    if (pickle_read(data, size, &limits, NULL, &p, &err))
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct counting_sink sink = {.sink = {count}, .left = 1 << 20};
        if (render_natural(pickle_root(p), forms[i], NULL, &sink.sink, &err) && !err.code)
            abort();
    }
    struct buf text = {.max = 1 << 20};
    (void)render_scalar(pickle_root(p), &text);
    buf_free(&text);
    pickle_free(p);
    return 0;
}
