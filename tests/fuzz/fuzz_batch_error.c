// batch/batch_api_error.c: whatever an answer holds, what is told of it is bounded and has no control characters.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/batch_api_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    if (len == room) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            abort();
        }
    }
}

// The first line is the header, what follows the body.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = mem_zalloc(size + 1);
    struct batch_error x;
    memcpy(text, data, size);
    char *body = memchr(text, '\n', size);
    size_t head = body ? (size_t)(body - text) + 1 : 0;
    if (body) {
        *body = '\0';
    }
    batch_error_read(body ? text : NULL, text + head, size - head, &x);
    check(x.code, sizeof(x.code));
    check(x.message, sizeof(x.message));
    if (strpbrk(x.code, "#: ")) {
        abort();
    }
    return 0;
}
