// Any bytes as the pickle of an included file: what is found is an URL without NULs, or an error.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/included.h"
#include "client/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct pickle *pickle = NULL;
    struct pickle_limits limits = {.max_memory = 16 << 20, .max_depth = 1000, .max_ops = 1 << 20};
    if (pickle_read(data, size, &limits, NULL, &pickle, &err) != ERR_OK)
        return 0;
    struct included included = {0};
    errc e = included_parse(pickle_root(pickle), &included, &err);
    if (e == ERR_OK ? !included.url || !*included.url : err.code != e || !*err.cause)
        abort();
    included_free(&included);
    pickle_free(pickle);
    return 0;
}
