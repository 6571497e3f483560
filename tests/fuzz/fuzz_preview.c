// Any bytes as the pickle of an artifact: the preview that a task's page shows of it. Seeds: make_preview_corpus.py.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/preview_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle_limits limits = {.max_memory = 4 << 20, .max_ops = 100000};
    struct pickle *pickle = NULL;
    struct err err = ERR_INIT;
    if (pickle_read(data, size, &limits, NULL, &pickle, &err))
        return 0;
    struct buf page = {.max = 4 << 20};
    struct preview_budget budget = {.read = PREVIEW_MAX_READ_PAGE, .images = 1 << 20};
    struct preview p = {.out = &page, .budget = &budget};
    preview_value(&p, pickle_root(pickle));
    // Nothing of a value becomes an element of its own choice.
    if (page.data && (memmem(page.data, page.len, "<script", 7) || memmem(page.data, page.len, "<img src", 8)))
        abort();
    buf_free(&page);
    pickle_free(pickle);
    return 0;
}
