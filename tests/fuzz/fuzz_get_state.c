// The state file of `metaflowfs get`: any bytes.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/get_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct get_record record;
    char *text = mem_zalloc(size + 1);
    if (size > 0) {
        memcpy(text, data, size);
    }
    struct get_state *s = get_state_parse(text, size);
    (void)get_state_object(s);
    (void)get_state_find(s, "a", &record);
    (void)get_state_find(s, "start/1/numbers", &record);
    get_state_free(s);
    return 0;
}
