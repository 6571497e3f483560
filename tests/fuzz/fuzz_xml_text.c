// base/xml_text.h: any bytes give a text or fail with a cause.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/xml_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"AssumeRoleResult/Credentials/AccessKeyId", "Error/Code", "Code", "", "a/a/a"};
    char *text = malloc(size ? size : 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct err err = ERR_INIT;
        auto_free char *found = NULL;
        errc e = xml_text(text, size, paths[i], &found, &err);
        if ((e == ERR_OK) != (found != NULL) || (e && err.cause[0] == '\0') || (found && strlen(found) > size)) {
            abort();
        }
    }
    free(text);
    return 0;
}
